/// Trace: what each stage answered on each example, all that a policy is learned from.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/error.hpp>

namespace weir {

/// One stage (an exit inside a network, or a whole network) on n examples.
struct StageTrace {
  std::string name;
  /// What running this stage adds to an example's time: from the previous stage's decision to this one's, with
  /// preprocessing, layers, exit head, features and gate.
  double seconds = 0;
  std::vector<std::string> feature_names;  ///< [d]
  Eigen::MatrixXd features;                ///< [n, d] seen by the gate behind this stage
  std::vector<int> prediction;             ///< [n] predicted class
  Eigen::VectorXd loss;                    ///< [n] finite, >= 0; 0/1 for top-1 and top-5, or any other
  /// [n, classes] class probabilities, or [0, 0] where they were not recorded: only what joins the answers of several
  /// stages, or looks at every class, asks for them.
  Eigen::MatrixXf probabilities{};
};

/// All stages on the same n examples, in the topology's order; the last one is the full network. Independent of the
/// engine: it may come from weir's executor or from files of any framework.
struct Trace {
  std::vector<int> label;  ///< [n] true class
  std::vector<StageTrace> stages;

  std::size_t size() const { return label.size(); }
  std::size_t full() const { return stages.size() - 1; }

  /// Throws ShapeError where sizes disagree or there is no stage or example; ArgumentError for a value that is not
  /// finite (stage, row and column named), a negative loss or time, and probabilities that are negative or NaN.
  void check() const {
    if (stages.empty() || label.empty()) throw ShapeError("trace: at least one stage and one example are needed");
    const auto n = static_cast<Eigen::Index>(label.size());
    for (const StageTrace& s : stages) {
      const std::string where = "trace, stage '" + s.name + "': ";
      if (s.features.rows() != n || s.loss.size() != n || s.prediction.size() != label.size())
        throw ShapeError(where + std::to_string(n) + " labels, but features of " + std::to_string(s.features.rows()) +
                         ", losses of " + std::to_string(s.loss.size()) + ", predictions of " +
                         std::to_string(s.prediction.size()) + " examples");
      if (s.feature_names.size() != static_cast<std::size_t>(s.features.cols()))
        throw ShapeError(where + std::to_string(s.feature_names.size()) + " feature names for " +
                         std::to_string(s.features.cols()) + " features");
      if (s.probabilities.size() > 0 && s.probabilities.rows() != n)
        throw ShapeError(where + std::to_string(n) + " labels, but probabilities of " +
                         std::to_string(s.probabilities.rows()) + " examples");
      if (!std::isfinite(s.seconds) || s.seconds < 0) throw ArgumentError(where + "seconds must be finite and >= 0");
      for (Eigen::Index i = 0; i < n; ++i) {
        if (!std::isfinite(s.loss(i)) || s.loss(i) < 0)
          throw ArgumentError(where + "loss must be finite and >= 0 at row " + std::to_string(i));
        for (Eigen::Index j = 0; j < s.features.cols(); ++j)
          if (!std::isfinite(s.features(i, j)))
            throw ArgumentError(where + "feature '" + s.feature_names[static_cast<std::size_t>(j)] +
                                "' is not finite at row " + std::to_string(i));
        for (Eigen::Index c = 0; c < s.probabilities.cols(); ++c)
          if (!(s.probabilities(i, c) >= 0) || !std::isfinite(s.probabilities(i, c)))
            throw ArgumentError(where + "probability of class " + std::to_string(c) +
                                " must be finite and >= 0 at row " + std::to_string(i));
      }
    }
  }

  /// The examples of these rows, in this order.
  Trace rows(const std::vector<Eigen::Index>& index) const {
    Trace part;
    for (const Eigen::Index i : index) part.label.push_back(label.at(static_cast<std::size_t>(i)));
    for (const StageTrace& s : stages) {
      StageTrace t{s.name, s.seconds, s.feature_names, s.features(index, Eigen::all), {}, s.loss(index)};
      for (const Eigen::Index i : index) t.prediction.push_back(s.prediction[static_cast<std::size_t>(i)]);
      if (s.probabilities.size() > 0) t.probabilities = s.probabilities(index, Eigen::all);
      part.stages.push_back(std::move(t));
    }
    return part;
  }
};

}  // namespace weir
