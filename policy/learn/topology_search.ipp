// What topology_search.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/topology_search.hpp>

namespace weir::detail {

/// All trees over m stages, the chain among them, in which stage k > 0 follows one earlier stage; (m - 1)! of them.
inline std::vector<std::vector<std::size_t>> parents_of_trees(std::size_t m) {
  std::vector<std::vector<std::size_t>> all{{0}};  // [tree][stage] its parent; that of stage 0 is not read
  for (std::size_t k = 1; k < m; ++k) {
    std::vector<std::vector<std::size_t>> longer;
    for (const auto& tree : all)
      for (std::size_t parent = 0; parent < k; ++parent) {
        longer.push_back(tree);
        longer.back().push_back(parent);
      }
    all = std::move(longer);
  }
  return all;
}

WEIR_INLINE std::vector<Topology> topologies_over(const std::vector<std::string>& names) {
  std::vector<Topology> all;
  for (const auto& parents : parents_of_trees(names.size())) {
    Topology tree;
    for (const std::string& name : names) tree.stages.push_back({name, {}});
    for (std::size_t k = 1; k < names.size(); ++k) tree.stages[parents[k]].next.push_back(k);
    all.push_back(std::move(tree));
  }
  if (names.size() > 2) all.push_back(Topology::all_later(names));
  return all;
}

WEIR_INLINE std::vector<std::vector<std::size_t>> subsets_with_last(std::size_t n, std::size_t most) {
  std::vector<std::vector<std::size_t>> all{{n - 1}};
  for (std::size_t at = 0; at < all.size(); ++at)
    for (std::size_t k = 0; all[at].size() < most && k < all[at].front(); ++k) {
      auto larger = all[at];
      larger.insert(larger.begin(), k);
      all.push_back(std::move(larger));
    }
  return all;
}

WEIR_INLINE std::size_t count_topologies(std::size_t n, std::size_t most, std::size_t limit) {
  double total = 0, choose = 1, trees = 1;  // choose = C(n - 1, m - 1), trees = (m - 1)!
  for (std::size_t m = 1; m <= std::min(n, most) && total <= static_cast<double>(limit); ++m) {
    total += choose * (trees + (m > 2 ? 1 : 0));
    choose *= static_cast<double>(n - m) / static_cast<double>(m);
    trees *= static_cast<double>(m);
  }
  return total > static_cast<double>(limit) ? limit + 1 : static_cast<std::size_t>(total);
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::vector<FoundTopology> search_topologies(const DesignTrace& pool, const SearchOptions& options) {
  pool.check();
  pool.learn.check();
  pool.judge.check();
  if (options.max_stages == 0) throw ArgumentError("topology search: at least one stage is needed");
  const std::size_t n = pool.learn.stages.size(), most = std::min(options.max_stages, n);
  std::vector<FoundTopology> found;
  const auto consider = [&](const std::vector<std::size_t>& stages) {
    const Trace learn = pool.learn.select(stages), judge = pool.judge.select(stages);
    std::vector<std::string> names;
    for (const StageTrace& s : learn.stages) names.push_back(s.name);
    FoundTopology best;
    for (Topology& topology : detail::topologies_over(names)) {
      if (options.usable && !options.usable(stages, topology)) continue;
      FoundTopology f{stages, std::move(topology), 0};
      f.cost = detail::system_cost(cross_validate({learn, judge}, f.topology, options.train, options.validation),
                                   options.budget);
      if (f.cost < best.cost) best = f;
      found.push_back(std::move(f));
    }
    return best;
  };
  const std::size_t count = detail::count_topologies(n, most, options.exhaustive);
  if (count <= options.exhaustive) {
    const auto subsets = detail::subsets_with_last(n, most);
    for (std::size_t s = 0; s < subsets.size(); ++s) {
      consider(subsets[s]);
      if (options.progress) options.progress(s + 1, subsets.size());
    }
  } else {
    FoundTopology best = consider({n - 1});
    while (best.stages.size() < most) {
      FoundTopology longer;
      for (std::size_t k = 0; k + 1 < n; ++k) {
        if (std::ranges::binary_search(best.stages, k)) continue;
        auto stages = best.stages;
        stages.insert(std::ranges::lower_bound(stages, k), k);
        FoundTopology f = consider(stages);
        if (f.cost < longer.cost) longer = std::move(f);
        if (options.progress) options.progress((best.stages.size() - 1) * (n - 1) + k + 1, (most - 1) * (n - 1));
      }
      if (!(longer.cost < best.cost * (1 - options.least_gain))) break;
      best = std::move(longer);
    }
  }
  if (found.empty()) throw ArgumentError("topology search: no topology is usable");
  std::stable_sort(found.begin(), found.end(),
                   [](const FoundTopology& a, const FoundTopology& b) { return a.cost < b.cost; });
  const auto size = [](const FoundTopology& f) {
    std::size_t edges = 0;
    for (const auto& s : f.topology.stages) edges += s.next.size();
    return std::pair(f.stages.size(), edges);
  };
  auto simplest = found.begin();
  for (auto f = found.begin(); f != found.end() && f->cost <= found.front().cost * (1 + options.least_gain); ++f)
    if (size(*f) < size(*simplest)) simplest = f;
  std::rotate(found.begin(), simplest, simplest + 1);
  return found;
}

}  // namespace weir
