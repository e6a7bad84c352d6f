// What list.hpp declares: the list itself.
#pragma once
#include <algorithm>
#include <utility>
#include <weir/core/additions.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/compare/rules/ensemble.hpp>
#include <weir/policy/compare/rules/exit_score.hpp>
#include <weir/policy/compare/rules/fixed_exit.hpp>
#include <weir/policy/compare/rules/geometric_exits.hpp>
#include <weir/policy/compare/rules/greedy_thresholds.hpp>
#include <weir/policy/compare/rules/linear_gate.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/patience.hpp>
#include <weir/policy/compare/rules/shared_threshold.hpp>
#include <weir/policy/compare/rules/sub_chain.hpp>

namespace weir::detail {

inline std::string lacks_feature(const Topology& topology, const Trace& trace, const std::string& feature) {
  const auto walk = nearest_walk(topology);
  for (std::size_t w = 0; w + 1 < walk.size(); ++w) {
    const StageTrace& s = trace.stages.at(walk[w]);
    if (std::find(s.feature_names.begin(), s.feature_names.end(), feature) == s.feature_names.end())
      return "stage '" + s.name + "' has no feature '" + feature + "'";
  }
  return "";
}
inline std::string lacks_max_probability(const Topology& topology, const Trace& trace) {
  return lacks_feature(topology, trace, "max_probability");
}
inline std::string lacks_entropy(const Topology& topology, const Trace& trace) {
  return lacks_feature(topology, trace, "entropy");
}
inline std::string lacks_margin(const Topology& topology, const Trace& trace) {
  return lacks_feature(topology, trace, "margin");
}
inline std::string lacks_full_walk(const Topology& topology) {
  return nearest_walk(topology).size() == topology.size() ? "" : "the walk along nearest successors leaves a stage out";
}
inline std::string lacks_answers(const Topology&, const Trace& trace) { return lacks_probabilities(trace); }

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::vector<Rule> rules() {
  std::vector<Rule> all = {
      Rule{"random", "exits drawn at random", [](const RuleData& d) { return detail::tune_random(d); }},
      Rule{"fixed_exit", "the same exit for all",
           [](const RuleData& d) { return detail::tune_fixed_exit(d.topology, d.calibration, d.budget); }},
      Rule{"max_probability", "SDN, ICML 2019; RANet, CVPR 2020",
           [](const RuleData& d) {
             return detail::tune_shared_threshold(d.topology, d.training, d.calibration, {"max_probability", true},
                                                  d.budget);
           },
           detail::lacks_max_probability},
      Rule{"entropy", "BranchyNet, ICPR 2016",
           [](const RuleData& d) {
             return detail::tune_shared_threshold(d.topology, d.training, d.calibration, {"entropy", false}, d.budget);
           },
           detail::lacks_entropy},
      Rule{"margin", "the two largest probabilities",
           [](const RuleData& d) {
             return detail::tune_shared_threshold(d.topology, d.training, d.calibration, {"margin", true}, d.budget);
           },
           detail::lacks_margin},
      Rule{"patience", "PABEE, NeurIPS 2020", [](const RuleData& d) { return detail::tune_patience(d); }, nullptr,
           detail::lacks_full_walk},
      Rule{"geometric_exits", "MSDNet, ICLR 2018", detail::tune_geometric_exits, detail::lacks_max_probability},
      Rule{"greedy_thresholds", "a threshold per exit by search", detail::tune_greedy_thresholds,
           detail::lacks_max_probability},
      Rule{"two_stages", "the first stage, a threshold, one other stage", detail::tune_two_stages,
           detail::lacks_max_probability, detail::lacks_skip},
      Rule{"sub_chain", "some stages and a statistic by greedy search, one threshold", detail::tune_sub_chain,
           detail::lacks_max_probability, detail::lacks_skip},
      Rule{"geometric_ensemble", "Zero Time Waste, NeurIPS 2021",
           [](const RuleData& d) { return tune_ensemble("geometric_ensemble", detail::Join::geometric, d); },
           detail::lacks_answers, detail::lacks_full_walk},
      Rule{"mean_ensemble", "Wisdom of Committees, ICLR 2022",
           [](const RuleData& d) { return tune_ensemble("mean_ensemble", detail::Join::mean, d); },
           detail::lacks_answers, detail::lacks_full_walk},
      Rule{"linear_gate", "JEI-DNN, ICLR 2024", detail::tune_linear_gate, detail::lacks_answers,
           detail::lacks_full_walk},
      Rule{"exit_score", "EENet, WACV 2024", detail::tune_exit_score, detail::lacks_answers, detail::lacks_full_walk},
  };
  for (Rule& own : detail::Additions<Rule>::of_process().all()) all.push_back(std::move(own));
  return all;
}

WEIR_INLINE void register_rule(Rule rule) {
  if (rule.name.empty() || !rule.tune)
    throw ArgumentError("register_rule: a name and a function that tunes are needed");
  for (const std::string& name : rule_names())
    if (name == rule.name)
      throw ArgumentError(detail::message({"register_rule: there is a rule '", rule.name, "' already"}));
  detail::Additions<Rule>::of_process().add(std::move(rule), "register_rule");
}

WEIR_INLINE std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const Rule& rule : rules()) names.push_back(rule.name);
  return names;
}

WEIR_INLINE Rule find_rule(std::string_view name) {
  std::string known;
  std::vector<Rule> all = rules();
  for (Rule& rule : all) {
    if (rule.name == name) return std::move(rule);
    known += (known.empty() ? "" : ", ") + rule.name;
  }
  throw ArgumentError(detail::message({"rule '", name, "' is unknown; known: ", known}));
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE bool applies(const Rule& rule, const Topology& topology) {
  return !rule.unfit || rule.unfit(topology).empty();
}

WEIR_INLINE std::string lacks(const Rule& rule, const Topology& topology, const Trace& trace) {
  if (!applies(rule, topology)) return rule.unfit(topology);
  return rule.lacks ? rule.lacks(topology, trace) : "";
}

/// The rule, tuned, with the name and the groups of features that the list has it with.
inline std::optional<TunedRule> tuned(const Rule& rule, const RuleData& data) {
  std::optional<TunedRule> made = rule.tune(data);
  if (made) {
    made->name = rule.name;
    made->groups = rule.groups;
  }
  return made;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::optional<TunedRule> tune_rule(std::string_view name, const RuleData& data) {
  const Rule rule = find_rule(name);
  for (const Trace* trace : {&data.training, &data.calibration})
    if (const std::string reason = detail::lacks(rule, data.topology, *trace); !reason.empty())
      throw ArgumentError(detail::message({"rule '", name, "': ", reason}));
  return detail::tuned(rule, data);
}

WEIR_INLINE std::vector<TunedRule> tuned_rules(
    const RuleData& data, const std::function<void(std::string_view, const std::string&)>& left_out,
    const std::vector<std::string>& names) {
  std::vector<TunedRule> tuned;
  for (const std::string& name : names) {
    const Rule rule = find_rule(name);
    if (!detail::applies(rule, data.topology)) continue;
    std::string reason = detail::lacks(rule, data.topology, data.training);
    if (reason.empty()) reason = detail::lacks(rule, data.topology, data.calibration);
    if (!reason.empty()) {
      if (left_out) left_out(rule.name, reason);
    } else if (auto one = detail::tuned(rule, data)) {
      tuned.push_back(std::move(*one));
    }
  }
  return tuned;
}

}  // namespace weir
