/// Epilogue: what a convolution or matrix product does to its results before it stores them.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>
#include <weir/layers/activation.hpp>
#include <weir/layers/arithmetic.hpp>
#include <weir/layers/batch_normalization.hpp>

namespace weir::detail {

/// y = clamp(scale[m] * z + shift[m] + residual) for output channel m; grows by absorbing the layers behind.
class Epilogue {
 public:
  /// axis: of the channels in the result, whose rank is `rank` (0: unknown, then only what fits any is absorbed).
  Epilogue(std::int64_t channels, std::size_t axis, std::size_t rank) : channels_(channels), axis_(axis), rank_(rank) {}

  const kernels::Clamp& clamp() const { return clamp_; }
  bool residual() const { return residual_; }

  struct Grown;
  /// This followed by next, whose input `position` is this one's result; nullopt where that is not one epilogue.
  std::optional<Grown> then(const Layer& next, std::size_t position) const;

  /// False where weights or bias would not be numbers with this in them, though they are without: an infinite scale
  /// gives terms of either sign, whose sum is NaN, where the result times the scale is infinite; and finite products
  /// may overflow. Then the layers stay apart.
  bool bears(const SharedFloats& weights, const SharedFloats& bias) const {
    if (scale_.empty()) return true;
    const auto fits = [](double v) { return std::abs(v) <= double{std::numeric_limits<float>::max()}; };
    const std::size_t length = weights.size() / scale_.size();
    for (std::size_t m = 0; m < scale_.size(); ++m) {
      if (!fits(scale_[m]) || !fits(shift_[m])) return false;
      if (const float b = bias.empty() ? 0.0F : bias[m]; fits(b) && !fits(b * scale_[m] + shift_[m])) return false;
      float largest = 0;  // of the finite ones: what is infinite or NaN already stays so
      for (std::size_t i = m * length; i < (m + 1) * length; ++i)
        if (const float w = std::abs(weights[i]); w <= std::numeric_limits<float>::max())
          largest = std::max(largest, w);
      if (!fits(largest * scale_[m])) return false;
    }
    return true;
  }

  /// Weights (`rows` channels of equal length) times scale; the same floats if there is nothing to do.
  SharedFloats scaled(const SharedFloats& weights) const {
    if (scale_.empty()) return weights;
    std::vector<float> result(weights.size());
    const std::size_t length = weights.size() / scale_.size();
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = static_cast<float>(double{weights[i]} * scale_[i / length]);
    return result;
  }

  /// bias (may be empty) * scale + shift.
  SharedFloats shifted(const SharedFloats& bias) const {
    if (scale_.empty()) return bias;
    std::vector<float> result(scale_.size());
    for (std::size_t m = 0; m < result.size(); ++m)
      result[m] = static_cast<float>((bias.empty() ? 0.0 : double{bias[m]}) * scale_[m] + shift_[m]);
    return result;
  }

 private:
  /// Follows with v -> factor[m] * v + summand[m].
  template <class Factor, class Summand>
  void affine(const Factor& factor, const Summand& summand) {
    const auto C = static_cast<std::size_t>(channels_);
    if (scale_.empty()) {
      scale_.assign(C, 1.0);
      shift_.assign(C, 0.0);
    }
    for (std::size_t m = 0; m < C; ++m) {
      scale_[m] *= factor(m);
      shift_[m] = shift_[m] * factor(m) + summand(m);
    }
  }

  /// True if c holds one value, or one for each channel, and does not change the shape of the result.
  bool fits(const ConstantOperand& c) const {
    const Shape& s = c.shape;
    if (rank_ == 0 ? s.rank() > 1 : s.rank() > rank_) return false;
    for (std::size_t i = 0; i < s.rank(); ++i) {
      const bool on_channels = rank_ == 0 ? true : rank_ - s.rank() + i == axis_;
      if (s[i] != 1 && (!on_channels || s[i] != channels_)) return false;
    }
    return !c.values.empty();
  }

  bool then_arithmetic(const ArithmeticLayer& op, std::size_t position, bool& extra) {
    using Kind = ArithmeticLayer::Kind;
    if (op.kind() == Kind::other || position > 1) return false;
    const ConstantOperand* c = op.constant(1 - position);
    if (c == nullptr) {
      extra = residual_ = op.kind() == Kind::add && !residual_;
      return extra;
    }
    if (!fits(*c) || residual_) return false;
    const bool first = position == 0;  // (result op c), else (c op result)
    const auto value = [c](std::size_t m) { return double{c->values[c->values.size() == 1 ? 0 : m]}; };
    const auto minus = [&](std::size_t m) { return -value(m); };
    const auto inverse = [&](std::size_t m) { return 1.0 / value(m); };
    const auto constant = [](double v) { return [v](std::size_t) { return v; }; };
    if (op.kind() == Kind::add) affine(constant(1), value);
    if (op.kind() == Kind::sub && first) affine(constant(1), minus);
    if (op.kind() == Kind::sub && !first) affine(constant(-1), value);
    if (op.kind() == Kind::mul) affine(value, constant(0));
    if (op.kind() == Kind::div && !first) return false;
    if (op.kind() == Kind::div) affine(inverse, constant(0));
    return true;
  }

  std::int64_t channels_;
  std::size_t axis_, rank_;
  std::vector<double> scale_, shift_;  ///< both empty: 1 and 0
  bool residual_ = false, clamped_ = false;
  kernels::Clamp clamp_;
};

/// extra_input: as in Fused.
struct Epilogue::Grown {
  Epilogue epilogue;
  std::optional<std::size_t> extra_input;
};

inline std::optional<Epilogue::Grown> Epilogue::then(const Layer& next, std::size_t position) const {
  Epilogue e = *this;
  if (const auto* clip = dynamic_cast<const ClipLayer*>(&next)) {
    const kernels::Clamp& c = clip->clamp();
    e.clamp_ = {c(clamp_.lo), c(clamp_.hi)};
    e.clamped_ = true;
    return Grown{std::move(e), std::nullopt};
  }
  if (clamped_) return std::nullopt;
  if (const auto* norm = dynamic_cast<const BatchNormalizationLayer*>(&next)) {
    if (residual_ || norm->clamped() || axis_ != 1 || rank_ == 0) return std::nullopt;
    e.affine([&](std::size_t m) { return double{norm->scale()[m]}; },
             [&](std::size_t m) { return double{norm->shift()[m]}; });
    return Grown{std::move(e), std::nullopt};
  }
  if (const auto* op = dynamic_cast<const ArithmeticLayer*>(&next)) {
    bool extra = false;
    if (!e.then_arithmetic(*op, position, extra)) return std::nullopt;
    return Grown{std::move(e), extra ? std::optional<std::size_t>(1 - position) : std::nullopt};
  }
  return std::nullopt;
}

}  // namespace weir::detail
