#include <doctest/doctest.h>

#include <set>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/histogram.hpp>

#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::noisy;
using weir::detail::BinnedFeatures, weir::Dataset;

TEST_CASE("Bins: one for every value where they are few") {
  Eigen::MatrixXd X(5, 3);
  X << 3, 7, -1, 1, 7, -1, 3, 7, 5, 2, 7, 5, 1, 7, 5;
  const BinnedFeatures binned(X, Eigen::VectorXd::Ones(5), 3);
  CHECK(binned.column == std::vector<std::uint32_t>{0, 2});
  CHECK(binned.first == std::vector<std::uint32_t>{0, 3, 5});
  CHECK(binned.low == std::vector<double>{1, 2, 3, -1, 5});
  CHECK(binned.high == binned.low);
  CHECK(binned.bin == std::vector<std::uint8_t>{2, 0, 0, 0, 2, 1, 1, 1, 0, 1});
  CHECK(binned.key(0, 0) != binned.key(0, 1));
  CHECK(binned.key(0, 0) != binned.key(2, 0));
}

TEST_CASE("Bins: of about equal weight otherwise, each holding its rows and none empty") {
  const Dataset data = noisy(2000, 3, 5).without_zero_weights();
  const double total = data.sample_weight.sum(), heaviest = data.sample_weight.maxCoeff();
  for (const int max_bins : {2, 3, 16, 255}) {
    const BinnedFeatures binned(data.X, data.sample_weight, max_bins);
    REQUIRE(binned.n_columns() == 3);
    std::vector<double> weight(binned.low.size(), 0);
    for (std::size_t i = 0; i < binned.n; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        const std::size_t bin = binned.first[j] + binned.bin[i * 3 + j];
        REQUIRE(bin < binned.first[j + 1]);
        const double x = data.X(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
        CHECK(x >= binned.low[bin]);
        CHECK(x <= binned.high[bin]);
        weight[bin] += data.sample_weight(static_cast<Eigen::Index>(i));
      }
    for (std::size_t j = 0; j < 3; ++j) {
      CHECK(binned.first[j + 1] - binned.first[j] == static_cast<std::size_t>(max_bins));
      for (std::size_t b = binned.first[j]; b < binned.first[j + 1]; ++b) {
        CHECK(std::abs(weight[b] - total / max_bins) <= heaviest);
        if (b > binned.first[j]) CHECK(binned.high[b - 1] < binned.low[b]);
      }
    }
  }
}

TEST_CASE("Bins: weight 2 is the row twice, and units do not matter") {
  const Dataset data = noisy(900, 2, 5).without_zero_weights();
  std::vector<Eigen::Index> twice;
  std::vector<double> halves;
  for (Eigen::Index i = data.X.rows(); i-- > 0;)
    for (int copy = 0; copy < 2; ++copy) twice.push_back(i), halves.push_back(data.sample_weight(i) * 512);
  const Dataset repeated = learner_cases::pick(data, twice, halves);
  const BinnedFeatures a(data.X, data.sample_weight, 20), b(repeated.X * 4, repeated.sample_weight, 20);
  CHECK(a.first == b.first);
  for (std::size_t k = 0; k < a.low.size(); ++k) CHECK(4 * a.high[k] == b.high[k]);
  for (std::size_t k = 0; k < twice.size(); ++k) CHECK(a.key(static_cast<std::size_t>(twice[k]), 1) == b.key(k, 1));
}

}  // namespace WEIR_UNIT
