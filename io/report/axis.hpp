/// PlotAxis: where the ticks of a plot's axis stand, and how they are labelled.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>
#include <weir/io/report/markup.hpp>

namespace weir::detail {

/// Maps data to 0..1 along an axis, linearly or by logarithm, with ticks at round numbers.
class PlotAxis {
 public:
  /// lo and hi: the range that the data take; it is widened to a range that can be drawn. wanted: about how many ticks.
  /// With is_log both must be above 0. Both must be finite.
  PlotAxis(double lo, double hi, bool is_log, int wanted = 6) : is_log_(is_log), wanted_(std::max(wanted, 2)) {
    if (lo > hi) std::swap(lo, hi);
    if (is_log_)
      make_log(std::clamp(lo, 1e-280, 1e280), std::clamp(hi, 1e-280, 1e280));
    else
      make_linear(std::clamp(lo, -1e300, 1e300), std::clamp(hi, -1e300, 1e300));
  }

  double lo() const { return lo_; }
  double hi() const { return hi_; }
  bool is_log() const { return is_log_; }
  /// Increasing, within lo..hi.
  const std::vector<double>& ticks() const { return ticks_; }

  /// 0 at lo, 1 at hi.
  double position(double value) const {
    if (is_log_) return (std::log10(value) - std::log10(lo_)) / (std::log10(hi_) - std::log10(lo_));
    return (value - lo_) / (hi_ - lo_);
  }

  /// As many decimals as the distance of the ticks needs: all labels of a linear axis have the same number.
  std::string label(double tick) const {
    if (is_log_) return format_short(tick);
    const double largest = std::max(std::abs(lo_), std::abs(hi_));
    if (largest >= 1e7 || step_ < 1e-6) return format_short(tick);
    const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step_) + 1e-9)));
    return format_fixed(tick == 0 ? 0.0 : tick, decimals);
  }

 private:
  void make_linear(double lo, double hi) {
    // A range too narrow for doubles to tell its ticks apart is widened, a single value too.
    const double least = std::max(std::max(std::abs(lo), std::abs(hi)) * 1e-9, 1e-290);
    if (hi - lo <= least) {
      const double margin = std::max(least, lo == 0 ? 0.5 : std::abs(lo) * 0.05);
      lo -= margin;
      hi += margin;
    }
    const double raw = (hi - lo) / (wanted_ - 1);
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    step_ = power * (raw <= 1.0001 * power ? 1 : raw <= 2.0001 * power ? 2 : raw <= 5.0001 * power ? 5 : 10);
    const double first = std::floor(lo / step_ + 1e-9), last = std::ceil(hi / step_ - 1e-9);
    lo_ = first * step_;
    hi_ = last * step_;
    const int n = static_cast<int>(last - first);
    for (int k = 0; k <= n; ++k) ticks_.push_back((first + k) * step_);
  }

  void make_log(double lo, double hi) {
    if (hi <= lo * 1.001) {
      lo /= 1.25;
      hi *= 1.25;
    }
    const double decades = std::log10(hi) - std::log10(lo);
    const double margin = std::pow(10.0, decades * 0.03);
    lo_ = lo / margin;
    hi_ = hi * margin;
    // Less than a decade rarely holds two powers of ten: linear ticks then, at their logarithmic places.
    if (decades < 0.8) {
      const PlotAxis inner(lo, hi, false, std::max(wanted_, 4));
      for (const double t : inner.ticks_)
        if (t >= lo_ && t <= hi_) ticks_.push_back(t);
      return;
    }
    const int every = std::max(1, static_cast<int>(std::ceil(decades / wanted_)));
    for (int d = static_cast<int>(std::floor(std::log10(lo_))); d <= static_cast<int>(std::ceil(std::log10(hi_)));
         ++d) {
      if (d % every != 0) continue;
      for (const int digit : {1, 2, 5}) {
        const double t = digit * std::pow(10.0, d);
        if ((digit == 1 || decades * 3 <= wanted_ + 2) && t >= lo_ && t <= hi_) ticks_.push_back(t);
      }
    }
  }

  bool is_log_;
  int wanted_;
  double lo_ = 0, hi_ = 1, step_ = 1;
  std::vector<double> ticks_;
};

}  // namespace weir::detail
