// What policy_file.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir {

WEIR_INLINE std::string to_text(const PolicyFile& file) {
  file.check();
  if (file.stages.size() > detail::max_policy_file_stages)
    throw ArgumentError(detail::message({"policy file: more than ", detail::max_policy_file_stages, " stages"}));
  const bool mixed = !(file.policy.a == file.policy.b);
  const Topology& topology = file.policy.a.topology;
  const bool has_forms = std::ranges::any_of(file.stages, [](const PolicyFile::Stage& s) {
    return s.source.is_object() && (s.source.contains("join") || s.source.contains("score"));
  });
  const bool has_links = std::ranges::any_of(
      file.stages, [](const PolicyFile::Stage& s) { return s.source.is_object() && s.source.contains("sees"); });
  const bool has_more = !file.safer.empty() || !file.watch.is_null();
  nlohmann::json json = {{"weir_policy", has_links   ? 5
                                         : has_more  ? 4
                                         : has_forms ? 3
                                                     : 2},
                         {"cost_unit", file.cost_unit},
                         {"mix", {{"p", file.policy.p}, {"seed", file.policy.seed}}},
                         {"lambda", {nullptr, nullptr}},
                         {"cascade", file.cascade},
                         {"budget", file.budget},
                         {"provenance", file.provenance},
                         {"stages", nlohmann::json::array()}};
  if (file.lambda_a) json["lambda"][0] = *file.lambda_a;
  if (file.lambda_b) json["lambda"][1] = *file.lambda_b;
  if (!file.watch.is_null()) json["watch"] = file.watch;
  for (const Policy& p : file.safer) json["safer"].push_back(p.gates);
  const std::string cost = detail::cost_field(file.cost_unit);
  for (std::size_t k = 0; k < file.stages.size(); ++k) {
    const PolicyFile::Stage& s = file.stages[k];
    nlohmann::json stage = {{"name", topology.stages[k].name},
                            {"next", topology.stages[k].next},
                            {"features", s.feature_names},
                            {cost, s.cost},
                            {"answer_" + cost, s.answer_cost},
                            {"exit_head", s.exit_head},
                            {"source", s.source},
                            {"gate", file.policy.a.gates[k]}};
    if (mixed) stage["gate_b"] = file.policy.b.gates[k];
    json["stages"].push_back(std::move(stage));
  }
  try {
    // What the run was, and on what, is for people: a file name in it that is not UTF-8 must not lose the policy.
    using Json = nlohmann::json;
    json["provenance"] = Json::parse(file.provenance.dump(-1, ' ', false, Json::error_handler_t::replace));
    return json.dump(1) + "\n";
  } catch (const nlohmann::json::exception& error) {  // a name that is not UTF-8
    throw ArgumentError(detail::message({"policy file: ", error.what()}));
  }
}

}  // namespace weir

namespace weir::detail {

/// Of what budget_json() wrote; or the Python module's ExitPolicy.certify(): the last three instead of "on" and
/// "margin".
inline void check_budget_keys(const nlohmann::json& budget) {
  refuse_unknown_keys(budget, {"on", "value", "margin", "n_calibration", "calibration", "confidence", "upper_limit",
                               "missing", "redrawn", "risk", "certificate", "test"});
  if (budget.is_object() && budget.contains("redrawn"))
    refuse_unknown_keys(budget.at("redrawn"), {"draws", "above", "none", "low95", "high95"});
  if (budget.is_object() && budget.contains("calibration"))
    refuse_unknown_keys(budget.at("calibration"), {"seconds", "cost", "loss", "excess", "difference"});
}

WEIR_INLINE nlohmann::json parse_bounded(std::string_view text, int max_depth) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto guard = [&](int depth, Event event, nlohmann::json& parsed) {
    if (depth > max_depth) throw FormatError(detail::message({"nested deeper than ", max_depth}));
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw FormatError(detail::message({"'", parsed.get<std::string>(), "' is given twice"}));
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), guard);
  } catch (const nlohmann::json::exception& error) {
    throw FormatError(detail::message({"not JSON: ", error.what()}));
  }
}

WEIR_INLINE std::string text_field(const nlohmann::json& json, const char* key) {
  const auto& value = model_json::field(json, key);
  if (!value.is_string()) throw FormatError(detail::message({"'", key, "' must be a string"}));
  return value.get<std::string>();
}

inline nlohmann::json any_field(const nlohmann::json& json, const char* key) {
  return json.contains(key) ? json.at(key) : nlohmann::json();
}

inline std::optional<double> lambda_field(const nlohmann::json& json, std::size_t at) {
  const auto& pair = model_json::field(json, "lambda");
  if (!pair.is_array() || pair.size() != 2) throw FormatError("'lambda' must be an array of two");
  if (pair[at].is_null()) return std::nullopt;
  return model_json::to_number(pair[at], "lambda");
}

