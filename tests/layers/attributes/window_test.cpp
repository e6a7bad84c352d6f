#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/window.hpp>

namespace WEIR_UNIT {

using weir::detail::AutoPad, weir::detail::Window, weir::Shape;
using List = std::vector<std::int64_t>;

namespace {

Window read(std::map<std::string, weir::Attribute> attributes, const List& kernel = {}, bool pooling = false) {
  const weir::NodeDef node{"w", pooling ? "MaxPool" : "Conv", {"x"}, {"y"}, std::move(attributes)};
  const weir::NodeArguments arguments(node, 13, "net.onnx");
  return pooling ? Window::read_pooling(arguments, true, true) : Window::read(arguments, kernel, true, true);
}

}  // namespace

TEST_CASE("windows: attributes of one, two and three spatial dimensions") {
  const Window two = read({{"strides", List{2, 3}}, {"dilations", List{4, 5}}, {"pads", List{6, 7, 8, 9}}}, {3, 1});
  CHECK(two.axes[0] == weir::kernels::WindowAxis{3, 2, 4, 6, 8});
  CHECK(two.axes[1] == weir::kernels::WindowAxis{1, 3, 5, 7, 9});
  const Window one = read({{"pads", List{1, 2}}, {"ceil_mode", std::int64_t{1}}}, {3});
  CHECK(one.axes[0] == weir::kernels::WindowAxis{});
  CHECK(one.axes[1] == weir::kernels::WindowAxis{3, 1, 1, 1, 2});
  CHECK(one.ceil_mode);
  CHECK(one.as_image({5, 6, 7}) == Shape{5, 6, 1, 7});
  CHECK(one.from_image({5, 2, 1, 9}, {5, 6, 7}) == Shape{5, 2, 9});
  const Window three = read({{"kernel_shape", List{3, 1, 1}}, {"pads", List{1, 0, 0, 2, 0, 0}}});
  CHECK(three.axes[0] == weir::kernels::WindowAxis{3, 1, 1, 1, 2});
  CHECK(three.as_image({2, 3, 4, 5, 6}) == Shape{2, 3, 4, 30});
  CHECK(three.from_image({2, 8, 9, 30}, {2, 3, 4, 5, 6}) == Shape{2, 8, 9, 5, 6});
  CHECK_THROWS_AS((void)three.as_image({2, 3, 4, 5}), weir::ShapeError);
}

TEST_CASE("windows: what cannot be is refused by the name of the node and the attribute") {
  const auto refused = [](std::map<std::string, weir::Attribute> attributes, const List& kernel, const char* what,
                          bool pooling = false) {
    try {
      (void)read(std::move(attributes), kernel, pooling);
      FAIL("was taken: " << what);
    } catch (const weir::FormatError& e) {
      CHECK(std::string(e.what()).find("net.onnx, node 'w'") != std::string::npos);
      CHECK_MESSAGE(std::string(e.what()).find(what) != std::string::npos, e.what());
    }
  };
  refused({{"kernel_shape", List{3, 2}}}, {3, 3}, "kernel_shape");
  refused({{"strides", List{0, 1}}}, {3, 3}, "strides may not hold 0");
  refused({{"dilations", List{1, -1}}}, {3, 3}, "dilations");
  refused({{"pads", List{1, 1, 1}}}, {3, 3}, "pads has the wrong length");
  refused({{"pads", List{1, 1, 1, -1}}}, {3, 3}, "pads may not hold -1");
  refused({{"strides", List{1, std::int64_t{1} << 40}}}, {3, 3}, "strides");
  refused({}, {3, 0}, "kernel of 0");
  refused({}, {3, 3, 3}, "three spatial dimensions");
  refused({}, {3, 1, 1, 1}, "4 spatial dimensions");
  refused({{"auto_pad", std::string("SAME")}}, {3, 3}, "auto_pad");
  refused({{"auto_pad", std::string("VALID")}, {"pads", List{0, 0, 1, 0}}}, {3, 3}, "exclude each other");
  refused({}, {}, "kernel_shape is missing", true);
  refused({{"kernel_shape", List{2, 2}}, {"pads", List{0, 0, 2, 0}}}, {}, "must be below kernel_shape", true);
}

TEST_CASE("windows: SAME pads so that as many windows fit as strides, the odd one behind or in front") {
  for (const std::int64_t kernel : {1, 2, 3, 5})
    for (const std::int64_t stride : {1, 2, 4, 7})
      for (const std::int64_t dilation : {1, 2})
        for (std::int64_t length = 1; length < 15; ++length) {
          Window w = read({{"strides", List{1, stride}}, {"dilations", List{1, dilation}}}, {1, kernel});
          const std::int64_t windows = (length + stride - 1) / stride;
          for (const AutoPad side : {AutoPad::same_upper, AutoPad::same_lower}) {
            w.auto_pad = side;
            const Window padded = w.padded_for({1, 1, 1, length});
            const weir::kernels::WindowAxis& a = padded.axes[1];
            CHECK(padded.auto_pad == AutoPad::given);
            CHECK((length + a.pad_begin + a.pad_end - a.extent()) == (windows - 1) * stride);
            const std::int64_t more_behind = a.pad_end - a.pad_begin;
            if (a.pad_begin + a.pad_end >= 0)
              CHECK(more_behind == (a.pad_begin + a.pad_end) % 2 * (side == AutoPad::same_upper ? 1 : -1));
          }
          w.auto_pad = AutoPad::valid;
          CHECK(w.padded_for({1, 1, 1, length}).axes[1] == w.axes[1]);
        }
}

TEST_CASE("windows: an image that a stride cuts is seen alike by kernels that begin with zeros") {
  int cut_off = 0;
  for (const std::int64_t kernel : {1, 2, 3})
    for (const std::int64_t stride : {3, 5, 8})
      for (std::int64_t length = 1; length < 20; ++length) {
        Window w = read({{"strides", List{1, stride}}}, {1, kernel});
        w.auto_pad = AutoPad::same_lower;
        const Shape x{1, 1, 1, length};
        const auto cut = w.cut_off(x);
        const Window padded = w.padded_for(x, true), grown = w.grown_for(x);
        CHECK(cut[0] == 0);
        const std::vector<float> weights = {1, 2, 4};
        const std::vector<float> zeroed =
            weir::detail::behind_zeros(weights.data(), 1, grown, cut, [](std::int64_t) { return 0.0F; });
        REQUIRE(static_cast<std::int64_t>(zeroed.size()) == grown.axes[1].kernel);
        CHECK(grown.axes[1].pad_begin >= 0);
        CHECK(grown.axes[1].pad_end >= 0);
        cut_off += cut[1] > 0;
        // Of an image of different numbers each window sees the same sum.
        const auto sum = [&](const std::vector<float>& taps, std::int64_t taps_n, std::int64_t first) {
          float s = 0;
          for (std::int64_t k = 0; k < taps_n; ++k)
            if (first + k >= 0 && first + k < length)
              s += taps[static_cast<std::size_t>(k)] * static_cast<float>((first + k) * (first + k) + 1);
          return s;
        };
        const std::int64_t windows = (length + stride - 1) / stride;
        CHECK(grown.axes[1].count(length, false) == windows);
        for (std::int64_t j = 0; j < windows; ++j)
          CHECK(sum(zeroed, grown.axes[1].kernel, j * stride - grown.axes[1].pad_begin) ==
                sum(weights, kernel, j * stride - padded.axes[1].pad_begin));
      }
  CHECK(cut_off > 5);
}

}  // namespace WEIR_UNIT
