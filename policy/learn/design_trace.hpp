/// The examples on which ways to learn are compared: what gates learn from, and what they are judged by.
#pragma once
#include <weir/core/error.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

/// Two views of the same examples and stages. Gates may learn from losses that are expected under another network's
/// probabilities (with_expected_losses): these vary less, but are biased where the probabilities are, and the same bias
/// in what a choice is judged by would not be noticed. So `judge` has the losses of the labels. Features and costs of
/// the two are the same. Both traces must outlive it.
struct DesignTrace {
  const Trace& learn;
  const Trace& judge;

  /// Learned from and judged by the same losses.
  DesignTrace(const Trace& both) : learn(both), judge(both) {}  // NOLINT: a trace is what most callers have
  DesignTrace(const Trace& to_learn, const Trace& to_judge) : learn(to_learn), judge(to_judge) {}

  /// Throws ShapeError where the two have other numbers of examples or stages.
  void check() const {
    if (learn.size() == judge.size() && learn.stages.size() == judge.stages.size()) return;
    throw ShapeError(detail::message({"to learn from: ", learn.size(), " examples of ", learn.stages.size(),
                                      " stages; to judge by: ", judge.size(), " of ", judge.stages.size()}));
  }
};

}  // namespace weir
