#include <doctest/doctest.h>

#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/measure/energy_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../toy_cascade.hpp"

namespace WEIR_UNIT {

using toy_cascade::Counter, toy_cascade::counter, toy_cascade::tensor;
using weir::CascadeSpec, weir::CascadeStage, weir::Topology, weir::View;

namespace {

/// Exits a0 and a1 inside network A, and B; with a meter that charges each row that a layer computes, and each time
/// that row 0 comes to a network.
struct Metered {
  std::vector<Counter> rows{counter(), counter(), counter(), counter()};  // of A's three waves and B's one
  double starts = 0;
  std::shared_ptr<const CascadeSpec> spec;

  explicit Metered(const Topology& topology, std::int64_t fixed_batch = 0)
      : spec(std::make_shared<CascadeSpec>(
            std::vector{toy_cascade::network("A", {2, 5, 6}, {rows[0], rows[1], rows[2]}, fixed_batch),
                        toy_cascade::network("B", {7}, {rows[3]}, fixed_batch)},
            std::vector<CascadeStage>{{"a0", 0, tensor(0), toy_cascade::head(2, 1, 0)},
                                      {"a1", 0, tensor(1), toy_cascade::head(2, 1, 1)},
                                      {"a", 0, "y", std::nullopt},
                                      {"b", 1, "y", std::nullopt}},
            topology)) {}

  double joules() const { return *rows[0] * 1.0 + *rows[1] * 10.0 + *rows[2] * 100.0 + *rows[3] * 1000.0 + 3 * starts; }

  weir::InputMaker maker() {
    return [this](std::size_t network, std::size_t row, View out) {
      if (row == 0) ++starts;
      toy_cascade::fill(network, row, out);
    };
  }

  weir::CostModel measure(const weir::detail::EnergyRuns& runs) {
    return weir::detail::measure_energy(
        *spec, weir::Context(), maker(), {0, 1, 2, 3}, [this] { return joules(); }, runs, [](auto&&...) {});
  }
};

const Topology chain = Topology::chain({"a0", "a1", "a", "b"});

}  // namespace

TEST_CASE("energy: a stage costs what its way takes beyond the way to the stage before it") {
  Metered m(chain);
  const auto model = m.measure({.batches = {4}, .rounds = 3, .block_s = 0});
  CHECK(model.unit == "J");
  REQUIRE(model.n_stages() == 4);
  // A block of one batch of four rows, in which row 0 comes once: 3 / 4 for each example at the start of a network.
  const double expected[] = {1 + 0.75, 10, 100, 1000 + 0.75};
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(model.costs[0][k].cost == doctest::Approx(expected[k]));
    CHECK(model.costs[0][k].answer_cost > 0);
    CHECK(model.costs[0][k].answer_cost < model.costs[0][k].cost);
  }
}

TEST_CASE("energy: sizes of batch, and blocks of many runs") {
  Metered m(chain);
  const auto model = m.measure({.batches = {2, 8}, .rounds = 1, .block_s = 0.002});
  CHECK(model.batches == std::vector<std::size_t>{2, 8});
  for (std::size_t b = 0; b < 2; ++b)  // row 0 is every fourth
    for (std::size_t k = 1; k < 3; ++k)
      CHECK(model.costs[b][k].cost == doctest::Approx(k == 1 ? 10 : 100).epsilon(0.1));
}

TEST_CASE("energy: networks of batch 1, in any topology, run one by one") {
  Topology dag = chain;
  dag.stages[0].next = {1, 2, 3};
  Metered m(dag, 1);
  CHECK(!m.spec->flows_in_batches());
  const auto model = m.measure({.batches = {1}, .rounds = 2, .block_s = 0.001});
  CHECK(model.costs[0][1].cost == doctest::Approx(10).epsilon(0.1));
  CHECK(model.costs[0][2].cost == doctest::Approx(100).epsilon(0.05));
  CHECK(model.costs[0][3].cost == doctest::Approx(1000.75).epsilon(0.01));
  CHECK_THROWS_AS(m.measure({.batches = {1, 4}}), weir::ArgumentError);
}

TEST_CASE("energy: a counter that stands still or falls is refused, as are runs of nothing") {
  Metered m(chain);
  const auto with = [&](const std::function<double()>& joules, const weir::detail::EnergyRuns& runs,
                        const std::vector<std::size_t>& rows = {0}) {
    static_cast<void>(
        weir::detail::measure_energy(*m.spec, weir::Context(), m.maker(), rows, joules, runs, [](auto&&...) {}));
  };
  CHECK_THROWS_WITH_AS(with([] { return 7.0; }, {.block_s = 0, .give_up_s = 0}),
                       doctest::Contains("the counter did not move in"), weir::ArgumentError);
  double falling = 0;
  CHECK_THROWS_WITH_AS(with([&] { return falling -= 1; }, {.block_s = 0}), "energy: the counter fell",
                       weir::ArgumentError);
  const auto joules = [&] { return m.joules(); };
  CHECK_THROWS_AS(with(joules, {}, {}), weir::ArgumentError);
  CHECK_THROWS_AS(with(joules, {.rounds = 0}), weir::ArgumentError);
  CHECK_THROWS_AS(with(joules, {.batches = {}}), weir::ArgumentError);
  CHECK_THROWS_AS(with(joules, {.batches = {0}}), weir::ArgumentError);
  CHECK_THROWS_AS(with(joules, {.block_s = -1}), weir::ArgumentError);
}

TEST_CASE("energy: a counter of coarse steps is waited for") {
  Metered m(chain);
  const auto coarse = [&] { return 5000 * std::floor(m.joules() / 5000); };
  const auto model = weir::detail::measure_energy(*m.spec, weir::Context(), m.maker(), {0, 1, 2, 3}, coarse,
                                                  {.batches = {4}, .rounds = 1, .block_s = 0.02}, [](auto&&...) {});
  CHECK(model.costs[0][2].cost > 0);
  CHECK(model.costs[0][3].cost == doctest::Approx(1000.75).epsilon(0.05));
}

}  // namespace WEIR_UNIT
