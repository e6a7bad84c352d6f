/// A hand-made network for the tests of core, which knows no operators:
///
///     input [N,4] --Double--> a --Double--> b --Add(a)--> c --RowSum--> y [N,1]
///
/// Double can absorb a following Double (and then is a Quadruple), so that b's making hides a where nobody looks.
#pragma once
#include <memory>
#include <utility>
#include <weir/core/context.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/shape_form.hpp>
#include <weir/core/tensor.hpp>

namespace toy {

struct Scale : weir::RunnableLayer {
  explicit Scale(float f) : factor(f) {}
  float factor;
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> in) const override { return {in[0]}; }
  void forward(const weir::Context&, std::span<const weir::ConstView> in, std::span<const weir::View> out,
               float*) const override {
    for (std::size_t i = 0; i < in[0].size(); ++i) out[0].data[i] = factor * in[0].data[i];
  }
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return weir::examples::outermost(q, 2); }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
  std::optional<weir::Fused> absorb(const weir::Layer& next, std::size_t) const override {
    if (const auto* s = dynamic_cast<const Scale*>(&next))
      return weir::Fused{std::make_shared<Scale>(factor * s->factor), std::nullopt};
    return std::nullopt;
  }
};

struct Add : weir::RunnableLayer {
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> in) const override { return {in[0]}; }
  void forward(const weir::Context&, std::span<const weir::ConstView> in, std::span<const weir::View> out,
               float*) const override {
    for (std::size_t i = 0; i < in[0].size(); ++i) out[0].data[i] = in[0].data[i] + in[1].data[i];
  }
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return weir::examples::broadcast(q); }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
};

struct RowSum : weir::RunnableLayer {
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> in) const override {
    return {weir::Shape{in[0][0], 1}};
  }
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return weir::examples::outermost(q, 1); }
  void forward(const weir::Context&, std::span<const weir::ConstView> in, std::span<const weir::View> out,
               float*) const override {
    const std::int64_t width = in[0].shape[1];
    for (std::int64_t r = 0; r < in[0].shape[0]; ++r) {
      float sum = 0;
      for (std::int64_t c = 0; c < width; ++c) sum += in[0].data[r * width + c];
      out[0].data[r] = sum;
    }
  }
};

/// with_sum false: a plain chain input -> a -> b -> y, in which everything but y can be hidden.
inline weir::Network network(bool with_sum = true) {
  auto s = std::make_shared<weir::detail::NetworkState>();
  s->source = "toy";
  const auto row = weir::ShapeForm::through(2, weir::Shape{2, 4}, 3, weir::Shape{3, 4});
  const auto one = weir::ShapeForm::through(2, weir::Shape{2, 1}, 3, weir::Shape{3, 1});
  s->values = {{"input", row}, {"a", row}, {"b", row}, {"c", row}, {"y", one}};
  const auto twice = std::make_shared<Scale>(2.0F);
  s->nodes = {{"first", "Double", twice, {0}, {1}}, {"second", "Double", twice, {1}, {2}}};
  if (with_sum) s->nodes.push_back({"sum", "Add", std::make_shared<Add>(), {2, 1}, {3}});
  s->nodes.push_back({"total", "RowSum", std::make_shared<RowSum>(), {with_sum ? 3 : 2}, {4}});
  s->inputs = {0};
  s->outputs = {4};
  weir::detail::find_examples(*s);
  return weir::Network(s);
}

/// Row r holds r+1, r+2, r+3, r+4.
inline weir::Tensor rows(std::int64_t n) {
  weir::Tensor x(weir::Shape{n, 4});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i / 4 + i % 4 + 1);
  return x;
}

/// Sum of an input row; y is 6 times that (4 times without the addition).
inline float sum_of_row(std::size_t r) { return static_cast<float>(4 * r + 10); }

}  // namespace toy
