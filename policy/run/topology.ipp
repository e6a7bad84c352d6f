// What topology.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/run/topology.hpp>

namespace weir {

WEIR_INLINE Topology Topology::chain(const std::vector<std::string>& names) {
  Topology t;
  for (std::size_t k = 0; k < names.size(); ++k)
    t.stages.push_back({names[k], k + 1 < names.size() ? std::vector<std::size_t>{k + 1} : std::vector<std::size_t>{}});
  t.check();
  return t;
}

WEIR_INLINE Topology Topology::all_later(const std::vector<std::string>& names) {
  Topology t;
  for (std::size_t k = 0; k < names.size(); ++k) {
    t.stages.push_back({names[k], {}});
    for (std::size_t later = k + 1; later < names.size(); ++later) t.stages[k].next.push_back(later);
  }
  t.check();
  return t;
}

WEIR_INLINE void Topology::check() const {
  if (stages.empty()) throw ArgumentError("topology: at least one stage is needed");
  std::set<std::string> names;
  std::vector<bool> reached(stages.size(), false);
  reached[0] = true;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const Stage& s = stages[k];
    if (s.name.empty() || !names.insert(s.name).second)
      throw ArgumentError(detail::message({"topology: stage ", k, " needs a name of its own, not '", s.name, "'"}));
    if (!reached[k]) throw ArgumentError(detail::message({"topology: nothing leads to stage '", s.name, "'"}));
    std::size_t before = k;
    for (const std::size_t next : s.next) {
      if (next <= before || next >= stages.size())
        throw ArgumentError(
            detail::message({"topology: successors of stage '", s.name, "' must be ascending and later stages"}));
      reached[next] = true;
      before = next;
    }
  }
}

WEIR_INLINE std::vector<std::size_t> Topology::before(std::size_t k) const {
  std::vector<std::set<std::size_t>> on_all(stages.size());
  std::vector<bool> seen(stages.size(), false);
  seen[0] = true;
  for (std::size_t i = 0; i < k; ++i) {
    std::set<std::size_t> through = on_all[i];
    through.insert(i);
    for (const std::size_t next : stages.at(i).next) {
      if (!seen[next]) {
        on_all[next] = through;
      } else {
        std::erase_if(on_all[next], [&](std::size_t s) { return through.count(s) == 0; });
      }
      seen[next] = true;
    }
  }
  return {on_all.at(k).begin(), on_all.at(k).end()};
}

}  // namespace weir
