// Slice, Pad and Resize where ONNX leaves open what comes out, as ONNX Runtime has it.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/network.hpp>
#include <weir/core/tensor.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::Graph;
using weir::Tensor;

}  // namespace

TEST_CASE("slice_back_to_the_end: the largest int32 and int64 are no end, backwards, too") {
  const auto slice = [](std::int64_t start, std::int64_t end, std::int64_t step) {
    Graph g({-1, 6});
    g.integers("b", {start}).integers("e", {end}).integers("a", {1}).integers("t", {step});
    const Tensor y = graphs::run(g.node("y", "Slice", {"x", "b", "e", "a", "t"}).build(),
                                 Tensor({1, 6}, std::vector<float>{0, 1, 2, 3, 4, 5}));
    return std::vector<float>(y.span().begin(), y.span().end());
  };
  constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max(), most = std::numeric_limits<int>::max();
  CHECK(slice(-1, longest, -1) == std::vector<float>{5, 4, 3, 2, 1, 0});
  CHECK(slice(4, most, -2) == std::vector<float>{4, 2, 0});
  CHECK(slice(-9, longest, -3) == std::vector<float>{0});
  CHECK(slice(4, most - 1, -2).empty());
  CHECK(slice(1, longest, 2) == std::vector<float>{1, 3, 5});
}

TEST_CASE("pad_negative: what is padded is made of what negative pads leave") {
  const auto padded = [](const std::string& mode, std::int64_t begin, std::int64_t end) {
    Graph g({-1, 6});
    g.def.opset = 19;
    g.integers("p", {0, begin, 0, end}).node("y", "Pad", {"x", "p"}, {{"mode", mode}});
    const Tensor y = graphs::run(g.build(), Tensor({1, 6}, std::vector<float>{0, 1, 2, 3, 4, 5}));
    return std::vector<float>(y.span().begin(), y.span().end());
  };
  CHECK(padded("wrap", -2, 3) == std::vector<float>{2, 3, 4, 5, 2, 3, 4});
  CHECK(padded("wrap", 2, -3) == std::vector<float>{1, 2, 0, 1, 2});
  CHECK(padded("reflect", 2, -3) == std::vector<float>{2, 1, 0, 1, 2});
  CHECK(padded("edge", 1, -2) == std::vector<float>{0, 0, 1, 2, 3});
  CHECK_THROWS_AS(padded("reflect", 3, -3), weir::ShapeError);
}

TEST_CASE("resize_same_size: nothing changes where no axis does, whatever the scales, as in ONNX Runtime") {
  for (const std::string mode : {"nearest", "linear", "cubic"}) {
    Graph g({-1, 1, 4, 6});
    g.constant("s", {4}, {1, 1, 1.1F, 1.15F}).node("y", "Resize", {"x", "", "s"}, {{"mode", mode}});
    const Tensor x = graphs::noise({2, 1, 4, 6});
    CHECK(std::ranges::equal(graphs::run(g.build(), x).span(), x.span()));
  }
}

}  // namespace WEIR_UNIT
