/// One interface over all learners: fit a gate by name.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gate_model.hpp>

namespace weir {

/// "logistic", "svm", ... in the order of learners/list.hpp, then those that register_learner() added.
std::vector<std::string> learner_names();

}  // namespace weir

namespace weir::detail {

/// Throws ArgumentError that lists `known` unless the name is among them.
void check_learner(const std::string& name, const std::vector<std::string>& known = learner_names());

}  // namespace weir::detail

namespace weir {

/// Fits the learner of that name with its default hyper-parameters. Throws ArgumentError for an unknown name and what
/// Dataset::check throws.
detail::GateModel fit_by_name(const std::string& learner, const Dataset& data);

/// What fits a learner of a program's own.
using FitDecision = std::function<std::shared_ptr<const DecisionFunction>(const Dataset& data)>;

/// Makes a learner of a program's own known by name, for the whole process: to fit_by_name, TrainOptions::learner, and
/// (register_model) to what reads policy files. Throws ArgumentError as register_model() does.
void register_learner(const std::string& name, FitDecision fit, detail::LoadModel load);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/learners/learner.ipp>
#endif
