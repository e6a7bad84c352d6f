#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/models/foreign_model.hpp>
#include <weir/policy/learners/models/threshold_model.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/policy.hpp>

namespace WEIR_UNIT {

namespace {

weir::detail::GateModel above(std::size_t d, std::size_t feature, double threshold) {
  return {"threshold", weir::detail::ThresholdModel{d, feature, threshold, 1, 0}};
}

}  // namespace

TEST_CASE("Gate: two actions, continue only where the decision is above 0") {
  const weir::Gate gate(2, 1, {above(1, 0, 0.5)});
  const auto action = [&](double x) { return gate.action(std::vector<double>{x}); };
  CHECK(action(0.4) == 0);
  CHECK(action(0.5) == 0);  // a tie exits
  CHECK(action(0.6) == 1);
  CHECK_THROWS_AS(gate.action(std::vector<double>{1, 2}), weir::ShapeError);
}

TEST_CASE("Gate: constants of any number of actions, and the default that only exits") {
  for (std::size_t n = 1; n <= 6; ++n)
    for (std::size_t a = 0; a < n; ++a) CHECK(weir::Gate::constant(a, n, 2).action(std::vector<double>{1, 2}) == a);
  CHECK(weir::Gate().action({}) == 0);
  CHECK_THROWS_AS(weir::Gate::constant(2, 2, 1), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Gate::constant(0, 65, 1), weir::ArgumentError);
}

TEST_CASE("Gate: all pairs against a plain count of wins, ties to the lower action") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::size_t n = 3 + seed % 4;
    std::vector<weir::detail::GateModel> models;
    for (std::size_t m = 0; m < weir::Gate::n_pairs(n); ++m)
      models.push_back(above(3, m % 3, weir::detail::counter_uniform(seed, m)));
    const weir::Gate gate(n, 3, models);
    const std::vector<double> x = {weir::detail::counter_uniform(seed, 100), weir::detail::counter_uniform(seed, 101),
                                   weir::detail::counter_uniform(seed, 102)};
    std::vector<int> wins(n, 0);
    std::size_t m = 0;
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = a + 1; b < n; ++b) ++wins[models[m++].decision_function(x) > 0 ? b : a];
    const auto expected = std::max_element(wins.begin(), wins.end()) - wins.begin();
    CHECK(gate.action(x) == static_cast<std::size_t>(expected));
  }
  // A cycle: 1 beats 0, 2 beats 1, 0 beats 2. One win each, so the lowest.
  const weir::Gate cycle(3, 1,
                         {weir::detail::GateModel::constant(1, 1), weir::detail::GateModel::constant(0, 1),
                          weir::detail::GateModel::constant(1, 1)});
  CHECK(cycle.action(std::vector<double>{0}) == 0);
}

TEST_CASE("Gate: of a decision function, which goes on by one action and exits else") {
  class Above final : public weir::DecisionFunction {
   public:
    std::size_t n_features() const override { return 2; }
    double decision_function(std::span<const double> x) const override { return x[1] - 0.5; }
    std::string to_json() const override { return "{}"; }
  };
  const auto above_half = std::make_shared<Above>();
  for (std::size_t n = 2; n <= 5; ++n)
    for (std::size_t a = 1; a < n; ++a) {
      const weir::Gate gate = weir::Gate::of_function("own", above_half, n, a);
      CHECK(gate.n_features() == 2);
      CHECK(gate.action(std::vector<double>{0, 0.6}) == a);
      CHECK(gate.action(std::vector<double>{1, 0.5}) == 0);
    }
  for (const auto& [n, a] : {std::pair<std::size_t, std::size_t>{2, 0}, {2, 2}, {65, 1}})
    CHECK_THROWS_AS(weir::Gate::of_function("own", above_half, n, a), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Gate::of_function("own", nullptr), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Gate::of_function("logistic", above_half), weir::ArgumentError);
}

TEST_CASE("Gate: wrong numbers of models or features are refused") {
  CHECK_THROWS_AS(weir::Gate(2, 1, {}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Gate(0, 1, {}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Gate(2, 2, {above(1, 0, 0.5)}), weir::ArgumentError);
}

TEST_CASE("Gate: JSON gives the same gate back, damage is refused") {
  const weir::Gate gate(3, 2, {above(2, 0, 1.0 / 3), above(2, 1, 0.1), weir::detail::GateModel::constant(1, 2)});
  const nlohmann::json json = gate;
  CHECK(nlohmann::json::parse(json.dump()).get<weir::Gate>() == gate);
  for (const char* key : {"n_actions", "n_features", "models"}) {
    auto damaged = json;
    damaged.erase(key);
    CHECK_THROWS_AS(damaged.get<weir::Gate>(), weir::FormatError);
    for (const nlohmann::json& other :
         {nlohmann::json(-1), nlohmann::json("x"), nlohmann::json(1e30), nlohmann::json::array(), nlohmann::json()}) {
      damaged[key] = other;
      CHECK_THROWS_AS(damaged.get<weir::Gate>(), weir::FormatError);
    }
  }
  auto damaged = json;
  damaged["models"][1]["model"]["n_features"] = 3;
  CHECK_THROWS_AS(damaged.get<weir::Gate>(), weir::FormatError);
}

}  // namespace WEIR_UNIT
