/// A way of stopping: selection among networks, early exit in one, or what a search over all of them finds.
///
/// What is known of it grows from value to value, each returned by one step of the run: Mode -> PricedMode
/// (recorded.hpp)
/// -> Design (design.hpp) -> LearnedMode (learned.hpp) -> TestedMode.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/choose/learn_policy.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "heads.hpp"

namespace adapt {

inline weir::BudgetOn budget_on(const std::string& name) {
  return name == "net" ? weir::BudgetOn::difference : weir::BudgetOn::excess;
}
using weir::detail::loss_side;

/// What heads that see the exit before them are worth, on the policy part (links.hpp).
struct LinksTried {
  std::vector<std::string> stages;          ///< those that see another one
  std::vector<double> right, right_linked;  ///< [stages] share of right answers without and with
  double cost = 0, cost_linked = 0;         ///< system_cost, cross-validated
  std::string unit;                         ///< of these costs
  bool taken = false;
};

struct Mode {
  std::string name;               ///< "selection", "early_exit", "early_exit_NETWORK" or "search"
  std::vector<std::size_t> nets;  ///< network i of the spec is Models::all[nets[i]]
  std::shared_ptr<const weir::CascadeSpec> spec;
  std::vector<Eigen::MatrixXf> out_of_fold{};  ///< [stages with cross-fitted heads] logits of the policy part
  std::vector<Eigen::MatrixXd> projected{};    ///< [stages] pooled features of the policy part, out of fold; or [0, 0]
  std::optional<weir::CostModel> given_costs{};  ///< by the table of --costs; none where they are measured or counted
  std::optional<LinksTried> links{};             ///< where that was tried
  std::vector<SizesTried> sizes{};               ///< of exit heads, by network, where they were chosen
};

/// True if exits of some mode answer with heads that were trained here.
template <typename Modes>
bool has_heads(const Modes& modes) {
  return std::ranges::any_of(modes, [](const Mode& m) {
    return std::ranges::any_of(m.spec->stages, [](const weir::CascadeStage& s) { return s.head.has_value(); });
  });
}

inline Mode selection_mode(const Options& o, const Models& models, bool class_features) {
  Mode m;
  m.name = "selection";
  std::vector<weir::CascadeStage> stages;
  std::vector<std::string> names;
  for (std::size_t n = 0; n < models.all.size(); ++n) {
    const Model& model = models.all[n];
    m.nets.push_back(n);
    names.push_back(model.name);
    stages.push_back({model.name, n, model.answer, std::nullopt, model.logits});
  }
  m.spec = std::make_shared<weir::CascadeSpec>(
      models.networks(), std::move(stages),
      o.topology == "chain" ? weir::Topology::chain(names) : weir::Topology::all_later(names), class_features);
  return m;
}

inline std::string early_exit_name(const Heads& heads, const Models& models, bool several) {
  return several ? "early_exit_" + models.all[heads.model].name : "early_exit";
}

inline Mode early_exit_mode(const Heads& heads, const Models& models, bool class_features, bool several) {
  Mode m;
  m.name = early_exit_name(heads, models, several);
  m.nets = {heads.model};
  m.out_of_fold = heads.out_of_fold;
  m.sizes = heads.sizes;
  const Model& model = models.all[heads.model];
  std::vector<weir::CascadeStage> stages;
  std::vector<std::string> names;
  for (std::size_t e = 0; e < heads.points.size(); ++e) {
    names.push_back(exit_name(heads, e));
    stages.push_back({names.back(), 0, heads.points[e].tensor, heads.heads[e], heads.logits[e]});
  }
  names.push_back(model.name);
  stages.push_back({model.name, 0, model.answer, std::nullopt, model.logits});
  m.spec = std::make_shared<weir::CascadeSpec>(std::vector<weir::Network>{model.network}, std::move(stages),
                                               weir::Topology::chain(names), class_features);
  return m;
}

/// The mode's cascade with other features.
inline std::shared_ptr<const weir::CascadeSpec> with_features(const weir::CascadeSpec& spec,
                                                              const std::vector<std::string>& groups) {
  return std::make_shared<weir::CascadeSpec>(
      spec.networks(), spec.stages, spec.topology,
      weir::FeatureOptions(spec.feature_options.with_class, groups, spec.feature_options.sorted_depth));
}

}  // namespace adapt
