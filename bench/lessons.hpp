/// What gates learn from.
#pragma once
#include <string>
#include <utility>
#include <weir/core/isa.hpp>
#include <weir/io/report/markup.hpp>
#include <weir/policy/learn/expected_loss.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

namespace program {

/// A trace to learn from, and what its losses are, in words.
struct Lessons {
  weir::Trace trace;
  std::string from;
};

/// learn_from: "labels"; "full": the losses expected under the full network's probabilities, at the temperature that
/// fits the trace; "auto": these where the trace has probabilities. side: excess losses, or the losses themselves,
/// whose differences have a sign. Throws ArgumentError for "full" where it has none, and where `loss` is not the
/// trace's.
inline Lessons lessons(const weir::Trace& trace, const weir::Loss& loss, const std::string& learn_from,
                       weir::detail::LossSide side = weir::detail::LossSide::excess) {
  const std::string lacks = weir::detail::lacks_probabilities(trace);
  if (learn_from == "full" && !lacks.empty()) throw weir::ArgumentError("--learn-from full: " + lacks);
  if (learn_from == "labels" || !lacks.empty()) {
    Lessons own{trace, "labels"};
    for (weir::StageTrace& s : own.trace.stages) s.probabilities.resize(0, 0);
    return own;
  }
  const weir::StageTrace& first = trace.stages.front();
  for (Eigen::Index i = 0; i < first.loss.size(); ++i) {
    const Eigen::VectorXf p = first.probabilities.row(i).transpose();
    if (loss({p.data(), static_cast<std::size_t>(p.size())}, trace.label[static_cast<std::size_t>(i)]) != first.loss(i))
      throw weir::ArgumentError("--loss " + loss.name() + ": the losses of stage '" + first.name +
                                "' are not those of its probabilities");
  }
  const double temperature = weir::detail::full_temperature(trace);
  return {weir::detail::with_expected_losses(trace, loss, side, temperature),
          "losses expected under " + trace.stages.back().name + " at temperature " +
              weir::detail::format_short(temperature, 3)};
}

/// The trace to judge by what is learned from lessons(): the losses of the labels. It has no
/// probabilities: they are large, and losses of labels do not need them.
inline weir::Trace without_probabilities(weir::Trace trace) {
  for (weir::StageTrace& s : trace.stages) s.probabilities.resize(0, 0);
  return trace;
}

}  // namespace program
