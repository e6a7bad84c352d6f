/// Statistics of a stage's class probabilities that rules with learned scores read, and traces of such scores.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <span>
#include <vector>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/run/stage_score.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// The same stages, answers and losses, seen with one feature more, stage_score_feature: column k of `scores`
/// [n, stages]. What a cascade sees whose stages have these scores.
inline Trace with_scores(const Trace& trace, const Eigen::MatrixXd& scores) {
  Trace out = trace;
  for (std::size_t k = 0; k < out.stages.size(); ++k) {
    StageTrace& s = out.stages[k];
    s.probabilities.resize(0, 0);
    s.feature_names.emplace_back(stage_score_feature);
    s.features.conservativeResize(Eigen::NoChange, s.features.cols() + 1);
    s.features.rightCols(1) = scores.col(static_cast<Eigen::Index>(k));
  }
  return out;
}

/// gate_statistics of class probabilities.
inline std::array<double, 4> gate_statistics(std::span<const float> p) {
  std::array<double, 6> confidence{};
  confidence_features(p, confidence);
  return gate_statistics(p, confidence);
}

/// [n, 4] gate_statistics of every example. Throws ArgumentError naming the stage without probabilities.
inline Eigen::MatrixXd gate_statistics(const StageTrace& stage) {
  if (stage.probabilities.size() == 0)
    throw ArgumentError(detail::message({"stage '", stage.name, "' has no class probabilities"}));
  Eigen::MatrixXd X(stage.probabilities.rows(), 4);
  std::vector<float> p(static_cast<std::size_t>(stage.probabilities.cols()));
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    for (std::size_t c = 0; c < p.size(); ++c) p[c] = stage.probabilities(i, static_cast<Eigen::Index>(c));
    const auto statistics = gate_statistics(p);
    for (Eigen::Index j = 0; j < 4; ++j) X(i, j) = statistics[static_cast<std::size_t>(j)];
  }
  return X;
}

/// f(x) [n] of the rows of X.
template <class Model>
Eigen::VectorXd decisions(const Model& model, const Eigen::MatrixXd& X) {
  Eigen::VectorXd f(X.rows());
  std::vector<double> x(static_cast<std::size_t>(X.cols()));
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = X(i, static_cast<Eigen::Index>(j));
    f(i) = model.decision_function(x);
  }
  return f;
}

}  // namespace weir::detail
