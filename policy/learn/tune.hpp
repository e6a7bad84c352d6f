/// Choice of learner, hyper-parameters and features by the cost of the whole system rather than by the accuracy of
/// gates.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learn/cross_validate.hpp>

namespace weir::detail {

/// One way to learn a policy.
struct Candidate {
  std::string name;
  TrainOptions train;
};

/// Groups of gate inputs (GateInputs::names) to learn from.
namespace gate_features {

/// Which class was predicted, here or before.
bool is_class(std::string_view name);

/// What an earlier stage said, and whether it agrees.
bool is_history(std::string_view name);

/// Confidence of all stages so far, and their agreement, for all classes alike.
bool without_class(std::string_view name);

/// The confidence of only the stage.
bool own_confidence(std::string_view name);

}  // namespace gate_features

/// `base` with this learner (TrainOptions::learner), on the inputs that suit it unless `base` says which:
/// predicted_loss, priced_loss and predicted_cost do without classes, in each of which a few thousand examples show few
/// losses.
TrainOptions with_learner(TrainOptions base, const std::string& learner);

/// Predicted losses, which vary least where examples are few, first, with one limit and with limits that know costs;
/// predicted costs; then the learners whose decisions cost little; all these on the features without classes; predicted
/// losses and logistic regression on all features; the latter on the stage's own, and with more regularisation. `base`
/// gives what else there is to say.
std::vector<Candidate> default_candidates(const TrainOptions& base);

/// The share of the first candidate's cost that another must save to be taken in its place, judged on n examples,
///
///     sqrt(2 / n):  2 % of 5,000, 5 % of 800,
///
/// the standard error of a difference of two means of n costs whose standard deviation equals their mean, as a share of
/// that mean. Costs of a system that lets most examples leave early vary by that much and more. All candidates are
/// judged on the same examples, which makes differences less noisy; that the best of many is taken does the opposite.
double least_saving(std::size_t n);

/// Whether a candidate of this cost replaces the best so far, candidates being tried in their order: it must cost less
/// than the best, and less than the first one by the share least_saving(n).
bool takes_over(double cost, double first, double best, std::size_t n);

struct Tuning {
  std::vector<double> cost;  ///< [candidates] system_cost
  std::size_t best = 0;      ///< the first, or the cheapest where that takes_over
};

/// Judges every candidate by cross-validation on the policy trace (cross_validate) and the system_cost at the budget.
/// Where costs are seconds and time_decisions is set, a candidate's decisions are timed and count: the result then
/// differs from run to run where candidates are close. progress(done, total) after each. Throws what cross_validate
/// throws, and ArgumentError without candidates.
Tuning tune(const DesignTrace& trace, const Topology& topology, const std::vector<Candidate>& candidates,
            const Budget& budget, const CrossValidation& options,
            const std::function<void(std::size_t, std::size_t)>& progress = {}, bool time_decisions = false);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/tune.ipp>
#endif
