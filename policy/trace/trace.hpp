/// Trace: what each stage answered on each example, all that a policy is learned from.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir {

/// One stage (an exit inside a network, or a whole network) on n examples.
struct StageTrace {
  std::string name;
  /// What running this stage adds to an example's cost, coming from the stage before it of the same network, or from
  /// the start of its network where there is none: preprocessing, layers, exit head, features and gate. In the trace's
  /// cost_unit: seconds, or what else is to be saved.
  double cost = 0;
  std::vector<std::string> feature_names;  ///< [d]
  Eigen::MatrixXd features;                ///< [n, d] seen by the gate behind this stage
  std::vector<int> prediction;             ///< [n] predicted class
  Eigen::VectorXd loss;                    ///< [n] finite, >= 0; 0/1 for top-1 and top-5, or any other
  /// Stages of one network bear its name and follow each other; empty: the stage is a network of its own.
  std::string network{};
  /// The part of `cost` that only answering here costs (exit head, features, gate): a path past this stage saves it.
  double answer_cost = 0;
  /// [n, classes] class probabilities, or [0, 0] where they were not recorded: only what joins the answers of several
  /// stages, or looks at every class, asks for them.
  Eigen::MatrixXf probabilities{};
  /// What each group of features (features/list.hpp) takes of answer_cost, where it was measured: what leaving the
  /// group out saves.
  std::map<std::string, double> feature_costs{};
};

/// All stages on the same n examples, in the topology's order; the last one is the full network. Independent of the
/// engine: it may come from weir's executor or from files of any framework.
struct Trace {
  std::vector<int> label;  ///< [n] true class
  std::vector<StageTrace> stages;
  /// What `cost` counts, here and in all that is learned and evaluated on this trace.
  std::string cost_unit = weir::cost_unit::seconds;

  std::size_t size() const { return label.size(); }
  std::size_t full() const { return stages.size() - 1; }

  /// What running `to` adds on a path whose stage before it is `from` (none: `to` is the first): layers of stages of
  /// the same network that lie between are run, their answers are not made.
  double step_cost(std::optional<std::size_t> from, std::size_t to) const;

  /// [stages] cost and answer_cost.
  std::vector<StageCost> costs() const;

  /// Replaces them. Throws ShapeError for another number of stages.
  void set_costs(const std::vector<StageCost>& costs, const std::string& unit);

  /// Throws ShapeError where sizes disagree or there is no stage or example; ArgumentError for a value that is not
  /// finite (stage, row and column named), a negative loss or time, and probabilities that are negative or NaN.
  void check() const;

  /// The examples of these rows, in this order.
  Trace rows(const std::vector<Eigen::Index>& index) const;

  /// Some of the stages, ascending and ending with the full network, as if the trace had been recorded of only them:
  /// the layers of a stage left out are counted where its network goes on. ArgumentError otherwise.
  Trace select(const std::vector<std::size_t>& keep) const;
};

}  // namespace weir

namespace weir::detail {

/// "" or why there are no class probabilities to join or to learn from: the stage that has no probabilities, or another
/// number of classes.
std::string lacks_probabilities(const Trace& trace);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/trace/trace.ipp>
#endif
