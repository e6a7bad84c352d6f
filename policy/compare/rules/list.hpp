/// Every rule by name: what learned policies are compared with. One file and one line in list.ipp for each.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/compare/rules/rule.hpp>

namespace weir {

/// A family of decisions with one parameter, which `tune` sets for a budget; nullopt where none keeps it.
struct Rule {
  std::string name;
  std::string source;  ///< venue and year, or what it is in a few words
  std::function<std::optional<TunedRule>(const RuleData&)> tune;
  /// "" or what the rule needs and the data lacks; empty: needs nothing.
  std::function<std::string(const Topology&, const Trace&)> lacks = {};
  /// "" or why the rule means nothing in this topology, whatever the data; empty: it means something in all.
  std::function<std::string(const Topology&)> unfit = {};
  /// Groups of features that it reads beside "confidence". Others are neither computed nor paid for where it runs.
  std::vector<std::string> groups = {};
};

/// All rules: weir's, in the order of the list, then those that register_rule() added.
std::vector<Rule> rules();

/// Makes a rule of a program's own known, for the whole process: it is then tuned, certified, run and compared like the
/// others. Its gates may be any function of what gates see (Gate::of_function). Throws ArgumentError for a name that is
/// taken, or without a function that tunes.
void register_rule(Rule rule);

/// "random", "fixed_exit", ... in that order.
std::vector<std::string> rule_names();

/// The rule of that name. Throws ArgumentError naming the known ones.
Rule find_rule(std::string_view name);

}  // namespace weir

namespace weir::detail {

/// False for a rule that means nothing in this topology: two_stages skips stages, which a chain of exits cannot.
bool applies(const Rule& rule, const Topology& topology);

/// Why it means nothing, or what it needs and the data lacks; "" where it can be tuned.
std::string lacks(const Rule& rule, const Topology& topology, const Trace& trace);

}  // namespace weir::detail

namespace weir {

/// Tunes a rule by name, which the result then has; nullopt where it cannot keep the budget. Throws ArgumentError for
/// an unknown name, or naming what the traces lack.
std::optional<TunedRule> tune_rule(std::string_view name, const RuleData& data);

/// Every rule of these that applies and that the data suffices for, tuned; one that cannot keep the budget is left out.
/// `left_out` is called with the name of each that applies and is not tried, and what it lacks. Throws ArgumentError
/// for an unknown name.
std::vector<TunedRule> tuned_rules(const RuleData& data,
                                   const std::function<void(std::string_view, const std::string&)>& left_out = {},
                                   const std::vector<std::string>& names = rule_names());

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/compare/rules/list.ipp>
#endif
