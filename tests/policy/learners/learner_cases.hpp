/// Small weighted problems and helpers that the tests of the learners share.
#pragma once
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/policy/learners/learner.hpp>

namespace learner_cases {

/// Overlapping classes in d columns of very different scale. Weights are multiples of 1/8, so that sums of them are
/// exact in any order; about one in eight is zero.
inline weir::Dataset noisy(Eigen::Index n, Eigen::Index d, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  const auto uniform = [&] {
    state ^= state << 13U, state ^= state >> 7U, state ^= state << 17U;
    return static_cast<double>(state >> 11U) * 0x1p-53;
  };
  weir::Dataset data{Eigen::MatrixXd(n, d), std::vector<int>(static_cast<std::size_t>(n)), Eigen::VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    double score = uniform() - 0.5;
    for (Eigen::Index j = 0; j < d; ++j) {
      const double x = uniform() - 0.4;
      score += (j % 2 == 0 ? 1 : -1) * x / static_cast<double>(j + 1);
      data.X(i, j) = x * std::pow(10.0, static_cast<double>(j % 4) - 2) + static_cast<double>(j);
    }
    data.y[static_cast<std::size_t>(i)] = score > 0 ? 1 : 0;
    data.sample_weight(i) = std::floor(uniform() * 8) / 8;
  }
  return data;
}

inline std::vector<double> row(const Eigen::MatrixXd& X, Eigen::Index i) {
  std::vector<double> x(static_cast<std::size_t>(X.cols()));
  for (Eigen::Index j = 0; j < X.cols(); ++j) x[static_cast<std::size_t>(j)] = X(i, j);
  return x;
}

/// The rows in `index`, with these weights.
inline weir::Dataset pick(const weir::Dataset& data, const std::vector<Eigen::Index>& index,
                          const std::vector<double>& weight) {
  weir::Dataset part{
      data.X(index, Eigen::all), {}, Eigen::Map<const Eigen::VectorXd>(weight.data(), std::ssize(weight))};
  for (const Eigen::Index i : index) part.y.push_back(data.y[static_cast<std::size_t>(i)]);
  return part;
}

/// scikit-learn's solutions (tests/vectors/make_learners.py).
inline const nlohmann::json& vectors() {
  static const nlohmann::json cases = [] {
    std::ifstream file(WEIR_TEST_DIR "/vectors/learners.json");
    return nlohmann::json::parse(file).at("cases");
  }();
  return cases;
}

inline weir::Dataset dataset(const nlohmann::json& c) {
  const auto rows = c.at("X").get<std::vector<std::vector<double>>>();
  const auto weight = c.at("sample_weight").get<std::vector<double>>();
  weir::Dataset data{Eigen::MatrixXd(std::ssize(rows), std::ssize(rows.at(0))), c.at("y").get<std::vector<int>>(),
                     Eigen::Map<const Eigen::VectorXd>(weight.data(), std::ssize(weight))};
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[i].size(); ++j)
      data.X(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = rows[i][j];
  return data;
}

}  // namespace learner_cases
