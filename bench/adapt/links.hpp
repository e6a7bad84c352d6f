/// Whether a mode's exit heads see the logits of the exit before them.
#pragma once
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/trace/trace.hpp>

#include "costs.hpp"
#include "teaching.hpp"

namespace adapt {

/// A mode whose heads see others, and which of its stages have those.
struct Linked {
  Mode mode;
  std::vector<std::size_t> stages;
};

/// The mode with heads each of which sees the last exit before it, of the same network, that every path to it runs and
/// that has a head, too. They are fitted for this very chain, first to last.
inline Linked with_links(Mode m, HeadStore& store) {
  std::vector<std::size_t> linked;
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
  return {std::move(m), std::move(linked)};
}

/// "early_exit, heads that also see the exit before them: ...".
inline std::string links_line(const std::string& mode, const LinksTried& t) {
  std::string text = mode + ", heads that also see the exit before them, on the policy part:";
  for (std::size_t i = 0; i < t.stages.size(); ++i) {
    char right[40];
    std::snprintf(right, sizeof right, " %.2f -> %.2f", 100 * t.right[i], 100 * t.right_linked[i]);
    text += (i == 0 ? " " : ", ") + t.stages[i] + right;
  }
  return text + " % right; predicted cost " + weir::detail::format_cost(t.cost, t.unit) + " -> " +
         weir::detail::format_cost(t.cost_linked, t.unit) + (t.taken ? ": taken" : ": not taken");
}

/// What choose_links() found, for summary.json; null where it did not try.
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

/// What a mode costs at its budget in cross-validation on the policy part.
inline double validated_cost(const PricedMode& m, const Options& o) {
  const weir::Budget budget = budget_in_the_mean(o);
  const weir::Trace judge = judge_of(m);
  return weir::detail::system_cost(
      weir::detail::cross_validate({m.lessons, judge}, m.spec->topology, predicted_losses(o),
                                   {.folds = 3, .lambdas = 8, .seed = o.seed, .threads = all_cores(o).threads()}),
      budget);
}

/// Heads that see their layer only, `m`, and `linked` ones, compared on images of the policy part, which no head was
/// fitted to, at the same prices: those of the dearer heads.
inline LinksTried compare_links(const Mode& m, const Linked& linked, const Options& o, const Data& data,
                                const Models& models, const weir::Loss& loss) {
  const Prices prices = find_costs(linked.mode, o, data, models);
  const PricedMode apart = recorded(m, prices, o, data, models, loss);
  LinksTried tried;
  tried.unit = prices.unit();
  tried.cost = validated_cost(apart, o);
  const PricedMode together = recorded(linked.mode, prices, o, data, models, loss);
  tried.cost_linked = validated_cost(together, o);
  const auto right = [](const weir::Trace& trace, std::size_t k) {
    double n = 0;
    for (std::size_t i = 0; i < trace.size(); ++i) n += trace.stages[k].prediction[i] == trace.label[i] ? 1 : 0;
    return n / static_cast<double>(trace.size());
  };
  for (const std::size_t k : linked.stages) {
    tried.stages.push_back(m.spec->stages[k].name);
    tried.right.push_back(right(apart.policy, k));
    tried.right_linked.push_back(right(together.policy, k));
  }
  tried.taken = tried.cost_linked < 0.99 * tried.cost;
  return tried;
}

/// The mode with the heads that --heads-see says. auto: those that see more where they lower the cost of the system in
/// cross-validation by a hundredth; Mode::links says what was found.
inline Mode choose_links(Mode m, const Options& o, const Data& data, const Models& models, const weir::Loss& loss,
                         HeadStore& store) {
  if (o.heads_see == "layer" || (o.heads_see == "auto" && o.quick)) return m;
  Linked linked = with_links(m, store);
  if (linked.stages.empty()) return m;
  if (o.heads_see == "earlier") return std::move(linked.mode);
  LinksTried tried = compare_links(m, linked, o, data, models, loss);
  Mode chosen = tried.taken ? std::move(linked.mode) : std::move(m);
  chosen.links = std::move(tried);
  return chosen;
}

}  // namespace adapt
