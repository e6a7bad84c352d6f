/// How Resize finds, for each position of an axis of its output, which elements of its input count how much.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace weir::detail {

/// An axis of `from` elements that becomes one of `to`. start, end: the part of the input that tf_crop_and_resize
/// shows, in lengths of the axis.
struct ResizedAxis {
  std::int64_t from = 1, to = 1;
  float scale = 1, start = 0, end = 1;

  bool untouched() const { return scale == 1.0F && from == to && start == 0.0F && end == 1.0F; }
};

/// What ONNX's attributes of Resize say. Positions are computed in single precision, as ONNX Runtime does: which
/// element is the nearest one depends on the last bit.
struct ResizeRule {
  enum class Mode { nearest, linear, cubic };
  enum class Coordinates { half_pixel, half_pixel_symmetric, pytorch, align_corners, asymmetric, tf_nearest, tf_crop };
  /// opset_10: what ONNX Runtime does where the operator has no nearest_mode.
  enum class Nearest { round_prefer_floor, round_prefer_ceil, floor, ceil, opset_10 };

  Mode mode = Mode::nearest;
  Coordinates coordinates = Coordinates::half_pixel;
  Nearest nearest = Nearest::round_prefer_floor;
  float cubic_a = -0.75F;
  bool exclude_outside = false, antialias = false;

  /// Position on the input, in elements, that position j of the output shows.
  float position(const ResizedAxis& a, std::int64_t j) const {
    const auto x = static_cast<float>(j), from = static_cast<float>(a.from), to = static_cast<float>(a.to);
    switch (coordinates) {
      case Coordinates::asymmetric:
        return x / a.scale;
      case Coordinates::align_corners:
        return a.to == 1 ? 0.0F : x * (from - 1) / (to - 1);
      case Coordinates::pytorch:
        return a.to == 1 ? 0.0F : (x + 0.5F) / a.scale - 0.5F;
      case Coordinates::tf_nearest:
        return (x + 0.5F) / a.scale;
      case Coordinates::tf_crop:
        return a.to == 1 ? 0.5F * (a.start + a.end) * (from - 1)
                         : a.start * (from - 1) + x * (a.end - a.start) * (from - 1) / (to - 1);
      case Coordinates::half_pixel_symmetric:
        return from / 2 * (1 - to / (a.scale * from)) + (x + 0.5F) / a.scale - 0.5F;
      default:
        return (x + 0.5F) / a.scale - 0.5F;
    }
  }

  /// Elements that each position of the output is a sum of.
  std::int64_t taps(const ResizedAxis& a) const {
    if (mode == Mode::nearest) return 1;
    return 2 * (1 - first_tap(a));
  }

  /// Writes index[j * taps + t] and weight[j * taps + t] for all positions j of the output.
  void fill(const ResizedAxis& a, float* index, float* weight) const {
    const std::int64_t n = taps(a);
    for (std::int64_t j = 0; j < a.to; ++j) fill_one(a, j, n, index + j * n, weight + j * n);
  }

 private:
  static float element(const ResizedAxis& a, float x) { return std::clamp(x, 0.0F, static_cast<float>(a.from - 1)); }

  float nearest_to(const ResizedAxis& a, float x) const {
    switch (nearest) {
      case Nearest::round_prefer_floor:
        return x == std::floor(x) + 0.5F ? std::floor(x) : std::round(x);
      case Nearest::round_prefer_ceil:
        return x == std::floor(x) + 0.5F ? std::ceil(x) : std::round(x);
      case Nearest::ceil:
        return std::ceil(x);
      case Nearest::opset_10:
        return a.scale < 1 ? std::ceil(x) : std::floor(x);
      default:
        return std::floor(x);
    }
  }

  /// How far the filter is stretched: a shrinking image is smoothed first where that is asked for.
  float stretch(const ResizedAxis& a) const { return antialias && a.scale < 1 ? a.scale : 1.0F; }

  /// The first element that counts, from the one at or in front of the position on.
  std::int64_t first_tap(const ResizedAxis& a) const {
    const float reach = mode == Mode::cubic ? 2.0F : 1.0F;
    return static_cast<std::int64_t>(std::floor(-reach / stretch(a))) + 1;
  }

  /// Weight of an element this far away.
  float filter(float distance) const {
    const float d = std::abs(distance);
    if (mode == Mode::linear) return std::max(1 - d, 0.0F);
    if (d <= 1) return ((cubic_a + 2) * d - (cubic_a + 3)) * d * d + 1;
    return d < 2 ? ((cubic_a * d - 5 * cubic_a) * d + 8 * cubic_a) * d - 4 * cubic_a : 0.0F;
  }

  void fill_one(const ResizedAxis& a, std::int64_t j, std::int64_t n, float* index, float* weight) const {
    float x = position(a, j);
    if (mode == Mode::nearest) {
      index[0] = element(a, nearest_to(a, x));
      weight[0] = 1;
      return;
    }
    if (mode == Mode::linear && !antialias) x = element(a, x);
    const float base = std::floor(x), shrink = stretch(a);
    const auto first = static_cast<float>(first_tap(a));
    float sum = 0;
    for (std::int64_t t = 0; t < n; ++t) {
      const float at = base + first + static_cast<float>(t);
      index[t] = element(a, at);
      weight[t] = exclude_outside && index[t] != at ? 0.0F : filter((at - x) * shrink);
      sum += weight[t];
    }
    if ((exclude_outside || antialias) && sum != 0)
      for (std::int64_t t = 0; t < n; ++t) weight[t] /= sum;
  }
};

}  // namespace weir::detail
