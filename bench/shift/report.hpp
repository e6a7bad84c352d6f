/// The tables of a study.
#pragma once
#include <string>
#include <vector>
#include <weir/io/files/csv.hpp>
#include <weir/io/report/markup.hpp>
#include <weir/io/report/report.hpp>
#include <weir/policy/evaluate/statistics.hpp>

#include "study.hpp"

namespace shift {

namespace detail {

inline std::string percent(double share) { return weir::detail::format_short(100 * share, 3) + " %"; }

inline std::string share_list(const std::vector<double>& shares) {
  std::string text;
  for (const double s : shares) text += (text.empty() ? "" : " / ") + weir::detail::format_short(100 * s, 3);
  return text;
}

inline std::string when(const Row& row) {
  const Alarms& a = row.alarms;
  if (a.orders == 0) return "-";
  if (a.noticed == 0) return "never";
  return weir::detail::format_short(weir::detail::percentile(a.delay, 50), 4) + " (" +
         weir::detail::format_short(weir::detail::percentile(a.delay, 90), 4) + ")";
}

}  // namespace detail

inline std::string markdown(const Study& s, const Sources& sources, const Options& o, const std::string& command) {
  std::string stages;
  for (const auto& name : s.stages) stages += (stages.empty() ? "" : " / ") + name;
  const Alarms& control = s.rows.at(1).alarms;
  const weir::Interval rate = weir::clopper_pearson(control.noticed, control.orders);
  std::string text =
      "`" + command + "`\n\nLearned on " + sources.name + ": policy " + std::to_string(sources.policy.size()) +
      ", calibration " + std::to_string(sources.calibration.size()) + " examples; budget " +
      detail::percent(o.adapt.max_loss) + " excess loss, " +
      (s.certified ? "with " + detail::percent(o.adapt.confidence) + " confidence" : "in the mean") +
      ". Times are predicted from measured stage times; limits are Clopper and Pearson's, 95 %, of both sides. "
      "Exits: " +
      stages +
      ".\n\n| source | n | full loss | excess loss | limits | budget | net loss | time | speed-up | exits, % | "
      "noticed | after | by |\n|---|--:|--:|--:|--:|---|--:|--:|--:|---|--:|--:|---|\n";
  for (const Row& r : s.rows) {
    const bool watched = r.alarms.orders > 0;
    text += "| " + r.name + " | " + std::to_string(r.n) + " | " + detail::percent(r.full_loss) + " | " +
            detail::percent(r.excess) + " | " +
            (r.limits ? detail::percent(r.limits->low) + " to " + detail::percent(r.limits->high) : "-") + " | " +
            r.verdict(o.adapt.max_loss) + " | " + detail::percent(r.net) + " | " +
            weir::detail::format_short(1e3 * r.seconds, 3) + " ms | " + weir::detail::format_short(r.speedup, 3) +
            " | " + detail::share_list(r.shares) + " | " +
            (watched ? detail::percent(static_cast<double>(r.alarms.noticed) / static_cast<double>(r.alarms.orders))
                     : "-") +
            " | " + detail::when(r) + " | " + (r.alarms.loudest.empty() ? "-" : r.alarms.loudest) + " |\n";
  }
  text += "\nNoticed: share of " + std::to_string(o.stream.orders) +
          " random orders in which the monitor (run length " + weir::detail::format_short(o.stream.run_length, 6) +
          ") gave the alarm; after: examples from the change on, median (90th percentile) where it did; by: the test "
          "that spoke loudest in most of them. For the same source every alarm is false: " +
          detail::percent(rate.low) + " to " + detail::percent(rate.high) + " of streams of " +
          std::to_string(control.length) + " examples.";
  if (o.stream.before > 0)
    text += " Ahead of each change came " + std::to_string(o.stream.before) + " examples of the same source.";
  return text + "\n";
}

inline std::string csv(const Study& s) {
  std::vector<std::string> header{"source",       "n",         "full_loss", "excess", "excess_low", "excess_high",
                                  "net",          "seconds",   "speedup",   "orders", "noticed",    "false_alarms",
                                  "after_median", "after_p90", "loudest"};
  for (const auto& name : s.stages) header.push_back("exit." + name);
  std::string text = weir::detail::csv_line(header);
  for (const Row& r : s.rows) {
    const auto number = [](double v) { return weir::detail::format_short(v, 9); };
    const bool any = !r.alarms.delay.empty();
    std::vector<std::string> line{r.name,
                                  std::to_string(r.n),
                                  number(r.full_loss),
                                  number(r.excess),
                                  r.limits ? number(r.limits->low) : "",
                                  r.limits ? number(r.limits->high) : "",
                                  number(r.net),
                                  number(r.seconds),
                                  number(r.speedup),
                                  std::to_string(r.alarms.orders),
                                  std::to_string(r.alarms.noticed),
                                  std::to_string(r.alarms.false_alarms),
                                  any ? number(weir::detail::percentile(r.alarms.delay, 50)) : "",
                                  any ? number(weir::detail::percentile(r.alarms.delay, 90)) : "",
                                  r.alarms.loudest};
    for (const double share : r.shares) line.push_back(number(share));
    text += weir::detail::csv_line(line);
  }
  return text;
}

}  // namespace shift
