// What chain_search.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learn/chain_search.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/run/topology.hpp>

namespace weir::detail {

WEIR_INLINE FoundChain cost_of_chain(const DesignTrace& pool, std::vector<std::size_t> stages,
                                     const ChainSearch& options) {
  const Trace learn = pool.learn.select(stages), judge = pool.judge.select(stages);
  std::vector<std::string> names;
  for (const StageTrace& s : learn.stages) names.push_back(s.name);
  const auto path = cross_validate({learn, judge}, Topology::chain(names), options.train, options.validation);
  return {std::move(stages), system_cost(path, options.budget)};
}

WEIR_INLINE FoundChain search_chain(const DesignTrace& pool, const ChainSearch& options) {
  const std::size_t n = pool.learn.stages.size();
  if (n == 0) throw ArgumentError("chain search: there are no stages");
  const std::size_t total = n * options.most;
  std::map<std::vector<std::size_t>, double> known;
  const auto judge = [&](const std::vector<std::size_t>& stages) {
    auto it = known.find(stages);
    if (it == known.end()) {
      it = known.emplace(stages, cost_of_chain(pool, stages, options).cost).first;
      if (options.progress) options.progress(std::min(known.size(), total), total);
    }
    return FoundChain{stages, it->second};
  };
  FoundChain best = judge({n - 1});
  while (best.stages.size() <= options.most) {
    FoundChain longer{{}, std::numeric_limits<double>::infinity()};
    for (std::size_t k = 0; k + 1 < n; ++k) {
      if (std::ranges::binary_search(best.stages, k)) continue;
      auto stages = best.stages;
      stages.insert(std::ranges::lower_bound(stages, k), k);
      if (FoundChain f = judge(stages); f.cost < longer.cost) longer = std::move(f);
    }
    if (!(longer.cost < best.cost * (1 - options.least_gain))) break;
    best = std::move(longer);
    for (bool shorter = true; shorter && best.stages.size() > 2;) {
      shorter = false;
      const FoundChain now = best;
      for (std::size_t at = 0; at + 1 < now.stages.size(); ++at) {
        auto stages = now.stages;
        stages.erase(stages.begin() + static_cast<std::ptrdiff_t>(at));
        if (FoundChain f = judge(stages); f.cost < best.cost) best = std::move(f), shorter = true;
      }
    }
  }
  if (options.progress) options.progress(total, total);
  return best;
}

}  // namespace weir::detail