inline void read_stage(const nlohmann::json& json, std::size_t n_stages, PolicyFile& file) {
  PolicyFile::Stage stage;
  const auto& names = model_json::field(json, "features");
  if (!names.is_array()) throw FormatError("'features' must be an array");
  for (const auto& name : names) {
    if (!name.is_string()) throw FormatError("'features' must hold strings");
    stage.feature_names.push_back(name.get<std::string>());
  }
  const std::string cost = cost_field(file.cost_unit), answer = "answer_" + cost;
  stage.cost = model_json::number(json, cost.c_str());
  refuse_unknown_keys(json, {"name", "next", "features", cost, answer, "exit_head", "source", "gate", "gate_b"});
  if (json.contains(answer)) stage.answer_cost = model_json::number(json, answer.c_str());
  stage.exit_head = any_field(json, "exit_head");
  stage.source = any_field(json, "source");
  file.stages.push_back(std::move(stage));
  file.policy.a.topology.stages.push_back({text_field(json, "name"), model_json::indices(json, "next", n_stages)});
  const auto gate_of = [&](const char* key) {
    try {
      return model_json::field(json, key).get<Gate>();
    } catch (const Error& error) {
      throw FormatError(detail::message({"'", key, "': ", error.what()}));
    }
  };
  file.policy.a.gates.push_back(gate_of("gate"));
  file.policy.b.gates.push_back(json.contains("gate_b") ? gate_of("gate_b") : file.policy.a.gates.back());
}

inline void read_safer(const nlohmann::json& json, PolicyFile& file) {
  if (!json.is_array() || json.size() > max_safer_policies)
    throw FormatError(detail::message({"'safer' must be an array of at most ", max_safer_policies}));
  for (const auto& gates : json) {
    if (!gates.is_array() || gates.size() != file.stages.size())
      throw FormatError("'safer' must hold a gate for each stage");
    Policy policy{file.policy.a.topology, {}};
    for (const auto& gate : gates) {
      try {
        policy.gates.push_back(gate.get<Gate>());
      } catch (const Error& error) {
        throw FormatError(detail::message({"'safer': ", error.what()}));
      }
    }
    file.safer.push_back(std::move(policy));
  }
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE PolicyFile policy_from_text(std::string_view text, const std::string& name) {
  std::string where = name;
  try {
    const nlohmann::json json = detail::parse_bounded(text, 32);
    if (!json.is_object() || !json.contains("weir_policy"))
      throw FormatError("not a policy file: 'weir_policy' is missing, which says the version of the format");
    const std::size_t version = model_json::index(json, "weir_policy", 1000000);
    if (version < 1 || version > 5) throw FormatError("'weir_policy' must be 1, 2, 3, 4 or 5");
    const auto& stages = model_json::field(json, "stages");
    if (!stages.is_array() || stages.empty() || stages.size() > detail::max_policy_file_stages)
      throw FormatError(detail::message({"'stages' must be an array of 1 to ", detail::max_policy_file_stages}));
    detail::refuse_unknown_keys(json, {"weir_policy", "cost_unit", "mix", "lambda", "cascade", "budget", "provenance",
                                       "stages", "safer", "watch"});
    PolicyFile file;
    if (json.contains("cost_unit")) file.cost_unit = detail::text_field(json, "cost_unit");
    detail::check_cost_unit(file.cost_unit);
    for (std::size_t k = 0; k < stages.size(); ++k) {
      where = name + ", stage " + std::to_string(k);
      detail::read_stage(stages[k], stages.size(), file);
    }
    where = name;
    file.policy.b.topology = file.policy.a.topology;
    const auto& mix = model_json::field(json, "mix");
    detail::refuse_unknown_keys(mix, {"p", "seed"});
    file.policy.p = model_json::number(mix, "p");
    const auto& seed = model_json::field(mix, "seed");
    if (!seed.is_number_unsigned()) throw FormatError("'seed' must be an integer >= 0");
    file.policy.seed = seed.get<std::uint64_t>();
    file.lambda_a = detail::lambda_field(json, 0);
    file.lambda_b = detail::lambda_field(json, 1);
    if (version >= 2) file.cascade = detail::any_field(json, "cascade");
    file.budget = detail::any_field(json, "budget");
    detail::check_budget_keys(file.budget);
    file.provenance = detail::any_field(json, "provenance");
    if (json.contains("safer")) detail::read_safer(json.at("safer"), file);
    file.watch = detail::any_field(json, "watch");
    file.check();
    return file;
  } catch (const Error& error) {
    throw FormatError(detail::message({where, ": ", error.what()}));
  } catch (const nlohmann::json::exception& error) {
    throw FormatError(detail::message({where, ": ", error.what()}));
  }
}

WEIR_INLINE detail::GateInputs PolicyFile::inputs() const {
  std::vector<std::size_t> counts;
  for (const Stage& s : stages) counts.push_back(s.feature_names.size());
  return {policy.a.topology, counts};
}

WEIR_INLINE void PolicyFile::check() const {
  if (policy.a.topology != policy.b.topology) throw ArgumentError("policy file: the mixed policies' topologies differ");
  const detail::GateInputs layout = inputs();
  policy.a.check(layout);
  policy.b.check(layout);
  for (const Policy& p : safer) {
    if (p.topology != policy.a.topology) throw ArgumentError("policy file: a safer policy has another topology");
    p.check(layout);
  }
  if (!(policy.p >= 0 && policy.p <= 1)) throw ArgumentError("policy file: the share p must be in [0, 1]");
  detail::check_cost_unit(cost_unit);
  const std::string key = detail::cost_field(cost_unit);
  for (const Stage& s : stages) {
    if (!(s.cost >= 0) || !std::isfinite(s.cost))
      throw ArgumentError(detail::message({"policy file: ", key, " must be finite and >= 0"}));
    if (!(s.answer_cost >= 0 && s.answer_cost <= s.cost))
      throw ArgumentError(detail::message({"policy file: answer_", key, " must be between 0 and ", key}));
  }
  for (const auto& lambda : {lambda_a, lambda_b})
    if (lambda && (!std::isfinite(*lambda) || *lambda < 0))
      throw ArgumentError("policy file: lambda must be finite and >= 0");
}

}  // namespace weir
