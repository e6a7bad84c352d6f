/// The exact test for differences of -1, 0 and 1: what a net loss is certified by.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/bounds/losses.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace weir::bounds {

/// P(N+ - N- <= d) of n independent examples that are +1 with probability plus and -1 with probability minus.
/// O(sqrt(n)) binomial distributions.
inline double trinomial_cdf(std::ptrdiff_t d, std::size_t n, double plus, double minus) {
  const double N = static_cast<double>(n), mean = N * minus, reach = 9 * std::sqrt(mean * (1 - minus)) + 40;
  const auto first = static_cast<std::size_t>(std::max(0.0, std::floor(mean - reach)));
  const auto last = static_cast<std::size_t>(std::min(N, std::ceil(mean + reach)));
  const double given = minus < 1 ? std::min(1.0, plus / (1 - minus)) : 0;
  double sum = 0, outside = 1;
  for (std::size_t m = first; m <= last; ++m) {
    const double k = static_cast<double>(m);
    const double log_p = std::lgamma(N + 1) - std::lgamma(k + 1) - std::lgamma(N - k + 1) +
                         (m > 0 ? k * std::log(minus) : 0) + (m < n ? (N - k) * std::log1p(-minus) : 0);
    const double p = std::exp(log_p);
    if (p < 1e-18) continue;  // counted as outside
    outside -= p;
    const std::ptrdiff_t most = d + static_cast<std::ptrdiff_t>(m);
    if (most < 0) continue;
    sum += p * (static_cast<std::size_t>(most) >= n - m
                    ? 1
                    : detail::binomial_cdf(static_cast<std::size_t>(most), n - m, given));
  }
  return std::min(1.0, sum + std::max(0.0, outside));
}

/// With r = N+ regressions and s = N- repairs among n examples, a test of "the mean difference is above epsilon". How
/// often examples are repaired is not known, and matters: so it is the largest
///
///     gamma + P(N+ - N- <= r - s)   over  P(-1) = q in [0, U],  P(+1) = q + epsilon,
///
/// with U the limit that q is below with confidence 1 - gamma (Clopper and Pearson), gamma = delta / 20 (Berger and
/// Boos, JASA 1994). Left of its mean the probability grows with q where the distribution has one peak; it is looked at
/// on nine values of q, the largest first, and validated by bench/bounds. enough: a p-value above this is not looked
/// for further, and may be returned too small, but above it.
inline double trinomial_p_value(std::size_t regressions, std::size_t repairs, std::size_t n, double epsilon,
                                double delta, double enough = 1) {
  const double N = static_cast<double>(n);
  const auto d = static_cast<std::ptrdiff_t>(regressions) - static_cast<std::ptrdiff_t>(repairs);
  if (static_cast<double>(d) >= N * epsilon) return 1;
  const double gamma = delta / 20, most = std::min(clopper_pearson_upper(repairs, n, 1 - gamma), (1 - epsilon) / 2),
               least = std::min(most, std::max(0.0, -epsilon));
  double worst = 0;
  for (int step = 8; step >= 0 && gamma + worst <= enough; --step) {
    const double minus = least + (most - least) * step / 8;
    worst = std::max(worst, trinomial_cdf(d, n, std::clamp(minus + epsilon, 0.0, 1 - minus), minus));
  }
  return std::min(1.0, gamma + worst);
}

/// The same as a MeanTest: a difference d in {-1, 0, 1} is the loss (1 + d) / 2, and so is epsilon. Throws
/// ArgumentError for a loss that is not 0, 1/2 or 1.
struct Trinomial {
  static double p_value(std::span<const double> losses, double epsilon, double delta) {
    check(losses, epsilon, delta);
    std::size_t better = 0, worse = 0;
    for (const double loss : losses) {
      if (loss != 0 && loss != 0.5 && loss != 1)
        throw ArgumentError("trinomial: needs differences of -1, 0 and 1; the betting test takes others");
      better += loss == 0 ? 1 : 0;
      worse += loss == 1 ? 1 : 0;
    }
    return trinomial_p_value(worse, better, losses.size(), 2 * epsilon - 1, delta);
  }
};

/// The exact test of a mean difference; not among mean_tests(), whose losses have no sign.
inline MeanTest trinomial_test() { return {"trinomial", Trinomial::p_value, false}; }

/// With probability at least 1 - delta the mean difference is at most this: the largest epsilon that the test does not
/// reject, rounded up to about 1e-6.
inline double trinomial_upper(std::size_t regressions, std::size_t repairs, std::size_t n, double delta) {
  if (n == 0 || regressions + repairs > n) throw ArgumentError("trinomial: more differences than examples, or none");
  const auto passes = [&](double epsilon) {
    return trinomial_p_value(regressions, repairs, n, epsilon, delta, delta) <= delta;
  };
  const double N = static_cast<double>(n), seen = (static_cast<double>(regressions) - static_cast<double>(repairs)) / N;
  double low = seen, high = std::min(1.0, seen + 5 * (1 + std::sqrt(static_cast<double>(regressions + repairs))) / N);
  while (high < 1 && !passes(high)) {
    low = high;
    high = std::min(1.0, high + 2 * (high - seen));
  }
  while (high - low > 1e-6) {
    const double middle = low + (high - low) / 2;
    (passes(middle) ? high : low) = middle;
  }
  return high;
}

/// Both sides, each with half of 1 - confidence.
inline Interval trinomial_interval(std::size_t regressions, std::size_t repairs, std::size_t n,
                                   double confidence = 0.95) {
  const double delta = (1 - confidence) / 2;
  return {-trinomial_upper(repairs, regressions, n, delta), trinomial_upper(regressions, repairs, n, delta)};
}

/// The smallest n at which n examples without any difference show, at delta, a net loss of at most epsilon in (0, 1].
inline std::size_t least_paired_examples(double epsilon, double delta) {
  if (!(epsilon > 0 && epsilon <= 1)) throw ArgumentError("trinomial: epsilon must be in (0, 1]");
  std::size_t high = 1;
  while (trinomial_p_value(0, 0, high, epsilon, delta) > delta) {
    if (high >= std::size_t{1} << 24U) throw ArgumentError("trinomial: no number of examples suffices");
    high *= 2;
  }
  std::size_t low = high / 2;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (trinomial_p_value(0, 0, middle, epsilon, delta) <= delta ? high : low) = middle;
  }
  return high;
}

}  // namespace weir::bounds
