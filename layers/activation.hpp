/// Operators that map each element on its own: Relu, Clip, Sigmoid and their like.
#pragma once
#include <cmath>
#include <limits>
#include <numbers>
#include <weir/core/kernels/elementwise/map.hpp>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// Base of layers with one output of the shape of input 0, written over it where possible.
class ElementwiseLayer : public RunnableLayer {
 public:
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {inputs[0]}; }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, Shape::max_rank); }
  double flops(std::span<const Shape> inputs) const override { return static_cast<double>(inputs[0].numel()); }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
};

/// y = function(x), see core/kernels/elementwise/map.hpp. Inputs behind the first are parameters.
class MapLayer : public ElementwiseLayer {
 public:
  /// function: a kernels::map_function.
  explicit MapLayer(kernels::MapFunction (*function)(Isa), kernels::MapParams parameters = {},
                    Layout layout = Layout::plain)
      : function_(function), parameters_(parameters), layout_(layout) {}

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    kernels::map(context, function_, inputs[0].data, outputs[0].data,
                 floats_of(inputs[0].shape, layout_, context.isa()), parameters_);
  }
  std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> inputs,
                                 std::span<const Layout> given) const override {
    if (given[0] == Layout::plain) return std::nullopt;
    std::vector<Layout> layouts(inputs.size(), Layout::plain);
    layouts[0] = Layout::blocked;
    return Blocked{make_counted<MapLayer>(function_, parameters_, Layout::blocked), std::move(layouts),
                   Layout::blocked};
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }

 private:
  kernels::MapFunction (*function_)(Isa);
  kernels::MapParams parameters_;
  Layout layout_;
};

/// Relu and Clip: a convolution before them can absorb them as its clamp.
class ClipLayer final : public MapLayer {
 public:
  explicit ClipLayer(kernels::Clamp clamp)
      : MapLayer(&kernels::map_function<kernels::maps::Clip>, {clamp.lo, clamp.hi}), clamp_(clamp) {}
  const kernels::Clamp& clamp() const { return clamp_; }
  std::optional<Fused> absorb(const Layer& next, std::size_t) const override {
    const auto* clip = dynamic_cast<const ClipLayer*>(&next);
    if (clip == nullptr) return std::nullopt;
    return Fused{make_counted<ClipLayer>(kernels::Clamp{clip->clamp_(clamp_.lo), clip->clamp_(clamp_.hi)}),
                 std::nullopt};
  }

 private:
  kernels::Clamp clamp_;
};

inline LayerPtr make_relu(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return make_counted<ClipLayer>(kernels::Clamp{.lo = 0});
}

/// Bounds are attributes before opset 11, inputs since. What is not given is the largest finite number: infinities are
/// clipped too. Where input min is above max, all values become max.
inline LayerPtr make_clip(const NodeArguments& node) {
  constexpr float most = std::numeric_limits<float>::max();
  kernels::Clamp clamp;
  if (node.opset < 11) {
    node.expect_inputs(1, 1);
    clamp = {node.real("min", -most), node.real("max", most)};
    if (clamp.lo > clamp.hi) node.fail("attribute min is above max");
  } else {
    node.expect_inputs(1, 3);
    clamp = {node.scalar_input(1, -most), node.scalar_input(2, most)};
  }
  if (std::isnan(clamp.lo) || std::isnan(clamp.hi)) node.fail("a bound is NaN");
  clamp.lo = std::min(clamp.lo, clamp.hi);
  return make_counted<ClipLayer>(clamp);
}

[[gnu::noinline]] inline LayerPtr map_layer(kernels::MapFunction (*function)(Isa), kernels::MapParams parameters) {
  return make_counted<MapLayer>(function, parameters);
}
template <class Function>
LayerPtr map_layer(kernels::MapParams parameters = {}) {
  return map_layer(&kernels::map_function<Function>, parameters);
}

[[gnu::noinline]] inline LayerPtr map_of_one_input(const NodeArguments& node, kernels::MapFunction (*function)(Isa)) {
  node.expect_inputs(1, 1);
  return map_layer(function, {});
}
/// A function without parameters.
template <class Function>
LayerPtr make_map(const NodeArguments& node) {
  return map_of_one_input(node, &kernels::map_function<Function>);
}

/// A function of `<cmath>`.
template <float (*f)(float)>
LayerPtr make_scalar_map(const NodeArguments& node) {
  return make_map<kernels::maps::Scalar<f>>(node);
}

inline LayerPtr make_leaky_relu(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::LeakyRelu>({node.real("alpha", 0.01F)});
}

