// What exit_head_fit.hpp declares.
#pragma once
#include <Eigen/Cholesky>
#include <numeric>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/lbfgs.hpp>

namespace weir::detail {

WEIR_INLINE bool enough_examples(const std::vector<int>& y, std::size_t n_classes, std::size_t least) {
  std::vector<std::size_t> count(n_classes, 0);
  for (const int label : y) {
    check_label(label, n_classes);
    ++count[static_cast<std::size_t>(label)];
  }
  return std::all_of(count.begin(), count.end(), [&](std::size_t c) { return c >= least; });
}

WEIR_INLINE CrossFit fit_cross(const std::function<ExitHead(const std::vector<Eigen::Index>& rows)>& fit,
                               const Eigen::MatrixXf& X, std::size_t n_classes, const std::vector<std::size_t>& fold_of,
                               std::size_t folds, Isa isa, const Progress& progress) {
  if (fold_of.size() != static_cast<std::size_t>(X.rows()))
    throw ShapeError("exit head: " + std::to_string(fold_of.size()) + " folds given for " + std::to_string(X.rows()) +
                     " rows");
  for (const std::size_t fold : fold_of)
    if (fold >= folds || folds < 2)
      throw ArgumentError("exit head: fold " + std::to_string(fold) + " of " + std::to_string(folds) +
                          "; at least 2 are needed");
  const auto classes = static_cast<Eigen::Index>(n_classes);
  std::vector<Eigen::Index> all(fold_of.size());
  std::iota(all.begin(), all.end(), Eigen::Index{0});
  CrossFit result{fit(all), Eigen::MatrixXf(X.rows(), classes), Eigen::MatrixXf(X.rows(), classes)};
  if (progress) progress(1, folds + 1);
  std::vector<float> row, z(n_classes), p(n_classes);
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<Eigen::Index> inside, outside;
    for (Eigen::Index i = 0; i < X.rows(); ++i)
      (fold_of[static_cast<std::size_t>(i)] == fold ? inside : outside).push_back(i);
    if (inside.empty()) continue;
    const ExitHead head = fit(outside);
    for (const Eigen::Index i : inside) {
      row.resize(static_cast<std::size_t>(X.cols()));
      for (Eigen::Index j = 0; j < X.cols(); ++j) row[static_cast<std::size_t>(j)] = X(i, j);
      head.logits_pooled(row.data(), z, isa);
      softmax(z, p);
      for (std::size_t c = 0; c < n_classes; ++c) {
        result.logits(i, static_cast<Eigen::Index>(c)) = z[c];
        result.probability(i, static_cast<Eigen::Index>(c)) = p[c];
      }
    }
    if (progress) progress(fold + 2, folds + 1);
  }
  return result;
}

WEIR_INLINE CrossFit fit_cross(const ExitHeadLearner& learner, GridPool pool, const Eigen::MatrixXf& X,
                               const std::vector<int>& y, std::size_t n_classes,
                               const std::vector<std::size_t>& fold_of, std::size_t folds, const Progress& progress) {
  if (y.size() != static_cast<std::size_t>(X.rows()))
    throw ShapeError("exit head: " + std::to_string(y.size()) + " labels for " + std::to_string(X.rows()) + " rows");
  const auto fit = [&](const std::vector<Eigen::Index>& rows) {
    std::vector<int> labels;
    for (const Eigen::Index i : rows) labels.push_back(y[static_cast<std::size_t>(i)]);
    return learner.fit(pool, X(rows, Eigen::all), labels, n_classes);
  };
  return fit_cross(fit, X, n_classes, fold_of, folds, Isa::portable, progress);
}

}  // namespace weir::detail
