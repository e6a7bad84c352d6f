/// What a run found out: the numbers behind the table, summary.json, curve.csv and report.html.
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/trace/loss.hpp>

#include "../results_folder.hpp"
#include "measure.hpp"

namespace adapt {

struct Results {
  const Options& options;
  const Data& data;
  const Models& models;
  const std::vector<TestedMode>& modes;
  const std::vector<Measured>& measured;
  program::Run run;

  const Measured& full() const { return measured[models.all.size() - 1]; }
  /// The full network that a mode's losses are counted against: the last one, or the network that is left early.
  const Measured& full_of(const std::string& mode) const {
    for (const TestedMode& m : modes)
      if (m.name == mode) return measured[m.nets.back()];
    return full();
  }
  /// Whether a mode's policy file, in the results folder, names networks that lie outside it.
  bool names_outside(const TestedMode& m) const {
    const std::string folder = options.out.empty() ? "." : options.out;
    return std::ranges::any_of(
        m.nets, [&](std::size_t n) { return *std::filesystem::proximate(models.all[n].file, folder).begin() == ".."; });
  }
  double speedup(const Measured& c) const { return full_of(c.mode).mean_cost() / c.mean_cost(); }
  /// Drawn over batches, whose images share their time.
  weir::Interval speedup_interval(const Measured& c) const {
    return weir::detail::bootstrap_ratio(full_of(c.mode).batch_seconds(options.costs.batch),
                                         c.batch_seconds(options.costs.batch));
  }
  /// Mean cost of an image that the learned policy is predicted to have on the test images, in the mode's unit.
  static double predicted_cost(const TestedMode& m) {
    return weir::evaluate(m.learned.choice.policy, m.test).mean_cost();
  }

  /// Pairs of losses with the full network on the same images. excess: mean of max(0, L - L_full).
  struct Pairs {
    double excess = 0, net = 0;
    std::size_t regressions = 0, repairs = 0, n = 0;
    double excess_upper95() const { return weir::clopper_pearson_upper(regressions, n, 0.95); }
  };
  Pairs pairs(const Measured& c) const {
    const Measured& f = full_of(c.mode);
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

  const Measured& learned(const TestedMode& m) const {
    for (const Measured& c : measured)
      if (c.mode == m.name && c.kind == "learned") return c;
    throw weir::ArgumentError("no learned policy was measured for " + m.name);
  }

  /// Test images on which the run left elsewhere than the recorded trace says it should: 0 unless bits differ.
  std::size_t strays(const TestedMode& m) const {
    const Measured& c = learned(m);
    const weir::Evaluation planned = weir::evaluate(m.learned.choice.policy, m.test);
    std::size_t n = 0;
    for (std::size_t i = 0; i < c.exit.size(); ++i) n += c.exit[i] != planned.exit[i] ? 1 : 0;
    return n;
  }

  /// The same of a rule, which reads confidence and its own groups of features. A rule's run may end at the full
  /// network under another stage of its own (`<name> alone`).
  std::optional<std::size_t> strays(const Measured& c) const {
    for (const TestedMode& m : modes)
      for (const weir::TunedRule& rule : m.rules) {
        if (c.kind != "rule" || m.name != c.mode || rule.name != c.name || rule.name == "fixed_exit") continue;
        const weir::Evaluation planned = rule.evaluate(weir::detail::keep_groups(m.test, rule.groups));
        std::size_t n = 0;
        for (std::size_t i = 0; i < c.exit.size(); ++i) n += c.exit[i] != planned.exit[i] ? 1 : 0;
        return n;
      }
    return std::nullopt;
  }
};

struct ExitRow {
  std::string stage;
  double share = 0, accuracy = 0;
  std::size_t n = 0;
};

/// Who left where, and how many of those were right.
inline std::vector<ExitRow> exit_rows(const TestedMode& m, const Measured& c) {
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

}  // namespace adapt
