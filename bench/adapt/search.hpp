/// The mode whose stages and topology are searched for: all networks and all exits inside them.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/policy/learn/batch_prices.hpp>
#include <weir/policy/learn/topology_search.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/topology.hpp>

#include "recorded.hpp"
#include "teaching.hpp"

namespace adapt {

/// The pool to search: behind each exit of a network and behind each network an image may stop or go on.
inline Mode pool_mode(const std::vector<Heads>& heads, const Models& models, bool class_features) {
  Mode m;
  m.name = "search";
  for (const Heads& h : heads) m.sizes.insert(m.sizes.end(), h.sizes.begin(), h.sizes.end());
  std::vector<weir::CascadeStage> stages;
  for (std::size_t n = 0; n < models.all.size(); ++n) {
    const Model& model = models.all[n];
    m.nets.push_back(n);
    for (const Heads& h : heads)
      for (std::size_t e = 0; h.model == n && e < h.points.size(); ++e) {
        stages.push_back({model.name + "@" + h.points[e].tensor, n, h.points[e].tensor, h.heads[e], h.logits[e]});
        m.out_of_fold.push_back(h.out_of_fold.empty() ? Eigen::MatrixXf() : h.out_of_fold[e]);
      }
    stages.push_back({model.name, n, model.answer, std::nullopt, model.logits});
    m.out_of_fold.emplace_back();
  }
  std::vector<std::string> names;
  for (const auto& s : stages) names.push_back(s.name);
  m.spec = std::make_shared<weir::CascadeSpec>(models.networks(), std::move(stages), weir::Topology::chain(names),
                                               class_features);
  return m;
}

/// "a -> b | full, b -> full"
inline std::string to_text(const weir::Topology& topology) {
  std::string text;
  for (const auto& s : topology.stages) {
    if (s.next.empty() && topology.size() > 1) continue;
    text += (text.empty() ? "" : ", ") + s.name;
    for (const std::size_t next : s.next)
      text += (next == s.next.front() ? " -> " : " | ") + topology.stages[next].name;
  }
  return text;
}

/// Some stages of a mode's cascade in a topology, without the networks that none of them runs.
struct PartOfMode {
  std::shared_ptr<const weir::CascadeSpec> spec;
  std::vector<std::size_t> nets;  ///< as Mode::nets
};

inline PartOfMode part_of(const Mode& m, const Models& models, const std::vector<std::size_t>& keep,
                          const weir::Topology& topology) {
  PartOfMode part;
  std::vector<weir::CascadeStage> stages;
  std::vector<weir::Network> networks;
  for (const std::size_t k : keep) {
    stages.push_back(m.spec->stages[k]);
    const std::size_t net = m.nets[stages.back().network];
    if (part.nets.empty() || part.nets.back() != net) {
      part.nets.push_back(net);
      networks.push_back(models.all[net].network);
    }
    stages.back().network = part.nets.size() - 1;
  }
  part.spec =
      std::make_shared<weir::CascadeSpec>(networks, std::move(stages), topology, m.spec->feature_options.with_class);
  return part;
}

/// The best topology over the stages of a pool. A large pool is searched greedily, one stage at a time. That misses
/// networks whose stages save time only together, such as an 8-bit copy and its exits. So the stages of each network
/// are also searched by themselves, with the full network behind them, and the cheapest topology of all is returned.
inline weir::FoundTopology best_topology(const PricedMode& m, const weir::SearchOptions& options) {
  const weir::Trace judge = judge_of(m);
  weir::FoundTopology best = weir::search_topologies({m.lessons, judge}, options).front();
  const std::size_t n = m.lessons.stages.size();
  if (weir::detail::count_topologies(n, options.max_stages, options.exhaustive) <= options.exhaustive) return best;
  for (std::size_t net = 0; net + 1 < m.nets.size(); ++net) {
    std::vector<std::size_t> keep;
    for (std::size_t k = 0; k < n; ++k)
      if (m.spec->stages[k].network == net || k + 1 == n) keep.push_back(k);
    if (keep.size() < 3) continue;  // a pair: the search of the whole pool began with it
    const auto in_pool = [&](std::vector<std::size_t> stages) {
      for (std::size_t& k : stages) k = keep[k];
      return stages;
    };
    weir::SearchOptions some = options;
    if (options.usable)
      some.usable = [&](const std::vector<std::size_t>& stages, const weir::Topology& topology) {
        return options.usable(in_pool(stages), topology);
      };
    const weir::Trace some_lessons = m.lessons.select(keep), some_judge = judge.select(keep);
    weir::FoundTopology found = weir::search_topologies({some_lessons, some_judge}, some).front();
    found.stages = in_pool(found.stages);
    if (found.cost < best.cost * (1 - options.least_gain)) best = std::move(found);
  }
  return best;
}

/// How the topologies of a mode are compared. Batches are priced as if all images got everywhere, and only topologies
/// are tried through which they flow. The mode and the models must outlive it.
inline weir::SearchOptions search_options(const PricedMode& m, const Options& o, const Models& models) {
  weir::SearchOptions options;
  options.train =
      weir::detail::with_learner({.side = loss_side(budget_on(o.budget))}, std::string(weir::detail::predicted_loss));
  options.budget = budget_in_the_mean(o);
  options.validation = {.folds = 3, .lambdas = 6, .seed = o.seed, .threads = all_cores(o).threads()};
  if (o.quick) options.max_stages = 3;
  if (m.prices.batch > 1)
    options.usable = [&](const std::vector<std::size_t>& stages, const weir::Topology& topology) {
      return part_of(m, models, stages, topology).spec->flows_in_batches();
    };
  return options;
}

/// Of a pool the stages, networks and topology that are found to pay, learned from m.lessons and judged by labels.
inline Mode search(const PricedMode& m, const Options& o, const Models& models) {
  weir::SearchOptions options = search_options(m, o, models);
  ProgressLine progress("searching the topology of " + std::to_string(m.spec->stages.size()) + " stages");
  options.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const weir::FoundTopology best = best_topology(m, options);
  PartOfMode part = part_of(m, models, best.stages, best.topology);
  Mode found{m.name, std::move(part.nets), std::move(part.spec)};
  for (const std::size_t k : best.stages) found.out_of_fold.push_back(m.out_of_fold[k]);
  found.sizes = m.sizes;
  if (m.given_costs) found.given_costs = weir::detail::select_costs(*m.given_costs, m.policy, best.stages);
  return found;
}

}  // namespace adapt
