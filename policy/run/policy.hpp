/// Policy: one gate per stage, where it sends each example, and what that costs.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/topology.hpp>

namespace weir {

/// When to stop, or which network to run next.
struct Policy {
  Topology topology;
  std::vector<Gate> gates;  ///< [stages]; a stage without successors has Gate{}

  /// 0 to exit behind `stage`, or a > 0 to run next(stage, a). x is GateInputs' layout for the stage. Allocates
  /// nothing.
  std::size_t action(std::size_t stage, std::span<const double> x) const { return gates[stage].action(x); }

  /// The stage that action a > 0 runs.
  std::size_t next(std::size_t stage, std::size_t a) const { return topology.stages[stage].next[a - 1]; }

  /// Throws ArgumentError for a bad topology, and ShapeError unless each gate has its stage's actions and the layout's
  /// number of features. A gate with one action reads nothing and fits any layout.
  void check(const detail::GateInputs& inputs) const;

  bool operator==(const Policy&) const = default;
};

/// A randomised mix of two policies: example `id` is decided by `a` with probability p and by `b` otherwise.
///
/// Sweeping lambda reaches only the vertices of the lower hull of (time, loss); a mix of two neighbours reaches every
/// point of the edge between them, so any budget is met exactly, in expectation over the ids.
struct MixedPolicy {
  Policy a;
  Policy b;
  double p = 1;  ///< share of a, in [0, 1]
  std::uint64_t seed = 0;

  /// One policy for all.
  static MixedPolicy pure(const Policy& policy) { return {policy, policy, 1.0, 0}; }

  /// The same choice whenever the same example comes again. Allocates nothing.
  const Policy& pick(std::uint64_t id) const { return detail::counter_uniform(seed, id) < p ? a : b; }

  bool operator==(const MixedPolicy&) const = default;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/policy.ipp>
#endif
