/// Notices, without labels, that the examples are no longer like those that a policy was calibrated on.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

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
  explicit ShiftTest(std::span<const double> reference, std::size_t bins = 50);

  /// A reference by its bins: edges ascend, bin b holds the numbers in [edges[b - 1], edges[b]); counts [edges + 1],
  /// not all 0. Throws ArgumentError otherwise.
  ShiftTest(std::vector<double> edges, std::vector<std::size_t> counts);

  const std::vector<double>& edges() const { return edges_; }
  const std::vector<std::size_t>& counts() const { return count_; }

  /// Takes one example's number and returns the factor of the capital; theta in [0, 1]. Throws ArgumentError for NaN.
  double factor(double x, double theta);

 private:
  static constexpr double jump = 0.01;

  std::size_t bin(double x) const;

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
               std::uint64_t seed = 0);

  /// The same with a test for the exits, then one for each feature. Throws ArgumentError without tests.
  ShiftMonitor(std::vector<ShiftTest> tests, double run_length, std::uint64_t seed = 0);

  /// One example: where it exited and its d features. Returns alarm(). Allocates nothing. Throws ArgumentError for
  /// another number of features or a NaN, before anything is counted.
  bool observe(std::size_t exit, std::span<const double> features);

  /// Evidence of a shift so far: about the number of examples seen without one, above run_length for an alarm.
  double statistic() const;
  bool alarm() const { return statistic() >= run_length_; }
  double run_length() const { return run_length_; }
  std::uint64_t seen() const { return seen_; }

  /// Which test speaks loudest: 0 for the exits, 1 + j for feature j.
  std::size_t loudest() const;

 private:
  double run_length_;
  std::uint64_t seed_, counter_ = 0, seen_ = 0;
  std::vector<ShiftTest> tests_;
  std::vector<double> sum_;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/shift_monitor.ipp>
#endif
