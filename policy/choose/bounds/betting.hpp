/// The betting test for losses in [0, 1].
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <weir/policy/choose/bounds/losses.hpp>

namespace weir::bounds {

/// A gambler that holds the mean for greater than epsilon wrong bets on each loss L_i before seeing it; were the mean
/// epsilon or more, the capital K would be a supermartingale, so that it ever exceeds 1 / p has probability at most p:
///
///     K_t = prod_{i <= t} (1 - nu_i (L_i - epsilon)),   p = min_t 1 / K_t,
///     nu_i = min(1, sqrt(2 log(1 / delta) / (n v_{i-1}))),
///     m_i = (1/2 + sum_{j <= i} L_j) / (1 + i),   v_i = (1/4 + sum_{j <= i} (L_j - m_j)^2) / (1 + i)
///
/// (Waudby-Smith and Ramdas, JRSS-B 2024, in the form of Bates et al., J. ACM 2021, section 3.1.3). Adapts to the
/// variance; the losses' order counts, so keep it independent of their values. O(n).
struct Betting {
  static double p_value(std::span<const double> losses, double epsilon, double delta) {
    check(losses, epsilon, delta);
    const auto n = static_cast<double>(losses.size());
    double total = 0.5, squares = 0.25, seen = 1, log_capital = 0, best = 0;
    for (const double loss : losses) {
      const double bet = std::min(1.0, std::sqrt(-2 * std::log(delta) * seen / (n * squares)));
      log_capital += std::log1p(-bet * (loss - epsilon));
      best = std::max(best, log_capital);
      total += loss;
      seen += 1;
      const double mean = total / seen;
      squares += (loss - mean) * (loss - mean);
    }
    return std::exp(-best);
  }
};

}  // namespace weir::bounds
