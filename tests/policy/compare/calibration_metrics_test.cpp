#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/compare/calibration_metrics.hpp>

namespace WEIR_UNIT {

using nlohmann::json;

namespace {

Eigen::VectorXd vector(const json& values) {
  const auto v = values.get<std::vector<double>>();
  return Eigen::Map<const Eigen::VectorXd>(v.data(), std::ssize(v));
}

Eigen::VectorXd vec(std::initializer_list<double> values) {
  return Eigen::Map<const Eigen::VectorXd>(values.begin(), std::ssize(values));
}

}  // namespace

TEST_CASE("Calibration metrics: scikit-learn's values with weights and ties") {
  std::ifstream file(WEIR_TEST_DIR "/vectors/calibration.json");
  const json cases = json::parse(file).at("metrics");
  REQUIRE(cases.size() == 2);
  for (const auto& c : cases) {
    const Eigen::VectorXd p = vector(c.at("p")), w = vector(c.at("weight"));
    const auto y = c.at("y").get<std::vector<int>>();
    const auto near = [&](const char* key) { return doctest::Approx(c.at(key).get<double>()).epsilon(1e-12); };
    CHECK(weir::detail::auroc(p, y, w) == near("auroc"));
    CHECK(weir::detail::brier_score(p, y, w) == near("brier"));
    CHECK(weir::detail::negative_log_likelihood(vector(c.at("inside")), y, w) == near("nll"));
    CHECK(weir::detail::expected_calibration_error(p, y, w, 10) == near("ece10"));
    CHECK(weir::detail::expected_calibration_error(p, y, w) == near("ece15"));
    // Only ranks matter to AUROC, and mirrored it is the rest.
    CHECK(weir::detail::auroc(p.array().exp() * 3, y, w) == near("auroc"));
    CHECK(weir::detail::auroc(-p, y, w) == doctest::Approx(1 - c.at("auroc").get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("Calibration metrics: by hand, and weight 2 is the row twice") {
  const Eigen::VectorXd p = vec({0.0, 0.4, 0.5, 1.0});
  const std::vector<int> y = {0, 1, 0, 1};
  CHECK(weir::detail::auroc(p, y) == doctest::Approx(0.75));
  CHECK(weir::detail::auroc(vec({1, 1, 1, 1}), y) == doctest::Approx(0.5));
  CHECK(weir::detail::brier_score(p, y) == doctest::Approx((0.36 + 0.25) / 4));
  CHECK(weir::detail::negative_log_likelihood(p, y) == doctest::Approx((-std::log(0.4) - std::log(0.5)) / 4));
  CHECK(weir::detail::negative_log_likelihood(vec({1.0}), {0}) == 30);
  // (0, 0.5] holds 0, 0.4 and 0.5: |1 - 0.9|.
  CHECK(weir::detail::expected_calibration_error(p, y, {}, 2) == doctest::Approx(0.1 / 4));
  CHECK(weir::detail::expected_calibration_error(p, y, {}, 1) == doctest::Approx(0.1 / 4));

  const Eigen::VectorXd w = vec({1, 0, 2, 3}), q = vec({0.0, 0.5, 0.5, 1.0, 1.0, 1.0});
  const std::vector<int> z = {0, 0, 0, 1, 1, 1};
  CHECK(weir::detail::auroc(p, y, w) == weir::detail::auroc(q, z));
  CHECK(weir::detail::brier_score(p, y, w) == doctest::Approx(weir::detail::brier_score(q, z)).epsilon(1e-14));
  CHECK(weir::detail::negative_log_likelihood(p, y, w) ==
        doctest::Approx(weir::detail::negative_log_likelihood(q, z)).epsilon(1e-14));
  CHECK(weir::detail::expected_calibration_error(p, y, w) ==
        doctest::Approx(weir::detail::expected_calibration_error(q, z)).epsilon(1e-14));
}

TEST_CASE("Calibration metrics: what they cannot judge is refused") {
  const Eigen::VectorXd p = vec({0.2, 0.7});
  const std::vector<int> y = {0, 1};
  const auto all = [](const Eigen::VectorXd& a, const std::vector<int>& b, const Eigen::VectorXd& w, auto check) {
    check([&] { (void)weir::detail::auroc(a, b, w); });
    check([&] { (void)weir::detail::brier_score(a, b, w); });
    check([&] { (void)weir::detail::negative_log_likelihood(a, b, w); });
    check([&] { (void)weir::detail::expected_calibration_error(a, b, w); });
  };
  const auto shape = [](auto call) { CHECK_THROWS_AS(call(), weir::ShapeError); };
  const auto argument = [](auto call) { CHECK_THROWS_AS(call(), weir::ArgumentError); };
  all(p, {0}, {}, shape);
  all(p, y, vec({1}), shape);
  all(vec({}), {}, {}, shape);
  all(p, {0, 2}, {}, argument);
  all(vec({0.2, std::nan("")}), y, {}, argument);
  all(p, y, vec({1, -1}), argument);
  all(p, y, vec({0, 0}), argument);
  all(p, y, vec({1, HUGE_VAL}), argument);
  for (const double bad : {-0.1, 1.1}) {
    CHECK_THROWS_AS((void)weir::detail::brier_score(vec({0.2, bad}), y), weir::ArgumentError);
    CHECK_THROWS_AS((void)weir::detail::negative_log_likelihood(vec({0.2, bad}), y), weir::ArgumentError);
    CHECK_THROWS_AS((void)weir::detail::expected_calibration_error(vec({0.2, bad}), y), weir::ArgumentError);
  }
  CHECK_THROWS_AS((void)weir::detail::expected_calibration_error(p, y, {}, 0), weir::ArgumentError);
  CHECK_THROWS_AS((void)weir::detail::auroc(p, {1, 1}), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
