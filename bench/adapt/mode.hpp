/// A way of stopping (selection among networks, or early exit in one), and its traces.
#pragma once
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/features/feature_group.hpp>
#include <weir/policy/features/pooled.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/learn/batch_prices.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/tune_groups.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/not_finite.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

#include "heads.hpp"

namespace adapt {

inline weir::BudgetOn budget_on(const std::string& name) {
  return name == "net" ? weir::BudgetOn::difference : weir::BudgetOn::excess;
}
inline weir::detail::LossSide loss_side(weir::BudgetOn on) {
  return on == weir::BudgetOn::difference ? weir::detail::LossSide::difference : weir::detail::LossSide::excess;
}

/// A learned policy for one budget.
struct Learned {
  double budget = 0;
  weir::Choice choice;
  std::string name{};  ///< where it is not the mode's own
};

/// What a pool costs with one of its stages and without it (members.hpp).
struct MemberCost {
  std::string stage;
  double with = 0, without = 0;
};

/// What heads that see the exit before them are worth, on the policy part (links.hpp).
struct LinksTried {
  std::vector<std::string> stages;          ///< those that see another one
  std::vector<double> right, right_linked;  ///< [stages] share of right answers without and with
  double cost = 0, cost_linked = 0;         ///< system_cost, cross-validated
  bool taken = false;
};

struct Mode {
  std::string name;               ///< "selection", "early_exit" or "search"
  std::string learner;            ///< what its gates are
  std::vector<std::size_t> nets;  ///< network i of the spec is Models::all[nets[i]]
  std::shared_ptr<const weir::CascadeSpec> spec;
  std::vector<Eigen::MatrixXf> out_of_fold;  ///< [stages with cross-fitted heads] logits of the policy part
  std::vector<Eigen::MatrixXd> projected;    ///< [stages] pooled features of the policy part, out of fold; or [0, 0]
  weir::CostModel model;                     ///< what stages cost, by size of batch
  std::size_t batch = 1;                     ///< images that run together; 1 where they cannot
  weir::detail::BatchPrices prices;          ///< what they cost at the batch sizes that the policy sends on
  weir::Trace policy, calibration, test;
  weir::Trace lessons;          ///< the policy part with the losses that gates learn from
  std::string learned_from;     ///< what those are, in words
  Learned learned;              ///< for the asked budget
  std::vector<Learned> beside;  ///< for the same limit: on the other loss, by the method of the paper
  std::vector<Learned> curve;   ///< for others, in the mean
  std::vector<weir::TunedRule> rules;
  std::shared_ptr<const weir::CascadeSpec> plain;  ///< what the rules run on: without the groups of features chosen
  std::vector<weir::detail::GroupsTried> tried;    ///< where groups of features were chosen among
  std::vector<std::string> left_out;               ///< rules that the traces do not suffice for, and why
  std::vector<double> decisions;                   ///< [stages] seconds of a decision, where those are measured
  std::optional<LinksTried> links;                 ///< where that was tried
  std::string repriced;                            ///< where stages were measured again in use: what that changed
  std::vector<MemberCost> members;  ///< of all stages but the full network; empty if they were not weighed
  bool certified = false;           ///< the budget holds with the asked confidence

  const std::vector<weir::StageCost>& costs() const { return prices.costs; }

  /// Takes prices for those of the stages from now on.
  void set_prices(weir::detail::BatchPrices p) {
    prices = std::move(p);
    for (weir::Trace* trace : {&policy, &lessons, &calibration})
      if (trace->size() > 0) trace->set_costs(costs(), model.unit);
  }

  /// Everybody runs every stage in full batches.
  void price_full_batches() {
    const std::vector<double> share(model.n_stages(), 1.0);
    set_prices({model.expected(batch, share), share});
  }

