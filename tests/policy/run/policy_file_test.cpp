#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/choose/budget_json.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

weir::PolicyFile example(const std::string& learner, bool graph, const weir::Trace& fit) {
  const auto topology = graph ? weir_test::all_later_of(fit) : weir_test::chain_of(fit);
  const weir::PolicyTrainer trainer(fit, topology, {.learner = learner});
  auto path = trainer.train_path(5);
  const auto calibration = weir_test::difficulty_trace(120, fit.stages.size(), 77);
  const weir::Budget budget{.value = 0.013, .refinements = 2, .seed = ~std::uint64_t{0}};
  const auto choice = weir::choose(trainer, path, calibration, budget);
  weir::PolicyFile file;
  file.policy = choice.policy;
  file.lambda_a = choice.lambda_a;
  file.lambda_b = choice.lambda_b;
  file.budget = weir::detail::budget_json(budget, choice);
  file.cascade = {{"n_classes", 3}, {"networks", {{{"file", "a.onnx"}}}}};
  file.provenance = {{"policy", "images 0 to 119"}, {"note", "\u00fc \"quoted\""}};
  for (const auto& s : fit.stages)
    file.stages.push_back({s.feature_names, s.cost, nullptr, {{"network", "a.onnx"}, {"tensor", s.name}}, s.cost / 7});
  return file;
}

/// Loads, or must throw FormatError and nothing else. What loads must be able to run.
bool loads(const std::string& text, const weir::Trace& trace) {
  try {
    const auto file = weir::policy_from_text(text);
    if (file.inputs().n_stages() == trace.stages.size()) {
      try {
        weir::evaluate(file.policy, trace);
      } catch (const weir::ShapeError&) {  // a stage's name or features changed
      }
    }
    return true;
  } catch (const weir::FormatError&) {
    return false;
  }
}

}  // namespace

TEST_CASE("policy file: loads equal to the last bit and decides alike, for all learners, chains and graphs") {
  const auto fit = weir_test::difficulty_trace(150, 3, 1), fresh = weir_test::difficulty_trace(150, 3, 2);
  for (const auto& learner : weir::learner_names())
    for (const bool graph : {false, true}) {
      const auto file = example(learner, graph, fit);
      const auto text = weir::to_text(file);
      const auto loaded = weir::policy_from_text(text);
      CHECK(loaded == file);
      CHECK(weir::to_text(loaded) == text);
      CHECK(weir::evaluate(loaded.policy, fresh).exit == weir::evaluate(file.policy, fresh).exit);
      CHECK(loaded.inputs().size(1) == weir::detail::gate_inputs(file.policy.a.topology, fit).size(1));
      CHECK(loaded.budget.at("on") == "excess");
    }
}

TEST_CASE("policy file: rules and fixed exits are stored like learned policies, one policy once") {
  const auto trace = weir_test::difficulty_trace(50, 3, 1);
  weir::PolicyFile file;
  for (const auto& s : trace.stages) file.stages.push_back({s.feature_names, s.cost, {}, {}});
  const auto chain = weir_test::chain_of(trace);
  for (std::size_t k = 0; k < 3; ++k) {
    file.policy = weir::MixedPolicy::pure(weir::detail::fixed_policy(chain, trace, k));
    const auto text = weir::to_text(file);
    CHECK(text.find("gate_b") == std::string::npos);
    CHECK(weir::policy_from_text(text) == file);
  }
}

TEST_CASE("policy file: a file of version 1 decides as it did, and has no cascade") {
  const auto trace = weir_test::difficulty_trace(60, 3, 1);
  const auto file = example("logistic", false, trace);
  auto old = nlohmann::json::parse(weir::to_text(file));
  old["weir_policy"] = 1;  // whatever else it holds: version 1 knew no 'cascade'
  const auto loaded = weir::policy_from_text(old.dump());
  CHECK(loaded.policy == file.policy);
  CHECK(loaded.cascade.is_null());
}

TEST_CASE("policy file: one without units and answers' costs is in seconds, and its answers cost nothing apart") {
  const auto trace = weir_test::difficulty_trace(60, 3, 1);
  auto file = example("logistic", false, trace);
  auto old = nlohmann::json::parse(weir::to_text(file));
  CHECK(old.at("cost_unit") == "seconds");
  CHECK(old.at("stages")[1].at("answer_seconds") == trace.stages[1].cost / 7);
  old.erase("cost_unit");
  for (auto& stage : old["stages"]) stage.erase("answer_seconds");
  for (auto& s : file.stages) s.answer_cost = 0;
  CHECK(weir::policy_from_text(old.dump()) == file);
}

