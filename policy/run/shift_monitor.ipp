// What shift_monitor.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/shift_monitor.hpp>

namespace weir {

WEIR_INLINE ShiftTest::ShiftTest(std::span<const double> reference, std::size_t bins) {
  if (reference.empty() || bins < 2) throw ArgumentError("shift test: a reference and at least 2 bins are needed");
  for (const double x : reference)
    if (!std::isfinite(x)) throw ArgumentError("shift test: a reference number is not finite");
  std::vector<double> sorted(reference.begin(), reference.end());
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t b = 1; b < bins; ++b) edges_.push_back(sorted[b * sorted.size() / bins]);
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  count_.assign(edges_.size() + 1, 0);
  for (const double x : sorted) ++count_[bin(x)];
  total_ = sorted.size();
}

WEIR_INLINE ShiftTest::ShiftTest(std::vector<double> edges, std::vector<std::size_t> counts)
    : edges_(std::move(edges)), count_(std::move(counts)) {
  constexpr std::size_t most = std::size_t{1} << 40U;
  if (count_.size() != edges_.size() + 1 || !std::ranges::all_of(edges_, [](double e) { return std::isfinite(e); }) ||
      std::ranges::adjacent_find(edges_, [](double a, double b) { return a >= b; }) != edges_.end())
    throw ArgumentError("shift test: edges must ascend, and there must be one count more than edges");
  for (const std::size_t c : count_) {
    if (c > most) throw ArgumentError("shift test: a count is too large");
    total_ += c;
  }
  if (total_ == 0) throw ArgumentError("shift test: a reference is needed");
}

WEIR_INLINE double ShiftTest::factor(double x, double theta) {
  if (std::isnan(x)) throw ArgumentError("shift test: the number is NaN");
  const std::size_t at = bin(x);
  ++count_[at];
  ++total_;
  std::size_t larger = 0;
  for (std::size_t b = at + 1; b < count_.size(); ++b) larger += count_[b];
  const double p =
      (static_cast<double>(larger) + theta * static_cast<double>(count_[at])) / static_cast<double>(total_);
  double after = 0;
  for (std::size_t e = 0; e < capital_.size(); ++e) {
    capital_[e] = ((1 - jump) * capital_[e] + jump / 3) * (1 + (static_cast<double>(e) - 1) * (p - 0.5));
    after += capital_[e];
  }
  for (double& c : capital_) c /= after;
  return after;
}

WEIR_INLINE std::size_t ShiftTest::bin(double x) const {
  return static_cast<std::size_t>(std::upper_bound(edges_.begin(), edges_.end(), x) - edges_.begin());
}

WEIR_INLINE ShiftMonitor::ShiftMonitor(std::span<const std::size_t> exit, const Eigen::MatrixXd& features,
                                       double run_length, std::uint64_t seed)
    : run_length_(run_length), seed_(seed) {
  if (!(run_length >= 1)) throw ArgumentError("shift monitor: the run length must be at least 1");
  if (features.cols() > 0 && features.rows() != static_cast<Eigen::Index>(exit.size()))
    throw ArgumentError(
        detail::message({"shift monitor: ", exit.size(), " exits, features of ", features.rows(), " examples"}));
  const std::vector<double> exits(exit.begin(), exit.end());
  tests_.emplace_back(exits);
  for (Eigen::Index j = 0; j < features.cols(); ++j)
    tests_.emplace_back(std::span<const double>(features.col(j).data(), exit.size()));
  sum_.assign(tests_.size(), 0);
}

WEIR_INLINE ShiftMonitor::ShiftMonitor(std::vector<ShiftTest> tests, double run_length, std::uint64_t seed)
    : run_length_(run_length), seed_(seed), tests_(std::move(tests)) {
  if (!(run_length >= 1)) throw ArgumentError("shift monitor: the run length must be at least 1");
  if (tests_.empty()) throw ArgumentError("shift monitor: a test is needed");
  sum_.assign(tests_.size(), 0);
}

WEIR_INLINE bool ShiftMonitor::observe(std::size_t exit, std::span<const double> features) {
  if (features.size() + 1 != tests_.size())
    throw ArgumentError(detail::message({"shift monitor: ", features.size(), " features, not ", tests_.size() - 1}));
  if (std::any_of(features.begin(), features.end(), [](double x) { return std::isnan(x); }))
    throw ArgumentError("shift monitor: a feature is NaN");
  for (std::size_t t = 0; t < tests_.size(); ++t) {
    const double x = t == 0 ? static_cast<double>(exit) : features[t - 1];
    sum_[t] = std::min((sum_[t] + 1) * tests_[t].factor(x, detail::counter_uniform(seed_, counter_++)), 1e300);
  }
  ++seen_;
  return alarm();
}

WEIR_INLINE double ShiftMonitor::statistic() const {
  double sum = 0;
  for (const double r : sum_) sum += r / static_cast<double>(sum_.size());
  return sum;
}

WEIR_INLINE std::size_t ShiftMonitor::loudest() const {
  return static_cast<std::size_t>(std::max_element(sum_.begin(), sum_.end()) - sum_.begin());
}

}  // namespace weir
