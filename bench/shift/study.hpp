/// What a policy does to a budget away from the source that it was learned on, and when a monitor notices.
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/rules/path_points.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../progress.hpp"
#include "audits.hpp"
#include "sources.hpp"

namespace shift {

/// One source under the policy.
struct Row {
  std::string name;
  std::size_t n = 0;
  double full_loss = 0;  ///< mean loss of the full network
  double excess = 0, net = 0;
  std::optional<weir::Interval> limits;  ///< 95 % of the excess, both sides, where losses are 0 and 1
  double seconds = 0, speedup = 0;       ///< predicted from stage times
  std::vector<double> shares;            ///< [stages] of exits
  Alarms alarms;

  /// "kept" or "broken" where the limits say so, else "open".
  std::string verdict(double budget) const {
    if (!limits) return "open";
    return limits->high <= budget ? "kept" : limits->low > budget ? "broken" : "open";
  }
};

struct Study {
  weir::Choice choice;
  bool certified = false;  ///< the budget was asked for with a confidence
  double full_seconds = 0;
  std::vector<std::string> stages;
  std::vector<Row> rows;  ///< calibration, control, then the other sources; calibration has no alarms
  AuditStudy audits;      ///< of control, then of the other sources
};

inline bool is_binary(const weir::Trace& trace) {
  return std::all_of(trace.stages.begin(), trace.stages.end(), [](const weir::StageTrace& s) {
    return std::all_of(s.loss.begin(), s.loss.end(), [](double l) { return l == 0 || l == 1; });
  });
}

/// Learned on the policy part and chosen on the calibration part, as adapt does: gates, and the known rules beside
/// them.
inline weir::Choice learn(const Sources& s, const Options& o, bool certified) {
  weir::TrainOptions train = weir::detail::with_learner({.folds = o.folds, .seed = o.adapt.seed}, o.learner);
  program::ProgressLine progress("learning");
  train.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const weir::PolicyTrainer trainer(s.policy, s.topology, train);
  auto path = weir::detail::with_rules(trainer, trainer.train_path(o.lambdas));
  weir::Budget budget{.value = o.adapt.max_loss, .seed = o.adapt.seed};
  if (certified) {
    budget.margin = weir::Margin::upper_limit;
    budget.confidence = o.adapt.confidence;
  }
  return weir::choose(trainer, path, s.calibration, budget);
}

inline Row measure_row(const std::string& name, const weir::Trace& trace, const weir::MixedPolicy& policy,
                       double full_seconds) {
  const weir::Evaluation e = weir::evaluate(policy, trace);
  Row row{name,
          trace.size(),
          trace.stages.back().loss.mean(),
          e.mean_excess(),
          e.mean_difference(),
          {},
          e.mean_cost(),
          full_seconds / e.mean_cost(),
          e.shares(trace.stages.size()),
          {}};
  if (is_binary(trace)) row.limits = weir::clopper_pearson(weir::paired_counts(e).regressions, trace.size());
  return row;
}

inline Study study(const Sources& s, const Options& o) {
  Study out;
  out.certified = o.adapt.confidence > 0;
  if (out.certified && !is_binary(s.calibration))
    throw weir::ArgumentError(
        "--confidence: the traces' losses are not all 0 or 1, so no exact limit of their mean is known: say "
        "--confidence "
        "0 to keep the budget in the mean on the calibration examples, without a guarantee");
  out.choice = learn(s, o, out.certified);
  const weir::MixedPolicy& policy = out.choice.policy;
  // The full network alone: what a way straight to it costs, where networks stand beside each other.
  out.full_seconds = s.policy.stages.back().cost;
  const auto& stages = s.policy.stages;
  for (std::size_t k = stages.size() - 1; k-- > 0 && !stages[k].network.empty();) {
    if (stages[k].network != stages.back().network) break;
    out.full_seconds += stages[k].cost - stages[k].answer_cost;
  }
  for (const auto& stage : s.policy.stages) out.stages.push_back(stage.name);
  out.rows.push_back(measure_row("calibration", s.calibration, policy, out.full_seconds));
  out.rows.push_back(measure_row("same source", s.control, policy, out.full_seconds));
  for (const Source& other : s.shifted)
    out.rows.push_back(measure_row(other.name, other.trace, policy, out.full_seconds));
  const Watched calibration = watch(policy, s.calibration), control = watch(policy, s.control);
  program::ProgressLine progress("streams");
  const std::size_t total = (s.shifted.size() + 1) * o.stream.orders;
  for (std::size_t r = 1; r < out.rows.size(); ++r) {
    const auto show = [&](std::size_t done) { progress((r - 1) * o.stream.orders + done, total); };
    if (r == 1) {
      out.rows[r].alarms = run_orders(calibration, control, nullptr, o.stream, show);
    } else {
      const Watched other = watch(policy, s.shifted[r - 2].trace);
      out.rows[r].alarms = run_orders(calibration, control, &other, o.stream, show);
    }
  }
  std::vector<Audited> sources{audited("same source", s.control, policy)};
  for (const Source& other : s.shifted) sources.push_back(audited(other.name, other.trace, policy));
  const Audited seen = audited("calibration", s.calibration, policy);
  const bool given = o.audits.budget > 0;
  const double theta =
      given ? o.audits.budget : weir::clopper_pearson_upper(seen.disagreements, seen.n, o.audits.confidence);
  if (theta < 1)
    out.audits = audit_study(std::move(sources), theta,
                             given ? "--audit-budget" : "the upper limit of the calibration part's", o.audits);
  return out;
}

}  // namespace shift