TEST_CASE("policy file: costs of another unit say so, and are not called seconds") {
  const auto trace = weir_test::difficulty_trace(60, 3, 1);
  auto file = example("logistic", false, trace);
  file.cost_unit = "FLOP";
  file.stages[1].cost = 1e9 / 3;
  file.stages[1].answer_cost = 1e8 / 3;
  file.budget = weir::detail::budget_json({.on = weir::BudgetOn::cost, .value = 5}, {}, "FLOP");
  const auto text = weir::to_text(file);
  CHECK(text.find("seconds") == std::string::npos);
  CHECK(weir::policy_from_text(text) == file);
  auto json = nlohmann::json::parse(text);
  CHECK(json.at("stages")[1].at("cost") == 1e9 / 3);
  CHECK(json.at("stages")[1].at("answer_cost") == 1e8 / 3);
  CHECK(json.at("budget").at("on") == "cost");
  CHECK(json.at("budget").at("calibration").contains("cost"));
  json["cost_unit"] = "seconds";
  CHECK_THROWS_WITH_AS(weir::policy_from_text(json.dump()), doctest::Contains("'seconds' is missing"),
                       weir::FormatError);
}

TEST_CASE("policy file: every prefix and every flipped bit is refused or harmless") {
  const auto trace = weir_test::difficulty_trace(60, 2, 1);
  for (const char* learner : {"tree", "logistic"}) {
    const auto text = weir::to_text(example(learner, false, trace));
    const std::size_t end = text.rfind('}');
    for (std::size_t length = 0; length <= end; ++length) CHECK_FALSE(loads(text.substr(0, length), trace));
    CHECK(loads(text.substr(0, end + 1), trace));
    std::size_t refused = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      auto damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      refused += loads(damaged, trace) ? 0 : 1;
    }
    CHECK(refused > text.size() / 4);
  }
}

TEST_CASE("policy file: a key that is given twice is refused: readers disagree about which counts") {
  const auto text = weir::to_text(example("logistic", false, weir_test::difficulty_trace(60, 2, 1)));
  for (const std::string key : {"stages", "weir_policy"}) {
    const std::string twice = "{\"" + key + "\": 1," + text.substr(text.find('{') + 1);
    CHECK_THROWS_WITH_AS((void)weir::policy_from_text(twice),
                         doctest::Contains(("'" + key + "' is given twice").c_str()), weir::FormatError);
  }
}

