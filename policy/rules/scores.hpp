/// Statistics of a stage's class probabilities that rules with learned scores read, and traces of such scores.
#pragma once
#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>
#include <weir/policy/features.hpp>
#include <weir/policy/trace.hpp>

namespace weir {

/// The same stages, answers and losses, seen through one feature each: column k of `scores` [n, stages], named `name`.
inline Trace with_scores(const Trace& trace, const std::string& name, const Eigen::MatrixXd& scores) {
  Trace out;
  out.label = trace.label;
  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    const StageTrace& s = trace.stages[k];
    out.stages.push_back({s.name, s.seconds, {name}, scores.col(static_cast<Eigen::Index>(k)), s.prediction, s.loss});
  }
  return out;
}

/// max p, entropy (nats), margin, and the entropy of the squares p_c^2 / sum p^2: what the gate of JEI-DNN reads.
inline std::array<double, 4> gate_statistics(std::span<const float> p) {
  std::array<double, 6> confidence{};
  confidence_features(p, confidence);
  double squares = 0, entropy = 0;
  for (const float v : p) squares += static_cast<double>(v) * static_cast<double>(v);
  for (const float v : p) {
    const double share = static_cast<double>(v) * static_cast<double>(v) / squares;
    if (share > 1e-30) entropy -= share * std::log(share);
  }
  return {confidence[0], confidence[4], confidence[3], entropy};
}

/// [n, 4] gate_statistics of every example. Throws ArgumentError naming the stage without probabilities.
inline Eigen::MatrixXd gate_statistics(const StageTrace& stage) {
  if (stage.probabilities.size() == 0) throw ArgumentError("stage '" + stage.name + "' has no class probabilities");
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

}  // namespace weir
