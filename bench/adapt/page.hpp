/// The table on the terminal and report.html.
#pragma once
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/io/report/report.hpp>
#include <weir/io/report/svg.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

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
inline weir::ReportTable main_table(const Results& r) {
  weir::ReportTable t;
  const bool binary = weir::Loss(r.options.loss).binary();
  t.header = {"mode",       "who",        binary ? r.options.loss + " right, %" : "1 - loss, %",
              "us/image",   "speed-up",   "excess loss, %",
              "95 % limit", "net loss, %"};
  for (const Contestant& c : r.contestants) {
    if (c.kind == "curve") continue;
    const auto p = r.pairs(c);
    const bool itself = &c == &r.full();
    const std::string who = c.kind == "learned" ? "learned (" + c.name + ")"
                            : c.kind == "rule"  ? "rule: " + c.name
                                                : c.name;
    t.rows.push_back({c.mode, itself ? who + " (full)" : who, percent(c.accuracy()), micros(c.mean_cost()),
                      format("%.2fx", r.speedup(c)), itself ? "-" : percent(p.excess),
                      itself || !binary ? "-" : percent(p.excess_upper95()),
                      itself ? "-" : format("%+.2f", 100 * p.net)});
  }
  return t;
}

inline weir::ReportTable exit_table(const Results& r, const Mode& m) {
  weir::ReportTable t;
  const bool in_seconds = m.model.unit == weir::cost_unit::seconds;
  t.header = {"stage", in_seconds ? "adds, us" : "adds", "share leaving, %", "right of those, %"};
  if (m.batch > 1) t.header.insert(t.header.begin() + 2, "where so many get there, %");
  const Contestant& c = r.learned(m);
  const auto rows = exit_rows(m, c);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const double cost = m.costs()[k].cost;
    auto& row = t.rows.emplace_back();
    row = {rows[k].stage, in_seconds ? micros(cost) : weir::format_cost(cost, m.model.unit), percent(rows[k].share, 1),
           rows[k].n == 0 ? "-" : percent(rows[k].accuracy)};
    if (m.batch > 1) row.insert(row.begin() + 2, percent(m.prices.share[k], 1));
  }
  return t;
}

/// What the policy was learned to save, where that is not the time of single images: "cost: 12 MFLOP a mean image ...".
inline std::string cost_line(const Results& r, const Mode& m) {
  const bool in_seconds = m.model.unit == weir::cost_unit::seconds;
  std::string text;
  if (!in_seconds) {
    const double cost = r.predicted_cost(m), full = m.full_cost();
    text = "learned to save " + m.model.unit + ", not time: predicted " + weir::format_cost(cost, m.model.unit) +
           " a mean test image; the full network alone " + weir::format_cost(full, m.model.unit) +
           (cost > 0 ? format(", %.2f times as much", full / cost) : "");
  }
  if (r.options.costs.batch == 1) return text;
  text += text.empty() ? "" : "; ";
  if (m.batch == 1)
    return text +
           "whole batches cannot flow through this topology: its images were run, and its stages priced, one by "
           "one";
  if (!m.model.depends_on_batch()) return text + "the costs of stages do not depend on the batch";
  return text + "stages are priced for " + batch_text(m.batch) +
         ", each for the images of a batch that get there at this budget" +
         (m.prices.settled ? "" : "; the prices had not settled when their rounds were over");
}

/// "selection: p50 ..., predicted ..., measured ...".
/// What gates take of that.
inline std::string decisions_text(const Mode& m) {
  if (m.decisions.empty()) return "";
  return format("; a decision takes up to %.2f us, counted in what stages cost",
                1e6 * *std::ranges::max_element(m.decisions));
}

