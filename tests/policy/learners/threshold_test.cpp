#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/models/threshold_model.hpp>
#include <weir/policy/learners/threshold.hpp>

#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::noisy, learner_cases::row;
using weir::Dataset, weir::detail::SingleThreshold, weir::detail::ThresholdModel;

namespace {

double error(const ThresholdModel& model, const Dataset& data) {
  double sum = 0;
  for (Eigen::Index i = 0; i < data.X.rows(); ++i)
    if ((model.decision_function(row(data.X, i)) > 0) != (data.y[static_cast<std::size_t>(i)] == 1))
      sum += data.sample_weight(i);
  return sum;
}

/// The least error of any constant or cut on the columns [first, last), trying every pair of neighbours.
double least_error(const Dataset& data, Eigen::Index first, Eigen::Index last) {
  const auto d = static_cast<std::size_t>(data.X.cols());
  double least = std::min(error(ThresholdModel::constant(0, d), data), error(ThresholdModel::constant(1, d), data));
  for (Eigen::Index j = first; j < last; ++j)
    for (Eigen::Index a = 0; a < data.X.rows(); ++a)
      for (const int direction : {-1, 1})
        for (const double at :
             {data.X(a, j), std::nextafter(data.X(a, j), 1e300), std::nextafter(data.X(a, j), -1e300)})
          least = std::min(least, error({d, static_cast<std::size_t>(j), at, direction, 0}, data));
  return least;
}

}  // namespace

TEST_CASE("Threshold: the least weighted error, by brute force") {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    Dataset data = noisy(25, 3, seed);
    if (seed % 2 == 0) data.X = (data.X * 4).array().round() / 4;  // tied values
    CHECK(error(SingleThreshold{}.fit(data), data) == least_error(data, 0, 3));
    const ThresholdModel second = SingleThreshold{1}.fit(data);
    CHECK(error(second, data) == least_error(data, 1, 2));
    CHECK((second.direction == 0 || second.feature == 1));
  }
}

TEST_CASE("Threshold: ties go to a constant, the lower feature, direction +1, the lower threshold") {
  const auto fit = [](std::vector<double> x, std::vector<int> y) {
    Dataset data{Eigen::MatrixXd(std::ssize(x), 2), y, Eigen::VectorXd::Ones(std::ssize(x))};
    for (std::size_t i = 0; i < x.size(); ++i) data.X.row(static_cast<Eigen::Index>(i)).setConstant(x[i]);
    return SingleThreshold{}.fit(data);
  };
  CHECK(fit({1, 2, 3}, {1, 0, 1}).feature == 0);
  CHECK(fit({1, 1}, {0, 1}) == ThresholdModel::constant(0, 2));
  CHECK(fit({1, 2}, {0, 1}) == ThresholdModel{2, 0, 1.5, 1, 0});
  CHECK(fit({1, 2}, {1, 0}) == ThresholdModel{2, 0, 1.5, -1, 0});
  CHECK(fit({1, 2, 3, 4}, {0, 1, 0, 1}) == ThresholdModel{2, 0, 1.5, 1, 0});
}

TEST_CASE("Threshold: neighbouring doubles can be told apart in both directions") {
  const double low = 1.0, high = std::nextafter(1.0, 2.0);
  for (const bool up : {true, false}) {
    Dataset data{Eigen::MatrixXd(2, 1), {up ? 0 : 1, up ? 1 : 0}, Eigen::VectorXd::Ones(2)};
    data.X << low, high;
    CHECK(error(SingleThreshold{}.fit(data), data) == 0);
  }
  CHECK_THROWS_AS(SingleThreshold{2}.fit(noisy(9, 2, 1)), weir::ArgumentError);
  CHECK_THROWS_AS(SingleThreshold{-2}.fit(noisy(9, 2, 1)), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
