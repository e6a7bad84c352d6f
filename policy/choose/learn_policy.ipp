// What learn_policy.hpp declares.
#pragma once
#include <utility>
#include <vector>
#include <weir/policy/choose/budget_json.hpp>
#include <weir/policy/choose/learn_policy.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/learn/tune.hpp>

namespace weir {

WEIR_INLINE Choice learn_policy(const Trace& training, const Trace& calibration, const Topology& topology,
                                const LearnOptions& options) {
  if (options.budget.margin == Margin::upper_limit)
    detail::require_examples(calibration.size(), options.budget.value, options.budget.confidence, "clopper_pearson",
                             "give more examples, a larger budget or a smaller confidence, or Margin::none",
                             "examples");
  const PolicyTrainer trainer(
      training, topology,
      detail::with_learner({.folds = options.folds, .seed = options.seed, .progress = options.progress},
                           options.learner));
  std::vector<PathPoint> path = trainer.train_path(options.prices);
  Budget budget = options.budget;
  budget.seed = options.seed;
  return choose(trainer, path, calibration, budget);
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
