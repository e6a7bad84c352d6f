// What learn_policy.hpp declares.
#pragma once
#include <cstddef>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/choose/budget_json.hpp>
#include <weir/policy/choose/learn_policy.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/learn/tune.hpp>

namespace weir::detail {

WEIR_INLINE LossSide loss_side(BudgetOn on) {
  return on == BudgetOn::difference ? LossSide::difference : LossSide::excess;
}

/// Throws ArgumentError where n calibration examples cannot certify the budget, whatever they show.
inline void check_certifiable(const Budget& budget, std::size_t n) {
  const std::string instead = "give more examples, a larger budget or a smaller confidence, or Margin::none";
  if (budget.margin != Margin::upper_limit) return;
  if (budget.on == BudgetOn::difference)
    require_paired_examples(n, budget.value, budget.confidence, instead, "examples");
  else
    require_examples(n, budget.value, budget.confidence, "clopper_pearson", instead, "examples");
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Choice learn_policy(const Trace& training, const Trace& calibration, const Topology& topology,
                                const LearnOptions& options) {
  detail::check_certifiable(options.budget, calibration.size());
  TrainOptions train{.side = detail::loss_side(options.budget.on),
                     .folds = options.folds,
                     .seed = options.seed,
                     .progress = options.progress};
  const PolicyTrainer trainer(training, topology, detail::with_learner(std::move(train), options.learner));
  std::vector<PathPoint> path = trainer.train_path(options.prices);
  Budget budget = options.budget;
  budget.seed = options.seed;
  return choose(trainer, path, calibration, budget, options.limits);
}

WEIR_INLINE Choice learn_policy(const Trace& training, const Trace& calibration, const LearnOptions& options) {
  std::vector<std::string> names;
  for (const StageTrace& stage : training.stages) names.push_back(stage.name);
  return learn_policy(training, calibration, Topology::chain(names), options);
}

WEIR_INLINE PolicyFile policy_file(const Choice& choice, const Trace& trace, const Budget& budget) {
  PolicyFile file;
  file.policy = choice.policy;
  file.lambda_a = choice.lambda_a;
  file.lambda_b = choice.lambda_b;
  file.cost_unit = trace.cost_unit;
  for (const StageTrace& stage : trace.stages)
    file.stages.push_back({stage.feature_names, stage.cost, nullptr, nullptr, stage.answer_cost});
  file.budget = detail::budget_json(budget, choice, trace.cost_unit);
  file.check();
  return file;
}

}  // namespace weir
