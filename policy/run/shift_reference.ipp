// What shift_reference.hpp declares.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/run/shift_reference.hpp>

namespace weir {

WEIR_INLINE void to_json(nlohmann::json& json, const ShiftReference& r) {
  json = {{"n", r.n},
          {"disagreements", r.disagreements},
          {"run_length", r.run_length},
          {"features", r.features},
          {"tests", nlohmann::json::array()}};
  for (const ShiftTest& test : r.tests) json["tests"].push_back({{"edges", test.edges()}, {"counts", test.counts()}});
}

WEIR_INLINE void from_json(const nlohmann::json& json, ShiftReference& r) {
  detail::refuse_unknown_keys(json, {"n", "disagreements", "run_length", "features", "tests"});
  constexpr std::size_t most = std::size_t{1} << 40U;
  r = {};
  r.n = model_json::index(json, "n", most);
  r.disagreements = model_json::index(json, "disagreements", most);
  r.run_length = model_json::number(json, "run_length");
  if (r.n == 0 || r.disagreements > r.n) throw FormatError("'disagreements' must be 0 to 'n', and 'n' at least 1");
  if (!(r.run_length >= 1)) throw FormatError("'run_length' must be at least 1");
  const auto &names = model_json::field(json, "features"), &tests = model_json::field(json, "tests");
  if (!names.is_array() || !tests.is_array() || tests.size() != names.size() + 1)
    throw FormatError("'features' and 'tests' must be arrays, with one test more than features");
  for (const auto& name : names) {
    if (!name.is_string()) throw FormatError("'features' must hold strings");
    r.features.push_back(name.get<std::string>());
  }
  for (const auto& test : tests) {
    detail::refuse_unknown_keys(test, {"edges", "counts"});
    try {
      r.tests.emplace_back(model_json::numbers(test, "edges"), model_json::indices(test, "counts", most));
    } catch (const ArgumentError& e) {
      throw FormatError(detail::message({"'tests': ", e.what()}));
    }
  }
}

}  // namespace weir