inline std::string timing_line(const Results& r, const Mode& m) {
  const Contestant& c = r.learned(m);
  const auto ratio = r.speedup_interval(c);
  const std::string predicted = m.model.unit == weir::cost_unit::seconds
                                    ? " predicted " + micros(r.predicted_cost(m)) +
                                          format(" us (%+.0f %% of what was measured), measured ",
                                                 100 * (r.predicted_cost(m) / c.mean_cost() - 1))
                                    : " measured ";
  return format("speed-up %.2fx", r.speedup(c)) + format(" (95 %% interval %.2f", ratio.low) +
         format(" to %.2f);", ratio.high) + predicted + micros(c.mean_cost()) + " us a mean image; " +
         (r.options.costs.batch == 1 ? "p50 " : "of the batches, divided by their images, p50 ") +
         micros(weir::percentile(c.seconds, 50)) + ", p90 " + micros(weir::percentile(c.seconds, 90)) + ", p99 " +
         micros(weir::percentile(c.seconds, 99)) + " us (full: p50 " +
         micros(weir::percentile(r.full_of(m.name).seconds, 50)) + ", p99 " +
         micros(weir::percentile(r.full_of(m.name).seconds, 99)) + ")" + decisions_text(m);
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

inline std::string budget_line(const Results& r, const Mode& m) {
  const auto p = r.pairs(r.learned(m));
  std::string text = "budget " + percent(r.options.max_loss) + " % " + r.options.budget + " loss, ";
  text += m.certified
              ? "certified with " + format("%.0f", 100 * r.options.confidence) + " % confidence on calibration (" +
                    (r.options.budget == "net" ? "exact trinomial test" : "Clopper-Pearson") + ", Learn then Test)"
              : "kept in the mean on " + std::to_string(m.calibration.size()) +
                    " calibration images, without a guarantee (--confidence 0)";
  return text + "; on test " + std::to_string(p.regressions) + " regressions and " + std::to_string(p.repairs) +
         " repairs of " + std::to_string(p.n) +
         format(" (McNemar p = %.3g). ", weir::mcnemar_p(p.regressions, p.repairs)) + kept_line(r, p);
}

inline void print(const weir::ReportTable& t) {
  std::vector<std::size_t> width(t.header.size(), 0);
  for (std::size_t c = 0; c < width.size(); ++c) {
    width[c] = t.header[c].size();
    for (const auto& row : t.rows) width[c] = std::max(width[c], row[c].size());
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const bool left = c < 1 || (c < 2 && cells.size() > 4);
      std::printf(left ? "%-*s  " : "%*s  ", static_cast<int>(width[c]), weir::printable(cells[c]).c_str());
    }
    std::printf("\n");
  };
  line(t.header);
  for (const auto& row : t.rows) line(row);
}

