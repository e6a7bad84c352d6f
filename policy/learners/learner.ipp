// What learner.hpp declares.
#pragma once
#include <algorithm>
#include <tuple>
#include <utility>
#include <weir/core/additions.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/learners/list.hpp>

namespace weir::detail {

/// A learner of a program's own.
struct OwnLearner {
  std::string name;
  FitDecision fit;
};

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::vector<std::string> learner_names() {
  auto names = std::apply([](const auto&... entry) { return std::vector<std::string>{std::string(entry.name)...}; },
                          detail::learner_list);
  for (const detail::OwnLearner& own : detail::Additions<detail::OwnLearner>::of_process().all())
    names.push_back(own.name);
  return names;
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE void check_learner(const std::string& name, const std::vector<std::string>& known) {
  std::string list;
  for (const std::string& candidate : known) {
    if (candidate == name) return;
    list += (list.empty() ? "" : ", ") + candidate;
  }
  throw ArgumentError(detail::message({"learner '", name, "' is unknown; known: ", list}));
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE detail::GateModel fit_by_name(const std::string& learner, const Dataset& data) {
  detail::check_learner(learner);
  detail::GateModel gate;
  bool is_own = false;
  const auto consider = [&](const auto& entry) {
    using Model = decltype(entry.learner.fit(data));
    static_assert(detail::alternative<Model>() < detail::alternative<detail::ForeignModel>());
    if (entry.name != learner) return;
    is_own = true;
    gate = detail::GateModel(learner, entry.learner.fit(data));
  };
  std::apply([&](const auto&... entry) { (consider(entry), ...); }, detail::learner_list);
  if (is_own) return gate;
  data.check();
  const auto function = detail::Additions<detail::OwnLearner>::of_process().find(learner)->fit(data);
  if (!function || function->n_features() != static_cast<std::size_t>(data.X.cols()))
    throw ArgumentError(detail::message(
        {"learner '", learner, "': what it fitted does not take the data's ", data.X.cols(), " features"}));
  return detail::GateModel(learner, detail::ForeignModel(function));
}

WEIR_INLINE void register_learner(const std::string& name, FitDecision fit, detail::LoadModel load) {
  if (!fit) throw ArgumentError("register_learner: a function that fits is needed");
  register_model(name, std::move(load));
  detail::Additions<detail::OwnLearner>::of_process().add({name, std::move(fit)}, "register_learner");
}

}  // namespace weir
