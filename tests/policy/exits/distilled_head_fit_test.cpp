#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
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

double right_of(const ExitHead& head, const Eigen::MatrixXf& X, const std::vector<int>& y) {
  const Eigen::MatrixXf z = weir::detail::head_logits(head, X, weir::Context());
  double n = 0;
  for (Eigen::Index i = 0; i < X.rows(); ++i) n += (z(i, 1) > z(i, 0)) == (y[static_cast<std::size_t>(i)] == 1) ? 1 : 0;
  return n / static_cast<double>(X.rows());
}

}  // namespace

TEST_CASE("ExitHead: reads the logits of the exit before behind its pooled values; files keep it, older ones lack it") {
  const ExitHead plain({1}, 2, {1, 2, 3, 4, 5, 6, 7, 8}, {0.5F, -0.5F}), head = plain.seeing_earlier();
  CHECK(plain.n_pooled() == 4);
  CHECK(head.n_pooled() == 2);
  CHECK(!(head == plain));
  const std::vector<float> x{0.1F, -0.2F}, earlier{0.3F, 0.4F}, both{0.1F, -0.2F, 0.3F, 0.4F};
  std::vector<float> p(2), q(2), scratch(4);
  head.predict(x.data(), weir::Shape{2}, scratch.data(), p, earlier);
  plain.predict_pooled(both.data(), q);
  CHECK(p == q);
  nlohmann::json json = head;
  CHECK(json.get<ExitHead>() == head);
  json["earlier"] = false;
  CHECK(json.get<ExitHead>() == plain);
  json.erase("earlier");
  CHECK(json.get<ExitHead>() == plain);
  CHECK(nlohmann::json(plain) == json);
  json["earlier"] = 1;
  CHECK_THROWS_AS(json.get<ExitHead>(), weir::FormatError);
  CHECK_THROWS_AS(ExitHead({1}, 2, {1, 2, 3, 4}, {0, 0}).seeing_earlier(), weir::ShapeError);
  nlohmann::json narrow = ExitHead({1}, 2, {1, 2, 3, 4}, {0, 0});
  narrow["earlier"] = true;
  CHECK_THROWS_AS(narrow.get<ExitHead>(), weir::FormatError);
}

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
  const auto fit = [&](const std::vector<Eigen::Index>& rows, const Eigen::MatrixXf& X) {
    asked.push_back(rows);
    return learner.fit({1}, X(rows, Eigen::all), c.q(rows, Eigen::all), context);
  };
  const weir::detail::CrossFit found = weir::detail::fit_cross(
      fit, [&](std::size_t) -> const Eigen::MatrixXf& { return c.X; }, 2, fold, 2, context);
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
  REQUIRE(found.without.size() == 2);
  CHECK(found.without[0] == without_first);
}

TEST_CASE("DistilledHeadLearner: a head learns from the logits of the exit before, fold by fold") {
  const Corners c(5), fresh(6);
  const weir::Context one, two({.threads = 2});
  // Its own layer says nothing; the exit before it knows the answer, but for a sign that the fold turns.
  const auto inputs = [](const Corners& from, float sign) {
    Eigen::MatrixXf X(from.X.rows(), 4);
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      const float z = from.y[static_cast<std::size_t>(i)] == 1 ? sign : -sign;
      X.row(i) << from.X(i, 2), 7, -z, z;
    }
    return X;
  };
  const DistilledHeadLearner learner{.hidden = 8, .least_steps = 300};
  const ExitHead head = learner.fit({1}, inputs(c, 1), c.q, one, {}, weir::HeadSees::earlier_exit);
  CHECK(head.sees_earlier());
  CHECK(head.n_inputs() == 4);
  CHECK(head.n_pooled() == 2);
  CHECK(head.n_earlier() == 2);
  CHECK(right_of(head, inputs(fresh, 1), fresh.y) == 1);
  CHECK(learner.fit({1}, inputs(c, 1), c.q, two, {}, weir::HeadSees::earlier_exit) == head);

  // Rows of fold 0 are answered by the head that saw fold 0's inputs: there the sign is turned, and so it learns.
  std::vector<std::size_t> fold(600);
  for (std::size_t i = 0; i < fold.size(); ++i) fold[i] = i % 2;
  const std::vector<Eigen::MatrixXf> all{inputs(c, -1), inputs(c, 1), inputs(c, 1)};
  const auto found = weir::detail::fit_cross(
      [&](const std::vector<Eigen::Index>& rows, const Eigen::MatrixXf& X) {
        return learner.fit({1}, X(rows, Eigen::all), c.q(rows, Eigen::all), one, {}, weir::HeadSees::earlier_exit);
      },
      [&](std::size_t f) -> const Eigen::MatrixXf& { return all[f]; }, 2, fold, 2, two);
  for (Eigen::Index i = 0; i < 600; ++i)
    CHECK((found.logits(i, 1) > found.logits(i, 0)) == (c.y[static_cast<std::size_t>(i)] == 1));
  CHECK(right_of(found.without[0], all[0], c.y) == 1);
  CHECK(right_of(found.without[0], all[1], c.y) == 0);
  CHECK(weir::detail::head_logits(head, all[1], one) == weir::detail::head_logits(head, all[1], two));
  CHECK_THROWS_AS(weir::detail::head_logits(head, all[1].leftCols(3), one), weir::ShapeError);
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
