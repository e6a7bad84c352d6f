#include <doctest/doctest.h>

#include <string>
#include <weir/core/isa.hpp>

#include "../../bench/shift/drift.hpp"
#include "../io/io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains;

TEST_CASE("LossAudit: 1,000 streams without drift at the budget: false alarms and false certificates at most delta") {
  std::size_t alarms = 0, certificates = 0;
  for (std::uint64_t s = 0; s < 1000; ++s) {
    const weir::LossAuditOptions options{.share = 0.1, .budget = 0.02, .confidence = 0.9, .seed = s};
    certificates += shift::run_drift({0.0201, 1, 0, 20000}, options, 9).wrong_certificate ? 1 : 0;
    alarms += shift::run_drift({0.02, 1, 0, 20000}, options, 9).false_alarms > 0 ? 1 : 0;
  }
  CHECK(alarms <= 100);
  CHECK(certificates <= 100);
  CHECK(alarms + certificates > 4);  // else nothing was tested
}

TEST_CASE("LossAudit: 1,000 streams with drift at random times: alarms at half the total budget keep the total") {
  const shift::DriftOptions o;
  const auto rows = shift::drift_study({0.1}, o);
  REQUIRE(rows.size() == 3);
  const std::string text = shift::drift_markdown(rows, o);
  for (const shift::DriftRow& r : rows) {
    CHECK(r.streams == 1000);
    CHECK(r.above <= 50);
    CHECK(r.above_without > 200);
    CHECK(r.false_alarms <= 50);
    CHECK(r.delay.size() > 900);
    CHECK(contains(text, " | 10 % | " + std::to_string(r.above_without) + " | " + std::to_string(r.above) + " | " +
                             std::to_string(r.delay.size()) + " | "));
    CHECK(contains(shift::drift_csv(rows, o), ",0.1,1000," + std::to_string(r.above_without) + ","));
  }
  // The more an image loses, the sooner it is noticed.
  CHECK(weir::detail::percentile(rows[0].delay, 50) > 3 * weir::detail::percentile(rows[1].delay, 50));
  CHECK(weir::detail::percentile(rows[1].delay, 50) > 2 * weir::detail::percentile(rows[2].delay, 50));
}

TEST_CASE("drift: without a policy to go to nothing is kept; the last policy, the full network, loses nothing") {
  const weir::LossAuditOptions options{.share = 0.1, .budget = 0.02, .confidence = 0.95, .seed = 3};
  const shift::DriftStream stream{0.012, 16, 1000, 20000};
  const shift::DriftOutcome alone = shift::run_drift(stream, options, 1), two = shift::run_drift(stream, options, 2);
  CHECK(alone.policy == 0);
  CHECK(two.policy == 1);
  CHECK(alone.delay == two.delay);
  REQUIRE(two.delay > 0);
  // Up to the alarm as it was, nothing behind it.
  const double sum = 1000 * 0.012 + static_cast<double>(two.delay) * 0.012 * 16;
  CHECK(two.mean_loss == doctest::Approx(sum / 20000));
}

TEST_CASE("drift: what the program's options leave open is as in DriftOptions") {
  CHECK(shift::drift_options({}).budget == shift::DriftOptions().budget);
  const shift::DriftOptions o = shift::drift_options({.budget = 0.01, .confidence = 0.9, .streams = 7});
  CHECK(o.budget == 0.01);
  CHECK(o.confidence == 0.9);
  CHECK(o.streams == 7);
  CHECK(contains(shift::drift_markdown({{4, 0.1, 7, 0, 3, 0, {}}}, o), "| 2.4 budgets | 10 % | 3 | 0 | 0 | - | 0 |"));
}

}  // namespace WEIR_UNIT
