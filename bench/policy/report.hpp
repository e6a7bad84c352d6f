/// policy.md, policy.csv and policy.svg.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/io/report/markup.hpp>
#include <weir/io/report/svg.hpp>
#include <weir/policy/compare/calibration_metrics.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

#include "contestants.hpp"
#include "joined_table.hpp"

namespace compare {

/// What one contestant comes to at one budget, over seeds.
struct Row {
  const Contestant* contestant;
  double cost = 0, excess = 0, net = 0;  ///< of the points as they were chosen, means on test
  double speedup = 0;                    ///< as Reading has it
  std::size_t above = 0;  ///< seeds (divisions) whose excess loss on test, as chosen, is above the budget
  weir::Interval interval;
  double seed_low = 0, seed_high = 0;  ///< least and largest speedup of a single seed
  double gain = 0;                     ///< share of the oracle's gain
  double behind_learned = 0;           ///< speedup of the learned policy - this one's
  weir::Interval difference;
};

struct Comparison {
  const Setting& setting;
  const std::vector<Contestant>& contestants;
  Reading reading;
  std::vector<double> area;            ///< [contestant]
  std::vector<std::vector<Row>> rows;  ///< [budget][contestant]

  Comparison(const Setting& s, const std::vector<Contestant>& all)
      : setting(s), contestants(all), reading{s.budgets, s.on_curve, s.full_cost, s.options.confidence == 0} {
    const auto n_seeds = static_cast<double>(s.options.seeds);
    std::vector<Samples> samples;
    for (const Contestant& c : all) samples.push_back(c.test);
    const auto resamples = bootstrap_speedups(samples, reading, s.options.bootstrap, 1);
    const auto means = [](const Eigen::MatrixXd& m) -> Eigen::RowVectorXd { return m.colwise().mean(); };
    rows.assign(s.budgets.size(), std::vector<Row>(all.size()));
    std::vector<double> oracle;  // [budgets] its cost
    for (const double b : s.budgets) oracle.push_back(weir::budget_oracle(s.topology, s.parts.test, b).value.cost);
    for (std::size_t c = 0; c < all.size(); ++c) {
      Eigen::RowVectorXd cost = means(all[c].test.cost[0]) * 0, excess = cost;
      std::vector<std::vector<double>> by_seed;
      std::vector<Eigen::RowVectorXd> excess_by_seed;
      for (std::size_t k = 0; k < s.options.seeds; ++k) {
        const auto T = means(all[c].test.cost[k]), E = means(all[c].test.excess[k]);
        by_seed.push_back(reading.speedups(T, E));
        cost += T / n_seeds;
        excess += E / n_seeds;
        excess_by_seed.push_back(E);
      }
      area.push_back(saved_area(reading.curve(cost, excess), s.full_cost,
                                *std::max_element(s.options.budgets.begin(), s.options.budgets.end())));
      const auto speedups = reading.speedups(cost, excess);
      for (std::size_t b = 0; b < s.budgets.size(); ++b) {
        Row& row = rows[b][c];
        row.contestant = &all[c];
        row.cost = cost(static_cast<Eigen::Index>(b));
        row.excess = excess(static_cast<Eigen::Index>(b));
        for (std::size_t k = 0; k < s.options.seeds; ++k) row.net += all[c].difference[k][b] / n_seeds;
        row.above = seeds_above(excess_by_seed, b, s.budgets[b]);
        row.speedup = speedups[b];
        row.interval = interval95(resamples, [&](const Speedups& r) { return r[c][b]; });
        row.seed_low = row.seed_high = by_seed[0][b];
        for (const auto& one : by_seed) {
          row.seed_low = std::min(row.seed_low, one[b]);
          row.seed_high = std::max(row.seed_high, one[b]);
        }
        row.behind_learned = rows[b][0].speedup - row.speedup;
        row.difference = interval95(resamples, [&](const Speedups& r) { return r[0][b] - r[c][b]; });
        row.gain = share_of_gain(s.full_cost, s.full_cost / row.speedup, oracle[b]);
      }
    }
  }

  bool is_asked(std::size_t b) const {
    const auto& asked = setting.options.budgets;
    return std::find(asked.begin(), asked.end(), setting.budgets[b]) != asked.end();
  }

