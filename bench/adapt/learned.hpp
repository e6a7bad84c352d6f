/// What is learned in a mode, and what it does on the test images: what results and pages are made from.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune_groups.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/trace/trace.hpp>

#include "recorded.hpp"

namespace adapt {

/// A learned policy for one budget.
struct Learned {
  double budget = 0;
  weir::Choice choice;
  std::string name{};                          ///< where it is not the mode's own
  weir::BudgetOn on = weir::BudgetOn::excess;  ///< what the budget limits
};

/// What a pool costs with one of its stages and without it (members.hpp).
struct MemberCost {
  std::string stage;
  double with = 0, without = 0;
};

/// A mode and its policies.
struct LearnedMode : PricedMode {
  weir::Trace calibration;
  std::string learner;                           ///< what its gates are
  std::vector<weir::detail::GroupsTried> tried;  ///< where groups of features were chosen among
  std::vector<double> decisions;                 ///< [stages] seconds of a decision, where those are measured
  std::string repriced;                          ///< where stages were measured again in use: what that changed
  bool certified = false;                        ///< the budget is to hold with the asked confidence
  weir::TrainOptions train{};                    ///< how its gates learn
  std::optional<double> validated{};             ///< mean cost at the budget in cross-validation (leading.hpp)
  Learned learned{};                             ///< for the asked budget
  std::vector<Learned> beside{};                 ///< for the same limit: on the other loss, by the method of the paper
  std::vector<Learned> curve{};                  ///< for others, in the mean
  std::vector<weir::TunedRule> rules{};
  std::vector<std::string> left_out{};  ///< rules and policies that the images do not suffice for, and why
  std::shared_ptr<const weir::CascadeSpec>
      plain{};                        ///< what rules run on that read no group of features: without those chosen
  std::vector<MemberCost> members{};  ///< of all stages but the full network; empty if they were not weighed
};

/// A learned mode and what its stages answer on the test part, which is recorded when all is decided.
struct TestedMode : LearnedMode {
  weir::Trace test;
};

}  // namespace adapt
