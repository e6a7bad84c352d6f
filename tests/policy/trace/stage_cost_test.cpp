#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace WEIR_UNIT {

using weir::CostModel, weir::StageCost;

namespace {

/// Two stages; a batch of n costs 10 + 2 n and 1 + 3 n, of which answers are 1 n and 0.
CostModel affine(const std::vector<std::size_t>& batches) {
  CostModel model{"J", batches, {}};
  for (const std::size_t b : batches) {
    const auto n = static_cast<double>(b);
    model.costs.push_back({{10 / n + 2, 1}, {1 / n + 3, 0}});
  }
  return model;
}

}  // namespace

TEST_CASE("format_cost: prefixes for known units, the number as it is for others") {
  CHECK(weir::detail::format_cost(12.34e-6, "seconds") == "12.34 us");
  CHECK(weir::detail::format_cost(0.0021, "seconds") == "2.1 ms");
  CHECK(weir::detail::format_cost(4000, "seconds") == "4000 s");
  CHECK(weir::detail::format_cost(3e-9, "seconds") == "0.003 us");
  CHECK(weir::detail::format_cost(4.5678e6, "FLOP") == "4.568 MFLOP");
  CHECK(weir::detail::format_cost(0.5, "FLOP") == "0.5 FLOP");
  CHECK(weir::detail::format_cost(7e12, "FLOP") == "7000 GFLOP");
  CHECK(weir::detail::format_cost(0.0125, "J") == "12.5 mJ");
  CHECK(weir::detail::format_cost(1250, "J") == "1.25 kJ");
  CHECK(weir::detail::format_cost(0, "J") == "0 J");
  CHECK(weir::detail::format_cost(1e6, "cents") == "1e+06 cents");
}

TEST_CASE("check_cost_unit") {
  for (const char* good : {"seconds", "FLOP", "J", "EUR cents", "%"}) weir::detail::check_cost_unit(good);
  for (const char* bad : {"", " ", " J", "J ", "a\nb", "\xc2\xb5J", "0123456789012345678901234567890123456789x"})
    CHECK_THROWS_AS(weir::detail::check_cost_unit(bad), weir::ArgumentError);
}

TEST_CASE("cost model: between sizes a batch's cost is interpolated, outside an example's cost stays") {
  const CostModel model = affine({2, 4, 16});
  model.check();
  for (const std::size_t n : {2U, 3U, 4U, 7U, 15U, 16U}) {
    const auto size = static_cast<double>(n);
    CHECK(model.at(0, n).cost == doctest::Approx(10 / size + 2));
    CHECK(model.at(0, n).answer_cost == doctest::Approx(1));
    CHECK(model.at(1, n).cost == doctest::Approx(1 / size + 3));
  }
  CHECK(model.at(0, 4) == model.costs[1][0]);  // to the last bit
  CHECK(model.at(0, 1) == model.costs[0][0]);
  CHECK(model.at(0, 1000) == model.costs[2][0]);
}

TEST_CASE("cost model: the expectation equals the sum over all batches that can come, each with its probability") {
  CostModel model{"seconds", {1, 3, 7}, {{{5, 1}}, {{3, 0.5}}, {{2, 0.25}}}};
  for (const std::size_t batch : {2U, 5U, 7U, 9U})
    for (const double share : {0.01, 0.3, 0.5, 0.97}) {
      double spent = 0, answering = 0, examples = 0;  // of whole batches, over all ways in which examples get there
      for (unsigned who = 0; who < 1U << batch; ++who) {
        const auto there = static_cast<std::size_t>(__builtin_popcount(who));
        if (there == 0) continue;
        const auto n = static_cast<double>(there);
        const double p = std::pow(share, n) * std::pow(1 - share, static_cast<double>(batch) - n);
        spent += p * n * model.at(0, there).cost;
        answering += p * n * model.at(0, there).answer_cost;
        examples += p * n;
      }
      CHECK(model.expected(0, batch, share).cost == doctest::Approx(spent / examples).epsilon(1e-12));
      CHECK(model.expected(0, batch, share).answer_cost == doctest::Approx(answering / examples).epsilon(1e-12));
    }
}

TEST_CASE("cost model: ends of the expectation are exact, and it falls as more examples come") {
  const CostModel model = affine({1, 4, 16, 64});
  CHECK(model.expected(0, 1, 0.3) == model.costs[0][0]);
  CHECK(model.expected(0, 64, 1) == model.costs[3][0]);
  CHECK(model.expected(0, 64, 0) == model.costs[0][0]);
  double before = model.expected(0, 64, 0).cost;
  for (int percent = 1; percent <= 100; ++percent) {
    const double now = model.expected(0, 64, 0.01 * percent).cost;
    CHECK(now < before);
    before = now;
  }
  CHECK(std::isfinite(model.expected(0, 4096, 1e-12).cost));
  CHECK(std::isfinite(model.expected(0, 4096, 1 - 1e-12).cost));
  CHECK(model.expected(64, {1, 0.5}).size() == 2);
  CHECK_THROWS_AS(model.expected(64, {1}), weir::ShapeError);
  for (const double bad : {-0.1, 1.1, std::nan("")}) CHECK_THROWS_AS(model.expected(0, 4, bad), weir::ArgumentError);
  CHECK_THROWS_AS(model.expected(0, 0, 0.5), weir::ArgumentError);
  const CostModel single{"FLOP", {1}, {{{7, 1}}}};
  CHECK(!single.depends_on_batch());
  CHECK(single.expected(0, 64, 0.2) == StageCost{7, 1});
}

TEST_CASE("cost model: what does not fit is refused") {
  CHECK_THROWS_AS((CostModel{"", {1}, {{{1, 0}}}}.check()), weir::ArgumentError);
  CHECK_THROWS_AS((CostModel{"J", {}, {}}.check()), weir::ArgumentError);
  CHECK_THROWS_AS((CostModel{"J", {0}, {{{1, 0}}}}.check()), weir::ArgumentError);
  CHECK_THROWS_AS((CostModel{"J", {4, 4}, {{{1, 0}}, {{1, 0}}}}.check()), weir::ArgumentError);
  CHECK_THROWS_AS((CostModel{"J", {1, 4}, {{{1, 0}}}}.check()), weir::ShapeError);
  CHECK_THROWS_AS((CostModel{"J", {1, 4}, {{{1, 0}}, {{1, 0}, {1, 0}}}}.check()), weir::ShapeError);
  CHECK_THROWS_AS((CostModel{"J", {1}, {{}}}.check()), weir::ShapeError);
  for (const StageCost& bad :
       {StageCost{-1, 0}, StageCost{std::nan(""), 0}, StageCost{HUGE_VAL, 0}, StageCost{1, 2}, StageCost{1, -1}})
    CHECK_THROWS_AS((CostModel{"J", {1}, {{bad}}}.check()), weir::ArgumentError);
}

TEST_CASE("batch_sizes") {
  using Sizes = std::vector<std::size_t>;
  CHECK(weir::detail::batch_sizes(1) == Sizes{1});
  CHECK(weir::detail::batch_sizes(4) == Sizes{1, 4});
  CHECK(weir::detail::batch_sizes(5) == Sizes{1, 4, 5});
  CHECK(weir::detail::batch_sizes(64) == Sizes{1, 4, 16, 64});
}

}  // namespace WEIR_UNIT
