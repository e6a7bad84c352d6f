/// The exact test for losses of 0 and 1.
#pragma once
#include <cstddef>
#include <span>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/losses.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace weir::detail {

/// P(Binomial(n, p) <= k) = I_{1-p}(n - k, k + 1). Throws ArgumentError unless k <= n and p is in [0, 1].
inline double binomial_cdf(std::size_t k, std::size_t n, double p) {
  if (k > n || !(p >= 0 && p <= 1)) throw ArgumentError("binomial: k <= n and p in [0, 1] are needed");
  if (k == n) return 1;
  return incomplete_beta(static_cast<double>(n - k), static_cast<double>(k) + 1, 1 - p);
}

}  // namespace weir::detail

namespace weir::bounds {

/// p = P(Binomial(n, epsilon) <= sum of losses), the one-sided test whose limit is Clopper and Pearson's (Biometrika
/// 1934). No other test of a single count is sharper. O(n).
struct ClopperPearson {
  /// Throws ArgumentError for a loss that is neither 0 nor 1.
  static double p_value(std::span<const double> losses, double epsilon, double delta) {
    check(losses, epsilon, delta);
    std::size_t seen = 0;
    for (const double loss : losses) {
      if (loss != 0 && loss != 1)
        throw ArgumentError("Clopper-Pearson: needs losses of 0 and 1; the betting test takes others");
      seen += loss == 1 ? 1 : 0;
    }
    return detail::binomial_cdf(seen, losses.size(), epsilon);
  }
};

}  // namespace weir::bounds
