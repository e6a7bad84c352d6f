#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/list.hpp>

#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::noisy, learner_cases::pick, learner_cases::row;
using weir::Dataset;

namespace {

/// Calls test(name, learner) for every learner of the list.
template <class Test>
void for_each_learner(const Test& test) {
  std::apply(
      [&](const auto&... entry) {
        (
            [&] {
              INFO("learner " << std::string(entry.name));
              test(entry.learner);
            }(),
            ...);
      },
      weir::detail::learner_list);
}

/// Largest |f_a(x) - f_b(x)| over the rows of X, relative to the largest |f_a|.
template <class M>
double difference(const M& a, const M& b, const Eigen::MatrixXd& X) {
  double worst = 0, scale = 1e-300;
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const auto x = row(X, i);
    worst = std::max(worst, std::abs(a.decision_function(x) - b.decision_function(x)));
    scale = std::max(scale, std::abs(a.decision_function(x)));
  }
  return worst / scale;
}

/// Weighted training error.
template <class M>
double error(const M& model, const Dataset& data) {
  double sum = 0;
  for (Eigen::Index i = 0; i < data.X.rows(); ++i) {
    const int chosen = model.decision_function(row(data.X, i)) > 0 ? 1 : 0;
    if (chosen != data.y[static_cast<std::size_t>(i)]) sum += data.sample_weight(i);
  }
  return sum;
}

/// Iterative learners stop within their tolerance of the optimum, and the hinge's optimum is flat.
constexpr double fitted_alike = 1e-3;

}  // namespace

TEST_CASE("Learners: weight 2 is the row twice, weight 0 is no row") {
  for (const Eigen::Index d : {1, 3, 6}) {
    const Dataset data = noisy(120, d, static_cast<std::uint64_t>(d));
    std::vector<Eigen::Index> repeated, kept;
    std::vector<double> ones, weights;
    for (Eigen::Index i = 0; i < data.X.rows(); ++i) {
      const auto copies = static_cast<int>(data.sample_weight(i) * 8);
      for (int c = 0; c < copies; ++c) repeated.push_back(i), ones.push_back(0.125);
      if (copies > 0) kept.push_back(i), weights.push_back(data.sample_weight(i));
    }
    REQUIRE(kept.size() < static_cast<std::size_t>(data.X.rows()));
    for_each_learner([&](const auto& learner) {
      const auto model = learner.fit(data);
      CHECK(model == learner.fit(pick(data, kept, weights)));
      CHECK(difference(model, learner.fit(pick(data, repeated, ones)), data.X) < fitted_alike);
    });
  }
}

TEST_CASE("Learners: the unit of the weights does not matter, nor does the order of the rows") {
  const Dataset data = noisy(150, 4, 9);
  Dataset microseconds = data;
  microseconds.sample_weight *= 0x1p-20;
  std::vector<Eigen::Index> back;
  std::vector<double> weights;
  for (Eigen::Index i = data.X.rows(); i-- > 0;) back.push_back(i), weights.push_back(data.sample_weight(i));
  for_each_learner([&](const auto& learner) {
    const auto model = learner.fit(data);
    CHECK(difference(model, learner.fit(microseconds), data.X) < fitted_alike);
    CHECK(difference(model, learner.fit(pick(data, back, weights)), data.X) < fitted_alike);
  });
}

TEST_CASE("Learners: the unit of a feature does not matter") {
  const Dataset data = noisy(150, 3, 4);
  Dataset scaled = data;
  scaled.X.col(1) *= 0x1p30;
  scaled.X.col(2) *= 0x1p-30;
  for_each_learner([&](const auto& learner) {
    const auto a = learner.fit(data), b = learner.fit(scaled);
    CHECK(error(a, data) == error(b, scaled));
  });
}

TEST_CASE("Learners: deterministic, and a second fit forgets the first") {
  const Dataset data = noisy(100, 3, 5), other = noisy(80, 5, 6);
  for_each_learner([&](const auto& learner) {
    const auto first = learner.fit(data);
    CHECK_FALSE(learner.fit(other) == first);
    CHECK(learner.fit(data) == first);
  });
}

