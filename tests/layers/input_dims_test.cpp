#include <doctest/doctest.h>

#include <string>
#include <weir/core/error.hpp>
#include <weir/core/shape.hpp>
#include <weir/layers/build_network.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

TEST_CASE("input_shapes: fills what the file leaves free, and nothing else") {
  graphs::Graph g({-1, 3, -1, 8});
  g.node("y", "Relu", {"x"});
  const auto refusal = [&](const weir::BuildOptions& options) {
    try {
      weir::build_network(g.def, options);
    } catch (const weir::ArgumentError& e) {
      return std::string(e.what());
    }
    return std::string("taken");
  };
  CHECK(weir::build_network(g.def, {.input_shapes = {{"x", {3, 5, 8}}}}).input_shape().with(0, 2) ==
        weir::Shape{2, 3, 5, 8});
  CHECK(refusal({}).find("dimension 2 (?) is free") != std::string::npos);
  CHECK(refusal({.input_shapes = {{"x", {3, 5, 9}}}}) ==
        "test.onnx, input 'x': dimension 3 is 8 in the file, and the given shape asks for 9");
  CHECK(refusal({.input_shapes = {{"x", {1, 5, 8}}}}).find("dimension 1 is 3 in the file") != std::string::npos);
  CHECK(refusal({.input_shapes = {{"x", {3, 5}}}}).find("4 dimensions with the batch, the given shape 3") !=
        std::string::npos);
  CHECK(refusal({.input_shapes = {{"X", {3, 5, 8}}}}) ==
        "test.onnx has no input 'X', for which a shape is given; its first is 'x'");
}

}  // namespace WEIR_UNIT
