#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/exits/temperature.hpp>

namespace WEIR_UNIT {

using nlohmann::json;
using weir::ExitHead;

namespace {

/// Weighted mean of -ln softmax(z / T)_y, from the definition.
double nll(const Eigen::MatrixXd& z, const std::vector<int>& y, const Eigen::VectorXd& w, double T) {
  double sum = 0;
  for (Eigen::Index i = 0; i < z.rows(); ++i) {
    const double top = z.row(i).maxCoeff();
    sum += w(i) *
           (std::log(((z.row(i).array() - top) / T).exp().sum()) + (top - z(i, y[static_cast<std::size_t>(i)])) / T);
  }
  return sum / w.sum();
}

struct Rows {
  Eigen::MatrixXf X;
  std::vector<int> y;
};

/// Three classes around the corners of a triangle, far into each other.
Rows clouds(Eigen::Index n, std::uint64_t seed) {
  const auto uniform = [&] {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<float>(static_cast<double>(seed >> 11U) * 0x1p-53);
  };
  Rows rows{Eigen::MatrixXf(n, 2), {}};
  for (Eigen::Index i = 0; i < n; ++i) {
    const int label = static_cast<int>(uniform() * 3);
    rows.X.row(i) << 3 * uniform() + (label == 1 ? 1.0F : 0.0F), 3 * uniform() + (label == 2 ? 1.0F : 0.0F);
    rows.y.push_back(label);
  }
  return rows;
}

const ExitHead& head() {
  static const ExitHead fitted = [] {
    const Rows rows = clouds(300, 1);
    return weir::ExitHeadLearner{}.fit({1}, rows.X, rows.y, 3);
  }();
  return fitted;
}

std::vector<float> predict(const ExitHead& of, const Eigen::MatrixXf& X, Eigen::Index i) {
  const Eigen::VectorXf x = X.row(i);
  std::vector<float> p(of.n_classes());
  of.predict_pooled(x.data(), p);
  return p;
}

ExitHead load(const json& stored) {
  ExitHead loaded;
  from_json(stored, loaded);
  return loaded;
}

}  // namespace

TEST_CASE("Temperature: the root that scipy finds, to 1e-8") {
  std::ifstream file(WEIR_TEST_DIR "/vectors/calibration.json");
  const json cases = json::parse(file).at("temperature");
  REQUIRE(cases.size() == 3);
  for (const auto& c : cases) {
    const auto rows = c.at("logits").get<std::vector<std::vector<double>>>();
    const auto y = c.at("y").get<std::vector<int>>();
    const auto weight = c.at("weight").get<std::vector<double>>();
    Eigen::MatrixXd z(std::ssize(rows), std::ssize(rows[0]));
    for (Eigen::Index i = 0; i < z.rows(); ++i)
      for (Eigen::Index k = 0; k < z.cols(); ++k)
        z(i, k) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(k)];
    const Eigen::VectorXd w = Eigen::Map<const Eigen::VectorXd>(weight.data(), z.rows());
    const double T = weir::detail::fit_temperature(z, y, w);
    CHECK(T == doctest::Approx(c.at("temperature").get<double>()).epsilon(1e-8));
    CHECK(nll(z, y, w, T) == doctest::Approx(c.at("nll").get<double>()).epsilon(1e-12));
    // In other units the temperature is too; a shift of a row's logits changes nothing.
    CHECK(weir::detail::fit_temperature(3 * z, y, w) == doctest::Approx(3 * T).epsilon(1e-10));
    CHECK(weir::detail::fit_temperature((z.colwise() + 50 * w).eval(), y, w) == doctest::Approx(T).epsilon(1e-8));
    // Already at the optimum, it stays.
    CHECK(weir::detail::fit_temperature(z / T, y, w) == doctest::Approx(1).epsilon(1e-10));
  }
}

TEST_CASE("Temperature: all right, all wrong, no opinion, weights") {
  Eigen::MatrixXd z(2, 2);
  z << 2, 1, -3, 5;
  CHECK(weir::detail::fit_temperature(z, {0, 1}) == doctest::Approx(weir::detail::min_temperature).epsilon(1e-12));
  CHECK(weir::detail::fit_temperature(z, {1, 0}) == doctest::Approx(weir::detail::max_temperature).epsilon(1e-12));
  CHECK(weir::detail::fit_temperature(0 * z, {1, 0}) == 1);
  Eigen::MatrixXd three(3, 2), four(4, 2);
  three << 1, 0, 0, 2, 7, 0;
  four << 1, 0, 0, 2, 0, 2, 0, 2;
  const double T = weir::detail::fit_temperature(three, {1, 1, 0}, Eigen::Vector3d(1, 3, 0));
  CHECK(T == doctest::Approx(weir::detail::fit_temperature(four, {1, 1, 1, 1})).epsilon(1e-9));
  CHECK(T > weir::detail::min_temperature);
  CHECK(T < weir::detail::max_temperature);
}

