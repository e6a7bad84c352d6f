/// Rules that answer with all stages' answers so far, not only with the last one's.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/compare/rules/shared_threshold.hpp>
#include <weir/policy/run/joined_answer.hpp>
#include <weir/policy/trace/trace_file.hpp>

namespace weir::detail {

/// The trace whose stage k answers with the ensemble of the m = k + 1 stages 0 .. k, equal weights: predictions,
/// features (confidence_features, with the class where the trace has it) and losses are those of the joined
/// probabilities. Behind the last stage stands one more, "<name> alone", with the full network's own answer at 0
/// seconds, so that losses are still counted against it, and a rule on a small budget may give that answer where it has
/// run anyway.
///
/// Zero Time Waste learns a weight for each head and trains heads on each other's outputs; neither is done here.
/// Seconds stay as they are: an ensemble adds a logarithm (geometric) or an addition for each class of a stage that
/// ran, some microseconds for 1000 classes.
///
/// Throws ArgumentError where lacks_probabilities says why, where a row is no distribution, and where `loss` is not the
/// loss of the trace (its first stage's, an ensemble of one, tells). O(n classes stages).
inline Trace ensemble_trace(const Trace& trace, Join kind, const Loss& loss = Loss("top1")) {
  trace.check();
  if (const std::string reason = lacks_probabilities(trace); !reason.empty())
    throw ArgumentError(detail::message({"ensemble: ", reason}));
  const std::size_t n = trace.size(), n_stages = trace.stages.size();
  const auto classes = static_cast<std::size_t>(trace.stages.front().probabilities.cols());
  std::vector<std::vector<float>> joined(n_stages, std::vector<float>(n * classes));
  std::vector<float> own(n_stages * classes);
  JoinedAnswer answer(kind, classes);
  for (std::size_t i = 0; i < n; ++i) {
    answer.start(kind);
    for (std::size_t k = 0; k < n_stages; ++k) {
      const std::span<float> p(own.data() + k * classes, classes);
      for (std::size_t c = 0; c < classes; ++c)
        p[c] = trace.stages[k].probabilities(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(c));
      answer.add(p);
      answer.write({joined[k].data() + i * classes, classes});
    }
  }
  Trace out;
  out.label = trace.label;
  for (std::size_t k = 0; k < n_stages; ++k) {
    const StageTrace& stage = trace.stages[k];
    const bool with_class = std::ranges::count(stage.feature_names, "class_0") > 0;
    out.stages.push_back(
        stage_from_probabilities(stage.name, stage.cost, joined[k], classes, trace.label, loss, with_class));
    if (k == 0 && out.stages[0].loss != stage.loss)
      throw ArgumentError(detail::message(
          {"ensemble: the losses of stage '", stage.name, "' are not '", loss.name(), "' of its probabilities"}));
  }
  const StageTrace& full = trace.stages.back();
  out.stages.push_back({full.name + " alone", 0, {}, Eigen::MatrixXd(trace.size(), 0), full.prediction, full.loss});
  return out;
}

/// The shared threshold on the ensemble's largest probability that keeps the budget best, on a chain of all stages up
/// to the one that is found on the training trace (tune_shared_threshold).
inline std::optional<TunedRule> tune_ensemble(const std::string& name, Join kind, const RuleData& data) {
  const TraceView view = [kind, loss = data.loss](const Trace& t) { return ensemble_trace(t, kind, loss); };
  const Trace seen = view(data.calibration);
  Topology chain = full_chain(data.topology, name);
  chain.stages.back().next = {chain.size()};
  chain.stages.push_back({seen.stages.back().name, {}});
  auto rule = tune_shared_threshold(chain, view(data.training), seen, {"max_probability", true}, data.budget);
  if (rule) {
    rule->name = name;
    rule->view = view;
    rule->forms.assign(chain.size(), {kind, {}});
    rule->forms.back() = {};
  }
  return rule;
}

}  // namespace weir::detail
