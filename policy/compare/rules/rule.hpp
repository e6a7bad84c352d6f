/// What a rule of the field is once it is tuned, and how the best member of a family is chosen for a budget.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/stage_score.hpp>
#include <weir/policy/trace/loss.hpp>

namespace weir {

/// What a rule is tuned from, the same for all of them and for learned policies.
struct RuleData {
  const Topology& topology;
  const Trace& training;     ///< where a rule has more than one number to set, the one-parameter family is fitted here
  const Trace& calibration;  ///< the member of the family that keeps the budget best is chosen here
  Budget budget{};
  Loss loss = Loss("top1");  ///< what the traces' losses are; read by rules that join answers
};

/// What a rule sees in place of a trace: other statistics, or other answers. A pure function of each example.
using TraceView = std::function<Trace(const Trace&)>;

/// A rule with its parameter tuned on a calibration trace.
struct TunedRule {
  std::string name;
  double parameter = 0;
  MixedPolicy policy;    ///< over the stages of the view
  Estimate calibration;  ///< what it did on the calibration trace
  TraceView view{};      ///< where there is none the policy runs on the trace itself
  /// [stages of the policy] what a cascade's stages do so that its gates see what the view shows; empty: nothing.
  std::vector<detail::AnswerForm> forms{};
  std::vector<std::string> groups{};  ///< of features that its gates see beside "confidence": Rule::groups

  /// Sends every example of a trace through the rule; losses are against the trace's full network. What a view adds to
  /// the time (a few operations per class) is not in the costs; a cascade (rule_cascade) that runs it measures that.
  Evaluation evaluate(const Trace& trace) const {
    return view ? weir::evaluate(policy, view(trace)) : weir::evaluate(policy, trace);
  }
};

}  // namespace weir

namespace weir::detail {

/// Whether an estimate keeps the budget; `regressions` and `repairs`: examples with difference 1 and -1, for an upper
/// limit.
inline bool keeps(const Estimate& e, std::size_t regressions, std::size_t repairs, std::size_t n,
                  const Budget& budget) {
  if (budget.margin == Margin::upper_limit && budget.on == BudgetOn::difference)
    return bounds::trinomial_p_value(regressions, repairs, n, budget.value, 1 - budget.confidence) <=
           1 - budget.confidence;
  if (budget.margin == Margin::upper_limit)
    return clopper_pearson_upper(regressions, n, budget.confidence) <= budget.value;
  return (budget.on == BudgetOn::cost ? e.cost : risk(e, budget.on)) <= budget.value;
}

/// Of two that keep the budget, whether `a` is better.
inline bool better(const Estimate& a, const Estimate& b, const Budget& budget) {
  return budget.on == BudgetOn::cost ? a.excess < b.excess : a.cost < b.cost;
}

/// What a member of a family did on n calibration examples.
struct MemberScore {
  Estimate estimate;
  std::size_t regressions = 0, repairs = 0;

  static MemberScore of(const Evaluation& e) {
    const PairedCounts counts = paired_counts(e);
    return {Estimate::of(e), counts.regressions, counts.repairs};
  }
};

/// Index of the best member that keeps the budget, of a family ordered from the safest to the fastest whose first
/// member is the full network (`certain`: its excess is 0 by definition, that needs no test). With Margin::upper_limit
/// the first failure ends the search, so that the confidence holds although many were tried (fixed-sequence testing, as
/// in `choose`). nullopt where none keeps it. score(i) -> MemberScore.
template <class Score>
std::optional<std::pair<std::size_t, Estimate>> best_member(std::size_t size, std::size_t n, const Budget& budget,
                                                            bool certain, const Score& score) {
  std::optional<std::pair<std::size_t, Estimate>> best;
  for (std::size_t i = 0; i < size; ++i) {
    const MemberScore now = score(i);
    const bool known = certain && i == 0 && budget.on != BudgetOn::cost && budget.value >= 0;
    if (!known && !keeps(now.estimate, now.regressions, now.repairs, n, budget)) {
      if (budget.margin == Margin::upper_limit) break;
      continue;
    }
    if (!best || better(now.estimate, best->second, budget)) best = {i, now.estimate};
  }
  return best;
}

}  // namespace weir::detail
