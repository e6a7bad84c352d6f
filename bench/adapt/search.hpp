/// The mode whose stages and topology are searched for: all networks and all exits inside them.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/policy/topology_search.hpp>

#include "mode.hpp"

namespace adapt {

/// The pool to search: behind each exit of a network and behind each network an image may stop or go on.
inline Mode pool_mode(const std::vector<Heads>& heads, const Models& models, bool class_features) {
  Mode m;
  m.name = "search";
  std::vector<weir::CascadeStage> stages;
  for (std::size_t n = 0; n < models.all.size(); ++n) {
    const Model& model = models.all[n];
    m.nets.push_back(n);
    for (const Heads& h : heads)
      for (std::size_t e = 0; h.model == n && e < h.points.size(); ++e) {
        stages.push_back({model.name + "@" + h.points[e].tensor, n, h.points[e].tensor, h.heads[e], true});
        m.out_of_fold.push_back(h.out_of_fold.empty() ? Eigen::MatrixXf() : h.out_of_fold[e]);
      }
    stages.push_back({model.name, n, model.network.output_names().front(), std::nullopt, model.logits});
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

/// Searches on m.policy and leaves in the mode nothing but the stages and networks that were found to pay.
inline void search(Mode& m, const Options& o, const Models& models) {
  weir::SearchOptions options;
  options.train.feature = weir::feature_group::without_class;
  options.train.passes = 0;
  options.budget.value = o.max_loss;
  options.validation = {.folds = 3, .lambdas = 6, .seed = o.seed, .threads = all_cores(o).threads()};
  if (o.quick) options.max_stages = 3;
  ProgressLine progress("searching the topology of " + std::to_string(m.spec->stages.size()) + " stages");
  options.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const weir::FoundTopology found = weir::search_topologies(m.policy, options).front();
  m.policy = m.policy.select(found.stages);
  m.costs.clear();
  for (const weir::StageTrace& s : m.policy.stages) m.costs.push_back({s.seconds, s.answer_seconds, s.feature_seconds});
  std::vector<weir::CascadeStage> stages;
  std::vector<weir::Network> networks;
  std::vector<std::size_t> nets;
  for (const std::size_t k : found.stages) {
    stages.push_back(m.spec->stages[k]);
    const std::size_t net = m.nets[stages.back().network];
    if (nets.empty() || nets.back() != net) {
      nets.push_back(net);
      networks.push_back(models.all[net].network);
    }
    stages.back().network = nets.size() - 1;
  }
  m.nets = std::move(nets);
  std::vector<Eigen::MatrixXf> out_of_fold;
  for (const std::size_t k : found.stages) out_of_fold.push_back(std::move(m.out_of_fold[k]));
  m.out_of_fold = std::move(out_of_fold);
  m.spec = std::make_shared<weir::CascadeSpec>(networks, std::move(stages), found.topology,
                                               m.spec->feature_options.with_class);
}

}  // namespace adapt
