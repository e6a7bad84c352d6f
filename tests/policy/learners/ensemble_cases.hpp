/// XGBoost's and scikit-learn's ensembles of trees (tests/vectors/make_tree_ensembles.py), and how good a model is.
#pragma once
#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <weir/policy/learners/dataset.hpp>

#include "learner_cases.hpp"

namespace ensemble_cases {

inline const nlohmann::json& vectors() {
  static const nlohmann::json all = [] {
    std::ifstream file(WEIR_TEST_DIR "/vectors/tree_ensembles.json");
    return nlohmann::json::parse(file);
  }();
  return all;
}

/// Rows [begin, end) of the smooth problem, whose first half is for fitting.
inline weir::Dataset half(bool first) {
  const weir::Dataset data = learner_cases::dataset(vectors().at("smooth"));
  const Eigen::Index n_fit = vectors().at("smooth").at("n_fit");
  std::vector<Eigen::Index> rows;
  std::vector<double> weight;
  for (Eigen::Index i = first ? 0 : n_fit; i < (first ? n_fit : data.X.rows()); ++i)
    rows.push_back(i), weight.push_back(data.sample_weight(i));
  return learner_cases::pick(data, rows, weight);
}

/// Weighted mean of -log p(y), p1 [n] in (0, 1).
inline double log_loss(const std::vector<double>& p1, const weir::Dataset& data) {
  double sum = 0;
  for (std::size_t i = 0; i < p1.size(); ++i)
    sum -= data.sample_weight(static_cast<Eigen::Index>(i)) * std::log(data.y[i] == 1 ? p1[i] : 1 - p1[i]);
  return sum / data.sample_weight.sum();
}

/// Weighted share of pairs (class 1, class 0) in the right order, ties counting half.
inline double auc(const std::vector<double>& score, const weir::Dataset& data) {
  double right = 0, all = 0;
  for (std::size_t i = 0; i < score.size(); ++i)
    for (std::size_t k = 0; k < score.size(); ++k)
      if (data.y[i] == 1 && data.y[k] == 0) {
        const double w =
            data.sample_weight(static_cast<Eigen::Index>(i)) * data.sample_weight(static_cast<Eigen::Index>(k));
        all += w;
        right += score[i] > score[k] ? w : score[i] == score[k] ? w / 2 : 0;
      }
  return right / all;
}

template <class M>
std::vector<double> decisions(const M& model, const weir::Dataset& data) {
  std::vector<double> f;
  for (Eigen::Index i = 0; i < data.X.rows(); ++i) f.push_back(model.decision_function(learner_cases::row(data.X, i)));
  return f;
}

}  // namespace ensemble_cases
