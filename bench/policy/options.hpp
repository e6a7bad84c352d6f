/// The options of policy.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/learn/train.hpp>

namespace compare {

struct Options {
  std::string trace, policy_trace, calibration_trace, test_trace;
  std::string topology = "chain", loss = "top1", learn_from = "auto", judge_by = "labels", out = "results/policy";
  bool networks = false;
  std::vector<std::string> learners = weir::detail::gate_learner_names(), rules, reprice;
  std::vector<double> budgets = {0.001, 0.0025, 0.005, 0.01, 0.02, 0.05};
  double confidence = 0, full_cost = 0;
  std::size_t seeds = 3, bootstrap = 1000, lambdas = 24, folds = 5;
};

inline void declare(CLI::App& app, Options& o) {
  auto* whole = app.add_option("--trace", o.trace,
                               "CSV as adapt --save-traces writes it; divided into 1/2 policy, 1/4 "
                               "calibration, 1/4 test")
                    ->group("Data");
  auto* policy = app.add_option("--policy-trace", o.policy_trace, "the parts apart")->group("Data")->excludes(whole);
  auto* calibration = app.add_option("--calibration-trace", o.calibration_trace)->group("Data")->needs(policy);
  auto* test = app.add_option("--test-trace", o.test_trace)->group("Data")->needs(policy, calibration);
  policy->needs(calibration, test);
  app.add_option("--loss", o.loss, "what the traces' losses are: top1, top5, ...")->group("Data");
  app.add_option("--topology", o.topology,
                 "chain: one stage after the other; all_later: stages may be skipped (with --networks)")
      ->check(CLI::IsMember({"chain", "all_later"}))
      ->group("Data");
  app.add_flag(
         "--networks", o.networks,
         "each stage is a network of its own: the best one, run alone, is a contestant, and a full pass takes the "
         "last stage's cost (else: that of all layers of the last stage's network, and of its answer)")
      ->group("Data");
  app.add_option(
         "--full-cost", o.full_cost,
         "what the full network alone costs, in the traces' unit; 0: as the traces' stages add up. Stages priced "
         "as a policy visits them add up to more where caches are cold")
      ->check(CLI::Range(0.0, 1e15))
      ->group("Data");
  app.add_option("--reprice", o.reprice,
                 "STAGE=FACTOR, several times: as if the stage cost FACTOR times what the traces say")
      ->group("Data");
  app.add_option("--learners", o.learners, CLI::detail::join(weir::detail::gate_learner_names(), ", "))
      ->delimiter(',')
      ->check(CLI::IsMember(weir::detail::gate_learner_names()))
      ->group("Contestants");
  app.add_option("--rules", o.rules,
                 CLI::detail::join(weir::rule_names(), ", ") + "; if not given, all that the traces suffice for")
      ->delimiter(',')
      ->group("Contestants");
  app.add_option("--learn-from", o.learn_from,
                 "losses that gates learn from: of the labels, or expected under the full network's probabilities; "
                 "auto: the latter where the traces have probabilities. Budgets and results count labels alike")
      ->check(CLI::IsMember({"auto", "labels", "full"}))
      ->group("Contestants");
  app.add_option(
         "--judge-by", o.judge_by,
         "losses by which \"learned\" chooses among the learners in cross-validation on the policy part: of the "
         "labels, or the same that gates learn from")
      ->check(CLI::IsMember({"labels", "lessons"}))
      ->group("Contestants");
  app.add_option("--lambdas", o.lambdas, "prices of loss on a learner's path")
      ->check(CLI::Range(2, 1000))
      ->group("Contestants");
  app.add_option("--folds", o.folds, "of the learners' cross-fitting")->check(CLI::Range(1, 20))->group("Contestants");
  app.add_option("--budgets", o.budgets, "excess losses per image")
      ->delimiter(',')
      ->check(CLI::Range(1e-6, 1.0))
      ->group("Comparison");
  app.add_option("--confidence", o.confidence,
                 "0: budgets are kept in the mean on calibration, speed-ups are compared at equal excess loss on test; "
                 "else each budget is kept with this confidence, speed-ups are compared as they are")
      ->check(CLI::Range(0.0, 0.9999))
      ->group("Comparison");
  app.add_option("--seeds", o.seeds, "times that policy and calibration part are divided anew; the test part stays")
      ->check(CLI::Range(1, 1000))
      ->group("Comparison");
  app.add_option("--bootstrap", o.bootstrap, "resamples of the test images and seeds")
      ->check(CLI::Range(2, 100000))
      ->group("Comparison");
  app.add_option("--out", o.out, "folder for policy.md, policy.csv and policy.svg")->group("Comparison");
}

}  // namespace compare
