/// Notices, without labels, that the examples are no longer like those that a policy was calibrated on.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir {

/// A test of exchangeability on one number per example, in the field's terms a conformal test martingale.
///
/// Each new number gets a conformal p-value, its smoothed rank among the reference numbers and all numbers since,
///
///     p = (#{larger} + theta #{equal, itself included}) / (number of all),   theta uniform,
///
/// which is uniform and independent of the past as long as new and reference numbers are exchangeable. The Simple
/// Jumper bets on p being small or large: capital C_e <- ((1 - J) C_e + J C / 3)(1 + e (p - 1/2)) for e in {-1, 0, 1},
/// J = 0.01 (Vovk et al., "Retrain or not retrain", COPA 2021). Its factor, by which capital grew, has mean 1 without a
/// shift, whatever the distribution is.
///
/// Numbers are binned by quantiles of the reference, so an example costs O(bins) and memory does not grow.
class ShiftTest {
 public:
  /// reference: at least one, finite. Up to `bins` bins; equal numbers share one. Throws ArgumentError otherwise.
  explicit ShiftTest(std::span<const double> reference, std::size_t bins = 50) {
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

  /// Takes one example's number and returns the factor of the capital; theta in [0, 1]. Throws ArgumentError for NaN.
  double factor(double x, double theta) {
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

 private:
  static constexpr double jump = 0.01;

  std::size_t bin(double x) const {
    return static_cast<std::size_t>(std::upper_bound(edges_.begin(), edges_.end(), x) - edges_.begin());
  }

  std::vector<double> edges_;
  std::vector<std::size_t> count_;
  std::size_t total_ = 0;
  std::array<double, 3> capital_{1.0 / 3, 1.0 / 3, 1.0 / 3};  ///< shares, they add up to 1
};

/// Watches the exits of a policy and any features of its first stage, one ShiftTest for each.
///
/// The Shiryaev-Roberts sum of each test, R <- (R + 1) factor, starts a bet at every example, so that a change is
/// noticed whenever it comes; the mean R over the tests is compared with `run_length`. Without a shift its mean after n
/// examples is n, so the mean number of examples until a false alarm is at least run_length (Vovk et al., COPA 2021,
/// after Pollak, Ann. Stat. 1987). What it cannot see: a shift that changes labels but neither exits nor features.
class ShiftMonitor {
 public:
  /// exit [n] and features [n, d] of calibration examples that the policy was sent over. Throws ArgumentError where
  /// sizes disagree, run_length < 1, or a number is not finite.
  ShiftMonitor(std::span<const std::size_t> exit, const Eigen::MatrixXd& features, double run_length = 10000,
               std::uint64_t seed = 0)
      : run_length_(run_length), seed_(seed) {
    if (!(run_length >= 1)) throw ArgumentError("shift monitor: the run length must be at least 1");
    if (features.cols() > 0 && features.rows() != static_cast<Eigen::Index>(exit.size()))
      throw ArgumentError("shift monitor: " + std::to_string(exit.size()) + " exits, features of " +
                          std::to_string(features.rows()) + " examples");
    const std::vector<double> exits(exit.begin(), exit.end());
    tests_.emplace_back(exits);
    for (Eigen::Index j = 0; j < features.cols(); ++j)
      tests_.emplace_back(std::span<const double>(features.col(j).data(), exit.size()));
    sum_.assign(tests_.size(), 0);
  }

  /// One example: where it exited and its d features. Returns alarm(). Allocates nothing. Throws ArgumentError for
  /// another number of features or a NaN, before anything is counted.
  bool observe(std::size_t exit, std::span<const double> features) {
    if (features.size() + 1 != tests_.size())
      throw ArgumentError("shift monitor: " + std::to_string(features.size()) + " features, not " +
                          std::to_string(tests_.size() - 1));
    if (std::any_of(features.begin(), features.end(), [](double x) { return std::isnan(x); }))
      throw ArgumentError("shift monitor: a feature is NaN");
    for (std::size_t t = 0; t < tests_.size(); ++t) {
      const double x = t == 0 ? static_cast<double>(exit) : features[t - 1];
      sum_[t] = std::min((sum_[t] + 1) * tests_[t].factor(x, counter_uniform(seed_, counter_++)), 1e300);
    }
    ++seen_;
    return alarm();
  }

  /// Evidence of a shift so far: about the number of examples seen without one, above run_length for an alarm.
  double statistic() const {
    double sum = 0;
    for (const double r : sum_) sum += r / static_cast<double>(sum_.size());
    return sum;
  }
  bool alarm() const { return statistic() >= run_length_; }
  std::uint64_t seen() const { return seen_; }

  /// Which test speaks loudest: 0 for the exits, 1 + j for feature j.
  std::size_t loudest() const {
    return static_cast<std::size_t>(std::max_element(sum_.begin(), sum_.end()) - sum_.begin());
  }

 private:
  double run_length_;
  std::uint64_t seed_, counter_ = 0, seen_ = 0;
  std::vector<ShiftTest> tests_;
  std::vector<double> sum_;
};

}  // namespace weir
