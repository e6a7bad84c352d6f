/// What needs no learning: single networks and random exits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <weir/core/compile.hpp>
#include <weir/policy/evaluate/evaluate.hpp>

namespace weir::detail {

/// One network (or exit) for every example, without gates: what network selection competes with. `cost` is what that
/// costs, which is less than a path through the exits before it, or the stage's own cost where it is left out.
Evaluation single_network(const Trace& trace, std::size_t stage, std::optional<double> cost = std::nullopt);

/// The same exits and times as `e`, dealt to the examples at random: what the exit shares are worth without knowing
/// which example goes where. The same seed deals the same way (Fisher and Yates).
Evaluation random_exit(const Trace& trace, const Evaluation& e, std::uint64_t seed);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/compare/baselines.ipp>
#endif
