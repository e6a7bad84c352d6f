/// Comparisons, logic and Where. Truth values are 0 and 1.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <weir/core/kernels/elementwise/combine.hpp>
#include <weir/layers/activation.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/reshape.hpp>

namespace weir::detail {

/// f(a, b) in each lane, for operators that classifiers use rarely.
template <float (*f)(float, float)>
struct ScalarCombine {
  static constexpr bool by_lanes = true;
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& a, const simd::Floats<W>& b) {
    float first[W], second[W];
    simd::store(a, first);
    simd::store(b, second);
#pragma GCC unroll 1
    for (int i = 0; i < W; ++i) first[i] = f(first[i], second[i]);
    simd::load(a, first);
  }
};

namespace scalars {
inline float equal(float a, float b) { return a == b ? 1.0F : 0.0F; }
inline float less(float a, float b) { return a < b ? 1.0F : 0.0F; }
inline float less_or_equal(float a, float b) { return a <= b ? 1.0F : 0.0F; }
inline float greater(float a, float b) { return a > b ? 1.0F : 0.0F; }
inline float greater_or_equal(float a, float b) { return a >= b ? 1.0F : 0.0F; }
inline float logical_and(float a, float b) { return a != 0 && b != 0 ? 1.0F : 0.0F; }
inline float logical_or(float a, float b) { return a != 0 || b != 0 ? 1.0F : 0.0F; }
inline float logical_xor(float a, float b) { return (a != 0) != (b != 0) ? 1.0F : 0.0F; }
inline float logical_not(float x) { return x == 0 ? 1.0F : 0.0F; }
inline float is_nan(float x) { return std::isnan(x) ? 1.0F : 0.0F; }
/// a: infinities that count, 1 the positive, 2 the negative, 3 both.
inline float is_inf(float x, const kernels::MapParams& p) {
  const bool counts = x > 0 ? p.a != 2.0F : p.a != 1.0F;
  return std::isinf(x) && counts && p.a != 0.0F ? 1.0F : 0.0F;
}
/// The remainder with the sign of a, as in C.
inline float fmod(float a, float b) { return std::fmod(a, b); }
/// The remainder with the sign of b, as in Python; of integers.
inline float floor_mod(float a, float b) {
  const float r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
}  // namespace scalars

/// Two inputs, joined element by element with broadcasting.
class ScalarCombineLayer final : public RunnableLayer {
 public:
  /// operation: a kernels::combine_function.
  explicit ScalarCombineLayer(kernels::CombineFunction (*operation)(Isa)) : operation_(operation) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {broadcast_shape(inputs[0], inputs[1])};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    kernels::combine(context, operation_, inputs[0], inputs[1], outputs[0]);
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::broadcast(q); }

 private:
  kernels::CombineFunction (*operation_)(Isa);
};

[[gnu::noinline]] inline LayerPtr scalar_combine_layer(const NodeArguments& node,
                                                       kernels::CombineFunction (*operation)(Isa)) {
  node.expect_inputs(2, 2);
  if (node.opset < 7) node.fail("is supported from opset 7 on");
  return make_counted<ScalarCombineLayer>(operation);
}
template <float (*f)(float, float)>
LayerPtr make_scalar_combine(const NodeArguments& node) {
  return scalar_combine_layer(node, &kernels::combine_function<ScalarCombine<f>>);
}

inline LayerPtr make_mod(const NodeArguments& node) {
  if (node.integer_in("fmod", 0, 0, 1) == 1) return make_scalar_combine<scalars::fmod>(node);
  if (node.type(0) == ElementType::real) node.fail("fmod = 0 is for integers, its input holds floats");
  return make_scalar_combine<scalars::floor_mod>(node);
}

inline LayerPtr make_is_inf(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const bool negative = node.integer_in("detect_negative", 1, 0, 1) == 1;
  const bool positive = node.integer_in("detect_positive", 1, 0, 1) == 1;
  return map_layer<kernels::maps::Parametric<scalars::is_inf>>(
      {static_cast<float>((positive ? 1 : 0) + (negative ? 2 : 0))});
}

