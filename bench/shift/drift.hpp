/// Simulated streams whose images grow harder at a random time, under audits that go over to safer policies: does the
/// mean loss over good and bad times stay below twice the audits' budget?
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/io/files/csv.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/loss_audit.hpp>

#include "../progress.hpp"
#include "audits.hpp"

namespace shift {

/// A stream of one policy after the other, the same at every call; drift multiplies all their risks.
struct DriftStream {
  double risk;           ///< probability of a loss under the first policy before the drift; each safer one has half
  double factor;         ///< what the drift makes of it
  std::size_t drift_at;  ///< image
  std::size_t images;
};

struct DriftOutcome {
  double mean_loss = 0;          ///< true mean over all images
  std::size_t false_alarms = 0;  ///< alarms of a policy whose risk was at most the budget all along
  std::size_t delay = 0;         ///< images from the drift to the first alarm; 0: none
  std::size_t policy = 0;        ///< in force at the end
  bool wrong_certificate = false;
};

/// At each alarm the next of n_policies takes over; the last one is the full network, which loses nothing.
inline DriftOutcome run_drift(const DriftStream& s, const weir::LossAuditOptions& options, std::size_t n_policies) {
  weir::LossAudit audit(options);
  DriftOutcome out;
  double sum = 0, in_force = 0, worst = 0, share = 1;
  for (std::size_t i = 0; i < s.images; ++i) {
    const double p = s.risk * (i >= s.drift_at ? s.factor : 1.0) * share;
    sum += p;
    in_force += p;
    worst = std::max(worst, p);
    if (!audit.take()) continue;
    audit.observe(weir::detail::counter_uniform(options.seed ^ 0x5555U, i) < p);
    if (audit.state().audits % 16 == 0 && audit.certified() &&
        in_force > options.budget * static_cast<double>(audit.state().images))
      out.wrong_certificate = true;
    if (!audit.alarm()) continue;
    if (worst <= options.budget) ++out.false_alarms;
    if (i >= s.drift_at && out.delay == 0) out.delay = i - s.drift_at + 1;
    if (out.policy + 1 == n_policies) break;
    ++out.policy;
    share = out.policy + 1 == n_policies ? 0 : share / 2;
    audit.restart();
    in_force = worst = 0;
  }
  out.mean_loss = sum / static_cast<double>(s.images);
  return out;
}

/// What is simulated: the drift comes at a time drawn uniformly from the first `latest` images.
struct DriftOptions {
  double budget = 0.02;  ///< of the audits; half of what the total may be
  double confidence = 0.95;
  std::size_t streams = 1000, images = 40000, latest = 30000, policies = 6;
  double risk = 0.6;                               ///< of the first policy before the drift, in budgets
  std::vector<double> factors = {4.0, 8.0, 16.0};  ///< of the drift
};

/// What many streams with one drift at one share of audits led to.
struct DriftRow {
  double factor = 0, share = 0;
  std::size_t streams = 0;
  std::size_t above = 0, above_without = 0;  ///< streams whose total is above twice the budget, with audits and without
  std::size_t false_alarms = 0;              ///< streams with one
  std::vector<double> delay;                 ///< [streams with an alarm behind the drift] images
};

/// As the options of the program say; a budget of 0 leaves the one of DriftOptions.
inline DriftOptions drift_options(const AuditStreams& audits) {
  DriftOptions o;
  if (audits.budget > 0) o.budget = audits.budget;
  o.confidence = audits.confidence;
  o.streams = audits.streams;
  return o;
}

/// The same for the same options.
inline DriftRow run_drifts(double factor, double share, const DriftOptions& o) {
  DriftRow row{factor, share, o.streams, 0, 0, 0, {}};
  for (std::uint64_t s = 0; s < o.streams; ++s) {
    const double u = weir::detail::counter_uniform(77, s);
    const auto at = static_cast<std::size_t>(u * static_cast<double>(o.latest));
    const DriftStream stream{o.risk * o.budget, factor, at, o.images};
    const DriftOutcome with = run_drift(
        stream, {.share = share, .budget = o.budget, .confidence = o.confidence, .seed = 1000 + s}, o.policies);
    row.above += with.mean_loss > 2 * o.budget ? 1 : 0;
    const double drifted = static_cast<double>(o.images - at) / static_cast<double>(o.images);
    row.above_without += stream.risk * (1 + (factor - 1) * drifted) > 2 * o.budget ? 1 : 0;
    row.false_alarms += with.false_alarms > 0 ? 1 : 0;
    if (with.delay > 0) row.delay.push_back(static_cast<double>(with.delay));
  }
  return row;
}

inline std::vector<DriftRow> drift_study(const std::vector<double>& shares, const DriftOptions& o) {
  std::vector<DriftRow> rows;
  program::ProgressLine progress("simulating streams that drift");
  for (const double factor : o.factors)
    for (const double share : shares) {
      rows.push_back(run_drifts(factor, share, o));
      progress(rows.size(), shares.size() * o.factors.size());
    }
  return rows;
}

inline std::string drift_markdown(const std::vector<DriftRow>& rows, const DriftOptions& o) {
  std::string text =
      "**Simulated**: " + std::to_string(o.streams) + " streams of " + std::to_string(o.images) +
      " images for each row. A policy loses " + detail::in_percent(o.risk * o.budget) +
      " % until, at a random time among the first " + std::to_string(o.latest) +
      " images, the drift comes. The audits' budget is " + detail::in_percent(o.budget) + " % with " +
      detail::in_percent(o.confidence, 0) +
      " % confidence; at an alarm the next policy takes over, which loses half as much, and the last of " +
      std::to_string(o.policies) +
      " is the full network. Above: streams whose mean loss over all images is above twice the budget. Delay: images "
      "from the drift to the first alarm, median (90th percentile). False: streams with an alarm of a policy that was "
      "never above the budget.\n\n| drift to | audited | above, without audits | above, with audits | noticed | delay "
      "| "
      "false |\n|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const DriftRow& r : rows) {
    const auto at = [&](double p) { return weir::detail::format_fixed(weir::detail::percentile(r.delay, p), 0); };
    text += "| " + weir::detail::format_short(o.risk * r.factor, 3) + " budgets | " +
            weir::detail::format_short(100 * r.share, 3) + " % | " + std::to_string(r.above_without) + " | " +
            std::to_string(r.above) + " | " + std::to_string(r.delay.size()) + " | " +
            (r.delay.empty() ? "-" : at(50) + " (" + at(90) + ")") + " | " + std::to_string(r.false_alarms) + " |\n";
  }
  return text;
}

inline std::string drift_csv(const std::vector<DriftRow>& rows, const DriftOptions& o) {
  std::string text = weir::detail::csv_line({"drift_in_budgets", "share", "streams", "above_without", "above",
                                             "noticed", "delay_median", "delay_p90", "false"});
  const auto number = [](double v) { return weir::detail::format_short(v, 9); };
  for (const DriftRow& r : rows) {
    const auto at = [&](double p) {
      return r.delay.empty() ? std::string() : number(weir::detail::percentile(r.delay, p));
    };
    text += weir::detail::csv_line({number(o.risk * r.factor), number(r.share), std::to_string(r.streams),
                                    std::to_string(r.above_without), std::to_string(r.above),
                                    std::to_string(r.delay.size()), at(50), at(90), std::to_string(r.false_alarms)});
  }
  return text;
}

}  // namespace shift
