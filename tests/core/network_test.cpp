#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <weir/core/examples.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/shape_form.hpp>

#include "toy_network.hpp"

namespace WEIR_UNIT {

using weir::Examples, weir::Shape, weir::ShapeForm;
using weir::detail::NetworkState;

namespace {

/// [N, 4] -> [min(N, limit), 4]: a layer whose output does not grow with the batch, as a file's constants may make one.
struct Limited : toy::Scale {
  explicit Limited(std::int64_t rows) : Scale(1), limit(rows) {}
  std::int64_t limit;
  std::vector<Shape> output_shapes(std::span<const Shape> in) const override {
    return {in[0].with(0, std::min(in[0][0], limit))};
  }
  double flops(std::span<const Shape> in) const override { return static_cast<double>(in[0].numel()); }
};

ShapeForm rows_of(std::int64_t columns) { return ShapeForm::through(2, {2, columns}, 3, {3, columns}); }

/// input [N, 4] --Limited--> a; find_examples() is left to the caller.
std::shared_ptr<NetworkState> limited(std::int64_t limit) {
  auto s = std::make_shared<NetworkState>();
  s->source = "file.onnx";
  s->values = {{"input", rows_of(4)}, {"a", rows_of(4)}};
  s->nodes = {{"cut", "Cut", std::make_shared<Limited>(limit), {0}, {1}}};
  s->inputs = {0};
  s->outputs = {1};
  return s;
}

}  // namespace

TEST_CASE("Network: names, shapes and tensors are those of its state") {
  const weir::Network network = toy::network();
  CHECK(network.source() == "toy");
  CHECK(network.input_names() == std::vector<std::string>{"input"});
  CHECK(network.output_names() == std::vector<std::string>{"y"});
  CHECK(network.tensor_names() == std::vector<std::string>{"a", "b", "c", "y"});
  CHECK(network.input_shape() == Shape{1, 4});
  CHECK(network.output_shape() == Shape{1, 1});
  CHECK(network.shape_of("c") == Shape{1, 4});
  CHECK(network.value(network.id_of("b")).name == "b");
  CHECK_THROWS_AS((void)network.input_shape(1), std::out_of_range);
  weir::detail::Node node = network.state().nodes[2];
  node.inputs.push_back(weir::detail::absent);
  CHECK(network.input_shapes(node, 7) == std::vector<Shape>{{7, 4}, {7, 4}, {}});
}

TEST_CASE("Network: an unknown tensor is refused with the nearest name, or with how many there are") {
  const auto s = limited(9);
  s->values[1].name = "conv1";
  const weir::Network network(s);
  CHECK_THROWS_WITH_AS((void)network.id_of("conv2"), "file.onnx has no tensor 'conv2'; the nearest is 'conv1'",
                       weir::ArgumentError);
  CHECK_THROWS_WITH_AS((void)network.shape_of("zzzzzzz"),
                       "file.onnx has no tensor 'zzzzzzz'; it has 1, from 'conv1' to 'conv1'", weir::ArgumentError);
  CHECK(weir::Network(std::make_shared<NetworkState>()).nearest_tensor("a").empty());
}

TEST_CASE("Network: batch sizes that its layers or its file do not allow are refused, with what stands against them") {
  const auto s = limited(3);
  const weir::Network network(s);
  CHECK(network.flops() == 4);
  CHECK(network.flops(3) == 12);
  for (const std::int64_t n : {1, 2, 3}) CHECK_NOTHROW(network.check_batch(n));
  CHECK_THROWS_WITH_AS(network.check_batch(4),
                       "file.onnx does not run batches of 4: node 'cut' Cut: the output [3, 4] does not grow with the "
                       "batch size",
                       weir::ShapeError);
  CHECK_THROWS_WITH_AS(network.check_batch(0), "file.onnx does not run batches of 0", weir::ShapeError);
  CHECK_THROWS_AS(network.check_batch(-1), weir::ShapeError);
  s->nodes[0].by_form = true;  // the layer is not asked
  CHECK_NOTHROW(network.check_batch(4));
  s->nodes[0].by_form = false;
  s->nodes[0].outputs[0] = weir::detail::absent;  // nor where nobody reads its answer
  CHECK_NOTHROW(network.check_batch(4));
  s->fixed_batch = 2, s->why_fixed = "node 'r' Reshape";
  CHECK_NOTHROW(network.check_batch(2));
  CHECK_THROWS_AS(network.check_batch(3), weir::ShapeError);
  CHECK_THROWS_WITH_AS(network.check_batch(1), "file.onnx does not run batches of 1, only of 2: node 'r' Reshape",
                       weir::ShapeError);
  s->fixed_batch = 1;
  CHECK_THROWS_AS(network.check_batch(2), weir::ShapeError);
}

TEST_CASE("find_examples: from the inputs on, layer by layer; those of one batch size are whole") {
  const auto s = limited(9);
  s->values.push_back({"sum", rows_of(4)});
  s->values.push_back({"table", ShapeForm(Shape{5, 4})});
  s->values.push_back({"double", rows_of(4)});
  s->nodes.push_back({"add", "Add", std::make_shared<toy::Add>(), {1, 3}, {2}});
  s->nodes.push_back({"twice", "Double", std::make_shared<toy::Scale>(2.0F), {3, weir::detail::absent}, {4}});
  weir::detail::find_examples(*s);
  const auto of = [&](const char* name) {
    const weir::Network network(s);
    return network.value(network.id_of(name)).examples;
  };
  for (const char* name : {"input", "a", "sum"}) CHECK(of(name) == Examples::apart(0));
  CHECK(of("double").none());
  const weir::Network network(s);
  CHECK(network.has_row_for_each_example(network.id_of("a")));
  CHECK_FALSE(network.has_row_for_each_example(network.id_of("double")));

  s->fixed_batch = 4;
  weir::detail::find_examples(*s);
  for (const char* name : {"input", "a", "sum", "double"}) CHECK(of(name) == Examples::mixed());
  CHECK_FALSE(network.has_row_for_each_example(1));
  s->fixed_batch = 1;  // of one example all is that example's
  weir::detail::find_examples(*s);
  CHECK(network.has_row_for_each_example(1));
  s->values[1].form = ShapeForm::through(1, {2, 4}, 2, {4, 4});
  CHECK_FALSE(network.has_row_for_each_example(1));  // two rows for one example

  s->fixed_batch = 0;
  s->values[0].form = ShapeForm(Shape{3, 4});  // an input that has no batch
  weir::detail::find_examples(*s);
  CHECK(of("input").is_mixed());
  s->values[0].form = ShapeForm::through(1, {2, 4}, 2, {4, 4});
  weir::detail::find_examples(*s);
  CHECK(of("input") == Examples::apart(0));
  CHECK_FALSE(network.has_row_for_each_example(0));
}

}  // namespace WEIR_UNIT
