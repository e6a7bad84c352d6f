/// Choice of learner, hyper-parameters and features by the cost of the whole system rather than by the accuracy of
/// gates.
#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/decision_cost.hpp>

namespace weir {

/// One way to learn a policy.
struct Candidate {
  std::string name;
  TrainOptions train;
};

/// Groups of gate inputs (GateInputs::names) to learn from.
namespace feature_group {

/// Which class was predicted, here or before.
inline bool is_class(std::string_view name) {
  const std::size_t at = name.rfind("class_");
  return at != std::string_view::npos && (at == 0 || name[at - 1] == '.');
}

/// What an earlier stage said, and whether it agrees.
inline bool is_history(std::string_view name) { return name.find_first_of(".(") != std::string_view::npos; }

/// Confidence of all stages so far, and their agreement, for all classes alike.
inline bool without_class(std::string_view name) { return !is_class(name); }

/// The confidence of the stage alone.
inline bool own_confidence(std::string_view name) { return !is_class(name) && !is_history(name); }

}  // namespace feature_group

/// `base` with this learner (TrainOptions::learner), on the inputs that suit it unless `base` says which:
/// predicted_loss does without classes, in each of which a few thousand examples show few losses.
inline TrainOptions with_learner(TrainOptions base, const std::string& learner) {
  base.learner = learner;
  if (learner == predicted_loss && !base.feature) base.feature = feature_group::without_class;
  return base;
}

/// Predicted losses, which vary least where examples are few, first; then the learners whose decisions cost little; all
/// these on the features without classes; predicted losses and logistic regression on all features; the latter on the
/// stage's own, and with more regularisation. `base` gives what else there is to say.
inline std::vector<Candidate> default_candidates(const TrainOptions& base) {
  std::vector<Candidate> all;
  const auto add = [&](std::string name, const std::string& learner, std::function<bool(std::string_view)> feature) {
    all.push_back({std::move(name), base});
    all.back().train.learner = learner;
    all.back().train.feature = std::move(feature);
  };
  for (const char* learner : {"predicted_loss", "logistic", "squared_svm", "tree", "boosting", "threshold", "isotonic"})
    add(std::string(learner) + ", no class", learner, feature_group::without_class);
  add("predicted_loss, all features", "predicted_loss", nullptr);
  add("logistic, all features", "logistic", nullptr);
  add("logistic, own confidence", "logistic", feature_group::own_confidence);
  add("logistic C=10, all features", "logistic", nullptr);
  all.back().train.fit = [](const Dataset& data) {
    return GateModel("logistic", LogisticRegression{.C = 10}.fit(data));
  };
  return all;
}

/// What a candidate must save to be taken before the first one: costs of a few hundred examples differ by as much
/// between two divisions of them, and the dearer to learn look the cheaper for it.
inline constexpr double least_saving = 0.05;

/// Whether a candidate of this cost is taken before the best so far, in a walk over candidates from the first on: it
/// costs less than that one, and less than the first by the share least_saving.
inline bool takes_over(double cost, double first, double best) {
  return cost < best && cost < first * (1 - least_saving);
}

struct Tuning {
  std::vector<double> cost;  ///< [candidates] system_cost
  std::size_t best = 0;      ///< the first, or the cheapest where that takes_over
};

/// Judges every candidate by cross-validation on the policy trace and the system_cost at the budget. Where costs are
/// seconds and time_decisions is set, a candidate's decisions are timed and count: the result then differs from run to
/// run where candidates are close. progress(done, total) after each. Throws what cross_validate throws, and
/// ArgumentError without candidates.
inline Tuning tune(const Trace& trace, const Topology& topology, const std::vector<Candidate>& candidates,
                   const Budget& budget, const CrossValidation& options,
                   const std::function<void(std::size_t, std::size_t)>& progress = {}, bool time_decisions = false) {
  if (candidates.empty()) throw ArgumentError("tune: no candidates");
  Tuning tuning;
  for (const Candidate& c : candidates) {
    const bool timed = time_decisions && trace.cost_unit == cost_unit::seconds;
    const Trace whole = timed ? with_decisions(trace, decision_seconds(trace, topology, c.train)) : Trace();
    tuning.cost.push_back(system_cost(cross_validate(timed ? whole : trace, topology, c.train, options), budget));
    if (progress) progress(tuning.cost.size(), candidates.size());
  }
  for (std::size_t c = 1; c < tuning.cost.size(); ++c)
    if (takes_over(tuning.cost[c], tuning.cost[0], tuning.cost[tuning.best])) tuning.best = c;
  return tuning;
}

}  // namespace weir