inline LayerPtr make_hard_sigmoid(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::HardSigmoid>({node.real("alpha", 0.2F), node.real("beta", 0.5F)});
}

inline LayerPtr make_hard_swish(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::HardSwish>({1.0F / 6.0F, 0.5F});
}

inline LayerPtr make_elu(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::Elu>({node.real("alpha", 1.0F)});
}

inline LayerPtr make_selu(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::Selu>({node.real("alpha", 1.67326319F), node.real("gamma", 1.05070102F)});
}

namespace scalars {
inline float erf(float x) { return std::erf(x); }
inline float sqrt(float x) { return std::sqrt(x); }
inline float log(float x) { return std::log(x); }
inline float floor(float x) { return std::floor(x); }
inline float ceil(float x) { return std::ceil(x); }
/// log(1 + exp(x)), without overflow.
inline float softplus(float x) { return std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x))); }
inline float softsign(float x) { return x / (1.0F + std::abs(x)); }
inline float mish(float x) { return x * std::tanh(softplus(x)); }
/// x * (normal distribution function of x): Hendrycks and Gimpel, "Gaussian error linear units", 2016.
inline float gelu(float x) { return 0.5F * x * std::erfc(-x / std::numbers::sqrt2_v<float>); }
inline float gelu_tanh(float x) { return 0.5F * x * (1.0F + std::tanh(0.797884561F * (x + 0.044715F * x * x * x))); }
inline float sin(float x) { return std::sin(x); }
inline float cos(float x) { return std::cos(x); }
inline float tan(float x) { return std::tan(x); }
inline float asin(float x) { return std::asin(x); }
inline float acos(float x) { return std::acos(x); }
inline float atan(float x) { return std::atan(x); }
inline float sinh(float x) { return std::sinh(x); }
inline float cosh(float x) { return std::cosh(x); }
inline float asinh(float x) { return std::asinh(x); }
inline float acosh(float x) { return std::acosh(x); }
inline float atanh(float x) { return std::atanh(x); }
/// Halves to even; not std::nearbyint, which obeys the caller's rounding mode.
inline float round(float x) {
  if (!(std::abs(x) < 0x1p23F)) return x;
  const float below = std::floor(x), rest = x - below;
  const bool up = rest > 0.5F || (rest == 0.5F && std::fmod(below, 2.0F) != 0);
  return std::copysign(up ? below + 1 : below, x);
}
/// -1, 0 or 1.
inline float sign(float x) { return x > 0 ? 1.0F : x < 0 ? -1.0F : x; }
inline float celu(float x, const kernels::MapParams& p) { return x > 0 ? x : p.a * std::expm1(x / p.a); }
inline float thresholded_relu(float x, const kernels::MapParams& p) { return x > p.a ? x : 0.0F; }
inline float swish(float x, const kernels::MapParams& p) { return x / (1.0F + std::exp(-p.a * x)); }
inline float shrink(float x, const kernels::MapParams& p) { return x < -p.b ? x + p.a : x > p.b ? x - p.a : 0.0F; }
}  // namespace scalars

inline LayerPtr make_gelu(const NodeArguments& node) {
  const std::string kind = node.text("approximate", "none");
  if (kind == "none") return make_scalar_map<scalars::gelu>(node);
  if (kind == "tanh") return make_scalar_map<scalars::gelu_tanh>(node);
  node.fail(detail::message({"attribute approximate may not be '", kind, "'"}));
}

/// max(0, x) + min(0, alpha * (exp(x / alpha) - 1)); Barron, "Continuously differentiable exponential linear units",
/// 2017.
inline LayerPtr make_celu(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  if (node.real("alpha", 1.0F) == 0) node.fail("attribute alpha may not be 0");
  return map_layer<kernels::maps::Parametric<scalars::celu>>({node.real("alpha", 1.0F)});
}
/// x if x > alpha, else 0.
inline LayerPtr make_thresholded_relu(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::Parametric<scalars::thresholded_relu>>({node.real("alpha", 1.0F)});
}
/// x * sigmoid(alpha * x).
inline LayerPtr make_swish(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::Parametric<scalars::swish>>({node.real("alpha", 1.0F)});
}
/// x + bias below -lambd, x - bias above lambd, 0 between them.
inline LayerPtr make_shrink(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return map_layer<kernels::maps::Parametric<scalars::shrink>>({node.real("bias", 0.0F), node.real("lambd", 0.5F)});
}

}  // namespace weir::detail
