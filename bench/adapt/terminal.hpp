/// What is said on the terminal: tables and sentences, which report.html has too.
#pragma once
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/io/report/report.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "advice.hpp"
#include "copies_text.hpp"
#include "leading.hpp"
#include "limits.hpp"
#include "report/html.hpp"
#include "results.hpp"
#include "search.hpp"

namespace adapt {

inline std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}
inline std::string percent(double share, int digits = 2) { return format(digits == 2 ? "%.2f" : "%.1f", 100 * share); }
inline std::string micros(double seconds) { return format("%.1f", 1e6 * seconds); }

/// "batch 1", "batches of 16".
inline std::string batch_text(std::size_t batch) {
  return batch == 1 ? "batch 1" : "batches of " + std::to_string(batch);
}

/// "0.79 to 1.18": in percent.
inline std::string limits_cell(const Pairs& p, weir::BudgetOn on) {
  const std::string text = limits_text(on, p.limits95(on));
  return text.substr(0, text.size() - 2);
}

/// Rows for every contestant but the curve: what is printed, and shown in the report.
inline weir::detail::ReportTable main_table(const Results& r) {
  weir::detail::ReportTable t;
  const bool binary = weir::Loss(r.options.loss).binary();
  const TimeUnit unit = TimeUnit::of(r.full().mean_cost());
  t.header = {"mode",
              "who",
              binary ? r.options.loss + " right, %" : "1 - loss, %",
              unit.name + std::string("/image"),
              "speed-up",
              "excess loss, %",
              "95 % limits",
              "net loss, %",
              "95 % limits"};
  for (const Measured& c : r.measured) {
    if (c.kind == "curve") continue;
    const auto p = r.pairs(c);
    const bool itself = &c == &r.full();
    const std::string who = c.kind == "learned" ? "learned (" + c.name + ")"
                            : c.kind == "rule"  ? "rule: " + c.name
                                                : c.name;
    t.rows.push_back(
        {c.mode, itself ? who + " (full)" : who, percent(c.accuracy()), format("%.1f", unit.per_second * c.mean_cost()),
         format("%.2fx", r.speedup(c)), itself ? "-" : percent(p.excess),
         itself || !binary ? "-" : limits_cell(p, weir::BudgetOn::excess), itself ? "-" : format("%+.2f", 100 * p.net),
         itself || !binary ? "-" : limits_cell(p, weir::BudgetOn::difference)});
  }
  return t;
}

inline weir::detail::ReportTable exit_table(const Results& r, const TestedMode& m) {
  weir::detail::ReportTable t;
  const bool in_seconds = m.prices.unit() == weir::cost_unit::seconds;
  t.header = {"stage", in_seconds ? "adds, us" : "adds", "share leaving, %", "right of those, %"};
  if (m.prices.batch > 1) t.header.insert(t.header.begin() + 2, "if this share gets there, %");
  const Measured& c = r.learned(m);
  const auto rows = exit_rows(m, c);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const double cost = m.costs()[k].cost;
    auto& row = t.rows.emplace_back();
    row = {rows[k].stage, in_seconds ? micros(cost) : weir::detail::format_cost(cost, m.prices.unit()),
           percent(rows[k].share, 1), rows[k].n == 0 ? "-" : percent(rows[k].accuracy)};
    if (m.prices.batch > 1) row.insert(row.begin() + 2, percent(m.prices.at.share[k], 1));
  }
  return t;
}

/// What the policy was learned to save, where that is not the time of single images: "cost: 12 MFLOP a mean image ...".
inline std::string cost_line(const Results& r, const TestedMode& m) {
  const bool in_seconds = m.prices.unit() == weir::cost_unit::seconds;
  std::string text;
  if (!in_seconds) {
    const double cost = r.predicted_cost(m), full = m.full_cost();
    text = "learned to save " + m.prices.unit() + ", not time: predicted " +
           weir::detail::format_cost(cost, m.prices.unit()) + " a mean test image; the full network alone " +
           weir::detail::format_cost(full, m.prices.unit()) +
           (cost > 0 ? format(", %.2f times as much", full / cost) : "");
  }
  if (r.options.costs.batch == 1) return text;
  text += text.empty() ? "" : "; ";
  if (m.prices.batch == 1)
    return text +
           "whole batches cannot flow through this topology: its images were run, and its stages priced, one by "
           "one";
  if (!m.prices.model.depends_on_batch()) return text + "the costs of stages do not depend on the batch";
  return text + "stages are priced for " + batch_text(m.prices.batch) +
         ", each for the images of a batch that get there at this budget" +
         (m.prices.at.settled ? "" : "; the prices had not settled when their rounds were over");
}

/// What decisions take of the time of a mode.
inline std::string decisions_text(const TestedMode& m) {
  if (m.decisions.empty()) return "";
  return format("; a decision takes up to %.2f us, counted in what stages cost",
                1e6 * *std::ranges::max_element(m.decisions));
}

