#include "../../../bench/adapt/in_use.hpp"

#include <doctest/doctest.h>

#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../../../bench/adapt/advice.hpp"
#include "../../io/io_test.hpp"

namespace WEIR_UNIT {

using doctest::Approx, io_test::contains;

TEST_CASE("adapt: the mean without pauses keeps what is at most 8 times the median") {
  CHECK(adapt::mean_without_pauses({}) == 0);
  CHECK(adapt::mean_without_pauses({3}) == 3);
  CHECK(adapt::mean_without_pauses({1, 2, 6}) == 3);
  CHECK(adapt::mean_without_pauses({1, 1, 1, 8}) == Approx(2.75));  // 8 times the median is not above it
  CHECK(adapt::mean_without_pauses({1, 1, 1, 8.1}) == 1);
  CHECK(adapt::mean_without_pauses({1, 1, 2, 5000, 2}) == 1.5);
}

TEST_CASE("adapt: prices in use are means of visits; what is rarely visited changes as the others did") {
  const std::vector<weir::StageCost> first{{10, 4}, {100, 8}, {1000, 20}};
  const adapt::Prices before = adapt::full_batches({weir::cost_unit::seconds, {1}, {first}}, 1);
  adapt::Visits visits{{std::vector<double>(300, 12), std::vector<double>(30, 80), std::vector<double>(29, 5000)},
                       {std::vector<double>(300, 5), std::vector<double>(30, 90), std::vector<double>(29, 1)},
                       {700, 900, 99999}};
  visits.cost[0].back() = 12000;  // a pause
  const adapt::InUse found = adapt::prices_of_visits(visits, before);
  const double change = (300 * 12 + 30 * 80) / (300 * 10 + 30 * 100.0);
  CHECK(found.change == Approx(change));
  CHECK(found.full_cost == Approx(800));
  const auto& costs = found.prices.costs();
  REQUIRE(costs.size() == 3);
  CHECK(costs[0].cost == 12);
  CHECK(costs[0].answer_cost == 5);
  CHECK(costs[1].cost == 80);
  CHECK(costs[1].answer_cost == 80);  // never more than the stage
  CHECK(costs[2].cost == Approx(1000 * change));
  CHECK(costs[2].answer_cost == Approx(20 * change));
  CHECK(contains(adapt::in_use_text(found), "take 100 % of their first prices"));
  CHECK(before.costs()[0].cost == 10);

  for (auto& of_stage : visits.cost) of_stage.resize(29);  // too few to say anything
  const adapt::InUse none = adapt::prices_of_visits(visits, before);
  CHECK(none.change == 1);
  for (std::size_t k = 0; k < 3; ++k) CHECK(none.prices.costs()[k] == first[k]);
}

TEST_CASE("adapt: a run is called disturbed where measured and predicted differ by more than a tenth") {
  for (const double predicted : {100e-6, 91e-6, 109e-6}) CHECK(adapt::disturbed_text("m", 100e-6, predicted).empty());
  for (const double predicted : {90e-6, 111e-6}) {
    const std::string text = adapt::disturbed_text("selection", 100e-6, predicted);
    CHECK(contains(text, "selection: the learned policy took 100"));
    CHECK(contains(text, predicted < 100e-6 ? "say 90" : "say 111"));
    CHECK(contains(text, "kept the machine busy"));
  }
}

TEST_CASE("adapt: decisions that differ from the recorded ones are said") {
  CHECK(adapt::strays_text("selection", 0, 480).empty());
  CHECK(contains(adapt::strays_text("selection", 36, 1481), "selection: 36 of 1,481 test images left elsewhere"));
}

}  // namespace WEIR_UNIT
