// What exit_head_fit.hpp declares.
#pragma once
#include <Eigen/Cholesky>
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>
#include <weir/core/parallel.hpp>
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

WEIR_INLINE Eigen::MatrixXf head_logits(const ExitHead& head, const Eigen::Ref<const Eigen::MatrixXf>& X,
                                        const Context& context) {
  if (static_cast<std::size_t>(X.cols()) != head.n_inputs())
    throw ShapeError(
        detail::message({"exit head: rows of ", X.cols(), " values for a head that reads ", head.n_inputs()}));
  const auto classes = static_cast<Eigen::Index>(head.n_classes());
  Eigen::MatrixXf logits(X.rows(), classes);
  constexpr std::int64_t block = 16;  // rows that are copied together: X is stored by columns
  context.pool().split((X.rows() + block - 1) / block, 1, [&](std::int64_t first, std::int64_t last) {
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> some;
    std::vector<float> z(head.n_classes());
    for (std::int64_t b = first; b < last; ++b) {
      some = X.middleRows(b * block, std::min<std::int64_t>(block, X.rows() - b * block));
      for (Eigen::Index i = 0; i < some.rows(); ++i) {
        head.logits_pooled(some.row(i).data(), z, context.isa());
        for (Eigen::Index c = 0; c < classes; ++c) logits(b * block + i, c) = z[static_cast<std::size_t>(c)];
      }
    }
  });
  return logits;
}

WEIR_INLINE CrossFit fit_cross(const FitRows& fit, const InputsOfFold& inputs, std::size_t n_classes,
                               const std::vector<std::size_t>& fold_of, std::size_t folds, const Context& context,
                               const Progress& progress) {
  for (const std::size_t fold : fold_of)
    if (fold >= folds || folds < 2)
      throw ArgumentError(detail::message({"exit head: fold ", fold, " of ", folds, "; at least 2 are needed"}));
  const auto rows = static_cast<Eigen::Index>(fold_of.size()), classes = static_cast<Eigen::Index>(n_classes);
  const auto of = [&](std::size_t fold) -> const Eigen::MatrixXf& {
    const Eigen::MatrixXf& X = inputs(fold);
    if (X.rows() != rows)
      throw ShapeError(detail::message({"exit head: ", rows, " folds given for ", X.rows(), " rows"}));
    return X;
  };
  std::vector<Eigen::Index> all(fold_of.size());
  std::iota(all.begin(), all.end(), Eigen::Index{0});
  CrossFit result{fit(all, of(folds)), Eigen::MatrixXf(rows, classes), Eigen::MatrixXf(rows, classes), {}};
  if (progress) progress(1, folds + 1);
  std::vector<float> z(n_classes), p(n_classes);
  for (std::size_t fold = 0; fold < folds; ++fold) {
    std::vector<Eigen::Index> inside, outside;
    for (Eigen::Index i = 0; i < rows; ++i)
      (fold_of[static_cast<std::size_t>(i)] == fold ? inside : outside).push_back(i);
    const Eigen::MatrixXf& X = of(fold);
    // Of a fold without rows nobody asks; its head is that of all.
    result.without.push_back(inside.empty() ? result.head : fit(outside, X));
    if (inside.empty()) continue;
    const Eigen::MatrixXf logits = head_logits(result.without.back(), X(inside, Eigen::all), context);
    for (std::size_t j = 0; j < inside.size(); ++j) {
      const Eigen::Index i = inside[j];
      for (std::size_t c = 0; c < n_classes; ++c)
        z[c] = logits(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(c));
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
    throw ShapeError(detail::message({"exit head: ", y.size(), " labels for ", X.rows(), " rows"}));
  const auto fit = [&](const std::vector<Eigen::Index>& rows, const Eigen::MatrixXf& all) {
    std::vector<int> labels;
    for (const Eigen::Index i : rows) labels.push_back(y[static_cast<std::size_t>(i)]);
    return learner.fit(pool, all(rows, Eigen::all), labels, n_classes);
  };
  return fit_cross(
      fit, [&](std::size_t) -> const Eigen::MatrixXf& { return X; }, n_classes, fold_of, folds,
      Context({.isa = "portable"}), progress);
}

}  // namespace weir::detail