  /// "At 1 % excess loss the learned policy is ahead of ...; not separable from ...; behind ..."
  std::string sentence(std::size_t b) const {
    std::string groups[3];
    const std::string verdicts[3] = {"ahead", "not separable", "behind"};
    for (const Row& row : rows[b])
      if (row.contestant->kind == "rule" || row.contestant->kind == "network")
        for (int g = 0; g < 3; ++g)
          if (verdict(row.difference) == verdicts[g])
            groups[g] += (groups[g].empty() ? "" : ", ") + row.contestant->name;
    std::string text = "At " + weir::detail::format_short(100 * setting.budgets[b]) + " % the best learned policy is ";
    text += groups[2].empty() ? "not behind any rule" : "**behind " + groups[2] + "**";
    if (!groups[0].empty()) text += "; ahead of " + groups[0];
    if (!groups[1].empty()) text += "; not separable from " + groups[1];
    return text + ".";
  }
};

/// Times in microseconds, as tables of them are read; other costs with their unit.
inline std::string cost_text(double cost, const std::string& unit) {
  return unit == weir::cost_unit::seconds ? fixed(1e6 * cost, 1) + " us" : weir::detail::format_cost(cost, unit);
}

/// Each stage's answers on the test images, and what its confidence knows of them.
inline std::string stage_table(const weir::Trace& test) {
  std::vector<std::vector<std::string>> rows;
  const auto percent = [](const std::optional<double>& v) { return v ? fixed(100 * *v) : std::string("-"); };
  for (const weir::StageTrace& s : test.stages) {
    std::vector<int> right, wrong_by_loss, worse;
    for (std::size_t i = 0; i < test.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      right.push_back(s.prediction[i] == test.label[i] ? 1 : 0);
      wrong_by_loss.push_back(s.loss(at) > 0 ? 1 : 0);
      worse.push_back(s.loss(at) > test.stages.back().loss(at) ? 1 : 0);
    }
    const auto found = std::find(s.feature_names.begin(), s.feature_names.end(), "max_probability");
    std::optional<double> ece, failure, regression;
    if (found != s.feature_names.end()) {
      const Eigen::VectorXd p = s.features.col(found - s.feature_names.begin());
      const auto auroc = [&](const std::vector<int>& y) -> std::optional<double> {
        if (std::ranges::count(y, 1) % std::ssize(y) == 0) return std::nullopt;  // only one label occurs
        return weir::detail::auroc(-p, y);
      };
      ece = weir::detail::expected_calibration_error(p, right);
      failure = auroc(wrong_by_loss);
      regression = auroc(worse);
    }
    rows.push_back({s.name, cost_text(s.cost, test.cost_unit), fixed(100 * s.loss.mean()), percent(ece),
                    percent(failure), percent(regression)});
  }
  return markdown_table({"stage", "adds", "mean loss, %", "ECE (top-1), %", "AUROC of loss > 0, %",
                         "AUROC of loss above the full network's, %"},
                        rows);
}

/// The asked budgets in one table.
inline std::string joined(const Comparison& c) {
  std::vector<double> budgets;
  std::vector<JoinedRow> rows;
  for (const Contestant& contestant : c.contestants) rows.push_back({contestant.name, contestant.kind, {}});
  for (std::size_t b = 0; b < c.setting.budgets.size(); ++b) {
    if (!c.is_asked(b)) continue;
    budgets.push_back(c.setting.budgets[b]);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const Row& r = c.rows[b][k];
      rows[k].cells.push_back({r.speedup, r.excess, r.above, r.difference});
    }
  }
  return joined_table(budgets, rows);
}