  /// Cost of an image in the full network alone.
  double full_cost() const { return weir::detail::select_costs(model, policy, {policy.full()}).at(0, batch).cost; }
};

/// What choose_links() found; null where it did not try.
inline nlohmann::json links_json(const Mode& m) {
  if (!m.links) return nullptr;
  nlohmann::json json = {{"taken", m.links->taken},
                         {"cost", m.links->cost_linked},
                         {"cost_without", m.links->cost},
                         {"stages", nlohmann::json::array()}};
  for (std::size_t i = 0; i < m.links->stages.size(); ++i)
    json["stages"].push_back(
        {{"name", m.links->stages[i]}, {"right", m.links->right_linked[i]}, {"right_without", m.links->right[i]}});
  return json;
}

/// True if exits of some mode answer with heads that were trained here.
inline bool has_heads(const std::vector<Mode>& modes) {
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

/// Runs every stage on every image of a part. Features are those that gates see at run time, to the last bit; in the
/// policy part (`cross_fitted`) stages whose head or projection was fitted to it are answered by those that did not see
/// the image. Class probabilities, which some rules and --also look at, are kept unless they are large and neither
/// these nor saved traces ask for them.
inline weir::Trace record(const Mode& m, const Options& o, Models& models, const Part& part, const weir::Loss& loss,
                          bool cross_fitted = false) {
  weir::Trace trace;
  trace.label = part.labels();
  const auto n = static_cast<Eigen::Index>(part.size());
  for (std::size_t k = 0; k < m.spec->stages.size(); ++k) {
    const auto& names = m.spec->feature_names(k);
    trace.stages.push_back({m.spec->stages[k].name, 0, names,
                            Eigen::MatrixXd(n, static_cast<Eigen::Index>(names.size())), std::vector<int>(part.size()),
                            Eigen::VectorXd(n), models.all[m.nets[m.spec->stages[k].network]].name});
  }
  if (!m.costs().empty()) trace.set_costs(m.costs(), m.model.unit);
  constexpr double most_bytes = 512.0 * (1 << 20);
  const double bytes = 4.0 * static_cast<double>(part.size() * m.spec->n_classes() * trace.stages.size());
  if (!o.save_traces.empty() || !o.also.empty() || bytes <= most_bytes)
    for (weir::StageTrace& s : trace.stages) s.probabilities.resize(n, static_cast<Eigen::Index>(m.spec->n_classes()));
  ProgressLine progress("recording " + m.name + " on " + std::to_string(part.size()) + " images");
  weir::CascadeExecutor cascade(m.spec, all_cores(o));
  const auto all = models.maker(part, m.nets);
  std::vector<float> logits(m.spec->n_classes()), probabilities(m.spec->n_classes());
  std::vector<double> own;
  const std::size_t batch = 16;
  for (std::size_t first = 0; first < part.size(); first += batch) {
    const std::size_t count = std::min(batch, part.size() - first);
    try {
      cascade.record(
          count, [&](std::size_t net, std::size_t r, weir::View out) { all(net, first + r, out); },
          [&](std::size_t k, std::size_t r, int prediction, std::span<const float> p,
              std::span<const double> features) {
            const std::size_t i = first + r;
            const auto at = static_cast<Eigen::Index>(i);
            if (cross_fitted && k < m.out_of_fold.size() && m.out_of_fold[k].rows() > 0) {
              for (std::size_t c = 0; c < logits.size(); ++c)
                logits[c] = m.out_of_fold[k](at, static_cast<Eigen::Index>(c));
              weir::detail::softmax(logits, probabilities);
              own.assign(features.begin(), features.end());
              weir::FeatureSource source{.probabilities = probabilities, .logits = logits};
              m.spec->features(k).fill(weir::FeatureInput::answer, source, own);
              prediction = source.prediction;
              p = probabilities;
              features = own;
            }
            weir::StageTrace& s = trace.stages[k];
            s.prediction[i] = prediction;
            s.loss(at) = loss(p, trace.label[i]);
            Eigen::Index pooled = 0;
            for (Eigen::Index f = 0; f < s.features.cols(); ++f) {
              const auto column = static_cast<std::size_t>(f);
              const bool replaced = cross_fitted && k < m.projected.size() && m.projected[k].rows() > 0 &&
                                    weir::detail::pooled_group.owns(s.feature_names[column]);
              s.features(at, f) = replaced ? m.projected[k](at, pooled++) : features[column];
            }
            for (Eigen::Index c = 0; c < s.probabilities.cols(); ++c)
              s.probabilities(at, c) = p[static_cast<std::size_t>(c)];
          });
    } catch (const weir::NotFiniteError& e) {
      throw e.at("image '" + part.set->name(part.rows[first + e.row()]) + "'");
    }
    progress(first + count, part.size());
  }
  return trace;
}

}  // namespace adapt
