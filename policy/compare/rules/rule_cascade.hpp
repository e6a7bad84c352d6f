/// A tuned rule as a cascade that really stops.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/run/cascade_spec.hpp>

namespace weir::detail {

/// The cascade that a rule's policy runs on: the rule's topology and forms over the networks of `spec`, of whose stages
/// its traces were recorded (with the same features; a stage that joins answers has no group "energy", so `spec` must
/// not have it either then). `spec` itself where the rule needs nothing else; otherwise all networks are loaded. A
/// stage of the rule behind the last of `spec` is the full network's own answer once more. Throws ArgumentError or
/// ShapeError where rule and spec do not fit.
inline std::shared_ptr<const CascadeSpec> rule_cascade(const std::shared_ptr<const CascadeSpec>& spec,
                                                       const TunedRule& rule) {
  const Topology& topology = rule.policy.a.topology;
  if (rule.forms.empty() && topology == spec->topology) {
    spec->check(rule.policy);
    return spec;
  }
  std::vector<CascadeStage> stages = spec->stages;
  if (topology.size() < stages.size())
    throw ArgumentError(
        detail::message({"rule '", rule.name, "': ", topology.size(), " stages, the cascade has ", stages.size()}));
  while (stages.size() < topology.size()) stages.push_back(spec->stages.back());
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (k < spec->stages.size() && stages[k].name != topology.stages[k].name)
      throw ArgumentError(detail::message(
          {"rule '", rule.name, "': stage '", topology.stages[k].name, "' is '", stages[k].name, "' in the cascade"}));
    stages[k].name = topology.stages[k].name;
    if (!rule.forms.empty()) stages[k].form = rule.forms.at(k);
  }
  auto made = std::make_shared<const CascadeSpec>(spec->networks(), std::move(stages), topology, spec->feature_options);
  made->check(rule.policy);
  return made;
}

}  // namespace weir::detail
