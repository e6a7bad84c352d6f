/// Trace: what each stage answered on each example, all that a policy is learned from.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir {

/// One stage (an exit inside a network, or a whole network) on n examples.
struct StageTrace {
  std::string name;
  /// What running this stage adds to an example's cost, coming from the stage before it of the same network, or from
  /// the start of its network where there is none: preprocessing, layers, exit head, features and gate. In the trace's
  /// cost_unit: seconds, or what else is to be saved.
  double seconds = 0;
  std::vector<std::string> feature_names;  ///< [d]
  Eigen::MatrixXd features;                ///< [n, d] seen by the gate behind this stage
  std::vector<int> prediction;             ///< [n] predicted class
  Eigen::VectorXd loss;                    ///< [n] finite, >= 0; 0/1 for top-1 and top-5, or any other
  /// Stages of one network bear its name and follow each other; empty: the stage is a network of its own.
  std::string network{};
  /// The part of `seconds` that only answering here costs (exit head, features, gate): a path past this stage saves it.
  double answer_seconds = 0;
  /// [n, classes] class probabilities, or [0, 0] where they were not recorded: only what joins the answers of several
  /// stages, or looks at every class, asks for them.
  Eigen::MatrixXf probabilities{};
  /// What each group of features (features/list.hpp) takes of answer_seconds, where it was measured: what leaving the
  /// group out saves.
  std::map<std::string, double> feature_seconds{};
};

/// All stages on the same n examples, in the topology's order; the last one is the full network. Independent of the
/// engine: it may come from weir's executor or from files of any framework.
struct Trace {
  std::vector<int> label;  ///< [n] true class
  std::vector<StageTrace> stages;
  /// What `seconds` counts, here and in all that is learned and evaluated on this trace.
  std::string cost_unit = weir::cost_unit::seconds;

  std::size_t size() const { return label.size(); }
  std::size_t full() const { return stages.size() - 1; }

  /// What running `to` adds on a path whose stage before it is `from` (none: `to` is the first): layers of stages of
  /// the same network that lie between are run, their answers are not made.
  double step_seconds(std::optional<std::size_t> from, std::size_t to) const {
    const StageTrace& stage = stages.at(to);
    double sum = stage.seconds;
    for (std::size_t k = to; k-- > 0 && k != from && !stage.network.empty() && stages[k].network == stage.network;)
      sum += stages[k].seconds - stages[k].answer_seconds;
    return sum;
  }

  /// [stages] seconds and answer_seconds.
  std::vector<StageCost> costs() const {
    std::vector<StageCost> all;
    for (const StageTrace& s : stages) all.push_back({s.seconds, s.answer_seconds, s.feature_seconds});
    return all;
  }

  /// Replaces them. Throws ShapeError for another number of stages.
  void set_costs(const std::vector<StageCost>& costs, const std::string& unit) {
    if (costs.size() != stages.size())
      throw ShapeError("trace: costs of " + std::to_string(costs.size()) + " stages, not " +
                       std::to_string(stages.size()));
    cost_unit = unit;
    for (std::size_t k = 0; k < costs.size(); ++k) {
      stages[k].seconds = costs[k].seconds;
      stages[k].answer_seconds = costs[k].answer_seconds;
      stages[k].feature_seconds = costs[k].feature_seconds;
    }
  }

  /// Throws ShapeError where sizes disagree or there is no stage or example; ArgumentError for a value that is not
  /// finite (stage, row and column named), a negative loss or time, and probabilities that are negative or NaN.
  void check() const {
    if (stages.empty() || label.empty()) throw ShapeError("trace: at least one stage and one example are needed");
    check_cost_unit(cost_unit);
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
      if (!(s.answer_seconds >= 0 && s.answer_seconds <= s.seconds))
        throw ArgumentError(where + "the answer's seconds must be in [0, seconds]");
      for (const auto& [group, seconds] : s.feature_seconds)
        if (!(seconds >= 0) || !std::isfinite(seconds))
          throw ArgumentError(where + "the seconds of features '" + group + "' must be finite and >= 0");
      const bool again = &s != stages.data() && !s.network.empty() && (&s)[-1].network != s.network &&
                         std::any_of(stages.data(), &s, [&](const StageTrace& t) { return t.network == s.network; });
      if (again) throw ArgumentError(where + "other stages lie between those of network '" + s.network + "'");
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
    part.cost_unit = cost_unit;
    for (const Eigen::Index i : index) part.label.push_back(label.at(static_cast<std::size_t>(i)));
    for (const StageTrace& s : stages) {
      StageTrace t{s.name, s.seconds,        s.feature_names, s.features(index, Eigen::all),
                   {},     s.loss(index),    s.network,       s.answer_seconds,
                   {},     s.feature_seconds};
      for (const Eigen::Index i : index) t.prediction.push_back(s.prediction[static_cast<std::size_t>(i)]);
      if (s.probabilities.size() > 0) t.probabilities = s.probabilities(index, Eigen::all);
      part.stages.push_back(std::move(t));
    }
    return part;
  }

  /// Some of the stages, ascending and ending with the full network, as if the trace had been recorded of them alone:
  /// the layers of a stage left out are counted where its network goes on. ArgumentError otherwise.
  Trace select(const std::vector<std::size_t>& keep) const {
    if (keep.empty() || std::ranges::adjacent_find(keep, std::greater_equal<>()) != keep.end() || keep.back() != full())
      throw ArgumentError("trace: the stages to keep must ascend and end with the full network");
    Trace part{label, {}, cost_unit};
    for (std::size_t i = 0; i < keep.size(); ++i) {
      part.stages.push_back(stages[keep[i]]);
      part.stages.back().seconds = step_seconds(i == 0 ? std::nullopt : std::optional(keep[i - 1]), keep[i]);
    }
    return part;
  }
};

/// "" or why there are no class probabilities to join or to learn from: the stage that has no probabilities, or another
/// number of classes.
inline std::string lacks_probabilities(const Trace& trace) {
  for (const StageTrace& s : trace.stages) {
    if (s.probabilities.size() == 0) return "stage '" + s.name + "' has no class probabilities";
    if (s.probabilities.cols() != trace.stages.front().probabilities.cols())
      return "stage '" + s.name + "' has probabilities of " + std::to_string(s.probabilities.cols()) +
             " classes, the first stage of " + std::to_string(trace.stages.front().probabilities.cols());
  }
  return "";
}

}  // namespace weir
