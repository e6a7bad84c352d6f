#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../../bench/adapt/head_size_choice.hpp"
#include "../../policy/probability_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// A pool of two places with heads of three sizes at each, and the full network behind them. Heads of size s take
/// head_cost[s], and of every 20 images they answer wrong[s] wrong that they would else get right.
weir::Trace pool_of_sizes(const std::vector<std::size_t>& wrong, const std::vector<double>& head_cost) {
  const weir::Trace three = weir_test::probability_trace(600, 3, 5, 4);
  weir::Trace pool = three;
  pool.stages.clear();
  for (std::size_t place = 0; place < 2; ++place)
    for (std::size_t size = 0; size < 3; ++size) {
      weir::StageTrace s = three.stages[place];
      s.name = "place" + std::to_string(place) + " of " + std::to_string(size);
      s.answer_cost = head_cost[size];
      s.cost = head_cost[size] + (size == 0 ? 10 : 0);
      for (Eigen::Index i = 0; i < s.loss.size(); ++i)
        if (static_cast<std::size_t>(i % 20) < wrong[size]) s.loss(i) = 1;
      pool.stages.push_back(std::move(s));
    }
  pool.stages.push_back(three.stages[2]);
  for (weir::StageTrace& s : pool.stages) s.network = "net";
  pool.stages.back().cost = 100;
  pool.stages.back().answer_cost = 0;
  return pool;
}

std::size_t chosen(const weir::Trace& pool) {
  adapt::Options o;
  o.max_loss = 0.05;
  const std::vector<std::size_t> units{64, 128, 256};
  const auto cost = adapt::costs_by_size(pool, 3,
                                         {.train = adapt::predicted_losses(o),
                                          .budget = adapt::budget_in_the_mean(o),
                                          .validation = {.folds = 3, .lambdas = 6, .seed = 0, .threads = 1}});
  CHECK(cost == adapt::costs_by_size(pool, 3,
                                     {.train = adapt::predicted_losses(o),
                                      .budget = adapt::budget_in_the_mean(o),
                                      .validation = {.folds = 3, .lambdas = 6, .seed = 0, .threads = 2}}));
  return adapt::smallest_of_the_best(units, cost);
}

}  // namespace

TEST_CASE("adapt: the size of exit heads goes by what the system costs, heads' own time counted") {
  // As good as the larger ones: what they take decides.
  CHECK(chosen(pool_of_sizes({0, 0, 0}, {1, 4, 16})) == 64);
  // They take nothing: what they answer decides.
  CHECK(chosen(pool_of_sizes({10, 10, 0}, {0, 0, 0})) == 256);
  CHECK(chosen(pool_of_sizes({10, 0, 0}, {0, 0, 0})) == 128);
  // Better, and dearer than that is worth.
  CHECK(chosen(pool_of_sizes({1, 1, 0}, {1, 1, 80})) == 64);
}

TEST_CASE("adapt: of sizes whose costs differ by noise the smallest is taken") {
  const std::vector<std::size_t> units{64, 128, 256};
  CHECK(adapt::smallest_of_the_best(units, {101.5, 100, 100.2}) == 64);
  CHECK(adapt::smallest_of_the_best(units, {103, 101, 100}) == 128);
  CHECK(adapt::smallest_of_the_best(units, {103, 102.5, 100}) == 256);
  CHECK(adapt::smallest_of_the_best(units, {7, 7, 7}) == 64);
}

TEST_CASE("adapt: --hidden takes a number or auto; with --quick auto tries smaller sizes") {
  adapt::Options o;
  CHECK(!adapt::hidden_units_asked(o));
  CHECK(adapt::distils(o, true));
  CHECK(adapt::sizes_to_try(o) == std::vector<std::size_t>{64, 128, 256});
  o.quick = true;
  CHECK(adapt::sizes_to_try(o) == std::vector<std::size_t>{32, 64});
  CHECK(adapt::distils(o, false));
  CHECK(!adapt::distils(o, true));
  o.hidden = "96";
  CHECK(adapt::hidden_units_asked(o) == 96);
  CHECK(adapt::distils(o, true));
  o.hidden = "0";
  CHECK(!adapt::distils(o, false));
}

}  // namespace WEIR_UNIT