inline std::string timing_line(const Results& r, const TestedMode& m) {
  const Measured& c = r.learned(m);
  const auto ratio = r.speedup_interval(c);
  const std::string predicted = m.prices.unit() == weir::cost_unit::seconds
                                    ? " predicted " + micros(r.predicted_cost(m)) +
                                          format(" us (%+.0f %% of what was measured), measured ",
                                                 100 * (r.predicted_cost(m) / c.mean_cost() - 1))
                                    : " measured ";
  return format("speed-up %.2fx", r.speedup(c)) + format(" (95 %% interval %.2f", ratio.low) +
         format(" to %.2f);", ratio.high) + predicted + micros(c.mean_cost()) + " us a mean image; " +
         (r.options.costs.batch == 1 ? "p50 " : "of the batches, divided by their images, p50 ") +
         micros(weir::detail::percentile(c.seconds, 50)) + ", p90 " + micros(weir::detail::percentile(c.seconds, 90)) +
         ", p99 " + micros(weir::detail::percentile(c.seconds, 99)) + " us (full: p50 " +
         micros(weir::detail::percentile(r.full_of(m.name).seconds, 50)) + ", p99 " +
         micros(weir::detail::percentile(r.full_of(m.name).seconds, 99)) + ")" + decisions_text(m);
}

/// What was promised of a learned policy, and what the test images show: "budget 1.00 % excess loss, certified ...".
inline std::string budget_line(const Results& r, const Measured& c) {
  const Learned& l = *r.learned_of(c);
  const Pairs p = r.pairs(c);
  const Promised promised = r.promised(c, l);
  const weir::BudgetOn other = l.on == weir::BudgetOn::excess ? weir::BudgetOn::difference : weir::BudgetOn::excess;
  return promised.text() + ". On test " + counted_text(p.regressions, "regression") + " and " +
         counted_text(p.repairs, "repair") + " of " + count_text(p.n) +
         format(" (McNemar p = %.3g): ", weir::detail::mcnemar_p(p.regressions, p.repairs)) + r.verdict(c, l).text() +
         "; " + Verdict::of(p, other, l.budget, r.binary()).seen_text();
}

/// The same of each policy beside the mode's own, by name.
inline std::vector<std::string> beside_lines(const Results& r, const TestedMode& m) {
  std::vector<std::string> all;
  for (const Measured& c : r.measured)
    if (c.mode == m.name && c.kind == "beside") {
      const std::string& missing = r.learned_of(c)->choice.missing;
      all.push_back(c.name + ": " + budget_line(r, c) + (missing.empty() ? "" : ". " + missing));
    }
  return all;
}

/// The lines of a table; the first column, and the second of a wide one, begin at the left. No line feed at the end.
inline std::string table_text(const weir::detail::ReportTable& t) {
  std::vector<std::size_t> width(t.header.size(), 0);
  for (std::size_t c = 0; c < width.size(); ++c) {
    width[c] = t.header[c].size();
    for (const auto& row : t.rows) width[c] = std::max(width[c], row[c].size());
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& cells) {
    if (!text.empty()) text += "\n";
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const bool left = c < 1 || (c < 2 && cells.size() > 4);
      const std::string cell = weir::detail::printable(cells[c]);
      const std::string space(width[c] - std::min(width[c], cell.size()), ' ');
      text += (left ? cell + space : space + cell) + "  ";
    }
  };
  add(t.header);
  for (const auto& row : t.rows) add(row);
  return text;
}

/// What is said of a mode when all is measured.
inline std::string mode_lines(const Results& r, const TestedMode& m) {
  std::string text = m.name + " (" + m.learner + "): " + budget_line(r, r.learned(m)) + "\n" + timing_line(r, m) + "\n";
  if (const std::string cost = cost_line(r, m); !cost.empty()) text += cost + "\n";
  for (const LimitShown& limit : shown_limits(r, m)) text += limit_line(limit) + "\n";
  for (const std::string& line : beside_lines(r, m)) text += line + "\n";
  for (const std::string& note : m.left_out) text += note + "\n";
  return text + table_text(exit_table(r, m));
}

/// All that is said at the end of a run, but where its files lie.
inline std::string results_text(const Results& r) {
  std::string text = "\n" + table_text(main_table(r)) + "\n";
  if (const std::string lead = lead_line(r.modes, r.options); !lead.empty()) text += "\n" + lead + "\n";
  for (const TestedMode& m : r.modes) text += "\n" + mode_lines(r, m) + "\n";
  if (const std::string alone = copy_alone_text(r); !alone.empty()) text += "\n" + alone + "\n";
  for (const std::string& sentence : advice(r)) text += "\n- " + sentence;
  return text;
}

}  // namespace adapt