inline std::string markdown(const Comparison& c, const std::vector<std::string>& notes, const std::string& command) {
  const Setting& s = c.setting;
  const bool certified = s.options.confidence > 0;
  std::string text = "# Policies against rules\n\n";
  const std::string& unit = s.parts.test.cost_unit;
  text += unit == weir::cost_unit::seconds
              ? "Speed-ups are **predicted from measured stage times**, not measured runs: mean seconds of the stages "
                "that an image runs, against a full pass of "
              : "Speed-ups are **of costs in " + unit +
                    "**, not of time and not of measured runs: mean cost of the stages that an image runs, against a "
                    "full pass of ";
  text += cost_text(s.full_cost, unit) + ". ";
  text += certified
              ? "Every budget is kept with " + fixed(100 * s.options.confidence, 0) +
                    " % confidence on calibration; speed-ups are of the policies so chosen. "
              : "Budgets are kept in the mean on calibration; speed-ups on test are read at equal excess loss, off "
                "the lower hull of the full network and of each contestant's policies for " +
                    std::to_string(curve_budgets().size()) + " budgets, the same whatever budgets are asked for. ";
  text +=
      "\"learned\" is, for each seed and budget, the first learner, or the one that is cheapest in "
      "cross-validation on the policy part, where that saves " +
      fixed(100 * weir::detail::least_saving(s.parts.n_policy), 0) +
      " % there; where it fits its gates anew for each price of loss, thresholds of the known confidences are among "
      "the policies that it chooses from. Intervals: 95 %, " +
      std::to_string(s.options.bootstrap) + " paired resamples of the " + std::to_string(s.parts.test.size()) +
      " test images and of " + std::to_string(s.options.seeds) + " seeds (divisions of " +
      std::to_string(s.parts.pool.size()) +
      " images into policy and calibration part). Area: share of the full "
      "network's cost saved, averaged over excess losses from 0 to the largest budget. \"above\": how many of the "
      "divisions chose a policy whose excess loss on test is above the budget. The paper's reduction is that of "
      "Bolukbasi et al. (ICML 2017), fitted by logistic regression. The oracle sees the labels.\n\n";
  for (const std::string& note : notes) text += note + "\n\n";
  std::vector<std::string> header{"who", "area"};
  std::vector<std::vector<std::string>> rows;
  for (std::size_t k = 0; k < c.contestants.size(); ++k)
    rows.push_back({shown_name(c.contestants[k].name), fixed(c.area[k], 4)});
  for (std::size_t b = 0; b < s.budgets.size(); ++b) {
    if (!c.is_asked(b)) continue;
    header.push_back(weir::detail::format_short(100 * s.budgets[b]) + " %");
    for (std::size_t k = 0; k < rows.size(); ++k) rows[k].push_back(fixed(c.rows[b][k].speedup));
  }
  text += "## Speed-up by budget of excess loss\n\n" + markdown_table(header, rows);
  if (certified) text += "\"learned less this\": the 95 % interval of the difference of the speed-ups.\n\n" + joined(c);
  for (std::size_t b = 0; b < s.budgets.size(); ++b)
    if (c.is_asked(b)) text += "- " + c.sentence(b) + "\n";
  text += "\n## Stages\n\n" + stage_table(s.parts.test);
  for (std::size_t b = 0; b < s.budgets.size(); ++b) {
    if (!c.is_asked(b)) continue;
    rows.clear();
    for (const Row& r : c.rows[b])
      rows.push_back({shown_name(r.contestant->name), fixed(r.speedup), range(r.interval),
                      range({r.seed_low, r.seed_high}), fixed(100 * r.gain, 1),
                      r.contestant->kind == "learned" ? "-" : fixed(r.behind_learned),
                      r.contestant->kind == "learned" ? "-" : range(r.difference), fixed(s.full_cost / r.cost),
                      fixed(100 * r.excess, 3), std::to_string(r.above) + " of " + std::to_string(s.options.seeds),
                      fixed(100 * r.net, 3)});
    text += "## Budget " + weir::detail::format_short(100 * s.budgets[b]) + " %\n\n" +
            markdown_table({"who", "speed-up", "95 %", "seeds", "of the oracle's gain, %", "learned - this", "95 %",
                            "as chosen: speed-up", "excess, %", "above", "net, %"},
                           rows);
  }
  return text + "`" + command + "`\n";
}

inline std::string csv(const Comparison& c) {
  std::string text =
      "contestant,kind,budget,speedup,speedup_low95,speedup_high95,speedup_seed_min,speedup_seed_max,"
      "share_of_oracle_gain,learned_minus_this,difference_low95,difference_high95,area,chosen_" +
      weir::detail::cost_field(c.setting.parts.test.cost_unit) +
      ","
      "chosen_excess_loss,seeds_above,chosen_net_loss\n";
  for (const auto& at : c.rows)
    for (std::size_t k = 0; k < at.size(); ++k) {
      const Row& r = at[k];
      text += r.contestant->name + "," + r.contestant->kind;
      for (const double v :
           {c.setting.budgets[static_cast<std::size_t>(&at - c.rows.data())], r.speedup, r.interval.low,
            r.interval.high, r.seed_low, r.seed_high, r.gain, r.behind_learned, r.difference.low, r.difference.high,
            c.area[k], r.cost, r.excess, static_cast<double>(r.above), r.net})
        text += "," + weir::detail::format_short(v, 9);
      text += "\n";
    }
  return text;
}

/// Speed-up against excess loss as chosen, on test: learned, rules, networks, oracle.
inline std::string svg(const Comparison& c) {
  const std::string& unit = c.setting.parts.test.cost_unit;
  weir::detail::SvgPlot plot(
      {.title = "Policies against rules: " +
                (unit == weir::cost_unit::seconds ? "predicted from measured stage times" : "costs in " + unit),
       .x_label = "excess loss, %",
       .y_label = "speed-up"});
  for (std::size_t k = 0; k < c.contestants.size(); ++k) {
    if (c.contestants[k].kind == "learner") continue;
    weir::detail::PlotSeries series{.name = c.contestants[k].name, .is_dashed = c.contestants[k].kind == "oracle"};
    for (const auto& at : c.rows) series.points.push_back({100 * at[k].excess, c.setting.full_cost / at[k].cost});
    std::sort(series.points.begin(), series.points.end(),
              [](const auto& a, const auto& b) { return std::pair(a.x, a.y) < std::pair(b.x, b.y); });
    plot.add(std::move(series));
  }
  return plot.svg();
}

}  // namespace compare
