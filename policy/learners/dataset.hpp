/// The weighted binary problem that a gate is fitted to, and what a learner is.
#pragma once
#include <Eigen/Core>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <type_traits>
#include <vector>
#include <weir/core/error.hpp>

namespace weir {

/// n examples with d features each, a label and a weight per example.
///
/// In the reduction of Bolukbasi et al. (ICML 2017) a gate's label is 1 for "continue" where going on is cheaper than
/// exiting, and the weight is the cost of deciding wrongly. Weights may be integers that count repeated rows or any
/// other scale: weight 2 means the row twice, weight 0 means the row is not there.
struct Dataset {
  Eigen::MatrixXd X;              ///< [n, d] features
  std::vector<int> y;             ///< [n] labels, 0 or 1
  Eigen::VectorXd sample_weight;  ///< [n] finite, >= 0

  /// Throws ShapeError where sizes disagree or n or d is zero; ArgumentError for a NaN or infinity (row and column
  /// named), a label other than 0 and 1, a negative weight or weights whose sum overflows. Cost O(n d).
  void check() const {
    const auto n = X.rows();
    if (n < 1 || X.cols() < 1)
      throw ShapeError(
          detail::message({"dataset: at least one row and one feature are needed, got X [", n, ", ", X.cols(), "]"}));
    if (y.size() != static_cast<std::size_t>(n) || sample_weight.size() != n)
      throw ShapeError(detail::message(
          {"dataset: X has ", n, " rows, y has ", y.size(), ", sample_weight has ", sample_weight.size()}));
    for (Eigen::Index j = 0; j < X.cols(); ++j)
      for (Eigen::Index i = 0; i < n; ++i)
        if (!std::isfinite(X(i, j)))
          throw ArgumentError(detail::message({"dataset: X is not finite at row ", i, ", column ", j}));
    for (Eigen::Index i = 0; i < n; ++i) {
      const int label = y[static_cast<std::size_t>(i)];
      if (label != 0 && label != 1)
        throw ArgumentError(detail::message({"dataset: y must be 0 or 1, got ", label, " at row ", i}));
      if (!std::isfinite(sample_weight(i)) || sample_weight(i) < 0)
        throw ArgumentError(detail::message({"dataset: sample_weight must be finite and >= 0 at row ", i}));
    }
    if (!std::isfinite(sample_weight.sum())) throw ArgumentError("dataset: the sum of sample_weight overflows");
  }

  /// The rows of weight > 0, in order. May have no rows.
  Dataset without_zero_weights() const {
    std::vector<Eigen::Index> rows;
    for (Eigen::Index i = 0; i < X.rows(); ++i)
      if (sample_weight(i) > 0) rows.push_back(i);
    Dataset kept{X(rows, Eigen::all), {}, sample_weight(rows)};
    kept.y.reserve(rows.size());
    for (const auto row : rows) kept.y.push_back(y[static_cast<std::size_t>(row)]);
    return kept;
  }

  /// The one class present, 0 where there is no row, or -1 where both classes are present.
  int only_class() const {
    for (const int label : y)
      if (label != y.front()) return -1;
    return y.empty() ? 0 : y.front();
  }
};

/// What fitting yields: immutable, `decision_function(x) > 0` means class 1, JSON by to_json / from_json.
template <class M>
concept Model = std::copyable<M> && std::default_initializable<M> &&
    requires(const M& model, std::span<const double> x, nlohmann::json& json, const nlohmann::json& stored, M& loaded) {
  { model.decision_function(x) } -> std::same_as<double>;
  { model.n_features() } -> std::same_as<std::size_t>;
  to_json(json, model);
  from_json(stored, loaded);
};

/// An aggregate of hyper-parameters whose `fit` yields a model; fitting leaves the learner as it was.
template <class L>
concept Learner = std::is_aggregate_v<L> && std::copyable<L> && requires(const L& learner, const Dataset& data) {
  { learner.fit(data) } -> Model;
};

}  // namespace weir
