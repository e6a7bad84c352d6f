#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/watched_reference.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/shift_monitor.hpp>
#include <weir/policy/run/shift_reference.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("shift reference: exits, features without classes, and disagreements of the calibration; through a file") {
  const weir::Trace trace = weir_test::difficulty_trace(300, 3, 5);
  const auto topology = weir_test::chain_of(trace);
  const weir::PolicyTrainer trainer(trace, topology, {.learner = "threshold"});
  const auto path = trainer.train_path(5);
  const weir::MixedPolicy policy = weir::MixedPolicy::pure(path[2].policy);
  const weir::ShiftReference reference = weir::shift_reference(policy, trace, 500);
  const weir::Evaluation e = weir::evaluate(policy, trace);
  CHECK(reference.n == 300);
  CHECK(static_cast<double>(reference.disagreements) == weir::risk_of(trace, e, weir::Risk::disagreement).sum());
  CHECK(reference.tests.size() == reference.features.size() + 1);
  for (const auto& name : reference.features) CHECK(!weir::detail::gate_features::is_class(name));
  for (const weir::ShiftTest& test : reference.tests) {
    std::size_t all = 0;
    for (const std::size_t c : test.counts()) all += c;
    CHECK(all == 300);
    CHECK(test.counts().size() <= weir::detail::shift_reference_bins);
  }
  const nlohmann::json good = reference;
  const auto back = nlohmann::json::parse(good.dump()).get<weir::ShiftReference>();
  CHECK(nlohmann::json(back) == good);
  // A monitor from the file is the monitor from the numbers, where bins are as many.
  weir::ShiftMonitor stored({back.tests.front()}, back.run_length),
      direct(std::vector<weir::ShiftTest>{weir::ShiftTest(std::vector<double>(e.exit.begin(), e.exit.end()))}, 500);
  for (const std::size_t exit : e.exit) CHECK(stored.observe(exit, {}) == direct.observe(exit, {}));
  CHECK(stored.statistic() == direct.statistic());

  weir::PolicyFile file;
  for (const auto& s : trace.stages) file.stages.push_back({s.feature_names, s.cost, {}, {}});
  file.policy = policy;
  file.watch = good;
  file.safer = {path[3].policy, weir::detail::fixed_policy(topology, trace, 2)};
  const auto text = weir::to_text(file);
  CHECK(nlohmann::json::parse(text).at("weir_policy") == 4);
  CHECK(weir::policy_from_text(text) == file);
  file.safer.front().topology = weir_test::all_later_of(trace);
  CHECK_THROWS_AS(weir::to_text(file), weir::Error);

  const auto refuses = [&](const std::string& pointer, const nlohmann::json& value) {
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(pointer)] = value;
    CHECK_THROWS_AS(static_cast<void>(bad.get<weir::ShiftReference>()), weir::FormatError);
  };
  for (const char* key : {"/n", "/disagreements", "/run_length", "/features", "/tests", "/tests/0", "/tests/0/edges",
                          "/tests/0/counts"}) {
    for (const nlohmann::json& value : {nlohmann::json(), nlohmann::json(-1), nlohmann::json("x")}) refuses(key, value);
    nlohmann::json bad = good;
    const nlohmann::json::json_pointer at(key);
    if (!at.back().empty() && bad[at.parent_pointer()].is_object()) {
      bad[at.parent_pointer()].erase(at.back());
      CHECK_THROWS_AS(static_cast<void>(bad.get<weir::ShiftReference>()), weir::FormatError);
    }
  }
  refuses("/n", 0);
  refuses("/disagreements", 301);
  refuses("/run_length", 0.5);
  refuses("/tests/0/counts", nlohmann::json::array());
  refuses("/tests/1/edges/1", good["tests"][1]["edges"][0]);
  refuses("/tests/1/counts", nlohmann::json(good["tests"][1]["counts"].size(), 0));
  refuses("/more", 1);
}

}  // namespace WEIR_UNIT
