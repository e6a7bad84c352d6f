/// summary.json and curve.csv.
#pragma once
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "advice.hpp"
#include "copies_text.hpp"
#include "leading.hpp"
#include "limits.hpp"
#include "links.hpp"
#include "machine.hpp"
#include "results.hpp"

namespace adapt {

/// Data, options and machine.
inline nlohmann::json run_json(const Results& r) {
  const Options& o = r.options;
  return {{"run", r.run.id},
          {"dataset", r.data.name},
          {"loss", o.loss},
          {"n_heads", r.data.heads.size()},
          {"n_policy", r.data.policy.size()},
          {"n_calibration", r.data.calibration.size()},
          {"n_test", r.data.test.size()},
          {"test_images_also_elsewhere", r.data.n_images_in_two_parts},
          {"budget", o.max_loss},
          {"budget_on", o.budget},
          {"batch", o.costs.batch},
          {"costs", o.costs.kind},
          {"cost_unit", r.modes.front().prices.unit()},
          {"decode_s", r.data.decode_s},
          {"machine", machine()},
          {"compiler", compiler()},
          {"threads", o.threads},
          {"isa", std::string(weir::to_string(weir::Context({.threads = 1, .isa = o.isa}).isa()))},
          {"seed", o.seed},
          {"test_part", o.test_part},
          {"command", r.run.command}};
}

/// Seconds of an image.
inline nlohmann::json times_json(const Measured& c) {
  return {{"mean_s", c.mean_cost()},
          {"p50_s", weir::detail::percentile(c.seconds, 50)},
          {"p90_s", weir::detail::percentile(c.seconds, 90)},
          {"p99_s", weir::detail::percentile(c.seconds, 99)}};
}

/// A contestant beside the full network on the same images.
inline nlohmann::json compared_json(const Results& r, const Measured& c) {
  const auto p = r.pairs(c);
  return {
      {"name", c.name},          {"accuracy", c.accuracy()}, {"mean_s", c.mean_cost()},      {"speedup", r.speedup(c)},
      {"excess_loss", p.excess}, {"net_loss", p.net},        {"regressions", p.regressions}, {"repairs", p.repairs}};
}

/// Of the true losses, where losses are 0 and 1.
inline void add_limits(nlohmann::json& line, const Results& r, const Pairs& p) {
  if (!r.binary()) return;
  line["excess_loss_limits95"] = interval_json(p.limits95(weir::BudgetOn::excess));
  line["net_loss_limits95"] = interval_json(p.limits95(weir::BudgetOn::difference));
}

/// What was promised of a policy, how often that fails, and what the test images show.
inline void add_promise(nlohmann::json& line, const Results& r, const Measured& c) {
  if (const Learned* l = r.learned_of(c)) line["promise"] = promise_json(r.promised(c, *l), r.verdict(c, *l));
}

/// Who left where: shares, and how many of those were right.
inline nlohmann::json exits_json(const std::vector<ExitRow>& rows) {
  nlohmann::json exits;
  for (const ExitRow& e : rows)
    exits.push_back({{"stage", e.stage},
                     {"share", e.share},
                     {"accuracy", e.n > 0 ? nlohmann::json(e.accuracy) : nlohmann::json()}});
  return exits;
}

/// The policy of a mode: what it was learned from, what it keeps, what it takes.
inline nlohmann::json policy_json(const Results& r, const TestedMode& m) {
  using nlohmann::json;
  const Options& o = r.options;
  const Measured& c = r.learned(m);
  const auto p = r.pairs(c);
  const auto ratio = r.speedup_interval(c);
  const bool in_seconds = m.prices.unit() == weir::cost_unit::seconds;
  const bool binary = r.binary();
  const Promised promised = r.promised(c, m.learned);
  const Verdict verdict = r.verdict(c, m.learned);
  json a = {{"mode", m.name},
            {"learner", m.learner},
            {"learned_from", m.learned_from},
            {"heads_see_the_exit_before", links_json(m)},
            {"head_sizes", sizes_json(m.sizes)},
            {"features", m.spec->feature_options.groups},
            {"accuracy", c.accuracy()},
            {"net_loss", p.net},
            {"excess_loss", p.excess},
            {"excess_loss_upper95", binary ? json(p.excess_upper95()) : json(nullptr)},
            {"regressions", p.regressions},
            {"repairs", p.repairs},
            {"kept_on_test", verdict.kept},
            {"chance_of_as_much_at_the_budget", verdict.chance ? json(*verdict.chance) : json(nullptr)},
            {"mcnemar_p", weir::detail::mcnemar_p(p.regressions, p.repairs)},
            {"predicted_mean_s", in_seconds ? json(r.predicted_cost(m)) : json(nullptr)},
            {"predicted_mean_cost", r.predicted_cost(m)},
            {"full_cost", m.full_cost()},
            {"batch", m.prices.batch},
            {"prices_settled", m.prices.at.settled},
            {"full", r.full_of(m.name).name},
            {"speedup", r.speedup(c)},
            {"speedup_low95", ratio.low},
            {"speedup_high95", ratio.high},
            {"budget_holds_with_confidence", promised.is_certified() ? json(o.confidence) : json(nullptr)},
            {"validated_cost", m.validated ? json(*m.validated) : json(nullptr)},
            {"left_out", m.left_out},
            {"decisions_that_differ_from_trace", r.strays(m)},
            {"exits", exits_json(exit_rows(m, c))}};
  a.update(times_json(c));
  add_limits(a, r, p);
  add_promise(a, r, c);
  for (std::size_t k = 0; k < a["exits"].size(); ++k) {
    a["exits"][k]["cost"] = m.costs()[k].cost;
    a["exits"][k]["answer_cost"] = m.costs()[k].answer_cost;
  }
  if (m.prices.batch > 1) a["priced_for_shares"] = m.prices.at.share;
  return a;
}

/// What a policy is compared with, or one of a curve.
inline nlohmann::json other_json(const Results& r, const Measured& c) {
  nlohmann::json line = compared_json(r, c);
  line["mode"] = c.mode;
  add_limits(line, r, r.pairs(c));
  add_promise(line, r, c);
  if (c.kind == "rule" || c.kind == "random")
    if (const auto n = r.strays(c)) line["decisions_that_differ_from_trace"] = *n;
  if (c.kind == "curve") {
    line["budget"] = c.budget;
    for (const TestedMode& m : r.modes)
      if (m.name == c.mode) line["exits"] = exits_json(exit_rows(m, c));
  }
  return line;
}

inline nlohmann::json summary_json(const Results& r) {
  using nlohmann::json;
  json s = run_json(r);
  const Measured& full = r.full();
  s["full"] = {{"name", full.name}, {"accuracy", full.accuracy()}};
  s["full"].update(times_json(full));
  s["adaptive"] = s["curve"] = s["baselines"] = s["oracle"] = json::array();
  for (const TestedMode& m : r.modes) s["adaptive"].push_back(policy_json(r, m));
  for (const Measured& c : r.measured) {
    if (c.kind == "network") s["networks"].push_back(compared_json(r, c));
    if (c.kind == "oracle" || c.kind == "curve") s[c.kind].push_back(other_json(r, c));
    if (c.kind == "rule" || c.kind == "beside" || c.kind == "random") s["baselines"].push_back(other_json(r, c));
  }
  s["leading"] = lead_line(r.modes, r.options);
  s["advice"] = advice_json(r);
  s["limits"] = limits_json(r);
  s["members"] = members_json(r.models);
  return s;
}

/// JSON with a line feed at its end. Bytes of file names that are not UTF-8 become U+FFFD.
inline std::string to_text(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// One line for every contestant: the curve and all it is compared with.
inline std::string curve_csv(const Results& r) {
  std::string csv = "mode,name,kind,budget,mean_s,speedup,accuracy,excess_loss,net_loss,n_test,run\n";
  for (const Measured& c : r.measured) {
    const auto p = r.pairs(c);
    std::string name = c.name;
    std::replace(name.begin(), name.end(), ',', ';');
    const auto number = [](const char* format, double x) {
      char text[64];
      std::snprintf(text, sizeof text, format, x);
      return std::string(text);
    };
    csv += weir::detail::csv_line({c.mode, name,
                                   c.kind == "learned" ? "chosen"
                                   : c.kind == "curve" ? "learned"
                                                       : c.kind,
                                   number("%.6g", c.budget), number("%.9g", c.mean_cost()),
                                   number("%.6g", r.speedup(c)), number("%.9g", c.accuracy()), number("%.9g", p.excess),
                                   number("%.9g", p.net), std::to_string(p.n), r.run.id});
  }
  return csv;
}

}  // namespace adapt
