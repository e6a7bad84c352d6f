/// Topology: which stage may follow which. A chain of exits inside one network, or a DAG of networks.
#pragma once
#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>

namespace weir {

/// Stages in topological order. Stage 0 runs first; the last stage is the full network (the reference that excess loss
/// is measured against). After stage k an example either exits with its answer or goes on to one of stages[k].next.
///
/// Action 0 at a stage is "exit"; action a > 0 is "run next[a - 1]". A stage without successors always exits.
struct Topology {
  struct Stage {
    std::string name;
    std::vector<std::size_t> next;  ///< ascending, each above the stage's own index
    bool operator==(const Stage&) const = default;
  };
  std::vector<Stage> stages;

  std::size_t size() const { return stages.size(); }
  std::size_t full() const { return stages.size() - 1; }
  std::size_t n_actions(std::size_t k) const { return 1 + stages.at(k).next.size(); }

  /// Stage 0 -> stage 1 -> ... -> the full network.
  static Topology chain(const std::vector<std::string>& names) {
    Topology t;
    for (std::size_t k = 0; k < names.size(); ++k)
      t.stages.push_back(
          {names[k], k + 1 < names.size() ? std::vector<std::size_t>{k + 1} : std::vector<std::size_t>{}});
    t.check();
    return t;
  }

  /// Every later stage may follow every earlier one (for A, G, R: A -> exit, G or R; G -> exit or R; as in figure 2 of
  /// Bolukbasi et al., ICML 2017).
  static Topology all_later(const std::vector<std::string>& names) {
    Topology t;
    for (std::size_t k = 0; k < names.size(); ++k) {
      t.stages.push_back({names[k], {}});
      for (std::size_t later = k + 1; later < names.size(); ++later) t.stages[k].next.push_back(later);
    }
    t.check();
    return t;
  }

  /// Throws ArgumentError unless there is a stage, names are unique and not empty, successors are ascending and later,
  /// and every stage can be reached from stage 0.
  void check() const {
    if (stages.empty()) throw ArgumentError("topology: at least one stage is needed");
    std::set<std::string> names;
    std::vector<bool> reached(stages.size(), false);
    reached[0] = true;
    for (std::size_t k = 0; k < stages.size(); ++k) {
      const Stage& s = stages[k];
      if (s.name.empty() || !names.insert(s.name).second)
        throw ArgumentError("topology: stage " + std::to_string(k) + " needs a name of its own, not '" + s.name + "'");
      if (!reached[k]) throw ArgumentError("topology: nothing leads to stage '" + s.name + "'");
      std::size_t before = k;
      for (const std::size_t next : s.next) {
        if (next <= before || next >= stages.size())
          throw ArgumentError("topology: successors of stage '" + s.name + "' must be ascending and later stages");
        reached[next] = true;
        before = next;
      }
    }
  }

  /// Stages other than k that every path from stage 0 to k runs, ascending. A gate at k may use what they answered: it
  /// is known on whatever path the example came.
  std::vector<std::size_t> before(std::size_t k) const {
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

  bool operator==(const Topology&) const = default;
};

}  // namespace weir
