/// ResizeTargets: the lengths that Resize makes of the axes of its input.
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/batch_targets.hpp>
#include <weir/layers/attributes/resize_rule.hpp>

namespace weir::detail {

/// What a Resize makes of the axes of its input: each length times its scale, rounded down, or a new length (sizes).
/// One entry for each of `axes`, for each of the input if that is empty.
struct ResizeTargets {
  /// Of sizes: the lengths as they are, or the largest (smallest) that keep all proportions and exceed none (are below
  /// none).
  enum class Aspect { stretch, not_larger, not_smaller };

  std::vector<float> scales;
  std::vector<std::int64_t> sizes;  ///< batch_targets::kept_length: as the input has it
  std::vector<std::int64_t> axes;
  std::vector<float> crop;  ///< begins, then ends, of tf_crop_and_resize; else empty
  Aspect aspect = Aspect::stretch;

  std::size_t count() const { return std::max(scales.size(), sizes.size()); }

  /// Throws ShapeError where they do not fit x.
  void check(const Shape& x) const {
    if (axes.empty() ? count() != x.rank() : checked_axes(axes, x.rank()).size() != count())
      throw ShapeError(detail::message({count(), " scales or sizes do not fit ", x.to_string()}));
  }

  /// What becomes of axis i of x, which check() has seen.
  ResizedAxis axis(const Shape& x, std::size_t i) const {
    constexpr std::int64_t longest = 1 << 24;
    ResizedAxis a{.from = x[i], .to = x[i]};
    const auto place = find(i, x.rank());
    if (!place) return a;
    const std::size_t k = *place;
    if (scales.empty() && aspect == Aspect::stretch) {
      if (sizes[k] != batch_targets::kept_length) a.to = sizes[k];
      a.scale = static_cast<float>(a.to) / static_cast<float>(a.from);
    } else {
      a.scale = scales.empty() ? common_scale(x) : scales[k];
      const float to = static_cast<float>(a.from) * a.scale;
      if (!(to < static_cast<float>(longest)))
        a.to = longest + 1;  // refused below
      else
        a.to = static_cast<std::int64_t>(scales.empty() ? std::round(to) : std::floor(to));
    }
    if (!crop.empty()) a.start = crop[k], a.end = crop[count() + k];
    if (!a.untouched() && (a.from < 1 || a.to < 1 || a.from > longest || a.to > longest))
      throw ShapeError(detail::message(
          {"axis ", i, " of ", x.to_string(), " cannot be resized by ", a.scale, " to ", a.to, " elements"}));
    return a;
  }

 private:
  /// Which entry is about axis i.
  std::optional<std::size_t> find(std::size_t i, std::size_t rank) const {
    if (axes.empty()) return i;
    for (std::size_t k = 0; k < axes.size(); ++k)
      if (checked_axis(axes[k], rank) == i) return k;
    return std::nullopt;
  }
  float common_scale(const Shape& x) const {
    std::optional<float> common;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      const auto from = static_cast<float>(x[axes.empty() ? k : checked_axis(axes[k], x.rank())]);
      const float s = sizes[k] == batch_targets::kept_length ? 1.0F : static_cast<float>(sizes[k]) / from;
      common = !common ? s : aspect == Aspect::not_larger ? std::min(*common, s) : std::max(*common, s);
    }
    return common.value_or(1.0F);
  }
};

}  // namespace weir::detail
