#include "../../../bench/adapt/promise.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>

#include "../../../bench/adapt/report/headline.hpp"
#include "../../io/io_test.hpp"

namespace WEIR_UNIT {

using adapt::Pairs, adapt::Promised, adapt::Verdict, io_test::contains;

namespace {

constexpr weir::BudgetOn excess = weir::BudgetOn::excess, net = weir::BudgetOn::difference;

Pairs counted_pairs(std::size_t regressions, std::size_t repairs, std::size_t n) {
  std::vector<double> loss(n, 0.0), full(n, 0.0);
  for (std::size_t i = 0; i < regressions; ++i) loss[i] = 1;
  for (std::size_t i = 0; i < repairs; ++i) full[n - 1 - i] = 1;
  return Pairs::of(loss, full);
}

weir::Choice certified_choice(std::size_t above) {
  weir::Choice c{};
  c.n_calibration = 5000;
  c.redrawn = weir::Redrawn{1000, above, 0};
  return c;
}

}  // namespace

TEST_CASE("adapt: losses in pairs, their limits and chances") {
  const Pairs p = counted_pairs(97, 55, 10000);
  CHECK(p.excess == doctest::Approx(0.0097));
  CHECK(p.net == doctest::Approx(0.0042));
  CHECK(p.lost(net) == p.net);
  const weir::Interval e = p.limits95(excess), d = p.limits95(net);
  CHECK(e.low == doctest::Approx(0.00787).epsilon(0.01));  // Clopper and Pearson, by scipy.stats.binomtest
  CHECK(e.high == doctest::Approx(0.01182).epsilon(0.01));
  const double half = 1.96 * std::sqrt(0.0152 - 0.0042 * 0.0042) / 100;  // about what a normal distribution says
  CHECK(d.low < p.net - 0.95 * half);
  CHECK(d.low > p.net - 1.4 * half);
  CHECK(d.high > p.net + 0.95 * half);
  CHECK(d.high < p.net + 1.4 * half);
  CHECK(weir::bounds::trinomial_p_value(97, 55, 10000, d.high, 0.025) == doctest::Approx(0.025).epsilon(0.01));
  CHECK(weir::bounds::trinomial_p_value(55, 97, 10000, -d.low, 0.025) == doctest::Approx(0.025).epsilon(0.01));
  const weir::Interval swapped = counted_pairs(55, 97, 10000).limits95(net);
  CHECK(swapped.low == doctest::Approx(-d.high).epsilon(1e-4));
  CHECK(counted_pairs(0, 0, 100).limits95(net).low < 0);
  CHECK(*p.chance_of_as_much(excess, 0.0097) == doctest::Approx(0.53).epsilon(0.05));
  CHECK(*p.chance_of_as_much(excess, 0.005) < 1e-6);
  CHECK(*p.chance_of_as_much(net, 0.0042) == doctest::Approx(0.51).epsilon(0.05));
  CHECK_FALSE(p.chance_of_as_much(excess, 0));
}

TEST_CASE("adapt: one sentence says whether a budget was kept, with limits, and how likely that is at the budget") {
  const Verdict kept = Verdict::of(counted_pairs(97, 55, 10000), excess, 0.01, true);
  CHECK(kept.kept);
  CHECK(
      kept.text() ==
      "0.97 % excess loss (95 % limits 0.79 to 1.18 %) on test: kept; a policy whose true loss is exactly 1.00 % shows "
      "this or more in 63.2 % of such tests");
  const Verdict above = Verdict::of(counted_pairs(114, 55, 10000), excess, 0.01, true);
  CHECK_FALSE(above.kept);
  CHECK(contains(above.text(), "1.14 % excess loss (95 % limits 0.94 to 1.37 %) on test: ABOVE the budget; a policy"));
  CHECK(*above.chance < 0.1);
  const Verdict of_net = Verdict::of(counted_pairs(114, 55, 10000), net, 0.01, true);
  CHECK(of_net.kept);
  CHECK(contains(of_net.text(), "+0.59 % net loss (95 % limits +0."));
  CHECK(contains(of_net.text(), " on test: kept; a policy whose true loss is exactly 1.00 % shows this or more in "));
  CHECK(contains(Verdict::of(counted_pairs(10, 90, 10000), net, 0.01, true).text(),
                 "-0.80 % net loss (95 % limits -1.0"));
  CHECK(Verdict::of(counted_pairs(3, 0, 100), excess, 0, true).text() ==
        "3.00 % excess loss (95 % limits 0.62 to 8.52 %) on test: ABOVE the budget");
  CHECK(Verdict::of(counted_pairs(3, 0, 100), excess, 0.05, false).text() == "3.00 % excess loss on test: kept");
}

TEST_CASE("adapt: beside a promise stands how often it failed; without one, or where nothing was certified, that") {
  const weir::Choice certified = certified_choice(31);
  const std::string text = Promised{excess, 0.01, 0.95, certified}.text();
  CHECK(text ==
        "budget 1.00 % excess loss, certified with 95 % confidence (Clopper-Pearson, Learn then Test); the promise "
        "failed in 31 "
        "of "
        "1,000 new draws of the 5,000 calibration images (95 % limits 2.1 to 4.4 %)");
  CHECK(contains(Promised{net, 0.01, 0.95, certified}.text(),
                 "net loss, certified with 95 % confidence (exact trinomial"));
  CHECK(contains(Promised{excess, 0.01, 0.945, certified}.text(), "certified with 94.5 % confidence"));
  weir::Choice several = certified;
  several.redrawn.reset();
  CHECK(contains(Promised{excess, 0.01, 0.95, several}.text(),
                 "how often it fails is not counted beside --also and --given-exit"));
  CHECK(
      Promised{excess, 0.01, 0, several}.text() ==
      "budget 1.00 % excess loss, kept in the mean on 5,000 calibration images, without a guarantee (--confidence 0)");
  weir::Choice none = certified;
  none.missing = "too few";
  none.redrawn = weir::Redrawn{1000, 0, 700};
  const Promised refused{excess, 0.01, 0.95, none};
  CHECK_FALSE(refused.is_certified());
  CHECK_FALSE(contains(refused.text(), ", certified with"));
  CHECK(contains(refused.text(), "no policy faster than the full network could be certified with 95 % confidence"));
  CHECK(contains(refused.text(),
                 "; in 700 of 1,000 new draws of the 5,000 calibration images nothing faster was certified"));
  none.missing.clear();
  CHECK(contains(refused.evidence(), ", and in 700 nothing faster than the full network was certified"));
}

TEST_CASE("adapt: the report's promise, for a budget that is kept, broken, net, in the mean, and for none") {
  const weir::Choice certified = certified_choice(31);
  const auto of = [&](std::size_t regressions, weir::BudgetOn on, double confidence, const weir::Choice& choice) {
    return adapt::promise(Promised{on, 0.01, confidence, choice},
                          Verdict::of(counted_pairs(regressions, 55, 10000), on, 0.01, true));
  };
  const adapt::Promise kept = of(60, excess, 0.95, certified), near = of(97, excess, 0.95, certified),
                       above = of(114, excess, 0.95, certified), of_net = of(114, net, 0.95, certified),
                       mean = of(97, excess, 0, certified), mean_above = of(114, excess, 0, certified);
  CHECK(kept.title == "Promise kept.");
  CHECK_FALSE(contains(kept.text, "too few"));
  CHECK(near.title == "Promise kept.");
  CHECK(contains(near.text, "too few to show that"));
  CHECK(above.title == "Above what was promised.");
  CHECK_FALSE(above.is_kept);
  CHECK(of_net.title == "Promise kept.");
  CHECK(contains(of_net.text, "+0.59 % net loss (95 % limits "));
  CHECK(mean.title == "Within the budget.");
  CHECK(mean_above.title == "Above the budget.");
  CHECK_FALSE(contains(mean.text, "new draws"));
  for (const adapt::Promise& p : {kept, near, above, of_net, mean, mean_above})
    CHECK(contains(p.text, "A policy whose true loss is exactly 1.00 % shows this or more in "));
  for (const adapt::Promise& p : {kept, near, above, of_net})
    CHECK(contains(p.text, "The promise failed in 31 of 1,000 new draws of the 5,000 calibration images"));
  weir::Choice none = certified;
  none.missing = "too few";
  CHECK(of(0, excess, 0.95, none).title == "Nothing faster was certified.");
}

TEST_CASE("adapt: a promise in JSON has the figures of the sentence") {
  const weir::Choice certified = certified_choice(31);
  const Pairs p = counted_pairs(114, 55, 10000);
  const auto json = adapt::promise_json(Promised{excess, 0.01, 0.95, certified}, Verdict::of(p, excess, 0.01, true));
  CHECK(json["on"] == "excess");
  CHECK(json["confidence"] == 0.95);
  CHECK(json["kept_on_test"] == false);
  CHECK(json["seen_on_test"] == p.excess);
  CHECK(json["limits95"][1] == p.limits95(excess).high);
  CHECK(json["redrawn"]["draws"] == 1000);
  CHECK(json["redrawn"]["above"] == 31);
  CHECK(json["redrawn"]["low95"] == weir::clopper_pearson(31, 1000).low);
}

}  // namespace WEIR_UNIT
