/// The Hoeffding-Bentkus test for losses in [0, 1].
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/losses.hpp>

namespace weir::bounds {

/// With R the mean loss and a = min(R, epsilon),
///
///     p = min( exp(-n h(a, epsilon)),  e P(Binomial(n, epsilon) <= ceil(n R)) ),
///     h(a, b) = a log(a / b) + (1 - a) log((1 - a) / (1 - b))
///
/// (Bates, Angelopoulos, Lei, Malik, Jordan, J. ACM 2021, after Hoeffding, JASA 1963, and Bentkus, Ann. Prob. 2004).
/// Knows of the losses only their mean: what varies little gains nothing. O(n).
struct HoeffdingBentkus {
  static double p_value(std::span<const double> losses, double epsilon, double delta) {
    check(losses, epsilon, delta);
    const std::size_t n = losses.size();
    const double total = sum(losses), mean = total / static_cast<double>(n);
    const double hoeffding = std::exp(-static_cast<double>(n) * divergence(std::min(mean, epsilon), epsilon));
    const auto k = std::min(n, static_cast<std::size_t>(std::ceil(total)));
    return std::min({1.0, hoeffding, std::numbers::e * detail::binomial_cdf(k, n, epsilon)});
  }

 private:
  /// Kullback-Leibler divergence of two coins, a <= b.
  static double divergence(double a, double b) {
    if (a >= b) return 0;
    if (b == 1) return std::numeric_limits<double>::infinity();
    return (a > 0 ? a * std::log(a / b) : 0) + (1 - a) * (std::log1p(-a) - std::log1p(-b));
  }
};

}  // namespace weir::bounds
