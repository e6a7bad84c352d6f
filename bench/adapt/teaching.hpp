/// How gates learn and what they have to keep, as the options say it.
#pragma once
#include <string>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>

#include "mode.hpp"

namespace adapt {

/// The budget that is asked for, kept in the mean.
inline weir::Budget budget_in_the_mean(const Options& o) {
  weir::Budget budget;
  budget.on = budget_on(o.budget);
  budget.value = o.max_loss;
  return budget;
}

/// The budget that is asked for, with the asked confidence.
inline weir::Budget asked_budget(const Options& o) {
  weir::Budget budget = budget_in_the_mean(o);
  budget.seed = o.seed;
  if (o.confidence > 0) {
    budget.margin = weir::Margin::upper_limit;
    budget.confidence = o.confidence;
  }
  return budget;
}

/// Learning by this learner, on the losses that the budget is on.
inline weir::TrainOptions learning_by(const std::string& learner, const Options& o) {
  return weir::detail::with_learner({.side = loss_side(budget_on(o.budget)), .seed = o.seed}, learner);
}

/// Learning by predicted losses, whose models are fitted once for all prices: what topologies and heads are compared
/// by.
inline weir::TrainOptions predicted_losses(const Options& o) {
  return learning_by(std::string(weir::detail::predicted_loss), o);
}

}  // namespace adapt
