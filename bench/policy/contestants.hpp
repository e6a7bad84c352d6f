/// Everybody who is compared: learners, rules, single networks and oracles, on every seed and budget.
#pragma once
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/compare/baselines.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/compare/rules/path_points.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../lessons.hpp"
#include "../progress.hpp"
#include "choices.hpp"
#include "curve.hpp"
#include "traces_in.hpp"

namespace compare {

struct Contestant {
  std::string name, kind;  ///< kind: learned, learner, rule, network, oracle
  Samples test;
  std::vector<std::vector<weir::Estimate>> calibration;  ///< [seed][budget]
  std::vector<std::vector<double>> difference;           ///< [seed][budget] net loss on test
};

/// The comparison's fixed parts. Budgets are the asked ones and, where speed-ups are read at equal excess loss, those
/// of the curves that they are read off.
struct Setting {
  const Options& options;
  const Parts& parts;
  weir::Topology topology;
  std::vector<double> budgets;
  std::vector<bool> on_curve;  ///< [budgets] whether it is one that speed-ups are read off
  double full_cost = 0;

  Setting(const Options& o, const Parts& p) : options(o), parts(p) {
    std::vector<std::string> names;
    for (const auto& s : parts.test.stages) names.push_back(s.name);
    topology = o.topology == "chain" ? weir::Topology::chain(names) : weir::Topology::all_later(names);
    budgets = o.budgets;
    const std::vector<double> curve = curve_budgets();
    if (o.confidence == 0) budgets.insert(budgets.end(), curve.begin(), curve.end());
    std::sort(budgets.begin(), budgets.end());
    budgets.erase(std::unique(budgets.begin(), budgets.end()), budgets.end());
    for (const double b : budgets) on_curve.push_back(o.confidence > 0 || std::ranges::count(curve, b) > 0);
    // A full pass without exits: all layers of the last stage's network, and of the answers (head, features, gate) the
    // last one only. Other networks before it, a copy's stages say, are none of it.
    const weir::StageTrace& last = parts.test.stages.back();
    for (const auto& s : parts.test.stages)
      if (s.network == last.network)
        full_cost = o.networks ? s.cost : full_cost + s.cost - (&s == &last ? 0 : s.answer_cost);
    if (o.full_cost > 0) full_cost = o.full_cost;
  }

  weir::Budget budget(std::size_t b, std::uint64_t seed) const {
    weir::Budget budget;
    budget.value = budgets[b];
    budget.seed = seed;
    if (options.confidence > 0) {
      budget.margin = weir::Margin::upper_limit;
      budget.confidence = options.confidence;
    }
    return budget;
  }

