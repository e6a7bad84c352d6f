/// A trace with all that gates are learned from.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <utility>
#include <vector>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/gate_problem.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir_test {

/// What PolicyTrainer hands over.
struct Given {
  weir::Trace trace;
  weir::Topology topology;
  std::vector<weir::detail::RowMatrix> X;
  std::vector<std::vector<Eigen::Index>> columns;
  Eigen::MatrixXd R;
  std::vector<std::size_t> fold;
  std::size_t folds;

  Given(weir::Trace t, weir::Topology dag, std::size_t n_folds = 1,
        weir::detail::LossSide side = weir::detail::LossSide::excess)
      : trace(std::move(t)), topology(std::move(dag)), folds(n_folds) {
    const weir::detail::GateInputs inputs = weir::detail::gate_inputs(topology, trace);
    for (std::size_t k = 0; k < topology.size(); ++k) {
      X.push_back(weir::detail::gate_matrix(inputs, trace, k));
      columns.emplace_back();
      for (Eigen::Index j = 0; j < X[k].cols(); ++j) columns[k].push_back(j);
    }
    R = weir::detail::charged_loss(trace, side);
    fold = weir::detail::deal_folds(trace.size(), folds, 1);
  }

  weir::detail::GateProblem problem() const { return {topology, X, columns, R, fold, folds}; }
};

}  // namespace weir_test