TEST_CASE("Temperature: what it cannot fit is refused") {
  const Eigen::MatrixXd z = Eigen::MatrixXd::Random(4, 3);
  const std::vector<int> y = {0, 1, 2, 0};
  const Eigen::VectorXd w = Eigen::VectorXd::Ones(4);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z, {0, 1, 2}), weir::ShapeError);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z, y, w.head(3)), weir::ShapeError);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z.leftCols(1), {0, 0, 0, 0}), weir::ShapeError);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z.topRows(0), {}), weir::ShapeError);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z, {0, 1, 3, 0}), weir::ArgumentError);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z, {0, 1, -1, 0}), weir::ArgumentError);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z, y, -w), weir::ArgumentError);
  CHECK_THROWS_AS((void)weir::detail::fit_temperature(z, y, 0 * w), weir::ArgumentError);
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    Eigen::MatrixXd damaged = z;
    damaged(1, 2) = bad;
    CHECK_THROWS_AS((void)weir::detail::fit_temperature(damaged, y), weir::ArgumentError);
  }
  const Rows rows = clouds(10, 2);
  CHECK_THROWS_AS((void)weir::detail::calibrate_temperature(head(), rows.X.leftCols(1), rows.y), weir::ShapeError);
}

TEST_CASE("ExitHead: a temperature divides the logits") {
  const Rows rows = clouds(50, 3);
  CHECK(head().temperature() == 1);
  CHECK(head().with_temperature(1) == head());
  const ExitHead warm = head().with_temperature(4);
  CHECK_FALSE(warm == head());
  CHECK(warm.with_temperature(1) == head());
  for (Eigen::Index i = 0; i < 50; ++i) {
    const auto p = predict(head(), rows.X, i), q = predict(warm, rows.X, i);
    double sum = 0;
    for (const float v : p) sum += std::pow(static_cast<double>(v), 0.25);
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(q[c] == doctest::Approx(std::pow(static_cast<double>(p[c]), 0.25) / sum).epsilon(1e-4));
  }
  for (const double bad : {0.0, -1.0, 1e-3, 1e3, std::nan(""), HUGE_VAL})
    CHECK_THROWS_AS((void)head().with_temperature(bad), weir::ArgumentError);
}

TEST_CASE("ExitHead: calibrated on held-out rows it is surer of nothing than it should be") {
  const Rows rows = clouds(400, 4);
  // The same head as it would be if it were four times too sure of itself.
  json stored = head();
  for (const char* key : {"weights", "bias"})
    for (json& v : stored[key]) v = 4 * v.get<double>();
  const ExitHead sure = load(stored);
  const ExitHead plain = weir::detail::calibrate_temperature(head(), rows.X, rows.y);
  const ExitHead cooled = weir::detail::calibrate_temperature(sure, rows.X, rows.y);
  CHECK(plain.temperature() == doctest::Approx(1).epsilon(0.3));
  CHECK(cooled.temperature() == doctest::Approx(4 * plain.temperature()).epsilon(1e-5));
  CHECK(weir::detail::calibrate_temperature(cooled, rows.X, rows.y).temperature() == cooled.temperature());
  // Logarithms of probabilities are logits.
  Eigen::MatrixXd logarithm(400, 3);
  for (Eigen::Index i = 0; i < 400; ++i) {
    const auto p = predict(head(), rows.X, i);
    for (Eigen::Index c = 0; c < 3; ++c)
      logarithm(i, c) = std::log(static_cast<double>(p[static_cast<std::size_t>(c)]));
    CHECK(weir::detail::argmax(predict(cooled, rows.X, i)) == weir::detail::argmax(predict(sure, rows.X, i)));
  }
  CHECK(weir::detail::fit_temperature(logarithm, rows.y) == doctest::Approx(plain.temperature()).epsilon(1e-4));
}

TEST_CASE("ExitHead, JSON: the temperature is stored where it is not 1; old files load") {
  json stored = head();
  CHECK_FALSE(stored.contains("temperature"));
  CHECK(load(stored).temperature() == 1);
  const ExitHead warm = head().with_temperature(1.2345678901234567);
  stored = warm;
  CHECK(load(json::parse(stored.dump())) == warm);
  for (const json& wrong : {json(nullptr), json("x"), json(0), json(-1), json(1e9), json(HUGE_VAL), json::array({1})}) {
    stored["temperature"] = wrong;
    CHECK_THROWS_AS(load(stored), weir::FormatError);
  }
}

}  // namespace WEIR_UNIT
