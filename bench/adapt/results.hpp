/// What a run found out: the numbers behind the table, summary.json, curve.csv and report.html.
#pragma once
#include <sys/utsname.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../results_folder.hpp"
#include "measure.hpp"

namespace adapt {

struct Results {
  const Options& options;
  const Data& data;
  const Models& models;
  const std::vector<Mode>& modes;
  const std::vector<Contestant>& contestants;
  program::Run run;

  const Contestant& full() const { return contestants[models.all.size() - 1]; }
  /// The full network that a mode's losses are counted against: the last one, or the network that is left early.
  const Contestant& full_of(const std::string& mode) const {
    for (const Mode& m : modes)
      if (m.name == mode) return contestants[m.nets.back()];
    return full();
  }
  double speedup(const Contestant& c) const { return full_of(c.mode).mean_cost() / c.mean_cost(); }
  /// Drawn over batches, whose images share their time.
  weir::Interval speedup_interval(const Contestant& c) const {
    return weir::detail::bootstrap_ratio(full_of(c.mode).batch_seconds(options.costs.batch),
                                         c.batch_seconds(options.costs.batch));
  }
  /// Mean cost of an image that the learned policy is predicted to have on the test images, in the mode's unit.
  static double predicted_cost(const Mode& m) { return weir::evaluate(m.learned.choice.policy, m.test).mean_cost(); }

  /// Pairs of losses with the full network on the same images. excess: mean of max(0, L - L_full).
  struct Pairs {
    double excess = 0, net = 0;
    std::size_t regressions = 0, repairs = 0, n = 0;
    double excess_upper95() const { return weir::clopper_pearson_upper(regressions, n, 0.95); }
  };
  Pairs pairs(const Contestant& c) const {
    const Contestant& f = full_of(c.mode);
    Pairs p;
    p.n = c.loss.size();
    for (std::size_t i = 0; i < p.n; ++i) {
      const double difference = c.loss[i] - f.loss[i];
      p.excess += std::max(0.0, difference);
      p.net += difference;
      if (difference > 0) ++p.regressions;
      if (difference < 0) ++p.repairs;
    }
    p.excess /= static_cast<double>(p.n);
    p.net /= static_cast<double>(p.n);
    return p;
  }

  /// The loss that the budget is on.
  double budgeted(const Pairs& p) const { return options.budget == "net" ? p.net : p.excess; }

  /// How often a policy whose true loss is exactly the budget shows as much as this or more on as many images: of
  /// losses of 0 and 1; net, at the share of repairs that is seen.
  std::optional<double> chance_of_as_much(const Pairs& p) const {
    const double limit = options.max_loss;
    if (!weir::Loss(options.loss).binary() || !(limit > 0 && limit < 1)) return std::nullopt;
    const double repaired = std::min(static_cast<double>(p.repairs) / static_cast<double>(p.n), (1 - limit) / 2);
    const auto d = static_cast<std::ptrdiff_t>(p.regressions) - static_cast<std::ptrdiff_t>(p.repairs);
    const double less = options.budget == "net" ? weir::bounds::trinomial_cdf(d - 1, p.n, repaired + limit, repaired)
                        : p.regressions > 0     ? weir::detail::binomial_cdf(p.regressions - 1, p.n, limit)
                                                : 0;
    return std::max(0.0, 1 - less);
  }

  const Contestant& learned(const Mode& m) const {
    for (const Contestant& c : contestants)
      if (c.mode == m.name && c.kind == "learned") return c;
    throw weir::ArgumentError("no learned policy was measured for " + m.name);
  }

  /// Test images on which the run left elsewhere than the recorded trace says it should: 0 unless bits differ.
  std::size_t strays(const Mode& m) const {
    const Contestant& c = learned(m);
    const weir::Evaluation planned = weir::evaluate(m.learned.choice.policy, m.test);
    std::size_t n = 0;
    for (std::size_t i = 0; i < c.exit.size(); ++i) n += c.exit[i] != planned.exit[i] ? 1 : 0;
    return n;
  }