  /// The last stage's network for everybody: what a contestant does that cannot keep a budget.
  weir::Evaluation full(const weir::Trace& trace) const {
    return weir::detail::single_network(trace, trace.full(), full_cost);
  }
};

/// Writes what a contestant did on the test images with one seed and budget.
inline void put(Contestant& c, const Setting& setting, std::size_t seed, std::size_t b,
                const weir::Estimate& calibration, const weir::Evaluation& test) {
  const auto n = static_cast<Eigen::Index>(setting.parts.test.size());
  const auto budgets = static_cast<Eigen::Index>(setting.budgets.size());
  if (c.test.cost.size() <= seed) {
    for (auto* all : {&c.test.cost, &c.test.excess}) all->push_back(Eigen::MatrixXd::Zero(n, budgets));
    c.calibration.emplace_back(setting.budgets.size());
    c.difference.emplace_back(setting.budgets.size());
  }
  c.test.cost[seed].col(static_cast<Eigen::Index>(b)) = test.cost;
  c.test.excess[seed].col(static_cast<Eigen::Index>(b)) = test.excess;
  c.calibration[seed][b] = calibration;
  c.difference[seed][b] = test.mean_difference();
}

/// The fastest network that keeps the budget on calibration, run alone.
inline std::size_t best_network(const weir::Trace& calibration, const weir::Budget& budget) {
  std::size_t best = calibration.full();
  for (std::size_t k = 0; k < calibration.stages.size(); ++k) {
    const auto score = weir::detail::MemberScore::of(weir::detail::single_network(calibration, k));
    if (weir::detail::keeps(score.estimate, score.regressions, score.repairs, calibration.size(), budget) &&
        calibration.stages[k].cost < calibration.stages[best].cost)
      best = k;
  }
  return best;
}

/// The rules to compare: the asked ones, or all that apply and that the traces suffice for. `left_out` is told of each
/// that they do not.
inline std::vector<std::string> usable_rules(const Setting& setting,
                                             const std::function<void(const std::string&)>& left_out) {
  for (const std::string& name : setting.options.rules) {
    const std::string reason = weir::detail::lacks(weir::find_rule(name), setting.topology, setting.parts.pool);
    if (!reason.empty()) throw weir::ArgumentError("rule '" + name + "': " + reason);
  }
  if (!setting.options.rules.empty()) return setting.options.rules;
  std::vector<std::string> rules;
  for (const weir::Rule& rule : weir::rules()) {
    if (!weir::detail::applies(rule, setting.topology)) continue;
    const std::string reason = weir::detail::lacks(rule, setting.topology, setting.parts.pool);
    if (reason.empty())
      rules.emplace_back(rule.name);
    else
      left_out("left out: rule " + std::string(rule.name) + " (" + reason + ")");
  }
  return rules;
}

/// "learned" first: for each seed and budget the learner that is cheapest there in cross-validation on the policy part
/// (system_cost; by takes_over; --judge-by), rules among what it chooses from (with_rules; as adapt learns). Then each
/// learner, the rules, the best single network where stages are networks, the oracle of the same budget.
inline std::vector<Contestant> run_all(const Setting& setting, const std::vector<std::string>& rules) {
  const Options& o = setting.options;
  const weir::Trace& test = setting.parts.test;
  const weir::Loss loss(o.loss);
  std::vector<Contestant> all{{"learned", "learned", {}, {}, {}}};
  for (const std::string& name : o.learners) all.push_back({name, "learner", {}, {}, {}});
  for (const std::string& name : rules) all.push_back({name, "rule", {}, {}, {}});
  if (o.networks) all.push_back({"best network alone", "network", {}, {}, {}});
  all.push_back({"oracle", "oracle", {}, {}, {}});
  program::ProgressLine progress("comparing " + std::to_string(all.size()) + " contestants");
  const std::size_t total = o.seeds * (o.learners.size() * o.lambdas + rules.size() * setting.budgets.size());
  std::size_t done = 0;
  for (std::size_t seed = 0; seed < o.seeds; ++seed) {
    const auto [training, calibration] = setting.parts.divide(seed);
    // Rules are tuned on the labels of the same part, as published.
    const weir::Trace lessons = program::lessons(training, loss, setting.options.learn_from).trace;
    const weir::Trace judge = o.judge_by == "labels" ? program::without_probabilities(training) : lessons;
    std::vector<double> first(setting.budgets.size()), least = first;
    std::vector<std::optional<std::pair<weir::Estimate, weir::Evaluation>>> best(setting.budgets.size());
    auto c = all.begin() + 1;
    for (const std::string& learner : o.learners) {
      weir::TrainOptions train = weir::detail::with_learner({.folds = o.folds, .seed = seed}, learner);
      train.progress = [&](std::size_t, std::size_t) { progress(++done, total); };
      const weir::PolicyTrainer trainer(lessons, setting.topology, train);
      auto path = trainer.train_path(o.lambdas);
      const auto judged =  // a path's own out-of-fold means are too good where its limits were set on the same examples
          weir::detail::cross_validate({lessons, judge}, setting.topology,
                                       weir::detail::with_learner({.seed = seed}, learner),
                                       {.folds = 3, .lambdas = 8, .seed = seed});
      if (o.confidence == 0) refine_path(trainer, path, calibration);
      Choices own(trainer, path, calibration), wider(trainer, weir::detail::with_rules(trainer, path), calibration);
      for (std::size_t b = 0; b < setting.budgets.size(); ++b) {
        const auto [policy, estimate] = own.choose(setting.budget(b, seed));
        const weir::Evaluation tested = weir::evaluate(policy, test);
        put(*c, setting, seed, b, estimate, tested);
        const double cost = weir::detail::system_cost(judged, {.value = setting.budgets[b]});
        if (!best[b]) first[b] = cost;
        if (best[b] && !weir::detail::takes_over(cost, first[b], least[b], training.size())) continue;
        least[b] = cost;
        best[b] = {estimate, tested};
        if (trainer.one_parameter()) continue;
        const auto [any, found] = wider.choose(setting.budget(b, seed));
        best[b] = {found, weir::evaluate(any, test)};
      }
      ++c;
    }
    for (std::size_t b = 0; b < setting.budgets.size(); ++b)
      if (best[b]) put(all[0], setting, seed, b, best[b]->first, best[b]->second);
    for (const std::string& name : rules) {
      for (std::size_t b = 0; b < setting.budgets.size(); ++b) {
        const auto rule =
            weir::tune_rule(name, {setting.topology, training, calibration, setting.budget(b, seed), loss});
        put(*c, setting, seed, b, rule ? rule->calibration : weir::Estimate::of(setting.full(calibration)),
            rule ? rule->evaluate(test) : setting.full(test));
        progress(++done, total);
      }
      ++c;
    }
    for (std::size_t b = 0; o.networks && b < setting.budgets.size(); ++b) {
      const std::size_t k = best_network(calibration, setting.budget(b, seed));
      put(*c, setting, seed, b, weir::Estimate::of(weir::detail::single_network(calibration, k)),
          weir::detail::single_network(test, k));
    }
    for (std::size_t b = 0; b < setting.budgets.size(); ++b) {
      const auto oracle = weir::budget_oracle(setting.topology, test, setting.budgets[b]);
      put(all.back(), setting, seed, b, {}, oracle.evaluation);
    }
  }
  return all;
}

}  // namespace compare
