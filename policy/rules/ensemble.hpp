/// Rules that answer with all stages' answers so far, not with the last one's alone.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/rules/shared_threshold.hpp>
#include <weir/policy/trace_file.hpp>

namespace weir {

enum class EnsembleKind {
  geometric,  ///< p_c proportional to prod_j p_jc^(1/m): what Zero Time Waste joins (Wolczyk et al., NeurIPS 2021)
  mean        ///< p_c = (1/m) sum_j p_jc: the committees of Wang et al. (Wisdom of Committees, ICLR 2022)
};

/// "" or why a trace cannot be seen as an ensemble: the stage that has no probabilities, or another number of classes.
inline std::string lacks_probabilities(const Trace& trace) {
  for (const StageTrace& s : trace.stages) {
    if (s.probabilities.size() == 0) return "stage '" + s.name + "' has no class probabilities";
    if (s.probabilities.cols() != trace.stages.front().probabilities.cols())
      return "stage '" + s.name + "' has probabilities of " + std::to_string(s.probabilities.cols()) +
             " classes, the first stage of " + std::to_string(trace.stages.front().probabilities.cols());
  }
  return "";
}

/// The trace whose stage k answers with the ensemble of the m = k + 1 stages 0 .. k, equal weights: predictions,
/// features (confidence_features without the class) and losses are those of the joined probabilities. Behind the last
/// stage stands one more, "<name> alone", with the full network's own answer at 0 seconds, so that losses are still
/// counted against it, and a rule on a small budget may give that answer where it has run anyway.
///
/// Zero Time Waste learns a weight for each head and trains heads on each other's outputs; neither is done here. In a
/// geometric mean, probabilities below 1e-30 count as 1e-30. Seconds stay as they are: an ensemble adds a logarithm
/// (geometric) or an addition for each class of a stage that ran, some microseconds for 1000 classes.
///
/// Throws ArgumentError where lacks_probabilities says why, where a row is no distribution, and where `loss` is not the
/// loss of the trace (its first stage's, an ensemble of one, tells). O(n classes stages).
inline Trace ensemble_trace(const Trace& trace, EnsembleKind kind, const Loss& loss = Loss("top1")) {
  trace.check();
  if (const std::string reason = lacks_probabilities(trace); !reason.empty())
    throw ArgumentError("ensemble: " + reason);
  const auto n = static_cast<Eigen::Index>(trace.size());
  const Eigen::Index classes = trace.stages.front().probabilities.cols();
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(n, classes);
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> joined(n, classes);
  Trace out;
  out.label = trace.label;
  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    const StageTrace& stage = trace.stages[k];
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index c = 0; c < classes; ++c) {
        const auto p = static_cast<double>(stage.probabilities(i, c));
        sum(i, c) += kind == EnsembleKind::mean ? p : std::log(std::max(p, 1e-30));
      }
      if (k == 0) {
        joined.row(i) = stage.probabilities.row(i);
        continue;
      }
      Eigen::ArrayXd p = sum.row(i).transpose().array() / static_cast<double>(k + 1);
      if (kind == EnsembleKind::geometric) p = (p - p.maxCoeff()).exp();
      joined.row(i) = (p / p.sum()).cast<float>().matrix().transpose();
    }
    out.stages.push_back(stage_from_probabilities(stage.name, stage.seconds,
                                                  {joined.data(), static_cast<std::size_t>(joined.size())},
                                                  static_cast<std::size_t>(classes), trace.label, loss, false));
    if (k == 0 && out.stages[0].loss != stage.loss)
      throw ArgumentError("ensemble: the losses of stage '" + stage.name + "' are not '" + loss.name() +
                          "' of its probabilities");
  }
  const StageTrace& full = trace.stages.back();
  out.stages.push_back({full.name + " alone", 0, {}, Eigen::MatrixXd(n, 0), full.prediction, full.loss});
  return out;
}

/// The shared threshold on the ensemble's largest probability that keeps the budget best, on a chain of all stages.
inline std::optional<TunedRule> tune_ensemble(const std::string& name, EnsembleKind kind, const RuleData& data) {
  const TraceView view = [kind, loss = data.loss](const Trace& t) { return ensemble_trace(t, kind, loss); };
  const Trace seen = view(data.calibration);
  Topology chain = full_chain(data.topology, name);
  chain.stages.back().next = {chain.size()};
  chain.stages.push_back({seen.stages.back().name, {}});
  auto rule = tune_threshold(chain, seen, {"max_probability", true}, data.budget);
  if (rule) {
    rule->name = name;
    rule->view = view;
  }
  return rule;
}

}  // namespace weir