  /// The same of a rule, which reads nothing but confidence. A rule's run may end at the full network under another
  /// stage of its own (`<name> alone`).
  std::optional<std::size_t> strays(const Contestant& c) const {
    for (const Mode& m : modes)
      for (const weir::TunedRule& rule : m.rules) {
        if (c.kind != "rule" || m.name != c.mode || rule.name != c.name || rule.name == "fixed_exit") continue;
        const weir::Evaluation planned = rule.evaluate(weir::detail::keep_groups(m.test, {}));
        std::size_t n = 0;
        for (std::size_t i = 0; i < c.exit.size(); ++i) n += c.exit[i] != planned.exit[i] ? 1 : 0;
        return n;
      }
    return std::nullopt;
  }
};

/// "Intel(R) ..., 2 threads visible", as /proc/cpuinfo has it.
inline std::string machine() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string line, name = "unknown CPU";
  while (std::getline(cpuinfo, line))
    if (line.rfind("model name", 0) == 0 && line.find(':') != std::string::npos) {
      name = line.substr(line.find(':') + 2);
      break;
    }
  utsname u{};
  uname(&u);
  return name + ", " + std::to_string(std::thread::hardware_concurrency()) + " logical CPUs, " + u.sysname + " " +
         u.machine;
}

inline std::string compiler() {
#if defined(__clang__)
  return "clang " + std::string(__clang_version__);
#else
  return "g++ " + std::string(__VERSION__);
#endif
}

struct ExitRow {
  std::string stage;
  double share = 0, accuracy = 0;
  std::size_t n = 0;
};

/// Who left where, and how many of those were right.
inline std::vector<ExitRow> exit_rows(const Mode& m, const Contestant& c) {
  std::vector<ExitRow> rows;
  for (std::size_t k = 0; k < m.spec->stages.size(); ++k) {
    ExitRow row{m.spec->stages[k].name, 0, 0, 0};
    double good = 0;
    for (std::size_t i = 0; i < c.exit.size(); ++i)
      if (c.exit[i] == k) ++row.n, good += 1 - c.loss[i];
    row.share = static_cast<double>(row.n) / static_cast<double>(c.exit.size());
    row.accuracy = row.n == 0 ? 0 : good / static_cast<double>(row.n);
    rows.push_back(row);
  }
  return rows;
}

