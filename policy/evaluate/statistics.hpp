/// Small-sample honesty: exact limits, paired tests, percentiles, bootstrap.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

/// The regularised incomplete beta function I_x(a, b) = P(Beta(a, b) <= x), a and b > 0.
///
/// Continued fraction DLMF 8.17.22 by Lentz's method, on the side of the mode where it converges fast; relative error
/// within 1e-9 of scipy for a + b up to 3e5; it grows with a + b, as lgamma cancels. Throws ArgumentError out of range.
double incomplete_beta(double a, double b, double x);

/// The x with I_x(a, b) = q, by bisection to the last bit: some 60 evaluations for a value that is asked for rarely.
double incomplete_beta_inverse(double a, double b, double q);

}  // namespace weir::detail

namespace weir {

/// An interval for a share or a mean.
struct Interval {
  double low = 0;
  double high = 1;
};

/// The one-sided upper limit of Clopper and Pearson (Biometrika 1934) for a share of which `seen` of n were seen: with
/// probability at least `confidence` the true share is below it. Throws ArgumentError for n = 0 or seen > n.
double clopper_pearson_upper(std::size_t seen, std::size_t n, double confidence = 0.95);

/// The one-sided lower limit.
double clopper_pearson_lower(std::size_t seen, std::size_t n, double confidence = 0.95);

/// Both sides, each with half of 1 - confidence.
Interval clopper_pearson(std::size_t seen, std::size_t n, double confidence = 0.95);

/// Examples that two systems answer differently, counted on the same examples.
struct PairedCounts {
  std::size_t n = 0;
  std::size_t regressions = 0;  ///< the adaptive answer is worse than the full network's
  std::size_t repairs = 0;      ///< it is better
  double net_loss() const {
    return (static_cast<double>(regressions) - static_cast<double>(repairs)) / static_cast<double>(n);
  }
};

PairedCounts paired_counts(const Evaluation& e);

}  // namespace weir

namespace weir::detail {

/// Exact two-sided p-value of McNemar (Psychometrika 1947): of r + s discordant pairs, r of one kind, each kind being
/// equally likely. 1 where there is none.
double mcnemar_p(std::size_t r, std::size_t s);

/// The q-th percentile, q in [0, 100], by linear interpolation between order statistics: with the values sorted and
/// h = (n - 1) q / 100, it is v[floor h] + (h - floor h) (v[floor h + 1] - v[floor h]) (type 7 of Hyndman and Fan, Am.
/// Stat. 1996; numpy's default). Throws ArgumentError for no values or a NaN.
double percentile(std::vector<double> values, double q);

struct BootstrapOptions {
  std::size_t resamples = 2000;
  double confidence = 0.95;
  std::uint64_t seed = 0;
};

/// Interval for a mean, over examples (not over repeats of the same example). The same seed gives the same interval.
Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {});

/// Interval for sum(a) / sum(b), a and b of the same examples: a speed-up, drawn in pairs so that what varies from
/// example to example cancels. Throws ShapeError for different sizes, ArgumentError unless b > 0.
Interval bootstrap_ratio(std::span<const double> a, std::span<const double> b, const BootstrapOptions& options = {});

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/evaluate/statistics.ipp>
#endif
