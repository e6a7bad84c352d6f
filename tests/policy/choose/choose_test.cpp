#include <doctest/doctest.h>

#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("choose: the budget is met exactly in expectation over the mix, and refining never makes it worse") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto fit = weir_test::difficulty_trace(400, 4, seed),
               calibration = weir_test::difficulty_trace(300, 4, seed + 50);
    const auto topology = seed % 2 == 0 ? weir_test::chain_of(fit) : weir_test::all_later_of(fit);
    const weir::PolicyTrainer trainer(fit, topology, {.learner = seed < 2 ? "logistic" : "tree"});
    const auto path = trainer.train_path(8);
    for (const double value : {0.0, 0.004, 0.011, 0.05}) {
      auto refined_path = path, plain_path = path;
      const auto plain = weir::choose(trainer, plain_path, calibration, {.value = value, .refinements = 0});
      const auto c = weir::choose(trainer, refined_path, calibration, {.value = value});
      CHECK(plain_path.size() == path.size());
      CHECK(c.calibration.cost <= plain.calibration.cost + 1e-15);
      const auto a = weir::Estimate::of(weir::evaluate(c.policy.a, calibration));
      const auto b = weir::Estimate::of(weir::evaluate(c.policy.b, calibration));
      const double p = c.policy.p;
      CHECK((p >= 0 && p <= 1));
      CHECK(c.calibration.excess == doctest::Approx(p * a.excess + (1 - p) * b.excess).epsilon(1e-12));
      CHECK(c.calibration.cost == doctest::Approx(p * a.cost + (1 - p) * b.cost).epsilon(1e-12));
      CHECK(c.calibration.excess <= value + 1e-15);
      // Exactly the budget, unless the fastest policy of all keeps it.
      if (c.calibration.cost > fit.stages[0].cost * (1 + 1e-9))
        CHECK(c.calibration.excess == doctest::Approx(value).epsilon(1e-9));
      CHECK(c.n_calibration == 300);
    }
  }
}

TEST_CASE("choose: the mix as drawn keeps the budget on average over seeds") {
  const auto fit = weir_test::difficulty_trace(400, 3, 1), calibration = weir_test::difficulty_trace(300, 3, 2);
  const auto topology = weir_test::chain_of(fit);
  const weir::PolicyTrainer trainer(fit, topology, {});
  auto path = trainer.train_path(6);
  auto c = weir::choose(trainer, path, calibration, {.value = 0.013, .refinements = 0});
  REQUIRE(c.policy.p > 0.01);
  REQUIRE(c.policy.p < 0.99);
  double excess = 0;
  for (c.policy.seed = 0; c.policy.seed < 400; ++c.policy.seed)
    excess += weir::evaluate(c.policy, calibration).mean_excess() / 400;
  CHECK(excess == doctest::Approx(0.013).epsilon(0.02));
}

