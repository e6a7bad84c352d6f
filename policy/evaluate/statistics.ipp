// What statistics.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

WEIR_INLINE double incomplete_beta(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !std::isfinite(a + b) || !(x >= 0 && x <= 1))
    throw ArgumentError("incomplete beta: a, b > 0 and x in [0, 1] are needed");
  if (x == 0 || x == 1) return x;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const auto away_from_zero = [](double v) { return std::abs(v) < 1e-300 ? 1e-300 : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int m = 1; m <= 100000; ++m) {
    for (const bool odd : {false, true}) {
      const double term = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                              : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      fraction *= c * d;
    }
    if (std::abs(c * d - 1) < 1e-16) break;
  }
  // lgamma writes the global signgam on some systems, but its value is read only by programs that ask for it.
  const double log_front =
      a * std::log(x) + b * std::log1p(-x) + std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) - std::log(a);
  return std::min(1.0, std::exp(log_front) * fraction);
}

WEIR_INLINE double incomplete_beta_inverse(double a, double b, double q) {
  if (!(q >= 0 && q <= 1)) throw ArgumentError("incomplete beta inverse: q must be in [0, 1]");
  double low = 0, high = 1;
  for (int i = 0; i < 1100; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (incomplete_beta(a, b, middle) < q ? low : high) = middle;
  }
  return high;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE double clopper_pearson_upper(std::size_t seen, std::size_t n, double confidence) {
  if (n == 0 || seen > n) throw ArgumentError("Clopper-Pearson: n >= 1 and seen <= n are needed");
  if (!(confidence > 0 && confidence < 1)) throw ArgumentError("Clopper-Pearson: confidence must be in (0, 1)");
  if (seen == n) return 1;
  return detail::incomplete_beta_inverse(static_cast<double>(seen) + 1, static_cast<double>(n - seen), confidence);
}

WEIR_INLINE double clopper_pearson_lower(std::size_t seen, std::size_t n, double confidence) {
  if (n == 0 || seen > n) throw ArgumentError("Clopper-Pearson: n >= 1 and seen <= n are needed");
  if (!(confidence > 0 && confidence < 1)) throw ArgumentError("Clopper-Pearson: confidence must be in (0, 1)");
  if (seen == 0) return 0;
  return detail::incomplete_beta_inverse(static_cast<double>(seen), static_cast<double>(n - seen) + 1, 1 - confidence);
}

WEIR_INLINE Interval clopper_pearson(std::size_t seen, std::size_t n, double confidence) {
  const double side = 1 - (1 - confidence) / 2;
  return {clopper_pearson_lower(seen, n, side), clopper_pearson_upper(seen, n, side)};
}

WEIR_INLINE PairedCounts paired_counts(const Evaluation& e) {
  return {e.size(), static_cast<std::size_t>((e.difference.array() > 0).count()),
          static_cast<std::size_t>((e.difference.array() < 0).count())};
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE double mcnemar_p(std::size_t r, std::size_t s) {
  if (r == s) return 1;
  const auto few = static_cast<double>(std::min(r, s)), n = static_cast<double>(r + s);
  // P(Binomial(n, 1/2) <= few) = I_{1/2}(n - few, few + 1)
  return std::min(1.0, 2 * incomplete_beta(n - few, few + 1, 0.5));
}

WEIR_INLINE double percentile(std::vector<double> values, double q) {
  if (values.empty() || !(q >= 0 && q <= 100)) throw ArgumentError("percentile: needs values and q in [0, 100]");
  for (const double v : values)
    if (std::isnan(v)) throw ArgumentError("percentile: a value is NaN");
  std::sort(values.begin(), values.end());
  const double h = static_cast<double>(values.size() - 1) * q / 100;
  const auto at = static_cast<std::size_t>(h);
  if (at + 1 >= values.size() || h == static_cast<double>(at)) return values[at];
  return values[at] + (h - static_cast<double>(at)) * (values[at + 1] - values[at]);
}

/// Percentile interval (Efron, Ann. Stat. 1979) of statistic(rows) over rows drawn with replacement from n.
template <class Statistic>
Interval bootstrap(std::size_t n, const BootstrapOptions& options, const Statistic& statistic) {
  if (n == 0 || options.resamples < 2 || !(options.confidence > 0 && options.confidence < 1))
    throw ArgumentError("bootstrap: needs values, 2 resamples or more and a confidence in (0, 1)");
  std::vector<double> results(options.resamples);
  std::vector<std::size_t> rows(n);
  std::uint64_t counter = 0;
  for (double& result : results) {
    for (std::size_t& row : rows)
      row =
          std::min(n - 1, static_cast<std::size_t>(counter_uniform(options.seed, counter++) * static_cast<double>(n)));
    result = statistic(rows);
  }
  const double tail = 50 * (1 - options.confidence);
  return {percentile(results, tail), percentile(results, 100 - tail)};
}

WEIR_INLINE Interval bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  return bootstrap(values.size(), options, [&](const std::vector<std::size_t>& rows) {
    double sum = 0;
    for (const std::size_t row : rows) sum += values[row];
    return sum / static_cast<double>(rows.size());
  });
}

WEIR_INLINE Interval bootstrap_ratio(std::span<const double> a, std::span<const double> b,
                                     const BootstrapOptions& options) {
  if (a.size() != b.size()) throw ShapeError(detail::message({"bootstrap: ", a.size(), " and ", b.size(), " values"}));
  for (const double v : b)
    if (!(v > 0)) throw ArgumentError("bootstrap: the denominator's values must be positive");
  return bootstrap(a.size(), options, [&](const std::vector<std::size_t>& rows) {
    double above = 0, below = 0;
    for (const std::size_t row : rows) {
      above += a[row];
      below += b[row];
    }
    return above / below;
  });
}

}  // namespace weir::detail
