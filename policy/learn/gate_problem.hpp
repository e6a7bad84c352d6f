/// What gates are learned from, for all stages.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <vector>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/fraction_model.hpp>
#include <weir/policy/run/topology.hpp>

namespace weir::detail {

/// What PolicyTrainer has and what models of losses and costs are fitted to.
struct GateProblem {
  const Topology& topology;
  const std::vector<RowMatrix>& X;                        ///< [stages][n, d] what each gate sees
  const std::vector<std::vector<Eigen::Index>>& columns;  ///< [stages] of that, what it learns from
  const Eigen::MatrixXd& R;                               ///< [n, stages] charged_loss
  const std::vector<std::size_t>& fold;                   ///< [n]
  std::size_t folds = 1;                                  ///< 1: what is predicted for an example is by a fit to it

  /// What shares are predicted from at stage k.
  FractionProblem fractions(std::size_t k) const { return {X[k], columns[k], fold, folds}; }
};

}  // namespace weir::detail
