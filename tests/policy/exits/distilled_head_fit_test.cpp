#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/exits/distilled_head_fit.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/learners/random.hpp>

namespace WEIR_UNIT {

using weir::DistilledHeadLearner, weir::ExitHead, weir::HiddenLayer;

namespace {

/// Two classes that no line parts (the sign of x0 x1), columns of different scale and one that is constant.
struct Corners {
  Eigen::MatrixXf X{Eigen::MatrixXf::Zero(600, 4)}, q{Eigen::MatrixXf::Zero(600, 2)};
  std::vector<int> y;

  explicit Corners(std::uint64_t seed) {
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      const auto at = static_cast<std::uint64_t>(3 * i);
      const auto uniform = [&](std::uint64_t j) {
        return static_cast<float>(2 * weir::detail::counter_uniform(seed, at + j) - 1);
      };
      const float a = uniform(0), b = uniform(1);
      X.row(i) << 100 * a, 3 + 0.01F * b, uniform(2), 7;
      y.push_back(a * b > 0 ? 1 : 0);
      q(i, y.back()) = 0.95F;
      q(i, 1 - y.back()) = 0.05F;
    }
  }
};

double right(const ExitHead& head, const Corners& c) {
  double n = 0;
  std::vector<float> x(4), z(2);
  for (Eigen::Index i = 0; i < c.X.rows(); ++i) {
    for (Eigen::Index j = 0; j < 4; ++j) x[static_cast<std::size_t>(j)] = c.X(i, j);
    head.logits_pooled(x.data(), z);
    n += weir::detail::argmax(z) == c.y[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  return n / static_cast<double>(c.X.rows());
}

}  // namespace

TEST_CASE("ExitHead: a hidden layer is max(0, V x + v), on every instruction set; files keep it") {
  for (const std::size_t units : {1U, 7U, 8U, 19U})
    for (const std::size_t d : {1U, 5U, 16U, 33U}) {
      HiddenLayer hidden{std::vector<float>(units * d), std::vector<float>(units)};
      std::vector<float> w(3 * units), b{0.1F, -0.2F, 0.3F}, x(d);
      for (std::size_t i = 0; i < hidden.weights.size(); ++i)
        hidden.weights[i] = static_cast<float>((i * 29) % 17) / 8 - 1;
      for (std::size_t i = 0; i < units; ++i) hidden.bias[i] = static_cast<float>(i % 3) - 1;
      for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>((i * 13) % 23) / 16 - 0.5F;
      for (std::size_t i = 0; i < d; ++i) x[i] = static_cast<float>((i * 7) % 11) / 8 - 0.5F;
      const ExitHead head({1}, hidden, 3, w, b);
      CHECK(head.n_pooled() == d);
      CHECK(head.n_hidden() == units);
      CHECK(head.n_weights() == units * d + 3 * units);
      std::vector<double> z(3);
      for (std::size_t c = 0; c < 3; ++c) {
        z[c] = static_cast<double>(b[c]);
        for (std::size_t u = 0; u < units; ++u) {
          double h = static_cast<double>(hidden.bias[u]);
          for (std::size_t j = 0; j < d; ++j)
            h += static_cast<double>(hidden.weights[u * d + j]) * static_cast<double>(x[j]);
          z[c] += static_cast<double>(w[c * units + u]) * std::max(0.0, h);
        }
      }
      std::vector<float> logits(3);
      for (const weir::Isa isa : {weir::Isa::portable, weir::default_isa()}) {
        head.with_temperature(2).logits_pooled(x.data(), logits, isa);
        for (std::size_t c = 0; c < 3; ++c)
          CHECK(static_cast<double>(logits[c]) == doctest::Approx(z[c] / 2).epsilon(1e-4));
      }
      const nlohmann::json json = head;
      CHECK(json.get<ExitHead>() == head);
      CHECK(!(json.get<ExitHead>() == head.with_temperature(3)));
    }
  CHECK_THROWS_AS(ExitHead({1}, {{1, 2, 3}, {0, 0}}, 2, {1, 2, 3, 4}, {0, 0}), weir::ShapeError);
  CHECK_THROWS_AS(ExitHead({1}, {{1, 2}, {0, 0}}, 2, {1, 2, 3}, {0, 0}), weir::ShapeError);
  CHECK_THROWS_AS(ExitHead({1}, {{}, {}}, 2, {1, 2}, {0, 0}), weir::ShapeError);
  nlohmann::json bad = ExitHead({1}, {{1, 2}, {0, 0}}, 2, {1, 2, 3, 4}, {0, 0});
  bad["hidden"]["bias"] = {0};
  CHECK_THROWS_AS(bad.get<ExitHead>(), weir::FormatError);
}

TEST_CASE("DistilledHeadLearner: learns what no line parts, from probabilities only; the same bits for a seed") {
  const Corners training(1), fresh(2);
  const weir::Context one, two({.threads = 2});
  const DistilledHeadLearner learner{.hidden = 24, .seed = 5};
  const ExitHead head = learner.fit({1}, training.X, training.q, one);
  CHECK(right(head, fresh) > 0.93);
  CHECK(right(weir::ExitHeadLearner{}.fit({1}, training.X, training.y, 2), fresh) < 0.65);
  CHECK(learner.fit({1}, training.X, training.q, two) == head);
  CHECK(!(DistilledHeadLearner{.hidden = 24, .seed = 6}.fit({1}, training.X, training.q, one) == head));
}

TEST_CASE("DistilledHeadLearner: cross-fitting answers each row by a head that did not see it") {
  const Corners c(3);
  const weir::Context context;
  std::vector<std::size_t> fold(600);
  for (std::size_t i = 0; i < fold.size(); ++i) fold[i] = i % 2;
  std::vector<std::vector<Eigen::Index>> asked;
  const DistilledHeadLearner learner{.hidden = 8};
  const auto fit = [&](const std::vector<Eigen::Index>& rows) {
    asked.push_back(rows);
    return learner.fit({1}, c.X(rows, Eigen::all), c.q(rows, Eigen::all), context);
  };
  const weir::detail::CrossFit found = weir::detail::fit_cross(fit, c.X, 2, fold, 2, context.isa());
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].size() == 600);
  for (const Eigen::Index i : asked[1]) CHECK(i % 2 == 1);
  for (const Eigen::Index i : asked[2]) CHECK(i % 2 == 0);
  const ExitHead without_first = learner.fit({1}, c.X(asked[1], Eigen::all), c.q(asked[1], Eigen::all), context);
  std::vector<float> x(4), z(2);
  for (Eigen::Index j = 0; j < 4; ++j) x[static_cast<std::size_t>(j)] = c.X(0, j);
  without_first.logits_pooled(x.data(), z, context.isa());
  CHECK(found.logits(0, 0) == z[0]);
  CHECK(found.logits(0, 1) == z[1]);
}

TEST_CASE("DistilledHeadLearner: refuses what it cannot learn from") {
  Corners c(4);
  const weir::Context context;
  CHECK_THROWS_AS((DistilledHeadLearner{.hidden = 0}.fit({1}, c.X, c.q, context)), weir::ArgumentError);
  CHECK_THROWS_AS((DistilledHeadLearner{.hidden = 2000}.fit({1}, c.X, c.q, context)), weir::ArgumentError);
  CHECK_THROWS_AS((DistilledHeadLearner{}.fit({1}, c.X, c.q.topRows(5), context)), weir::ShapeError);
  Eigen::MatrixXf q = 2 * c.q;
  CHECK_THROWS_AS((DistilledHeadLearner{}.fit({1}, c.X, q, context)), weir::ArgumentError);
  c.X(3, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS((DistilledHeadLearner{}.fit({1}, c.X, c.q, context)), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