TEST_CASE("Learners: one class, one row, no weight at all, columns that say nothing") {
  for (const int label : {0, 1}) {
    Dataset data = noisy(20, 3, 7);
    data.y.assign(20, label);
    Dataset single{Eigen::MatrixXd::Constant(1, 2, 3.5), {label}, Eigen::VectorXd::Ones(1)};
    Dataset dull = noisy(20, 2, 8);
    dull.X.setConstant(0.1);
    dull.sample_weight.setOnes();
    for (std::size_t i = 0; i < 20; ++i) dull.y[i] = i < 5 ? 1 - label : label;
    for_each_learner([&](const auto& learner) {
      const auto constant = learner.fit(data);
      CHECK(constant.n_features() == 3);
      for (const double far : {-1e9, 0.0, 1e9})
        CHECK((constant.decision_function(std::vector<double>{far, far, far}) > 0) == (label == 1));
      CHECK((learner.fit(single).decision_function(std::vector<double>{0, 0}) > 0) == (label == 1));
      CHECK((learner.fit(dull).decision_function(std::vector<double>{0.1, 0.1}) > 0) == (label == 1));
    });
  }
  Dataset weightless = noisy(20, 3, 7);
  weightless.sample_weight.setZero();
  for_each_learner([&](const auto& learner) {
    CHECK_FALSE(learner.fit(weightless).decision_function(std::vector<double>{1, 1, 1}) > 0);
  });
}

TEST_CASE("Learners: no worse than the better constant, and they learn what is there to learn") {
  const Dataset data = noisy(400, 2, 10);
  double weight[2] = {0, 0};
  for (Eigen::Index i = 0; i < 400; ++i) weight[data.y[static_cast<std::size_t>(i)]] += data.sample_weight(i);
  for_each_learner(
      [&](const auto& learner) { CHECK(error(learner.fit(data), data) < 0.75 * std::min(weight[0], weight[1])); });
  Dataset apart{Eigen::MatrixXd(40, 1), {}, Eigen::VectorXd::Ones(40)};
  for (Eigen::Index i = 0; i < 40; ++i) apart.X(i, 0) = static_cast<double>(i), apart.y.push_back(i >= 25 ? 1 : 0);
  for_each_learner([&](const auto& learner) { CHECK(error(learner.fit(apart), apart) == 0); });
}

TEST_CASE("Learners: hard but finite data give finite models") {
  Dataset twins = noisy(60, 2, 11);
  twins.X.conservativeResize(60, 3);
  twins.X.col(2) = twins.X.col(0);
  Dataset spread = noisy(60, 2, 12);
  for (Eigen::Index i = 0; i < 60; ++i) spread.sample_weight(i) = std::pow(10.0, static_cast<double>(i % 13) - 6);
  Dataset wide = noisy(4, 9, 13);
  wide.sample_weight.setOnes();
  wide.y = {0, 1, 0, 1};
  Dataset outlier = noisy(60, 2, 14);
  outlier.X(3, 0) = 1e12;
  for (const Dataset* data : {&twins, &spread, &wide, &outlier})
    for_each_learner([&](const auto& learner) {
      const auto model = learner.fit(*data);
      for (Eigen::Index i = 0; i < data->X.rows(); ++i) CHECK(std::isfinite(model.decision_function(row(data->X, i))));
    });
}

TEST_CASE("Learners: damaged data are refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for_each_learner([&](const auto& learner) {
    for (const double bad : {nan, infinity, -infinity}) {
      Dataset data = noisy(20, 2, 1);
      data.X(7, 1) = bad;
      CHECK_THROWS_AS(learner.fit(data), weir::ArgumentError);
      data = noisy(20, 2, 1);
      data.sample_weight(3) = bad;
      CHECK_THROWS_AS(learner.fit(data), weir::ArgumentError);
    }
    Dataset data = noisy(20, 2, 1);
    data.sample_weight(3) = -1;
    CHECK_THROWS_AS(learner.fit(data), weir::ArgumentError);
    data = noisy(20, 2, 1);
    data.y[4] = 2;
    CHECK_THROWS_AS(learner.fit(data), weir::ArgumentError);
    data.y.pop_back();
    CHECK_THROWS_AS(learner.fit(data), weir::ShapeError);
    CHECK_THROWS_AS(learner.fit(Dataset{}), weir::ShapeError);
    CHECK_THROWS_AS(learner.fit(Dataset{Eigen::MatrixXd(3, 0), {0, 1, 0}, Eigen::VectorXd::Ones(3)}), weir::ShapeError);
    data = noisy(20, 2, 1);
    data.sample_weight.setConstant(1.7e308);
    CHECK_THROWS_AS(learner.fit(data), weir::ArgumentError);
  });
}

}  // namespace WEIR_UNIT
