#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/compare/calibration.hpp>
#include <weir/policy/compare/calibration_metrics.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/decision_tree.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/learner.hpp>

#include "../count_allocations.hpp"
#include "../learners/learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::noisy, learner_cases::pick, learner_cases::row;
using nlohmann::json;
using weir::detail::CalibratedGate, weir::detail::Calibration, weir::Dataset, weir::detail::GateModel,
    weir::detail::PlattScaling;

namespace {

const json& vectors() {
  static const json cases = [] {
    std::ifstream file(WEIR_TEST_DIR "/vectors/calibration.json");
    return json::parse(file).at("platt");
  }();
  return cases;
}

Eigen::VectorXd vector(const json& values) {
  const auto v = values.get<std::vector<double>>();
  return Eigen::Map<const Eigen::VectorXd>(v.data(), std::ssize(v));
}

auto learner(std::string name) {
  return [name](const Dataset& data) { return weir::fit_by_name(name, data); };
}

/// Counts of examples as weights; the label of every `step`-th row says nothing.
Dataset uncertain(Eigen::Index n, std::uint64_t seed, std::size_t step = 4) {
  Dataset data = noisy(n, 3, seed);
  data.sample_weight *= 8;
  for (std::size_t i = 0; i < data.y.size(); i += step) data.y[i] = static_cast<int>(i / step % 2);
  return data;
}

CalibratedGate load(const json& stored) {
  CalibratedGate gate;
  from_json(stored, gate);
  return gate;
}

}  // namespace

TEST_CASE("Platt scaling: scikit-learn's parameters, and a Newton reference's to 1e-9") {
  REQUIRE(vectors().size() == 3);
  for (const auto& c : vectors()) {
    const auto platt = PlattScaling::fit(vector(c.at("f")), c.at("y"), vector(c.at("weight")));
    CHECK(platt.a == doctest::Approx(c.at("a").get<double>()).epsilon(1e-9));
    CHECK(platt.b == doctest::Approx(c.at("b").get<double>()).epsilon(1e-9));
    CHECK(platt.a == doctest::Approx(c.at("sklearn_a").get<double>()).epsilon(1e-5));
    CHECK(platt.b == doctest::Approx(c.at("sklearn_b").get<double>()).epsilon(1e-5));
  }
}

TEST_CASE("Platt scaling: equal scores, one class, scores that part the classes, any unit of the scores") {
  const Eigen::VectorXd f = Eigen::VectorXd::LinSpaced(6, -2, 3);
  const auto level = PlattScaling::fit(Eigen::VectorXd::Constant(4, 1e6), {0, 1, 1, 1});
  CHECK(level(1e6) == doctest::Approx((0.8 * 3 + 1.0 / 3) / 4));
  const auto single = PlattScaling::fit(f, {1, 1, 1, 1, 1, 1});
  for (const double at : {-2.0, 0.0, 3.0}) CHECK(single(at) == doctest::Approx(7.0 / 8));
  const auto apart = PlattScaling::fit(f, {0, 0, 0, 1, 1, 1});
  CHECK(apart(3) == doctest::Approx(0.8).epsilon(0.1));
  CHECK(apart(-2) == doctest::Approx(0.2).epsilon(0.4));
  for (const double unit : {1e-100, 1e-9, 1e9, 1e100}) {
    const auto scaled = PlattScaling::fit(unit * f, {0, 0, 1, 0, 1, 1});
    CHECK(scaled(unit * 0.7) == doctest::Approx(PlattScaling::fit(f, {0, 0, 1, 0, 1, 1})(0.7)).epsilon(1e-9));
  }
  CHECK(PlattScaling{-1, 0}(1e308) == 1);
  CHECK(PlattScaling{-1, 0}(-1e308) == 0);
}

TEST_CASE("Platt scaling: weight 2 is the row twice, weight 0 is no row; damaged data are refused") {
  Eigen::VectorXd f(5), w(5), repeated(6);
  f << -1, 0.5, 0.2, 2, 9;
  w << 1, 2, 1, 2, 0;
  repeated << -1, 0.5, 0.5, 0.2, 2, 2;
  const auto a = PlattScaling::fit(f, {0, 0, 1, 1, 0}, w), b = PlattScaling::fit(repeated, {0, 0, 0, 1, 1, 1});
  CHECK(a.a == doctest::Approx(b.a).epsilon(1e-9));
  CHECK(a.b == doctest::Approx(b.b).epsilon(1e-9));
  CHECK_THROWS_AS(PlattScaling::fit(f, {0, 1}), weir::ShapeError);
  CHECK_THROWS_AS(PlattScaling::fit(f, {0, 1, 2, 0, 1}), weir::ArgumentError);
  CHECK_THROWS_AS(PlattScaling::fit(f, {0, 1, 1, 0, 1}, 0 * w), weir::ArgumentError);
  f(2) = std::nan("");
  CHECK_THROWS_AS(PlattScaling::fit(f, {0, 1, 1, 0, 1}), weir::ArgumentError);
}

