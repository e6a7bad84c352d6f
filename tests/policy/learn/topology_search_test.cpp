#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/topology_search.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

using weir::FoundTopology;
using weir::SearchOptions;
using weir::Topology;
using weir::Trace;

namespace {

SearchOptions options() {
  SearchOptions o;
  o.budget.value = 0.03;
  o.train.passes = 0;
  o.validation.lambdas = 5;
  o.least_gain = 0.02;
  o.max_stages = 3;
  return o;
}

}  // namespace

TEST_CASE("topology search: counts what it enumerates") {
  for (std::size_t n = 1; n <= 6; ++n)
    for (std::size_t most = 1; most <= n; ++most) {
      std::size_t topologies = 0;
      std::set<std::vector<std::size_t>> seen;
      for (const auto& subset : weir::detail::subsets_with_last(n, most)) {
        CHECK(subset.back() == n - 1);
        CHECK(subset.size() <= most);
        CHECK(std::ranges::is_sorted(subset));
        CHECK(seen.insert(subset).second);
        std::vector<std::string> names;
        for (const std::size_t k : subset) names.push_back("s" + std::to_string(k));
        std::vector<Topology> all = weir::detail::topologies_over(names);
        for (const Topology& t : all) t.check();
        for (std::size_t a = 0; a < all.size(); ++a)
          for (std::size_t b = 0; b < a; ++b) CHECK(all[a] != all[b]);
        CHECK(std::ranges::find(all, Topology::chain(names)) != all.end());
        topologies += all.size();
      }
      CHECK(weir::detail::count_topologies(n, most, 100000) == topologies);
      CHECK(weir::detail::count_topologies(n, most, topologies - 1) == topologies);
    }
  CHECK(weir::detail::count_topologies(1000, 1000, 300) == 301);  // at once, without enumerating
}

TEST_CASE("topology search: leaves out what does not help, exhaustively and greedily") {
  const Trace pool = weir_test::pool_with_useless_stages(600);
  SearchOptions o = options();
  const auto found = weir::search_topologies(pool, o);
  CHECK(found.size() == weir::detail::count_topologies(4, 3, 1000));
  CHECK(std::is_sorted(found.begin() + 1, found.end(), [](const auto& a, const auto& b) { return a.cost < b.cost; }));
  CHECK(found.front().cost <= found[1].cost * (1 + o.least_gain));
  CHECK(found.front().stages == std::vector<std::size_t>{0, 3});
  const auto alone = std::ranges::find(found, std::vector<std::size_t>{3}, &FoundTopology::stages);
  REQUIRE(alone != found.end());
  CHECK(alone->cost == doctest::Approx(40));  // the full network alone: no excess, whatever the budget
  CHECK(found.front().cost < 0.9 * alone->cost);

  o.exhaustive = 3;
  std::vector<std::size_t> done;
  o.progress = [&](std::size_t d, std::size_t total) {
    CHECK(d <= total);
    done.push_back(d);
  };
  const auto greedy = weir::search_topologies(pool, o);
  CHECK(greedy.size() < found.size());
  CHECK(greedy.front().stages == found.front().stages);
  CHECK(greedy.front().cost == found.front().cost);
  const auto grown = std::ranges::find(greedy, std::vector<std::size_t>{0, 1, 3}, &FoundTopology::stages);
  CHECK((grown != greedy.end()));  // was tried, and did not pay
  CHECK(std::ranges::is_sorted(done));
}

TEST_CASE("topology search: exits inside a network are charged for the layers before them") {
  // Stages 0 and 1 are exits of one network, 2 is the full one. With the second exit's layers included, going to it
  // past the first costs 1 + 20 seconds less the first answer's.
  Trace pool = weir_test::difficulty_trace(400, 3, 5);
  const double seconds[] = {2, 20, 60};
  for (std::size_t k = 0; k < 3; ++k) pool.stages[k].cost = seconds[k];
  for (std::size_t k = 0; k < 2; ++k) pool.stages[k].network = "a";
  pool.stages[0].answer_cost = 1;
  SearchOptions o = options();
  o.budget.on = weir::BudgetOn::difference;
  o.budget.value = 1;  // anything goes: the cheapest is the first exit's answer for all
  const auto found = weir::search_topologies(pool, o);
  for (const FoundTopology& f : found) {
    const double first = f.stages.front() == 0 ? 2 : f.stages.front() == 1 ? 21 : 60;
    CHECK(f.cost == doctest::Approx(first));
  }
}

TEST_CASE("topology search: only usable topologies are tried") {
  const Trace pool = weir_test::pool_with_useless_stages(150);
  SearchOptions o = options();
  const auto all = weir::search_topologies(pool, o);
  for (const std::size_t exhaustive : {std::size_t{300}, std::size_t{1}}) {
    o.exhaustive = exhaustive;
    o.usable = [](const std::vector<std::size_t>& stages, const Topology& t) {
      return stages.front() != 0 && t.stages[0].next.size() <= 1;
    };
    const auto some = weir::search_topologies(pool, o);
    CHECK(some.size() < all.size());
    for (const FoundTopology& f : some) CHECK(o.usable(f.stages, f.topology));
  }
  o.usable = [](const auto&, const auto&) { return false; };
  CHECK_THROWS_AS(weir::search_topologies(pool, o), weir::ArgumentError);
}

TEST_CASE("topology search: the same on any number of threads; bad options are refused") {
  const Trace pool = weir_test::pool_with_useless_stages(150);
  SearchOptions o = options();
  const auto one = weir::search_topologies(pool, o);
  o.validation.threads = 3;
  const auto three = weir::search_topologies(pool, o);
  REQUIRE(one.size() == three.size());
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(one[i].cost == three[i].cost);
  o.max_stages = 0;
  CHECK_THROWS_AS(weir::search_topologies(pool, o), weir::ArgumentError);
  o.max_stages = 2;
  o.validation.folds = 151;
  CHECK_THROWS_AS(weir::search_topologies(pool, o), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
