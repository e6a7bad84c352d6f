/// Budget: what a policy may lose or cost, and the mix of two policies that meets it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>

namespace weir {

/// What is limited.
enum class BudgetOn {
  excess,      ///< mean of max(0, L_exit - L_full)
  difference,  ///< mean of L_exit - L_full, the net loss: what accuracy falls by
  cost         ///< mean cost per example, in the traces' cost_unit: seconds, or whatever else they count
};

enum class Margin {
  none,        ///< the plain estimate on the calibration data, by randomised mixing met exactly in expectation
  upper_limit  ///< the loss is within budget with the given confidence; losses of 0 and 1 only
};

struct Budget {
  BudgetOn on = BudgetOn::excess;
  double value = 0;
  Margin margin = Margin::none;
  double confidence = 0.95;
  /// Margin::none: at most this number of policies is trained between the two that the budget lies between.
  int refinements = 8;
  /// Margin::upper_limit: how finely the risk is stepped through, see GuaranteeOptions.
  int steps = 100;
  std::uint64_t seed = 0;  ///< of the mix
  /// Margin::upper_limit, without further limits: number of samples of the calibration examples, with replacement, on
  /// which it is counted how often the guarantee fails (Choice::redrawn).
  std::size_t redraws = 0;
};

/// Means over examples.
struct Estimate {
  double cost = 0;
  double loss = 0;
  double excess = 0;
  double difference = 0;

  static Estimate of(const Evaluation& e) {
    return {e.mean_cost(), e.mean_loss(), e.mean_excess(), e.mean_difference()};
  }
  static Estimate mix(double p, const Estimate& a, const Estimate& b) {
    const auto at = [&](double x, double y) { return p * x + (1 - p) * y; };
    return {at(a.cost, b.cost), at(a.loss, b.loss), at(a.excess, b.excess), at(a.difference, b.difference)};
  }
};

}  // namespace weir

namespace weir::detail {

double risk(const Estimate& e, BudgetOn on);
std::vector<TradeoffPoint> tradeoff_points(const std::vector<Estimate>& estimates, BudgetOn on);
std::optional<HullMix> at_budget(const std::vector<TradeoffPoint>& points, const Budget& budget);

[[noreturn]] void refuse_budget(const std::vector<TradeoffPoint>& points, const Budget& budget,
                                const std::string& unit);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/evaluate/budget.ipp>
#endif
