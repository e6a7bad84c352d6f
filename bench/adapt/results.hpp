/// What a run found out: the numbers behind the table, summary.json, curve.csv and report.html.
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/trace/loss.hpp>

#include "../results_folder.hpp"
#include "measure.hpp"
#include "pairs.hpp"
#include "promise.hpp"

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

  using Pairs = adapt::Pairs;
  Pairs pairs(const Measured& c) const { return Pairs::of(c.loss, full_of(c.mode).loss); }
  bool binary() const { return weir::Loss(options.loss).binary(); }

  /// The loss that the budget is on.
  double budgeted(const Pairs& p) const { return p.lost(budget_on(options.budget)); }

  /// The policy that a contestant ran, of those that were learned; null for others.
  const Learned* learned_of(const Measured& c) const {
    std::size_t before = 0;  // of its kind, in their order
    for (const Measured* other = measured.data(); other != &c; ++other)
      before += other->mode == c.mode && other->kind == c.kind ? 1 : 0;
    for (const TestedMode& m : modes) {
      if (m.name != c.mode) continue;
      if (c.kind == "learned") return &m.learned;
      if (c.kind == "beside") return &m.beside.at(before);
      if (c.kind == "curve") return &m.curve.at(before);
    }
    return nullptr;
  }
  /// What was promised of it; policies of the curve keep their budgets in the mean.
  Promised promised(const Measured& c, const Learned& l) const {
    return {l.on, l.budget, c.kind == "curve" ? 0 : options.confidence, l.choice};
  }
  /// What the test images say of that.
  Verdict verdict(const Measured& c, const Learned& l) const { return Verdict::of(pairs(c), l.on, l.budget, binary()); }

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