TEST_CASE("choose: budgets of seconds and of the net difference; what cannot be kept is refused") {
  const auto fit = weir_test::difficulty_trace(400, 4, 1), calibration = weir_test::difficulty_trace(300, 4, 2);
  const auto topology = weir_test::chain_of(fit);
  const weir::PolicyTrainer trainer(fit, topology, {.side = weir::detail::LossSide::difference});
  auto path = trainer.train_path(8);
  for (const double seconds : {2e-4, 5e-4, 9e-4}) {
    const auto c = weir::choose(trainer, path, calibration, {.on = weir::BudgetOn::cost, .value = seconds});
    CHECK(c.calibration.cost == doctest::Approx(seconds).epsilon(1e-9));
  }
  const auto all = weir::choose(trainer, path, calibration, {.on = weir::BudgetOn::cost, .value = 1});
  CHECK(all.calibration.excess == 0);
  const auto net = weir::choose(trainer, path, calibration, {.on = weir::BudgetOn::difference, .value = 0.01});
  CHECK(net.calibration.difference == doctest::Approx(0.01).epsilon(1e-9));
  CHECK(net.calibration.excess >= net.calibration.difference);
  CHECK_THROWS_AS(weir::choose(trainer, path, calibration, {.on = weir::BudgetOn::cost, .value = 5e-5}),
                  weir::ArgumentError);
  CHECK_THROWS_AS(weir::choose(trainer, path, calibration, {.value = -0.01}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::choose(trainer, path, calibration, {.value = std::nan("")}), weir::ArgumentError);
  std::vector<weir::PathPoint> none;
  CHECK_THROWS_AS(weir::choose(trainer, none, calibration, {.value = 0.1}), weir::ArgumentError);
}

TEST_CASE("choose: budgets on cost are in the traces' unit, which must be the same") {
  auto fit = weir_test::difficulty_trace(200, 3, 1), calibration = weir_test::difficulty_trace(200, 3, 2);
  const auto topology = weir_test::chain_of(fit);
  const weir::PolicyTrainer in_seconds(fit, topology, {});
  auto path = in_seconds.train_path(5);
  const auto plain = weir::choose(in_seconds, path, calibration, {.value = 0.02, .refinements = 0});
  auto dear = fit;
  std::vector<weir::StageCost> costs = fit.costs();
  for (weir::StageCost& c : costs) c.cost *= 1024 * 1024;  // exact, so that policies are the same
  dear.set_costs(costs, "FLOP");
  const weir::PolicyTrainer in_flop(dear, topology, {});
  auto flop_path = in_flop.train_path(5);
  CHECK_THROWS_WITH_AS(weir::choose(in_flop, flop_path, calibration, {.value = 0.02}),
                       "choose: the costs are in FLOP where policies were learned, in seconds where they are judged",
                       weir::ArgumentError);
  calibration.set_costs(costs, "FLOP");
  const auto same = weir::choose(in_flop, flop_path, calibration, {.value = 0.02, .refinements = 0});
  CHECK(weir::evaluate(same.policy, calibration).exit == weir::evaluate(plain.policy, calibration).exit);
  CHECK(same.calibration.cost == doctest::Approx(1024 * 1024 * plain.calibration.cost));
  CHECK_THROWS_WITH_AS(weir::choose(in_flop, flop_path, calibration, {.on = weir::BudgetOn::cost, .value = 1}),
                       doctest::Contains("FLOP per example cannot be kept"), weir::ArgumentError);
}

TEST_CASE("choose: with an upper limit the limit is within budget; with too few examples it is refused") {
  const auto fit = weir_test::difficulty_trace(600, 4, 1), calibration = weir_test::difficulty_trace(800, 4, 2);
  const auto topology = weir_test::chain_of(fit);
  const weir::PolicyTrainer trainer(fit, topology, {});
  auto path = trainer.train_path(12);
  const weir::Budget budget{.value = 0.02, .margin = weir::Margin::upper_limit};
  const auto c = weir::choose(trainer, path, calibration, budget);
  REQUIRE(c.upper_limit);
  CHECK(*c.upper_limit <= 0.02);
  const auto e = weir::evaluate(c.policy, calibration);
  CHECK(weir::clopper_pearson_upper(weir::paired_counts(e).regressions, 800) ==
        doctest::Approx(*c.upper_limit).epsilon(1e-9));
  CHECK(e.mean_cost() < 0.9 * weir::evaluate(path[3].policy, calibration).mean_cost());
  auto other = path;
  const auto plain = weir::choose(trainer, other, calibration, {.value = 0.02});
  CHECK(c.calibration.cost >= plain.calibration.cost);

  std::vector<Eigen::Index> few(40);
  for (std::size_t i = 0; i < few.size(); ++i) few[i] = static_cast<Eigen::Index>(i);
  const auto too_few = weir::choose(trainer, path, calibration.rows(few), budget);
  CHECK(too_few.missing == "95 % for 2 % needs 149 examples with no regression; there are 40 for calibration");
  CHECK(too_few.policy.a == path[3].policy);
  CHECK(too_few.calibration.excess == 0);
  CHECK(weir::choose(trainer, path, calibration, {.value = 0, .margin = weir::Margin::upper_limit}).missing ==
        "95 % for 0 % needs more examples than there can be");
  CHECK(c.missing.empty());
  // As many as could pass, but each of them a regression: the full network is left.
  auto worst = calibration;
  for (std::size_t k = 0; k + 1 < worst.stages.size(); ++k) worst.stages[k].loss.setOnes();
  worst.stages.back().loss.setZero();
  const auto full = weir::choose(trainer, path, worst, budget);
  CHECK(full.calibration.excess == 0);
  CHECK(full.policy.a == path[3].policy);
  CHECK(*full.upper_limit == 0);
  const auto allowed = weir::most_regressions(800, 0.02, 0.05);
  REQUIRE(allowed);
  CHECK(full.missing.find(" regressions of 800 calibration examples, where at most ") != std::string::npos);
  CHECK(full.missing.find("the limit is 2 %: more examples would not help") != std::string::npos);
  CHECK_FALSE(c.redrawn);
  auto asked = budget;
  asked.redraws = 200;
  const auto redrawn = weir::choose(trainer, path, calibration, asked).redrawn;
  REQUIRE(redrawn);
  CHECK(redrawn->draws == 200);
  CHECK(redrawn->above <= 25);
  weir::FurtherLimits further;
  further.given_exit = 0.5;
  CHECK_THROWS_AS(weir::choose(trainer, path, calibration, asked, further), weir::ArgumentError);

  CHECK_THROWS_AS(weir::choose(trainer, path, calibration,
                               {.on = weir::BudgetOn::cost, .value = 1, .margin = weir::Margin::upper_limit}),
                  weir::ArgumentError);
  auto soft = calibration;
  for (auto& s : soft.stages) s.loss *= 0.5;
  CHECK_THROWS_AS(weir::choose(trainer, path, soft, budget), weir::ArgumentError);
}

TEST_CASE("choose: a budget on the net loss is certified on signed differences; repairs let more through") {
  auto fit = weir_test::difficulty_trace(600, 3, 1), calibration = weir_test::difficulty_trace(2000, 3, 2);
  for (weir::Trace* trace : {&fit, &calibration})  // the full network is wrong on some that the first stage gets right
    for (std::size_t i = 0; i < trace->size(); i += 40) {
      trace->stages[0].loss(static_cast<Eigen::Index>(i)) = 0;
      trace->stages[2].loss(static_cast<Eigen::Index>(i)) = 1;
    }
  const auto topology = weir_test::chain_of(fit);
  const weir::PolicyTrainer trainer(fit, topology, {.side = weir::detail::LossSide::difference});
  auto path = trainer.train_path(12);
  const weir::Budget net{.on = weir::BudgetOn::difference, .value = 0.02, .margin = weir::Margin::upper_limit};
  const auto c = weir::choose(trainer, path, calibration, net);
  REQUIRE(c.upper_limit);
  CHECK(*c.upper_limit <= 0.02);
  const auto counts = weir::paired_counts(weir::evaluate(c.policy, calibration));
  CHECK(counts.repairs > 0);
  CHECK(c.calibration.difference == doctest::Approx(counts.net_loss()));
  CHECK(weir::bounds::trinomial_p_value(counts.regressions, counts.repairs, 2000, *c.upper_limit, 0.05) ==
        doctest::Approx(0.05).epsilon(1e-5));
  const auto excess = weir::choose(trainer, path, calibration, {.value = 0.02, .margin = weir::Margin::upper_limit});
  CHECK(c.calibration.cost < excess.calibration.cost);
  std::vector<Eigen::Index> few(300);
  for (std::size_t i = 0; i < few.size(); ++i) few[i] = static_cast<Eigen::Index>(i);
  CHECK(
      weir::choose(trainer, path, calibration.rows(few), net).missing.starts_with("95 % for a net loss of 2 % needs"));
}

TEST_CASE("choose: the upper limit is broken on fresh data no more often than its confidence says") {
  const auto fit = weir_test::difficulty_trace(400, 3, 1);
  const auto truth = weir_test::difficulty_trace(20000, 3, 2);
  const auto topology = weir_test::chain_of(fit);
  const weir::PolicyTrainer trainer(fit, topology, {});
  auto path = trainer.train_path(8);
  int broken_with_limit = 0, broken_plain = 0, early = 0;
  const int draws = 60;
  for (int draw = 0; draw < draws; ++draw) {
    const auto calibration = weir_test::difficulty_trace(250, 3, 100 + static_cast<std::uint64_t>(draw));
    const auto limit =
        weir::choose(trainer, path, calibration, {.value = 0.03, .margin = weir::Margin::upper_limit, .steps = 10});
    const auto plain = weir::choose(trainer, path, calibration, {.value = 0.03, .refinements = 0});
    broken_with_limit += weir::evaluate(limit.policy, truth).mean_excess() > 0.03 ? 1 : 0;
    broken_plain += weir::evaluate(plain.policy, truth).mean_excess() > 0.03 ? 1 : 0;
    early += *limit.upper_limit > 0 ? 1 : 0;
  }
  CHECK(broken_with_limit <= 7);  // 60 draws at 5 %: more than 7 has a chance below 2 %
  CHECK(broken_plain > 15);       // what the margin is for
  CHECK(early > 30);
}

}  // namespace WEIR_UNIT