inline weir::SvgPlot tradeoff_plot(const Results& r) {
  weir::SvgPlot plot({.title = "Accuracy against measured time, " + r.data.name,
                      .x_label = "microseconds per image (" + batch_text(r.options.costs.batch) + ", runs that stop)",
                      .y_label = r.options.loss + " right, %",
                      .log_x = true});
  const auto point = [&](const Contestant& c) {
    return weir::PlotPoint{1e6 * c.mean_cost(), 100 * c.accuracy(), 0, 0,
                           c.mode + ", " + c.name + ": " + percent(c.accuracy()) + " % in " + micros(c.mean_cost()) +
                               " us, " + format("%.2fx", r.speedup(c))};
  };
  for (const Mode& m : r.modes) {
    weir::PlotSeries s{"learned, " + m.name, {}};
    for (const Contestant& c : r.contestants)
      if (c.mode == m.name && c.kind == "curve") s.points.push_back(point(c));
    std::sort(s.points.begin(), s.points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
    plot.add(s);
  }
  const std::vector<std::pair<std::string, std::string>> kinds = {{"network", "single networks"},
                                                                  {"rule", "rules, tuned for the budget"},
                                                                  {"random", "random exits"},
                                                                  {"oracle", "oracles (see labels)"}};
  for (const auto& [kind, name] : kinds) {
    weir::PlotSeries s{name, {}, false};
    for (const Contestant& c : r.contestants)
      if (c.kind == kind) s.points.push_back(point(c));
    plot.add(s);
  }
  return plot;
}

/// Where the costs come from, for the list of how things were measured.
inline std::string costs_text(const Options& o) {
  const std::string batches = o.costs.batch > 1 ? ", in several sizes of batch" : "";
  if (o.costs.kind == "seconds") return "seconds, measured on policy images" + batches;
  const std::string times = ". Times in this report are measured apart from that, and were not what was saved";
  if (o.costs.kind == "flops") return "FLOP, counted: a multiply-add is two; layers and exit heads alone" + times;
  if (o.costs.kind == "energy")
    return "joules of the processor packages, idle power and all (" + o.costs.powercap +
           "), measured on policy images" + batches + times;
  return "the table " + o.costs.kind + times;
}

/// A few images that leave first and last.
inline std::vector<weir::Thumbnail> gallery(const Results& r, const Mode& m, bool first, std::size_t most = 12) {
  const Contestant& c = r.learned(m);
  std::vector<weir::Thumbnail> pictures;
  const weir::ImageSet& set = *r.data.test.set;
  if (set.is_float()) return pictures;
  std::size_t wanted = first ? c.exit.size() : 0;
  for (const std::size_t k : c.exit) wanted = first ? std::min(wanted, k) : std::max(wanted, k);
  for (std::size_t i = 0; i < c.exit.size() && pictures.size() < most; ++i) {
    if (c.exit[i] != wanted) continue;
    const std::size_t row = r.data.test.rows[i];
    pictures.push_back({set.image(row), micros(c.seconds[i]) + " us",
                        set.name(row) + ", class " + std::to_string(r.data.test.label(i)), c.loss[i] > 0});
  }
  return pictures;
}

/// "gates learn from labels": of all modes, or of each where they differ.
inline std::string lessons_text(const std::vector<Mode>& modes) {
  std::string text = "gates learn from " + modes.front().learned_from;
  for (const Mode& m : modes)
    if (m.learned_from != modes.front().learned_from) text += "; in " + m.name + " from " + m.learned_from;
  return text;
}

inline weir::HtmlReport report(const Results& r) {
  weir::HtmlReport page("weir: " + r.data.name + ", faster by stopping");
  const Contestant& full = r.full();
  const std::string& unit = r.modes.front().model.unit;
  page.paragraph("Full network " + full.name + ": " + percent(full.accuracy()) + " % right (" + r.options.loss +
                 ") in " + micros(full.mean_cost()) + " microseconds an image" +
                 (r.options.costs.batch == 1 ? "" : ", in " + batch_text(r.options.costs.batch)) +
                 ". Every policy below was chosen on " + std::to_string(r.data.calibration.size()) +
                 " calibration images; all figures are from " + std::to_string(r.data.test.size()) +
                 " test images that were used for nothing else, by runs that really stopped." +
                 (unit == weir::cost_unit::seconds ? ""
                                                   : " The policies were learned to save costs in " + unit +
                                                         "; times and speed-ups are measured all the same."));
  page.figure(
      tradeoff_plot(r),
      "Up and to the left is better. Each learned point is a policy for one budget of excess loss. Hover for figures.");
  page.section("Everybody").table(main_table(r));
  page.paragraph(
      "Excess loss counts images that the full network gets right and the adaptive run does not; net loss also counts "
      "those that it repairs. Speed-up is the full network's mean time over the contestant's, measured in turn on the "
      "same images. In early exit the full network is the one that is left early.");
  for (const Mode& m : r.modes) {
    page.section(m.name == "selection" ? "Selection: which network an image stops at"
                 : m.name == "search"  ? "The topology that was found: " + to_text(m.spec->topology)
                                       : "Early exit: how far into " + r.full_of(m.name).name);
    page.paragraph(budget_line(r, m) + ".");
    page.paragraph(timing_line(r, m) + ".");
    if (const std::string cost = cost_line(r, m); !cost.empty()) page.paragraph(cost + ".");
    page.table(exit_table(r, m));
    page.paragraph("The first to leave (framed: wrong):").thumbnails(gallery(r, m, true), 84);
    page.paragraph("The last:").thumbnails(gallery(r, m, false), 84);
  }
  page.section("How it was measured");
  page.list(
      {machine(),
       "compiler " + compiler() + ", threads " + std::to_string(r.options.threads) + ", ISA " +
           std::string(weir::to_string(weir::Context({.threads = 1, .isa = r.options.isa}).isa())),
       batch_text(r.options.costs.batch) + "; every contestant in turn on blocks of " +
           std::to_string(block_size(r.options.costs.batch)) + " images, " + std::to_string(r.options.rounds) +
           " round(s)",
       "what stages cost, which policies are learned from: " + costs_text(r.options), lessons_text(r.modes),
       std::string("a time is from decoded pixels to the answer: preprocessing, layers, heads, features, gates. ") +
           (r.options.costs.batch == 1 ? "" : "That of a batch is divided evenly among its images. ") +
           "Decoding a file: " +
           (r.data.decode_s > 0 ? format("%.2f ms", 1e3 * r.data.decode_s) + " apart" : "none (arrays)"),
       "exit heads: " +
           (!has_heads(r.modes)       ? "none trained"
            : r.data.heads.size() > 0 ? std::to_string(r.data.heads.size()) + " images apart"
                                      : "cross-fitted on the policy part") +
           "; policy " + std::to_string(r.data.policy.size()) + ", calibration " +
           std::to_string(r.data.calibration.size()) + ", test " + std::to_string(r.data.test.size()) + " images; " +
           std::to_string(r.data.n_images_in_two_parts) + " test images also occur in another part"});
  page.preformatted("run " + r.run.id + "\n" + r.run.command);
  return page;
}

}  // namespace adapt