TEST_CASE("Calibrated gate: every learner's score becomes a probability that is right on fresh examples") {
  const Dataset data = uncertain(600, 3), fresh = uncertain(600, 4);
  for (const auto& name : weir::learner_names())
    for (const auto method : {Calibration::platt, Calibration::isotonic}) {
      INFO(name << " " << static_cast<int>(method));
      const CalibratedGate gate = weir::detail::fit_calibrated(learner(name), data, method);
      CHECK(gate.gate == weir::fit_by_name(name, data));
      Eigen::VectorXd p(600);
      for (Eigen::Index i = 0; i < 600; ++i) p(i) = gate.probability(row(fresh.X, i));
      CHECK(p.minCoeff() >= 0);
      CHECK(p.maxCoeff() <= 1);
      CHECK(weir::detail::expected_calibration_error(p, fresh.y, fresh.sample_weight, 5) < 0.1);
      CHECK(weir::detail::brier_score(p, fresh.y, fresh.sample_weight) < 0.24);
    }
}

TEST_CASE("Calibrated gate: a model that learns its rows by heart is not believed") {
  // A tree of one row a leaf is always right on what it has seen; here half the labels are a matter of chance.
  const Dataset data = uncertain(300, 5, 2), fresh = uncertain(300, 6, 2);
  const auto by_heart = [](const Dataset& d) {
    return GateModel("tree", weir::detail::DecisionTree{.max_depth = 40, .min_weight_fraction_leaf = 0}.fit(d));
  };
  const CalibratedGate gate = weir::detail::fit_calibrated(by_heart, data);
  Eigen::VectorXd honest(300), sure(300);
  for (Eigen::Index i = 0; i < 300; ++i) {
    honest(i) = gate.probability(row(fresh.X, i));
    sure(i) = gate.gate.decision_function(row(fresh.X, i)) + 0.5;
  }
  const auto ece = [&](const Eigen::VectorXd& p) {
    return weir::detail::expected_calibration_error(p, fresh.y, fresh.sample_weight, 5);
  };
  CHECK(ece(sure) > 0.25);
  CHECK(ece(honest) < 0.1);
}

TEST_CASE("Calibrated gate: weights are counts, rows of weight 0 are not there, nothing is allocated") {
  const Dataset data = uncertain(80, 7);
  std::vector<Eigen::Index> repeated;
  for (Eigen::Index i = 0; i < 80; ++i)
    for (int c = 0; c < static_cast<int>(data.sample_weight(i)); ++c) repeated.push_back(i);
  const Dataset copies = pick(data, repeated, std::vector<double>(repeated.size(), 1.0));
  for (const auto method : {Calibration::platt, Calibration::isotonic}) {
    const auto a = weir::detail::fit_calibrated(learner("logistic"), data, method, 4);
    const auto b = weir::detail::fit_calibrated(learner("logistic"), copies, method, 4);
    for (Eigen::Index i = 0; i < 80; ++i) {
      const auto x = row(data.X, i);
      CHECK(std::abs(a.probability(x) - b.probability(x)) < 1e-6);
    }
    CHECK(a == weir::detail::fit_calibrated(learner("logistic"), data.without_zero_weights(), method, 4));
    const auto x = row(data.X, 1);
    const std::size_t before = weir_test::allocations();
    const double p = a.probability(x);
    CHECK(weir_test::allocations() == before);
    CHECK(p > 0);
  }
  CHECK_THROWS_AS(weir::detail::fit_calibrated(learner("logistic"), data, Calibration::platt, 1), weir::ArgumentError);
  Dataset none = data;
  none.sample_weight.setZero();
  CHECK_THROWS_AS(weir::detail::fit_calibrated(learner("logistic"), none), weir::ArgumentError);
  none.X(3, 1) = HUGE_VAL;
  CHECK_THROWS_AS(weir::detail::fit_calibrated(learner("logistic"), none), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::fit_calibrated(learner("oracle"), data), weir::ArgumentError);
}

TEST_CASE("Calibrated gate, JSON: equal to the last bit; what is damaged is refused") {
  const Dataset data = uncertain(60, 8);
  for (const auto method : {Calibration::platt, Calibration::isotonic}) {
    const CalibratedGate gate = weir::detail::fit_calibrated(learner("svm"), data, method);
    const json stored = gate;
    const std::string text = stored.dump();
    CHECK(load(json::parse(text)) == gate);
    for (std::size_t length = 0; length < text.size(); ++length)
      CHECK_THROWS_AS(load(json::parse(text.substr(0, length), nullptr, false)), weir::FormatError);
    for (const auto& item : stored.items()) {
      json less = stored;
      less.erase(item.key());
      CHECK_THROWS_AS(load(less), weir::FormatError);
      for (const json& wrong : {json(nullptr), json("x"), json(1), json::array(), json::object()}) {
        json damaged = stored;
        damaged[item.key()] = wrong;
        CHECK_THROWS_AS(load(damaged), weir::FormatError);
      }
    }
  }
  json both = weir::detail::fit_calibrated(learner("svm"), data);
  both["isotonic"] = {{"x", {0}}, {"y", {0.5}}};
  CHECK_THROWS_AS(load(both), weir::FormatError);
  both.erase("platt");
  CHECK(load(both).probability(row(data.X, 0)) == 0.5);
  for (const double level : {-0.1, 1.1}) {
    both["isotonic"]["y"] = {level};
    CHECK_THROWS_AS(load(both), weir::FormatError);
  }
}

}  // namespace WEIR_UNIT
