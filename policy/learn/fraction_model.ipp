// What fraction_model.hpp declares.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <vector>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/learners/logistic.hpp>

namespace weir::detail {

WEIR_INLINE double log_odds(double p) {
  if (!(p > 0)) return -always;
  return p < 1 ? std::log(p / (1 - p)) : always;
}

namespace fraction {

WEIR_INLINE LinearModel fit(const FractionProblem& problem, const Eigen::VectorXd& p,
                            const std::vector<Eigen::Index>& rows) {
  LinearModel model = LinearModel::constant(0, problem.columns.size());
  const double ones = p(rows).mean();
  if (!(ones > 0) || !(ones < 1) || problem.columns.empty()) {
    model.intercept = log_odds(ones);
    return model;
  }
  std::vector<Eigen::Index> used;
  std::vector<double> weight;
  Dataset data;
  for (const int label : {0, 1})
    for (const Eigen::Index i : rows) {
      const double w = label == 1 ? p(i) : 1 - p(i);
      if (!(w > 0)) continue;
      used.push_back(i);
      weight.push_back(w);
      data.y.push_back(label);
    }
  data.X = problem.X(used, problem.columns);
  data.sample_weight = Eigen::Map<const Eigen::VectorXd>(weight.data(), static_cast<Eigen::Index>(weight.size()));
  return LogisticRegression{}.fit(data);
}

}  // namespace fraction

WEIR_INLINE FractionModel fit_fraction(const FractionProblem& problem, const Eigen::VectorXd& p,
                                       const std::vector<bool>& rows) {
  std::vector<Eigen::Index> all;
  for (Eigen::Index i = 0; i < p.size(); ++i)
    if (rows[static_cast<std::size_t>(i)]) all.push_back(i);
  FractionModel out{fraction::fit(problem, p, all), Eigen::VectorXd(p.size())};
  std::vector<double> x(problem.columns.size());
  for (std::size_t f = 0; f < problem.folds; ++f) {
    LinearModel model = out.model;
    if (problem.folds > 1) {
      std::vector<Eigen::Index> others;
      for (const Eigen::Index i : all)
        if (problem.fold[static_cast<std::size_t>(i)] != f) others.push_back(i);
      if (!others.empty()) model = fraction::fit(problem, p, others);
    }
    for (Eigen::Index i = 0; i < p.size(); ++i) {
      if (problem.folds > 1 && problem.fold[static_cast<std::size_t>(i)] != f) continue;
      for (std::size_t c = 0; c < x.size(); ++c) x[c] = problem.X(i, problem.columns[c]);
      out.log_odds(i) = model.decision_function(x);
    }
  }
  return out;
}

}  // namespace weir::detail
