/// Every learner by name. To add one: write its file, include it, and give it one line here; the conformance test, the
/// policy file and the programs go through this list.
#pragma once
#include <string_view>
#include <tuple>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/decision_tree.hpp>
#include <weir/policy/learners/gradient_boosting.hpp>
#include <weir/policy/learners/isotonic.hpp>
#include <weir/policy/learners/kernel_svm.hpp>
#include <weir/policy/learners/linear_svm.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/random_forest.hpp>
#include <weir/policy/learners/threshold.hpp>

namespace weir::detail {

/// A learner with the hyper-parameters that a gate gets by default.
template <Learner L>
struct NamedLearner {
  std::string_view name;
  L learner;
};

inline constexpr std::tuple learner_list{
    NamedLearner<LogisticRegression>{"logistic", {}},
    NamedLearner<LinearSvm>{"svm", {}},
    NamedLearner<LinearSvm>{"squared_svm", {.loss = SvmLoss::squared_hinge}},
    NamedLearner<KernelSvm>{"kernel_svm", {}},
    NamedLearner<DecisionTree>{"tree", {}},
    NamedLearner<RandomForest>{"forest", {}},
    NamedLearner<GradientBoosting>{"boosting", {}},
    NamedLearner<SingleThreshold>{"threshold", {}},
    NamedLearner<IsotonicRule>{"isotonic", {}},
};

}  // namespace weir::detail
