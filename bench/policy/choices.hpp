/// From a learner's path to its policies for many budgets.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/train.hpp>

namespace compare {

/// Budgets around which a path is made finer, the same whatever budgets are asked for.
inline const std::vector<double>& refined_budgets() {
  static const std::vector<double> budgets{0.001, 0.0025, 0.005, 0.01, 0.02, 0.05};
  return budgets;
}

/// Trains further policies onto a path, at most two around each of refined_budgets(), as choose() does for one budget.
inline void refine_path(const weir::PolicyTrainer& trainer, std::vector<weir::PathPoint>& path,
                        const weir::Trace& calibration) {
  for (const double value : refined_budgets()) {
    weir::Budget budget;
    budget.value = value;
    budget.refinements = 2;
    static_cast<void>(weir::choose(trainer, path, calibration, budget));
  }
}

/// What a path comes to on a calibration trace. What is chosen for one budget does not depend on other budgets.
class Choices {
 public:
  Choices(const weir::PolicyTrainer& trainer, std::vector<weir::PathPoint> path, const weir::Trace& calibration)
      : trainer_(trainer), calibration_(calibration), path_(std::move(path)) {}

  /// As choose() chooses. Without an upper limit from the path as it is, each of whose policies is evaluated once.
  std::pair<weir::MixedPolicy, weir::Estimate> choose(const weir::Budget& budget) {
    if (budget.margin == weir::Margin::upper_limit) {
      const weir::Choice choice = weir::choose(trainer_, path_, calibration_, budget);
      return {choice.policy, choice.calibration};
    }
    for (std::size_t i = estimates_.size(); i < path_.size(); ++i)
      estimates_.push_back(weir::Estimate::of(weir::evaluate(path_[i].policy, calibration_)));
    const auto mix = weir::detail::at_budget(weir::detail::tradeoff_points(estimates_, budget.on), budget);
    if (!mix) throw weir::ArgumentError("choices: no policy of the path keeps the budget");
    return {{path_[mix->a].policy, path_[mix->b].policy, mix->p, budget.seed},
            weir::Estimate::mix(mix->p, estimates_[mix->a], estimates_[mix->b])};
  }

 private:
  const weir::PolicyTrainer& trainer_;
  const weir::Trace& calibration_;
  std::vector<weir::PathPoint> path_;
  std::vector<weir::Estimate> estimates_;  ///< [path]
};

}  // namespace compare
