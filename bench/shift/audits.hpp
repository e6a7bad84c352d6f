/// Simulated streams of recorded examples past a LossAudit: how late its alarm is, and how often it is false.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/report/markup.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/loss_audit.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../progress.hpp"

namespace shift {

struct AuditStreams {
  std::vector<double> shares = {0.01, 0.05, 0.2};  ///< of the images that are audited
  double budget = 0;                               ///< theta; 0: from calibration
  double confidence = 0.95;
  std::size_t streams = 1000;
  std::size_t before = 20000;  ///< images of the same source ahead of the change, at most: it comes at a random time
  std::size_t after = 100000;  ///< images behind it
  std::uint64_t seed = 0;
};

/// What a policy and its full network answer on the images of one source.
struct Audited {
  std::string name;
  std::size_t n = 0, regressions = 0, disagreements = 0;
  double full_loss = 0, excess = 0;  ///< means; labels say them, no audit does
  std::vector<char> differs;         ///< [n] whether the policy's answer is not the full network's

  double disagreement() const { return static_cast<double>(disagreements) / static_cast<double>(n); }
};

inline Audited audited(const std::string& name, const weir::Trace& trace, const weir::MixedPolicy& policy) {
  const weir::Evaluation e = weir::evaluate(policy, trace);
  Audited a{name, trace.size(), 0, 0, trace.stages.back().loss.mean(), e.mean_excess(), {}};
  a.regressions = weir::paired_counts(e).regressions;
  for (std::size_t i = 0; i < a.n; ++i) {
    a.differs.push_back(trace.stages[e.exit[i]].prediction[i] != trace.stages.back().prediction[i] ? 1 : 0);
    a.disagreements += a.differs.back() != 0 ? 1 : 0;
  }
  return a;
}

/// What many simulated streams at one share of audits led to.
struct AuditAlarms {
  double share = 0;
  std::size_t streams = 0;
  std::size_t early = 0;      ///< streams with an alarm before the change
  std::vector<double> delay;  ///< [streams with an alarm behind the change] images from the change to the alarm

