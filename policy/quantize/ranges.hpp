/// Which interval of its values the 8-bit steps of a tensor lie in.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>

namespace weir::detail {

/// The smallest and the largest value, and how often values lie in each of equal bins between the two.
class Histogram {
 public:
  static constexpr std::size_t bins = 2048;

  /// First over all values; throws ArgumentError on NaN and infinity.
  void widen(std::span<const float> values) {
    for (const float v : values) {
      if (!std::isfinite(v)) throw ArgumentError("is not finite");
      low_ = std::min(low_, v);
      high_ = std::max(high_, v);
    }
  }
  /// Then over the same values. What later runs give a little beyond the two ends counts as the end.
  void count(std::span<const float> values) {
    if (counts_.empty()) counts_.resize(bins, 0.0);
    const float width = bin_width();
    if (!(width > 0)) return;
    const float inverse = 1 / width;
    for (const float v : values) {
      const float at = (v - low_) * inverse;
      ++counts_[at <= 0 ? 0 : std::min(bins - 1, static_cast<std::size_t>(at))];
    }
  }

  float low() const { return low_; }
  float high() const { return high_; }
  float bin_width() const { return (high_ - low_) / static_cast<float>(bins); }
  float centre(std::size_t i) const { return low_ + (static_cast<float>(i) + 0.5F) * bin_width(); }
  const std::vector<double>& counts() const { return counts_; }
  double total() const {
    double sum = 0;
    for (const double c : counts_) sum += c;
    return sum;
  }

 private:
  float low_ = std::numeric_limits<float>::infinity(), high_ = -std::numeric_limits<float>::infinity();
  std::vector<double> counts_;
};

/// value = scale (q - zero), q = 0 .. 255.
struct Steps {
  float scale = 1;
  std::int32_t zero = 0;
};

/// The 255 steps between two values, widened to hold 0, which some q stands for exactly.
inline Steps steps_between(float low, float high) {
  const double l = std::min(0.0, double{low}), h = std::max(0.0, double{high});
  Steps s;
  s.scale = static_cast<float>((h - l) / 255);
  if (!(s.scale > std::numeric_limits<float>::min())) return {1, 0};
  s.zero = static_cast<std::int32_t>(std::clamp(std::nearbyint(-l / double{s.scale}), 0.0, 255.0));
  return s;
}

/// Mean squared error of rounding what the histogram holds to these steps.
inline double squared_error(const Histogram& h, Steps s) {
  double sum = 0;
  for (std::size_t i = 0; i < Histogram::bins; ++i) {
    if (h.counts()[i] == 0) continue;
    const double x = double{h.centre(i)}, scale = double{s.scale};
    const double q = std::clamp(std::nearbyint(x / scale) + s.zero, 0.0, 255.0);
    const double e = x - scale * (q - s.zero);
    sum += h.counts()[i] * e * e;
  }
  return sum / h.total();
}

/// Kullback-Leibler divergence of the histogram, what lies outside of the steps moved to their ends, from itself with
/// the counts of each step spread evenly over the bins that are not empty. After Migacz, GTC 2017; as there the bin
/// that holds 0 is left out: what a Relu cut off lies in it, and is exact whatever the steps are. Infinite
/// where more than 1 % lies outside.
inline double divergence(const Histogram& h, Steps s) {
  const double low = double{s.scale} * (-s.zero - 0.5), high = double{s.scale} * (255.5 - s.zero);
  std::array<double, 256> inside{}, filled{}, all{};
  std::array<std::size_t, 256> first{}, last{};
  struct Bin {
    std::size_t at, step;
    bool is_inside;
  };
  std::vector<Bin> bins;
  double total = 0, spread = 0;
  for (std::size_t i = 0; i < Histogram::bins; ++i) {
    const double n = h.counts()[i], x = double{h.centre(i)}, half = double{h.bin_width()} / 2;
    if (n == 0 || (x - half <= 0 && x + half > 0)) continue;
    const auto q = static_cast<std::size_t>(std::clamp(std::nearbyint(x / double{s.scale}) + s.zero, 0.0, 255.0));
    bins.push_back({i, q, x >= low && x <= high});
    all[q] += n;
    total += n;
    if (!bins.back().is_inside) continue;
    if (filled[q] == 0) first[q] = i;
    last[q] = i;
    inside[q] += n;
    spread += n;
    ++filled[q];
  }
  if (!(spread > 0.99 * total)) return std::numeric_limits<double>::infinity();  // few values make a rough histogram
  double sum = 0;
  for (const Bin& b : bins) {
    if (!b.is_inside) continue;
    double p = h.counts()[b.at];
    if (b.at == (b.step == 0 ? first[0] : last[b.step])) p += all[b.step] - inside[b.step];
    p /= total;
    sum += p * std::log(p / (inside[b.step] / filled[b.step] / spread));
  }
  return sum;
}

/// The values below which this part of the histogram lies, and above which as much does.
inline Steps percentile_steps(const Histogram& h, double part) {
  const double outside = (1 - part) * h.total();
  std::size_t low = 0, high = Histogram::bins - 1;
  for (double sum = h.counts()[low]; sum <= outside && low + 1 < Histogram::bins; sum += h.counts()[++low]) {
  }
  for (double sum = h.counts()[high]; sum <= outside && high > 0; sum += h.counts()[--high]) {
  }
  const float width = h.bin_width();
  return steps_between(h.low() + static_cast<float>(low) * width, h.low() + static_cast<float>(high + 1) * width);
}

/// The names of the methods, as options and reports have them.
inline constexpr std::array<std::string_view, 4> range_methods = {"minmax", "percentile", "mse", "kl"};

/// minmax: all values. percentile: all but 0.01 % at either end. mse, kl: of intervals that shrink both ends alike, the
/// one of the least squared error or divergence.
inline Steps find_steps(const Histogram& h, std::string_view method) {
  const Steps all = steps_between(h.low(), h.high());
  if (!(h.bin_width() > 0) || method == "minmax") return all;
  if (method == "percentile") return percentile_steps(h, 0.9999);
  Steps best = all;
  double least = std::numeric_limits<double>::infinity();
  for (int percent = 100; percent >= 20; --percent) {
    const float part = static_cast<float>(percent) / 100;
    const Steps s = steps_between(part * h.low(), part * h.high());
    const double cost = method == "mse" ? squared_error(h, s) : divergence(h, s);
    if (cost < least) least = cost, best = s;
  }
  return best;
}

}  // namespace weir::detail
