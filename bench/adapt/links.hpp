/// Whether a mode's exit heads see the logits of the exit before them.
#pragma once
#include <cstdio>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/trace/trace.hpp>

#include "costs.hpp"
#include "learn.hpp"

namespace adapt {

/// The mode with heads each of which sees the last exit before it, of the same network, that every path to it runs and
/// that has a head, too. They are fitted for this very chain, first to last; `linked` gets the stages that see another.
inline Mode with_links(Mode m, HeadStore& store, std::vector<std::size_t>& linked) {
  std::vector<weir::CascadeStage> stages = m.spec->stages;
  std::vector<std::vector<std::string>> chain(stages.size());  // tensors, the stage's own last
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (!stages[k].head) continue;
    for (const std::size_t j : m.spec->gate_inputs().before(k))
      if (stages[j].head && stages[j].network == stages[k].network) {
        chain[k] = chain[j];
        stages[k].sees = stages[j].name;
      }
    chain[k].push_back(stages[k].tensor);
    if (chain[k].size() == 1) continue;
    const FittedHead& made = store.head(m.nets[stages[k].network], chain[k]);
    stages[k].head = made.head;
    if (store.is_cross_fitted()) m.out_of_fold[k] = made.out_of_fold;
    linked.push_back(k);
  }
  m.spec = std::make_shared<weir::CascadeSpec>(
      m.spec->networks(), std::move(stages), m.spec->topology,
      weir::FeatureOptions(m.spec->feature_options.with_class, m.spec->feature_options.groups,
                           m.spec->feature_options.sorted_depth));
  return m;
}

/// "early_exit, heads that also see the exit before them: ...".
inline std::string links_line(const Mode& m) {
  const LinksTried& t = *m.links;
  std::string text = m.name + ", heads that also see the exit before them, on the policy part:";
  for (std::size_t i = 0; i < t.stages.size(); ++i) {
    char right[40];
    std::snprintf(right, sizeof right, " %.2f -> %.2f", 100 * t.right[i], 100 * t.right_linked[i]);
    text += (i == 0 ? " " : ", ") + t.stages[i] + right;
  }
  return text + " % right; predicted cost " + weir::detail::format_cost(t.cost, m.model.unit) + " -> " +
         weir::detail::format_cost(t.cost_linked, m.model.unit) + (t.taken ? ": taken" : ": not taken");
}

/// Decides, as --heads-see says, which heads the mode has. auto: both ways answer the images of the policy part, which
/// no head was fitted to, at the same prices (those of the dearer heads), and the heads that see more are taken where
/// they lower the cost of the system in cross-validation by a hundredth.
inline void choose_links(Mode& m, const Options& o, const Data& data, Models& models, const weir::Loss& loss,
                         HeadStore& store) {
  if (o.heads_see == "layer" || (o.heads_see == "auto" && o.quick)) return;
  std::vector<std::size_t> stages;
  Mode linked = with_links(m, store, stages);
  if (stages.empty()) return;
  if (o.heads_see == "earlier") {
    m = std::move(linked);
    return;
  }
  find_costs(linked, o, data, models);
  Mode apart = m;
  apart.model = linked.model;
  apart.batch = linked.batch;
  apart.price_full_batches();
  weir::Budget budget;
  budget.on = budget_on(o.budget);
  budget.value = o.max_loss;
  const weir::TrainOptions train = weir::detail::with_learner({.side = loss_side(budget.on), .seed = o.seed},
                                                              std::string(weir::detail::predicted_loss));
  const weir::detail::CrossValidation validation{
      .folds = 3, .lambdas = 8, .seed = o.seed, .threads = all_cores(o).threads()};
  const auto cost_of = [&](Mode& tried) {
    tried.policy = record(tried, o, models, data.policy, loss, true);
    take_lessons(tried, o, loss);
    return weir::detail::system_cost(
        weir::detail::cross_validate(tried.lessons, tried.spec->topology, train, validation), budget);
  };
  const auto right = [](const weir::Trace& trace, std::size_t k) {
    double n = 0;
    for (std::size_t i = 0; i < trace.size(); ++i) n += trace.stages[k].prediction[i] == trace.label[i] ? 1 : 0;
    return n / static_cast<double>(trace.size());
  };
  LinksTried tried;
  tried.cost = cost_of(apart);
  tried.cost_linked = cost_of(linked);
  for (const std::size_t k : stages) {
    tried.stages.push_back(m.spec->stages[k].name);
    tried.right.push_back(right(apart.policy, k));
    tried.right_linked.push_back(right(linked.policy, k));
  }
  tried.taken = tried.cost_linked < 0.99 * tried.cost;
  m.model.unit = linked.model.unit;
  if (tried.taken) {
    m.spec = linked.spec;
    m.out_of_fold = std::move(linked.out_of_fold);
  }
  m.links = std::move(tried);
}

}  // namespace adapt
