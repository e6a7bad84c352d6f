#include <doctest/doctest.h>

#include <cstddef>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/chain_search.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using weir::Trace;
using weir::detail::ChainSearch;

namespace {

ChainSearch options() {
  ChainSearch o;
  o.budget.value = 0.03;
  o.train.passes = 0;
  o.validation.lambdas = 5;
  o.least_gain = 0.02;
  return o;
}

}  // namespace

TEST_CASE("chain search: takes what pays, in the order of the pool, and is as cheap as any chain") {
  const Trace pool = weir_test::pool_with_useless_stages(1500);
  ChainSearch o = options();
  std::size_t last = 0;
  o.progress = [&](std::size_t done, std::size_t total) {
    CHECK(done <= total);
    last = total - done;
  };
  const auto found = weir::detail::search_chain(pool, o);
  CHECK(last == 0);
  CHECK(found.stages == std::vector<std::size_t>{0, 3});
  for (const std::vector<std::size_t>& chain :
       {std::vector<std::size_t>{3}, {1, 3}, {2, 3}, {0, 1, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3}}) {
    const auto other = weir::detail::cost_of_chain(pool, chain, o);
    CHECK(other.stages == chain);
    CHECK(found.cost < other.cost * (1 + o.least_gain));
  }
  CHECK(weir::detail::cost_of_chain(pool, {3}, o).cost == doctest::Approx(40));
  CHECK(weir::detail::search_chain(pool, o).cost == found.cost);
}

TEST_CASE("chain search: at most so many stages, none where none pays, and no empty pool") {
  Trace pool = weir_test::difficulty_trace(900, 4, 5);
  ChainSearch o = options();
  o.most = 1;
  CHECK(weir::detail::search_chain(pool, o).stages.size() <= 2);
  o.most = 0;
  CHECK(weir::detail::search_chain(pool, o).stages == std::vector<std::size_t>{3});
  o.most = 3;
  for (std::size_t k = 0; k < 3; ++k) pool.stages[k].loss.setOnes();  // whoever leaves early errs
  CHECK(weir::detail::search_chain(pool, o).stages == std::vector<std::size_t>{3});
  CHECK_THROWS_AS(weir::detail::search_chain(Trace{}, o), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
