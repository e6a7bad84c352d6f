// What policy.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>

namespace weir {

WEIR_INLINE void Policy::check(const detail::GateInputs& inputs) const {
  topology.check();
  if (gates.size() != topology.size() || inputs.n_stages() != topology.size())
    throw ShapeError(detail::message({"policy: ", topology.size(), " stages, ", gates.size(), " gates, a layout of ",
                                      inputs.n_stages(), " stages"}));
  for (std::size_t k = 0; k < gates.size(); ++k) {
    const std::string where = "policy, gate of stage '" + topology.stages[k].name + "': ";
    if (gates[k].n_actions() != topology.n_actions(k))
      throw ShapeError(
          detail::message({where, gates[k].n_actions(), " actions, the topology has ", topology.n_actions(k)}));
    if (gates[k].n_actions() > 1 && gates[k].n_features() != inputs.size(k))
      throw ShapeError(detail::message({where, gates[k].n_features(), " features, the stages give ", inputs.size(k)}));
  }
}

}  // namespace weir
