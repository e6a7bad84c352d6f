/// Every kind of model that a gate may have, and the learner that makes it: one line for each. No learner is included.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>
#include <weir/core/compile.hpp>
#include <weir/policy/learners/models/foreign_model.hpp>
#include <weir/policy/learners/models/isotonic_model.hpp>
#include <weir/policy/learners/models/kernel_svm_model.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/learners/models/threshold_model.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>
#include <weir/policy/learners/models/tree_model.hpp>

namespace weir::detail {

/// Any of them; the last is for learners of a program's own.
using AnyModel = std::variant<LinearModel, KernelSvmModel, TreeModel, TreeEnsembleModel, ThresholdModel, IsotonicModel,
                              ForeignModel>;

template <class Model, std::size_t I = 0>
constexpr std::size_t alternative() {
  if constexpr (std::is_same_v<Model, std::variant_alternative_t<I, AnyModel>>)
    return I;
  else
    return alternative<Model, I + 1>();
}

/// A learner's name and which alternative of AnyModel its models are.
struct ModelKind {
  std::string_view learner;
  std::size_t alternative;
};

/// As learners/list.hpp has them, which is checked there.
inline constexpr std::array model_kinds = {
    ModelKind{"logistic", alternative<LinearModel>()},
    ModelKind{"svm", alternative<LinearModel>()},
    ModelKind{"squared_svm", alternative<LinearModel>()},
    ModelKind{"kernel_svm", alternative<KernelSvmModel>()},
    ModelKind{"tree", alternative<TreeModel>()},
    ModelKind{"forest", alternative<TreeEnsembleModel>()},
    ModelKind{"boosting", alternative<TreeEnsembleModel>()},
    ModelKind{"threshold", alternative<ThresholdModel>()},
    ModelKind{"isotonic", alternative<IsotonicModel>()},
};

/// The alternative of AnyModel that the models of one of weir's learners are; none for other names.
constexpr std::optional<std::size_t> kind_of_learner(std::string_view learner) {
  for (const ModelKind& kind : model_kinds)
    if (kind.learner == learner) return kind.alternative;
  return std::nullopt;
}

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learners/models/foreign_model.ipp>
#endif