  /// Of the streams without an alarm before the change, the share with one behind it.
  double noticed() const {
    return streams == early ? 0 : static_cast<double>(delay.size()) / static_cast<double>(streams - early);
  }
};

/// Each stream draws images with replacement: of `same`, up to a time of change drawn uniformly from 0 to
/// options.before, then options.after of `shifted`. Where that is none there is no change: all are of `same`, the time
/// is 0, and every alarm counts as behind it. A stream ends with its first alarm. The same for the same options.
inline AuditAlarms run_audits(const Audited& same, const Audited* shifted, double share, double budget,
                              const AuditStreams& options) {
  AuditAlarms alarms{share, options.streams, 0, {}};
  for (std::size_t s = 0; s < options.streams; ++s) {
    const std::uint64_t seed = options.seed + s;
    const auto draw = [&](std::uint64_t counter, std::size_t size) {
      const double u = weir::detail::counter_uniform(~seed, counter);
      return std::min(size - 1, static_cast<std::size_t>(u * static_cast<double>(size)));
    };
    weir::LossAudit audit({share, budget, options.confidence, seed});
    const std::size_t change = shifted != nullptr ? draw(0, options.before + 1) : 0;
    const std::size_t end = shifted != nullptr ? change + options.after : options.before + options.after;
    for (std::size_t i = 0; i < end && !audit.alarm(); ++i) {
      if (!audit.take()) continue;
      const Audited& from = shifted != nullptr && i >= change ? *shifted : same;
      audit.observe(from.differs[draw(i + 1, from.n)] != 0);
      if (audit.alarm() && i < change) ++alarms.early;
      if (audit.alarm() && i >= change) alarms.delay.push_back(static_cast<double>(i - change + 1));
    }
  }
  return alarms;
}

/// A policy under audit, on the images of its own source (the first) and of others.
struct AuditStudy {
  double budget = 0;  ///< theta
  std::string from;   ///< what it was taken from, in words
  std::vector<Audited> sources;
  std::vector<std::vector<AuditAlarms>> alarms;  ///< [sources][shares]
};

inline AuditStudy audit_study(std::vector<Audited> sources, double budget, std::string from,
                              const AuditStreams& options) {
  AuditStudy study{budget, std::move(from), std::move(sources), {}};
  program::ProgressLine progress("simulating streams under audit");
  for (std::size_t s = 0; s < study.sources.size(); ++s) {
    study.alarms.emplace_back();
    for (const double share : options.shares) {
      study.alarms[s].push_back(
          run_audits(study.sources[0], s == 0 ? nullptr : &study.sources[s], share, budget, options));
      progress(s * options.shares.size() + study.alarms[s].size(), study.sources.size() * options.shares.size());
    }
  }
  return study;
}

namespace detail {

inline std::string in_percent(double share, int digits = 2) { return weir::detail::format_fixed(100 * share, digits); }

/// "97.1 %: 1,234 (2,345)": streams with an alarm, and its delay, median and 90th percentile.
inline std::string alarm_text(const AuditAlarms& a) {
  const std::string text = in_percent(a.noticed(), 1) + " %";
  if (a.delay.empty()) return text;
  return text + ": " + weir::detail::format_fixed(weir::detail::percentile(a.delay, 50), 0) + " (" +
         weir::detail::format_fixed(weir::detail::percentile(a.delay, 90), 0) + ")";
}

}  // namespace detail

inline std::string audit_markdown(const AuditStudy& s, const AuditStreams& o) {
  const std::string streams = std::to_string(o.streams);
  std::string text =
      "Audits: " + streams +
      " **simulated** streams for each source and share q of audited images, drawn with "
      "replacement from its recorded answers; theta, the limit of the mean disagreement with the full "
      "network, is " +
      detail::in_percent(s.budget) + " % (" + s.from + "), confidence " + detail::in_percent(o.confidence, 0) +
      " %. \"" + s.sources[0].name + "\" does not change, and is " + std::to_string(o.before + o.after) +
      " images long; elsewhere the change comes at a random time up to image " + std::to_string(o.before) + ", and " +
      std::to_string(o.after) +
      " images follow it. q: streams with an alarm behind the change, of those without an earlier one, and images "
      "from the change to the alarm, median (90th percentile).\n\n| source | n | full network's loss | excess "
      "loss | differs | in theta |";
  for (const double q : o.shares) text += " q = " + weir::detail::format_short(q) + " |";
  text += "\n|---|--:|--:|--:|--:|--:|";
  for (std::size_t q = 0; q < o.shares.size(); ++q) text += "--:|";
  text += "\n";
  std::size_t early = 0, ahead = 0;
  for (std::size_t k = 0; k < s.sources.size(); ++k) {
    const Audited& a = s.sources[k];
    text += "| " + a.name + " | " + std::to_string(a.n) + " | " + detail::in_percent(a.full_loss) + " % | " +
            detail::in_percent(a.excess) + " % | " + detail::in_percent(a.disagreement()) + " % | " +
            weir::detail::format_fixed(a.disagreement() / s.budget, 2) + " |";
    for (const AuditAlarms& alarms : s.alarms[k]) {
      text += " " + detail::alarm_text(alarms) + " |";
      if (k > 0) early += alarms.early, ahead += alarms.streams;
    }
    text += "\n";
  }
  text += "\n";
  if (s.sources[0].disagreement() > s.budget)
    text += "**\"" + s.sources[0].name + "\" itself is above theta**: its alarms are right, none of them is false.";
  else
    text += "\"" + s.sources[0].name + "\" is not above theta: each of its alarms is false, and at most " +
            detail::in_percent(1 - o.confidence, 0) + " % of streams may have one.";
  if (ahead > 0)
    text += " Ahead of a change there was an alarm in " + std::to_string(early) + " of " + std::to_string(ahead) +
            " streams.";
  return text +
         " What is below theta and gives no alarm is no failure: the disagreement is within the limit there. The "
         "excess loss is at most the disagreement, so below theta it is at most " +
         detail::in_percent(s.budget) + " %: a smaller budget is certified only by audits with it as --audit-budget.\n";
}

inline std::string audit_csv(const AuditStudy& s) {
  std::string text =
      weir::detail::csv_line({"source", "n", "full_loss", "excess", "regressions", "disagreements", "theta", "share",
                              "streams", "early", "noticed", "after_median", "after_p90"});
  const auto number = [](double v) { return weir::detail::format_short(v, 9); };
  for (std::size_t k = 0; k < s.sources.size(); ++k)
    for (const AuditAlarms& alarms : s.alarms[k]) {
      const Audited& a = s.sources[k];
      const auto after = [&](double p) {
        return alarms.delay.empty() ? std::string() : number(weir::detail::percentile(alarms.delay, p));
      };
      text += weir::detail::csv_line(
          {a.name, std::to_string(a.n), number(a.full_loss), number(a.excess), std::to_string(a.regressions),
           std::to_string(a.disagreements), number(s.budget), number(alarms.share), std::to_string(alarms.streams),
           std::to_string(alarms.early), std::to_string(alarms.delay.size()), after(50), after(90)});
    }
  return text;
}

}  // namespace shift
