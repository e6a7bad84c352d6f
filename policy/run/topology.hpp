/// Topology: which stage may follow which. A chain of exits inside one network, or a DAG of networks.
#pragma once
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
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
  static Topology chain(const std::vector<std::string>& names);

  /// Every later stage may follow every earlier one (for A, G, R: A -> exit, G or R; G -> exit or R; as in figure 2 of
  /// Bolukbasi et al., ICML 2017).
  static Topology all_later(const std::vector<std::string>& names);

  /// Throws ArgumentError unless there is a stage, names are unique and not empty, successors are ascending and later,
  /// and every stage can be reached from stage 0.
  void check() const;

  /// Stages other than k that every path from stage 0 to k runs, ascending. A gate at k may use what they answered: it
  /// is known on whatever path the example came.
  std::vector<std::size_t> before(std::size_t k) const;

  bool operator==(const Topology&) const = default;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/topology.ipp>
#endif
