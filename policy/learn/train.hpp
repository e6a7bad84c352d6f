/// Learns the gates of a policy from a trace, last gate first, for one price of loss or a whole path of them.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/learn/gate_problem.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/predicted_cost.hpp>
#include <weir/policy/learn/predicted_loss.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

/// The name of PredictedLoss among the learners.
inline constexpr std::string_view predicted_loss = "predicted_loss";

/// The name of PredictedLoss with limits for each gate and price.
inline constexpr std::string_view priced_loss = "priced_loss";

/// The name of PredictedCost.
inline constexpr std::string_view predicted_cost = "predicted_cost";

/// The names that TrainOptions::learner may have.
std::vector<std::string> gate_learner_names();

}  // namespace weir::detail

namespace weir {

struct TrainOptions {
  std::string learner = "logistic";                        ///< a name of gate_learner_names()
  std::function<detail::GateModel(const Dataset&)> fit{};  ///< where set, used in place of `learner`
  /// Where set, gates are learned only from those inputs whose name (GateInputs::names) it is true of.
  std::function<bool(std::string_view)> feature{};
  detail::LossSide side = detail::LossSide::excess;
  /// Rounds of policy iteration behind the backward pass: each gate is fitted again to the examples that the others
  /// now send to it, and kept only where that lowers the training objective.
  int passes = 2;
  /// 1: a gate's decisions on its own training examples serve to learn the gates before it. 2 or more: decisions are
  /// made out of fold, by gates fitted without the example, so that earlier gates do not think too well of later
  /// ones; costs `folds` more fits.
  std::size_t folds = 1;
  std::uint64_t seed = 0;                                    ///< of the folds
  std::function<void(std::size_t, std::size_t)> progress{};  ///< called with (done, total) lambdas
};

/// One policy of a path, with what it does on the training examples (out of fold where folds > 1).
struct PathPoint {
  std::optional<double> lambda{};  ///< none for a fixed exit
  Policy policy{};
  detail::ActionTable actions{};    ///< [stages][n]
  std::vector<double> objective{};  ///< mean of T + lambda R behind the backward pass and each further one
  double mean_cost = 0;
  double mean_excess = 0;
  double mean_difference = 0;
};

/// Learns policies from one trace. Keeps a reference to the trace.
///
/// Every gate is the best, on its weighted training error, of the learner's fit, each constant action, and (on a path)
/// the neighbour's gate. So with folds = 1 the training objective is never above that of any fixed exit.
///
/// The learner predicted_loss is another way: gates are PredictedLoss's, with the limit T_full / lambda, T_full the
/// cost of the cheapest way to the full network; its models are fitted once, and passes and warm starts do nothing.
/// priced_loss has the same models, fitted once too, but its gates' limits are found for each lambda as any gate is.
/// predicted_cost takes the action of the least predicted cost (PredictedCost), costs to go being fitted for each
/// lambda.
class PolicyTrainer {
 public:
  /// Throws what Trace::check and Topology::check throw, ShapeError where the two differ in their stages, and
  /// ArgumentError for options out of range or an unknown learner.
  PolicyTrainer(const Trace& trace, Topology topology, TrainOptions options);

  PolicyTrainer(Trace&&, Topology, TrainOptions) = delete;

  const Topology& topology() const { return topology_; }
  const Trace& trace() const { return trace_; }
  const TrainOptions& options() const { return options_; }

  /// Whether lambda moves one limit and nothing is fitted for it: PredictedLoss.
  bool one_parameter() const { return predicted_loss_ && !priced_; }

  /// The policy for one lambda (cost that one unit of loss is worth; finite, >= 0). `warm`: a point of this trainer
  /// to start from. Time: (passes + 1) * folds' * gates fits at most, folds' = 1 or folds + 1.
  PathPoint train(double lambda, const PathPoint* warm = nullptr) const;

  /// Sends every example to one stage by the cheapest way.
  PathPoint fixed(std::size_t exit) const;

  /// n prices in geometric steps, ascending. At the lowest, no loss is worth the cheapest further stage; at the
  /// highest, one loss is worth running everything on a tenth of the examples; above that, n examples do not suffice to
  /// tell gates apart.
  std::vector<double> lambda_grid(std::size_t n) const;

  /// A policy for each lambda (ascending; each started from its larger neighbour), preceded by the fixed exits of all
  /// stages, so that what needs no learning is always on offer.
  std::vector<PathPoint> train_path(const std::vector<double>& lambdas) const;

  std::vector<PathPoint> train_path(std::size_t n_lambdas = 30) const { return train_path(lambda_grid(n_lambdas)); }

 private:
  /// Sums in another order differ by rounding; smaller differences count as no gain.
  static constexpr double rounding = 1e-12;

  /// A gate and its decisions on all training examples.
  struct Decider {
    Gate gate;
    detail::Actions actions;
  };

  /// The problem that a gate was last fitted to.
  struct Problem {
    detail::RowMatrix costs;
    std::vector<bool> rows;
  };
  using Memory = std::vector<Problem>;

  std::vector<Eigen::Index> chosen_columns(std::size_t k) const;

  Decider constant(std::size_t k, std::size_t action) const;

  /// Takes `other` where it costs less on the rows.
  static bool improve(Decider& best, Decider other, const detail::RowMatrix& costs, const std::vector<bool>& rows);

  detail::GateModel fit_model(std::size_t k, const Dataset& data) const;

  /// One weighted binary problem for each pair of actions, on the rows where they differ in cost.
  Gate fit_gate(std::size_t k, const detail::RowMatrix& costs, const std::vector<bool>& rows) const;

  Decider fitted(std::size_t k, const detail::RowMatrix& costs, const std::vector<bool>& rows, double lambda) const;

  detail::GateProblem problem() const { return {topology_, X_, columns_, R_, fold_, options_.folds}; }

  /// One round of policy iteration, last gate first; false where no gate changed. Who reaches a gate is decided by the
  /// gates before it, which this round has not touched yet.
  bool iterate(const detail::Objective& objective, Memory& memory, std::vector<Eigen::VectorXd>& V,
               PathPoint& point) const;

  void measure(PathPoint& point) const;

  const Trace& trace_;
  Topology topology_;
  TrainOptions options_;
  detail::GateInputs inputs_;
  std::vector<detail::RowMatrix> X_;                ///< [stages] what each gate sees
  std::vector<std::vector<Eigen::Index>> columns_;  ///< [stages] of that, what it learns from
  Eigen::MatrixXd R_;
  std::vector<std::size_t> fold_;
  std::optional<detail::PredictedLoss> predicted_loss_;
  bool priced_ = false;
  std::optional<detail::PredictedCost> predicted_cost_;
};

/// The policy for one lambda.
Policy train(const Trace& trace, const Topology& topology, double lambda, const TrainOptions& options = {});

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/learn/train.ipp>
#endif