inline nlohmann::json summary_json(const Results& r) {
  using nlohmann::json;
  const Options& o = r.options;
  json s;
  s["run"] = r.run.id;
  s["dataset"] = r.data.name;
  s["loss"] = o.loss;
  s["n_heads"] = r.data.heads.size();
  s["n_policy"] = r.data.policy.size();
  s["n_calibration"] = r.data.calibration.size();
  s["n_test"] = r.data.test.size();
  s["test_images_also_elsewhere"] = r.data.n_images_in_two_parts;
  s["budget"] = o.max_loss;
  s["budget_on"] = o.budget;
  s["batch"] = o.costs.batch;
  s["costs"] = o.costs.kind;
  s["cost_unit"] = r.modes.front().model.unit;
  s["decode_s"] = r.data.decode_s;
  s["machine"] = machine();
  s["compiler"] = compiler();
  s["threads"] = o.threads;
  s["isa"] = std::string(weir::to_string(weir::Context({.threads = 1, .isa = o.isa}).isa()));
  s["seed"] = o.seed;
  s["test_part"] = o.test_part;
  s["command"] = r.run.command;
  const Contestant& full = r.full();
  s["full"] = {{"name", full.name},
               {"accuracy", full.accuracy()},
               {"mean_s", full.mean_cost()},
               {"p50_s", weir::detail::percentile(full.seconds, 50)},
               {"p90_s", weir::detail::percentile(full.seconds, 90)},
               {"p99_s", weir::detail::percentile(full.seconds, 99)}};
  for (const Contestant& c : r.contestants)
    if (c.kind == "network") {
      const auto p = r.pairs(c);
      s["networks"].push_back({{"name", c.name},
                               {"accuracy", c.accuracy()},
                               {"mean_s", c.mean_cost()},
                               {"speedup", r.speedup(c)},
                               {"excess_loss", p.excess},
                               {"net_loss", p.net},
                               {"regressions", p.regressions},
                               {"repairs", p.repairs}});
    }
  s["adaptive"] = s["curve"] = s["baselines"] = s["oracle"] = json::array();
  for (const Mode& m : r.modes) {
    const Contestant& c = r.learned(m);
    const auto p = r.pairs(c);
    const auto ratio = r.speedup_interval(c);
    const bool in_seconds = m.model.unit == weir::cost_unit::seconds;
    json a = {
        {"mode", m.name},
        {"learner", m.learner},
        {"learned_from", m.learned_from},
        {"heads_see_the_exit_before", links_json(m)},
        {"features", m.spec->feature_options.groups},
        {"accuracy", c.accuracy()},
        {"net_loss", p.net},
        {"excess_loss", p.excess},
        {"excess_loss_upper95", p.excess_upper95()},
        {"regressions", p.regressions},
        {"repairs", p.repairs},
        {"kept_on_test", r.budgeted(p) <= o.max_loss},
        {"chance_of_as_much_at_the_budget", r.chance_of_as_much(p) ? json(*r.chance_of_as_much(p)) : json(nullptr)},
        {"mcnemar_p", weir::detail::mcnemar_p(p.regressions, p.repairs)},
        {"mean_s", c.mean_cost()},
        {"predicted_mean_s", in_seconds ? json(r.predicted_cost(m)) : json(nullptr)},
        {"predicted_mean_cost", r.predicted_cost(m)},
        {"full_cost", m.full_cost()},
        {"batch", m.batch},
        {"prices_settled", m.prices.settled},
        {"p50_s", weir::detail::percentile(c.seconds, 50)},
        {"p90_s", weir::detail::percentile(c.seconds, 90)},
        {"p99_s", weir::detail::percentile(c.seconds, 99)},
        {"full", r.full_of(m.name).name},
        {"speedup", r.speedup(c)},
        {"speedup_low95", ratio.low},
        {"speedup_high95", ratio.high},
        {"budget_holds_with_confidence", m.certified ? json(o.confidence) : json(nullptr)},
        {"decisions_that_differ_from_trace", r.strays(m)}};
    if (!weir::Loss(o.loss).binary()) a["excess_loss_upper95"] = nullptr;
    const auto exits = exit_rows(m, c);
    for (std::size_t k = 0; k < exits.size(); ++k)
      a["exits"].push_back({{"stage", exits[k].stage},
                            {"share", exits[k].share},
                            {"accuracy", exits[k].n > 0 ? json(exits[k].accuracy) : json()},
                            {"cost", m.costs()[k].cost},
                            {"answer_cost", m.costs()[k].answer_cost}});
    if (m.batch > 1) a["priced_for_shares"] = m.prices.share;
    s["adaptive"].push_back(a);
  }
  for (const Contestant& c : r.contestants) {
    if (c.kind != "rule" && c.kind != "beside" && c.kind != "random" && c.kind != "oracle" && c.kind != "curve")
      continue;
    const auto p = r.pairs(c);
    nlohmann::json line = {{"name", c.name},          {"mode", c.mode},           {"speedup", r.speedup(c)},
                           {"excess_loss", p.excess}, {"net_loss", p.net},        {"regressions", p.regressions},
                           {"repairs", p.repairs},    {"accuracy", c.accuracy()}, {"mean_s", c.mean_cost()}};
    if (c.kind == "rule" || c.kind == "random")
      if (const auto n = r.strays(c)) line["decisions_that_differ_from_trace"] = *n;
    if (c.kind == "curve") {
      line["budget"] = c.budget;
      for (const Mode& m : r.modes)
        if (m.name == c.mode)
          for (const ExitRow& e : exit_rows(m, c))
            line["exits"].push_back(
                {{"stage", e.stage}, {"share", e.share}, {"accuracy", e.n > 0 ? json(e.accuracy) : json()}});
    }
    s[c.kind == "oracle" || c.kind == "curve" ? c.kind : "baselines"].push_back(std::move(line));
  }
  return s;
}

/// JSON with a line feed at its end. Bytes of file names that are not UTF-8 become U+FFFD.
inline std::string to_text(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// One line for every contestant: the curve and all it is compared with.
inline std::string curve_csv(const Results& r) {
  std::string csv = "mode,name,kind,budget,mean_s,speedup,accuracy,excess_loss,net_loss,n_test,run\n";
  for (const Contestant& c : r.contestants) {
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
