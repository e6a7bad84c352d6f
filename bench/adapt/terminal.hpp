/// What is said on the terminal: tables and sentences, which report.html has too.
#pragma once
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/io/report/report.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "advice.hpp"
#include "copies_text.hpp"
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
              "95 % limit",
              "net loss, %"};
  for (const Measured& c : r.measured) {
    if (c.kind == "curve") continue;
    const auto p = r.pairs(c);
    const bool itself = &c == &r.full();
    const std::string who = c.kind == "learned" ? "learned (" + c.name + ")"
                            : c.kind == "rule"  ? "rule: " + c.name
                                                : c.name;
    t.rows.push_back({c.mode, itself ? who + " (full)" : who, percent(c.accuracy()),
                      format("%.1f", unit.per_second * c.mean_cost()), format("%.2fx", r.speedup(c)),
                      itself ? "-" : percent(p.excess), itself || !binary ? "-" : percent(p.excess_upper95()),
                      itself ? "-" : format("%+.2f", 100 * p.net)});
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

/// Whether the test images keep the budget, and how likely that is for a policy at its limit.
inline std::string kept_line(const Results& r, const Results::Pairs& p) {
  const bool net = r.options.budget == "net";
  const double seen = r.budgeted(p), limit = r.options.max_loss;
  const std::string words = (net ? format("%+.2f", 100 * seen) : percent(seen)) + " % " + r.options.budget +
                            " loss on test: " + (seen <= limit ? "kept" : "ABOVE the budget");
  const auto chance = r.chance_of_as_much(p);
  return chance ? words + "; a policy whose true loss is " + percent(limit) + " % shows this or more in " +
                      percent(*chance, 1) + " % of such tests"
                : words;
}

inline std::string budget_line(const Results& r, const TestedMode& m) {
  const auto p = r.pairs(r.learned(m));
  std::string text = "budget " + percent(r.options.max_loss) + " % " + r.options.budget + " loss, ";
  text += m.certified
              ? "certified with " + format("%.0f", 100 * r.options.confidence) + " % confidence on calibration (" +
                    (r.options.budget == "net" ? "exact trinomial test" : "Clopper-Pearson") + ", Learn then Test)"
              : "kept in the mean on " + std::to_string(m.calibration.size()) +
                    " calibration images, without a guarantee (--confidence 0)";
  return text + "; on test " + std::to_string(p.regressions) + " regressions and " + std::to_string(p.repairs) +
         " repairs of " + std::to_string(p.n) +
         format(" (McNemar p = %.3g). ", weir::detail::mcnemar_p(p.regressions, p.repairs)) + kept_line(r, p);
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
  std::string text = m.name + " (" + m.learner + "): " + budget_line(r, m) + "\n" + timing_line(r, m) + "\n";
  if (const std::string cost = cost_line(r, m); !cost.empty()) text += cost + "\n";
  for (const LimitShown& limit : shown_limits(r, m)) text += limit_line(limit) + "\n";
  return text + table_text(exit_table(r, m));
}

/// All that is said at the end of a run, but where its files lie.
inline std::string results_text(const Results& r) {
  std::string text = "\n" + table_text(main_table(r)) + "\n";
  for (const TestedMode& m : r.modes) text += "\n" + mode_lines(r, m) + "\n";
  if (const std::string alone = copy_alone_text(r); !alone.empty()) text += "\n" + alone + "\n";
  for (const std::string& sentence : advice(r)) text += "\n- " + sentence;
  return text;
}

}  // namespace adapt
