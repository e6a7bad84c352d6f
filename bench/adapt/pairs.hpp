/// What a contestant loses beside the full network on the same images, with limits of what it loses on images like
/// these.
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace adapt {

/// Losses in pairs. excess: mean of max(0, L - L_full); net: of L - L_full. Limits and chances are for losses of 0
/// and 1.
struct Pairs {
  double excess = 0, net = 0;
  std::size_t regressions = 0, repairs = 0, n = 0;

  static Pairs of(const std::vector<double>& loss, const std::vector<double>& full) {
    Pairs p;
    p.n = loss.size();
    for (std::size_t i = 0; i < p.n; ++i) {
      const double difference = loss[i] - full[i];
      p.excess += std::max(0.0, difference);
      p.net += difference;
      if (difference > 0) ++p.regressions;
      if (difference < 0) ++p.repairs;
    }
    p.excess /= static_cast<double>(p.n);
    p.net /= static_cast<double>(p.n);
    return p;
  }

  double lost(weir::BudgetOn on) const { return on == weir::BudgetOn::difference ? net : excess; }
  double excess_upper95() const { return weir::clopper_pearson_upper(regressions, n, 0.95); }
  /// Exact 95 % limits, half of the error on each side: Clopper and Pearson's, or by the exact test of differences.
  weir::Interval limits95(weir::BudgetOn on) const {
    return on == weir::BudgetOn::difference ? weir::bounds::trinomial_interval(regressions, repairs, n)
                                            : weir::clopper_pearson(regressions, n);
  }

  /// How often a policy whose true loss is exactly `limit` shows as much as this or more on as many images; net, at the
  /// share of repairs that is seen. None for a limit of 0.
  std::optional<double> chance_of_as_much(weir::BudgetOn on, double limit) const {
    if (!(limit > 0 && limit < 1)) return std::nullopt;
    const double repaired = std::min(static_cast<double>(repairs) / static_cast<double>(n), (1 - limit) / 2);
    const auto d = static_cast<std::ptrdiff_t>(regressions) - static_cast<std::ptrdiff_t>(repairs);
    const double less = on == weir::BudgetOn::difference
                            ? weir::bounds::trinomial_cdf(d - 1, n, repaired + limit, repaired)
                        : regressions > 0 ? weir::detail::binomial_cdf(regressions - 1, n, limit)
                                          : 0;
    return std::max(0.0, 1 - less);
  }
};

}  // namespace adapt