namespace scalars {
/// Towards zero. What the type does not hold, NaN too, is its lowest number, as x86 processors convert.
inline float to_int32(float x) { return x >= -0x1p31F && x < 0x1p31F ? std::trunc(x) : -0x1p31F; }
inline float to_int64(float x) { return x >= -0x1p63F && x < 0x1p63F ? std::trunc(x) : -0x1p63F; }
/// The nearest number of 11 significant bits, halves to even; infinite from 65520 on, multiples of 2^-24 below 2^-14.
inline float to_float16(float x) {
  if (std::isnan(x)) return x;
  if (std::abs(x) >= 65520.0F) return std::copysign(std::numeric_limits<float>::infinity(), x);
  if (std::abs(x) < 0x1p-14F) return round(x * 0x1p24F) * 0x1p-24F;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0xFFFU + ((bits >> 13U) & 1U)) & ~0x1FFFU);
}
/// The nearest number of 8 significant bits, halves to even.
inline float to_bfloat16(float x) {
  if (std::isnan(x)) return x;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) & ~0xFFFFU);
}
inline float is_true(float x) { return x != 0 ? 1.0F : 0.0F; }
}  // namespace scalars

/// To floating-point types, to integers (towards zero) or truth values (0 is false). float64 is float32 here; a float16
/// or bfloat16 is the float32 of its value, and what is computed with it is a float32. Constants that are or become
/// integers are cast in build/integers/operators.hpp.
inline LayerPtr make_cast(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const std::int64_t to = node.integer("to", 0);
  if (node.opset >= 19) node.ignore("saturate");    // of 8-bit floats only
  if (node.opset >= 24) node.ignore("round_mode");  // likewise
  if (to == 9) return map_layer<kernels::maps::Scalar<scalars::is_true>>();
  const bool same = node.type(0) != ElementType::real;
  if (to == 6 && !same) return map_layer<kernels::maps::Scalar<scalars::to_int32>>();
  if (to == 7 && !same) return map_layer<kernels::maps::Scalar<scalars::to_int64>>();
  if (to == 6 || to == 7) return make_view([](const Shape& x) { return x; });
  if (to == 10) return map_layer<kernels::maps::Scalar<scalars::to_float16>>();
  if (to == 16) return map_layer<kernels::maps::Scalar<scalars::to_bfloat16>>();
  if (to != 1 && to != 10 && to != 11 && to != 16)
    node.fail(detail::message({"cast of a computed tensor to type ", to,
                               " is not supported, only to floating point, int32, int64 and bool"}));
  return make_view([](const Shape& x) { return x; });
}

/// y = x where the condition holds, else z.
class WhereLayer final : public RunnableLayer {
 public:
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    return {broadcast_shape(broadcast_shape(inputs[0], inputs[1]), inputs[2])};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& y = outputs[0].shape;
    if (y.numel() == 0) return;
    const auto strides = [&](std::size_t i) { return kernels::broadcast_strides(inputs[i].shape, y); };
    const kernels::LoopNest<4> nest(y, {strides(0), strides(1), strides(2), kernels::dense_strides(y)});
    nest.for_all_rows(context, [&](const std::array<std::int64_t, 4>& at) {
      for (std::int64_t i = 0; i < nest.row_length(); ++i) {
        const auto value = [&](std::size_t t) { return inputs[t].data[at[t] + i * nest.row_stride(t)]; };
        outputs[0].data[at[3] + i * nest.row_stride(3)] = value(0) != 0 ? value(1) : value(2);
      }
    });
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::broadcast(q); }
};

inline LayerPtr make_where(const NodeArguments& node) {
  node.expect_inputs(3, 3);
  return make_counted<WhereLayer>();
}

}  // namespace weir::detail
