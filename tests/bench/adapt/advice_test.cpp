#include "../../../bench/adapt/advice.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../../bench/adapt/further.hpp"
#include "../../../bench/adapt/members.hpp"
#include "../../io/io_test.hpp"
#include "../../policy/probability_trace.hpp"
#include "../../policy/toy_cascade.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

TEST_CASE("adapt: a member that another one equals at less cost only costs; the others save") {
  adapt::Options o;
  o.max_loss = 0.03;
  auto lessons = weir_test::probability_trace(1500, 3, 5, 1), calibration = weir_test::probability_trace(1500, 3, 5, 2);
  for (weir::Trace* trace : {&lessons, &calibration}) {
    const std::string name = trace->stages[1].name;
    trace->stages[1] = trace->stages[0];  // the same answers, at ten times the cost
    trace->stages[1].name = name;
    trace->stages[1].cost *= 10;
    trace->stages[2].cost *= 10;
  }
  const auto topology = weir_test::chain_of(lessons);
  const auto members = adapt::weigh_members(lessons, calibration, topology, {}, o);
  REQUIRE(members.size() == 2);
  CHECK(members[0].stage == "stage0");
  CHECK(members[0].without > 1.05 * members[0].with);
  CHECK(members[1].without < members[1].with);
  adapt::TestedMode m;
  m.name = "selection";
  m.members = {members[0]};
  CHECK(adapt::members_text(m).empty());
  m.members = members;
  CHECK(contains(adapt::members_text(m), "without stage1, which does not pay (predicted)"));
  CHECK(contains(adapt::members_text(m), "selection: at this budget in the mean a calibration image takes "));
  m.members = {{"x", 1e-3, 1.009e-3}, members[0], {"y", 1e-3, 0.9e-3}};
  CHECK(
      contains(adapt::members_text(m),
               "takes 1.00 ms; 1.01 ms without x, 900 \u00b5s without y, each left out by itself: none of them pays"));
  // With nobody left to stop at, the full network's own cost is left.
  CHECK(adapt::cost_of_pool(lessons, calibration, true, {}, o, {2}) == calibration.stages[2].cost);
}

TEST_CASE("adapt: members are weighed by what the mode chooses from, rules and its own learner") {
  adapt::Options o;
  o.max_loss = 0.03;
  const auto lessons = weir_test::probability_trace(1500, 3, 5, 1),
             calibration = weir_test::probability_trace(1500, 3, 5, 2);
  // Gates that let every example go on: then only a rule or a fixed exit saves anything.
  const weir::TrainOptions nobody{.fit = [](const weir::Dataset& data) {
    return weir::detail::GateModel::constant(1, static_cast<std::size_t>(data.X.cols()));
  }};
  o.learner = "logistic";  // named: no rules beside it
  const double without_rules = adapt::cost_of_pool(lessons, calibration, true, nobody, o, {0, 1, 2});
  o.learner = "auto";
  const double with_rules = adapt::cost_of_pool(lessons, calibration, true, nobody, o, {0, 1, 2});
  CHECK(with_rules < 0.95 * without_rules);
}

TEST_CASE("adapt: the room that calibration images leave") {
  adapt::Options o;
  CHECK(adapt::Room::of(5000, o).text() == "38 of 5,000 (0.76 %)");
  CHECK(adapt::Room::of(298, o).text() == "none of 298");
  CHECK(adapt::Room::of(298, o).json()["allowed_regressions"].is_null());
  CHECK(adapt::Room::of(5000, o).json()["budget_in_effect"] == 38.0 / 5000);
  o.budget = "net";
  CHECK(adapt::Room::of(5000, o).allowed == weir::detail::most_paired_regressions(5000, 0.01, 0.05));
}

TEST_CASE("adapt: where a network can be left inside, with what is used of it") {
  const weir::Network net =
      toy_cascade::network("net", {4, 3, 3}, {toy_cascade::counter(), toy_cascade::counter(), toy_cascade::counter()});
  const auto points = weir::exit_points(net);
  REQUIRE(points.size() >= 2);
  const auto inside = adapt::exits_inside(net, "y", 3, {points[1].tensor});
  REQUIRE(inside.size() == points.size() - (points.back().tensor == "y" ? 1 : 0));
  for (std::size_t e = 0; e < inside.size(); ++e) {
    CHECK(inside[e].tensor == points[e].tensor);
    CHECK(inside[e].values == 36);
    CHECK(inside[e].flops_share == points[e].flops_share);
    CHECK(!inside[e].is_answer);
    CHECK(inside[e].is_used == (e == 1));
  }
  CHECK(adapt::exits_inside(net, "y", 36, {})[0].is_answer);  // as many values as classes: it needs no head
  const auto others = adapt::exits_inside(net, points[0].tensor, 3, {});
  CHECK(std::ranges::none_of(others, [&](const adapt::ExitInside& e) { return e.tensor == points[0].tensor; }));
}

TEST_CASE("adapt: --also and --given-exit are read, refused, and become limits") {
  CHECK(adapt::parse_also("top5:0.005") == std::pair<std::string, double>{"top5", 0.005});
  CHECK(adapt::parse_also("class:1").first == "class");
  for (const char* wrong : {"top5", ":0.1", "top5:0", "top5:2", "top5:x", "nosuch:0.1", "cross_entropy:0.1"})
    CHECK_THROWS_AS(adapt::parse_also(wrong), weir::ArgumentError);
  adapt::Options o;
  CHECK_NOTHROW(adapt::check_further(o));
  CHECK(adapt::further_limits(o, weir_test::probability_trace(20, 2, 4, 1)).empty());
  o.also = {"top2:0.1", "class:0.2"};
  o.given_exit = 0.3;
  const auto trace = weir_test::probability_trace(60, 2, 4, 1);
  const auto limits = adapt::further_limits(o, trace);
  CHECK(limits.given_exit == 0.3);
  REQUIRE(limits.also.size() == 5);
  CHECK(limits.also[0].name == "top2");
  CHECK(limits.also[4].label == 3);
  CHECK(limits.also[4].epsilon == 0.2);
  CHECK_NOTHROW(limits.check(trace));
  const auto top2 = weir_test::probability_trace(60, 2, 4, 1, weir::Loss("top2"));
  for (std::size_t k = 0; k < 2; ++k) CHECK(limits.also[0].loss[k] == top2.stages[k].loss);
  CHECK(top2.stages[0].loss.sum() > 0);
  o.confidence = 0;
  CHECK(contains(message_of<weir::ArgumentError>([&] { adapt::check_further(o); }), "--confidence above 0"));
}

}  // namespace WEIR_UNIT
