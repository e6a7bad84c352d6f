#include <weir/core/context.hpp>
#include <weir/core/kernels/elementwise/blocked_planes.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/plan/plan.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::Layout, weir::Shape, weir::Tensor;

namespace {

std::vector<float> blocked(const weir::Context& context, const Tensor& t) {
  std::vector<float> to(static_cast<std::size_t>(weir::floats_of(t.shape(), Layout::blocked, context.isa())));
  weir::kernels::to_blocked(context, t.shape(), t.data(), to.data());
  return to;
}

}  // namespace

TEST_CASE("blocked planes: a value for each channel, first or second, of each image or of all, over or beside x") {
  for (const weir::Context& context : kernels_test::contexts())
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 5, 3, 7}, Shape{3, 32, 4, 4}, Shape{2, 17, 9}})
      for (const bool shared : {false, true})
        for (const bool first : {false, true})
          for (const bool in_place : {false, true}) {
            CAPTURE(shape);
            Shape per_channel = shape.with(0, shared ? 1 : shape[0]);
            for (std::size_t i = 2; i < shape.rank(); ++i) per_channel = per_channel.with(i, 1);
            const Tensor x = kernels_test::numbers(shape), b = kernels_test::numbers(per_channel, 7);
            const std::vector<float> c = blocked(context, b);
            std::vector<float> from = blocked(context, x), to(from.size());
            float* y = in_place ? from.data() : to.data();
            weir::kernels::combine_planes(context, &weir::kernels::plane_function<weir::kernels::combines::Sub>,
                                          {from.data(), shape}, c.data(), shared, first, y);
            Tensor result(shape);
            weir::kernels::to_plain(context, shape, y, result.data());
            const auto pixels = static_cast<std::size_t>(shape.product(2, shape.rank()));
            const auto C = static_cast<std::size_t>(shape[1]);
            bool all = true;
            for (std::size_t i = 0; i < x.size(); ++i) {
              const float other = b[shared ? i / pixels % C : i / pixels];
              all = all && result[i] == (first ? other - x[i] : x[i] - other);
            }
            CHECK(all);
          }
}

TEST_CASE("blocked planes: factor, summand and clamp of each channel") {
  for (const weir::Context& context : kernels_test::contexts())
    for (const Shape& shape : {Shape{1, 3, 2, 2}, Shape{2, 33, 5, 3}, Shape{1, 16, 1, 40}}) {
      CAPTURE(shape);
      const auto C = static_cast<std::size_t>(shape[1]), pixels = static_cast<std::size_t>(shape.product(2, 4));
      const Tensor x = kernels_test::numbers(shape), values = kernels_test::numbers({2, shape[1]}, 3);
      std::vector<float> scale(values.span().begin(), values.span().begin() + shape[1]),
          shift(values.span().begin() + shape[1], values.span().end());
      for (auto* v : {&scale, &shift}) v->resize(C + 16);
      const weir::kernels::Clamp clamp{-2, 3};
      std::vector<float> from = blocked(context, x);
      weir::kernels::affine_planes(context, {from.data(), shape}, scale.data(), shift.data(), clamp, from.data());
      Tensor result(shape), expected(shape);
      weir::kernels::to_plain(context, shape, from.data(), result.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t c = i / pixels % C;
        expected[i] = clamp(static_cast<float>(double{x[i]} * double{scale[c]} + double{shift[c]}));
      }
      CHECK(kernels_test::relative_error(result, expected, 1) < 1e-6);
    }
}

}  // namespace WEIR_UNIT