TEST_CASE("policy file: hostile content is refused by name") {
  const auto trace = weir_test::difficulty_trace(60, 3, 1);
  const auto good = nlohmann::json::parse(weir::to_text(example("threshold", false, trace)));
  const auto refuses = [&](const nlohmann::json& json, const std::string& message) {
    try {
      static_cast<void>(weir::policy_from_text(json.dump(), "p.json"));
      FAIL_CHECK("loaded: " << message);
    } catch (const weir::FormatError& error) {
      const std::string what = error.what();
      CHECK_MESSAGE(what.rfind("p.json", 0) == 0, what);
      CHECK_MESSAGE(what.find(message) != std::string::npos, what);
    }
  };
  const auto with = [&](const std::string& pointer, const nlohmann::json& value) {
    auto json = good;
    json[nlohmann::json::json_pointer(pointer)] = value;
    return json;
  };
  for (const auto& [pointer, field] :
       std::vector<std::pair<std::string, std::string>>{{"/weir_policy", "weir_policy"},
                                                        {"/stages", "stages"},
                                                        {"/stages/1/name", "name"},
                                                        {"/stages/1/next", "next"},
                                                        {"/stages/1/features", "features"},
                                                        {"/stages/1/seconds", "seconds"},
                                                        {"/stages/1/gate", "gate"},
                                                        {"/mix", "p"},
                                                        {"/mix/p", "p"},
                                                        {"/mix/seed", "seed"},
                                                        {"/lambda", "lambda"}}) {
    auto missing = good;
    const nlohmann::json::json_pointer at(pointer);
    missing[at.parent_pointer()].erase(at.back());
    refuses(missing, field);
    for (const nlohmann::json& value :
         {nlohmann::json(true), nlohmann::json(-1.5), nlohmann::json::object(), nlohmann::json({{1}})})
      refuses(with(pointer, value), "");
  }
  // Keys that nothing reads, at every level.
  for (const auto& [pointer, nearest] :
       std::vector<std::pair<std::string, std::string>>{{"/cost_units", "cost_unit"},
                                                        {"/mix/sead", "seed"},
                                                        {"/budget/vaule", "value"},
                                                        {"/budget/calibration/los", "loss"},
                                                        {"/budget/redrawn/abov", "above"},
                                                        {"/stages/1/names", "name"},
                                                        {"/stages/0/gate/n_action", "n_actions"},
                                                        {"/stages/0/gate/models/0/learnr", "learner"},
                                                        {"/stages/0/gate/models/0/model/treshold", "threshold"}})
    refuses(with(pointer, 1), "is unknown; the nearest is '" + nearest + "'");
  refuses(with("/stages/1/cost", 1), "key 'cost' is unknown (known: ");  // "seconds" here, because that is the unit
  CHECK_NOTHROW(static_cast<void>(weir::policy_from_text(with("/provenance/anything", 1).dump())));
  CHECK_NOTHROW(static_cast<void>(weir::policy_from_text(with("/budget/redrawn/above", 3).dump())));
  for (const char* key : {"missing", "risk", "certificate", "test"})  // the last three of the Python module's certify()
    CHECK_NOTHROW(static_cast<void>(weir::policy_from_text(with(std::string("/budget/") + key, "any").dump())));
  refuses(with("/weir_policy", 6), "weir_policy");
  refuses(with("/safer", 1), "safer");
  refuses(with("/safer", {{1}}), "safer");
  refuses(with("/safer", {nlohmann::json::array({nullptr, nullptr, nullptr})}), "");
  refuses(with("/stages", nlohmann::json::array()), "stages");
  refuses(with("/stages", nlohmann::json(65, good["stages"][0])), "stages");
  refuses(with("/stages/0/name", good["stages"][1]["name"]), "name of its own");
  refuses(with("/stages/0/next", {2, 1}), "ascending");
  refuses(with("/stages/0/next", {0}), "later");
  refuses(with("/stages/0/next", {7}), "next");
  refuses(with("/stages/0/next", nlohmann::json::array()), "nothing leads");
  refuses(with("/stages/0/features", {"one"}), "features");
  refuses(with("/stages/1/seconds", -1), "seconds");
  for (const nlohmann::json& bad : {nlohmann::json(-1), nlohmann::json(1e9), nlohmann::json("1"), nlohmann::json()})
    refuses(with("/stages/1/answer_seconds", bad), "seconds");
  for (const nlohmann::json& bad : {nlohmann::json(""), nlohmann::json("a\nb"), nlohmann::json(1), nlohmann::json()})
    refuses(with("/cost_unit", bad), "unit");
  refuses(with("/stages/1/features/0", 5), "stage 1: 'features'");
  refuses(with("/stages/0/gate", good["stages"][1]["gate"]), "gate of stage 'stage0'");
  refuses(with("/stages/0/gate/models/0/learner", "oracle"), "stage 0: 'gate'");
  refuses(with("/stages/0/gate_b", with("/stages/0/gate/n_features", 3)["stages"][0]["gate"]), "gate_b");
  refuses(with("/mix/p", 1.5), "p must be");
  refuses(with("/mix/seed", 1.0), "seed");
  refuses(with("/lambda/0", -1), "lambda");

  CHECK_THROWS_AS(weir::policy_from_text(""), weir::FormatError);
  CHECK_THROWS_AS(weir::policy_from_text("[]"), weir::FormatError);
  CHECK_THROWS_AS(weir::policy_from_text(std::string(100000, '[')), weir::FormatError);
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  CHECK_THROWS_AS(weir::policy_from_text(deep), weir::FormatError);
  auto nan = good.dump();
  const auto at = nan.find("\"p\":") + 4;
  CHECK_THROWS_AS(weir::policy_from_text(nan.substr(0, at) + "NaN" + nan.substr(nan.find_first_of(",}", at))),
                  weir::FormatError);
  CHECK_THROWS_AS(weir::policy_from_text(nan.substr(0, at) + "1e999" + nan.substr(nan.find_first_of(",}", at))),
                  weir::FormatError);
}

TEST_CASE("policy file: what does not fit together is not written") {
  const auto trace = weir_test::difficulty_trace(60, 3, 1);
  const auto good = example("threshold", false, trace);
  auto file = good;
  file.stages.pop_back();
  CHECK_THROWS_AS(weir::to_text(file), weir::ShapeError);
  file = good;
  file.stages[0].feature_names.pop_back();
  CHECK_THROWS_AS(weir::to_text(file), weir::ShapeError);
  file = good;
  file.stages[0].cost = std::nan("");
  CHECK_THROWS_WITH_AS(weir::to_text(file), "policy file: seconds must be finite and >= 0", weir::ArgumentError);
  file.cost_unit = "J";
  CHECK_THROWS_WITH_AS(weir::to_text(file), "policy file: cost must be finite and >= 0", weir::ArgumentError);
  file = good;
  file.stages[0].answer_cost = 2 * file.stages[0].cost;
  file.cost_unit = "FLOP";
  CHECK_THROWS_WITH_AS(weir::to_text(file), "policy file: answer_cost must be between 0 and cost", weir::ArgumentError);
  file = good;
  file.cost_unit = "";
  CHECK_THROWS_AS(weir::to_text(file), weir::ArgumentError);
  file = good;
  file.lambda_a = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(weir::to_text(file), weir::ArgumentError);
  file = good;
  file.policy.b = weir::detail::fixed_policy(weir_test::all_later_of(trace), trace, 0);
  CHECK_THROWS_AS(weir::to_text(file), weir::ArgumentError);
  file = good;
  file.stages[0].feature_names[0] = "\xff";
  CHECK_THROWS_AS(weir::to_text(file), weir::ArgumentError);
  file = good;
  file.provenance["images"] = "photos\xff";  // of no concern to the policy, so it does not lose it
  CHECK(weir::policy_from_text(weir::to_text(file)).provenance.at("images") == "photos\xEF\xBF\xBD");
}

}  // namespace WEIR_UNIT
