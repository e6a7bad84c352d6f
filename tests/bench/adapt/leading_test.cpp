#include "../../../bench/adapt/leading.hpp"

#include <doctest/doctest.h>

#include <weir/core/isa.hpp>

#include "../../io/io_test.hpp"
#include "../../policy/probability_trace.hpp"
#include "../../policy/synthetic_trace.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

namespace {

adapt::LearnedMode named_mode(const std::string& name, std::optional<double> validated) {
  adapt::LearnedMode m;
  m.name = name;
  m.validated = validated;
  m.prices.model.unit = weir::cost_unit::seconds;
  return m;
}

std::vector<std::string> names_of(const std::vector<adapt::LearnedMode>& modes) {
  std::vector<std::string> names;
  for (const adapt::LearnedMode& m : modes) names.push_back(m.name);
  return names;
}

}  // namespace

TEST_CASE("adapt: the mode that costs least in cross-validation leads, or the one that is named") {
  using Names = std::vector<std::string>;
  const std::vector<adapt::LearnedMode> modes{named_mode("selection", 119e-6), named_mode("early_exit", 190e-6),
                                              named_mode("search", 109e-6)};
  CHECK(names_of(adapt::leader_first(modes, "auto")) == Names{"search", "selection", "early_exit"});
  CHECK(names_of(adapt::leader_first(modes, "early_exit")) == Names{"early_exit", "selection", "search"});
  CHECK(names_of(adapt::leader_first(modes, "selection")) == Names{"selection", "early_exit", "search"});
  // One that counts losses against another network is not compared; of two alike the first leads.
  const std::vector<adapt::LearnedMode> apart{named_mode("early_exit_a", std::nullopt), named_mode("selection", 2),
                                              named_mode("search", 2)};
  CHECK(names_of(adapt::leader_first(apart, "auto")) == Names{"selection", "early_exit_a", "search"});
  CHECK(names_of(adapt::leader_first(apart, "early_exit_a")).front() == "early_exit_a");

  adapt::Options o;
  CHECK(adapt::lead_line(adapt::leader_first(modes, "auto"), o) ==
        "search leads (policy.json): an image at the same excess loss takes, by cross-validation on the policy part, "
        "search 109 us, selection 119 us, early_exit 190 us");
  CHECK(adapt::lead_line(std::vector<adapt::LearnedMode>{modes[0]}, o).empty());
  o.lead = "selection";
  CHECK(contains(adapt::lead_line(modes, o), "selection leads (policy.json), as --lead says: "));
}

TEST_CASE("adapt: --lead is refused where it names no mode, before anything is learned") {
  adapt::Options o;
  const std::vector<adapt::LearnedMode> modes{named_mode("selection", {}), named_mode("search", {})};
  CHECK_NOTHROW(adapt::check_lead(modes, o));
  o.lead = "search";
  CHECK_NOTHROW(adapt::check_lead(modes, o));
  o.lead = "early_exit";
  CHECK(contains(message_of<weir::ArgumentError>([&] { adapt::check_lead(modes, o); }),
                 "no such mode in this run, but selection, search"));
}

TEST_CASE("adapt: what a mode costs is judged on the policy part alone") {
  adapt::Options o;
  o.max_loss = 0.05;
  o.quick = true;
  const weir::Trace policy = weir_test::probability_trace(400, 2, 5, 4);
  const weir::Topology topology = weir_test::chain_of(policy);
  const auto cost = [&](double dearer, const weir::Trace& calibration) {
    adapt::LearnedMode m;
    m.spec = nullptr;
    m.lessons = policy;
    for (weir::StageTrace& s : m.lessons.stages) s.cost *= dearer, s.answer_cost *= dearer;
    m.policy = m.lessons;
    m.calibration = calibration;
    m.train = adapt::predicted_losses(o);
    return adapt::cost_by_validation(m, topology, o);
  };
  const double one = cost(1, policy);
  CHECK(one > 0);
  CHECK(one < policy.costs()[0].cost + policy.costs()[1].cost);
  CHECK(cost(2, policy) == doctest::Approx(2 * one));
  CHECK(cost(1, weir_test::probability_trace(30, 2, 5, 77)) == one);
}

}  // namespace WEIR_UNIT
