/// The options of adapt.
#pragma once
#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/features/feature_group.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/learner.hpp>

#include "../costs.hpp"

namespace adapt {

struct Options {
  std::vector<std::string> networks;
  std::string preprocess;
  std::string classes, images, labels, test_images, test_labels, head_images, head_labels;
  std::vector<std::string> early_exit, make;
  std::string learner = "auto", learn_from = "auto", loss = "top1", topology = "auto", isa;
  std::string test_part, budget = "excess", heads_see = "auto", lead = "auto", hidden = "auto";
  std::vector<std::string> also;
  std::vector<double> split = {0.5, 0.25, 0.25};
  std::vector<std::string> features = {"auto"}, rules = {"all"};
  double max_loss = 0.01, confidence = 0.95, given_exit = 0;
  std::size_t folds = 5, rounds = 1, measure = 0, exits = 4;
  int threads = 1, grid = 2;
  std::uint64_t seed = 0;
  program::CostOptions costs;
  std::string out = "results", save_traces, bundle, name, compare;
  bool quick = false;
};

/// The hidden units that --hidden says; none where they are to be chosen.
inline std::optional<std::size_t> hidden_units_asked(const Options& o) {
  if (o.hidden == "auto") return std::nullopt;
  return std::stoul(o.hidden);
}

/// The rules of --rules by name.
inline std::vector<std::string> rules_of(const Options& o) {
  if (o.rules == std::vector<std::string>{"none"}) return {};
  return o.rules == std::vector<std::string>{"all"} ? weir::rule_names() : o.rules;
}

/// "Networks" in --help.
inline void declare_networks(CLI::App& app, Options& o) {
  app.add_option("--network", o.networks,
                 "ONNX classifiers, cheapest first; the last is the full network that losses are counted against")
      ->group("Networks");
  app.add_option("--preprocess", o.preprocess, "models.json: how each network's input is made from an image")
      ->group("Networks");
  app.add_option(
         "--early-exit", o.early_exit,
         "b.onnx or b.onnx:layer,layer,...: learn to leave this network early (the last --network if not given); may "
         "be given for several networks. Exits that the network has itself (outputs, or layers with as many values as "
         "there are classes) are used as they are, in the order in which they are named: of an ensemble any member may "
         "come first; other layers get trained heads")
      ->group("Networks");
  app.add_option(
         "--make", o.make,
         "cheaper members to make of the networks. int8: 8-bit copies, calibrated on images of the policy part and "
         "kept where they are faster; exits: exits inside the networks, and inside the copies where stages are "
         "searched for; none: no copies, and exits as ever. int8,exits if not given; exits with --quick, and where "
         "--costs does not tell a copy from its network (flops, a table)")
      ->delimiter(',')
      ->check(CLI::IsMember({"int8", "exits", "none"}))
      ->group("Networks");
  app.add_option("--exits", o.exits, "how many exits to place where no layers are named")
      ->check(CLI::Range(1, 16))
      ->group("Networks");
  app.add_option("--grid", o.grid, "exit heads see each channel averaged over a grid x grid raster")
      ->check(CLI::Range(1, 16))
      ->group("Networks");
  app.add_option("--hidden", o.hidden,
                 "units of the hidden layer of exit heads, which learn what the full network says and need no labels; "
                 "0: heads of one layer, which learn the labels. auto: 64, 128 or 256, whichever makes the system "
                 "cheapest in cross-validation on the policy part, heads' own time counted; with --quick 32 or 64, and "
                 "0 without --head-images")
      ->check(CLI::IsMember({"auto"}) | CLI::Range(std::size_t{0}, weir::detail::max_hidden_units))
      ->group("Networks");
  app.add_option(
         "--heads-see", o.heads_see,
         "what exit heads read. layer: their own layer; earlier: also the logits of the exit before them in the "
         "chain that they serve; auto: what costs less in cross-validation on the policy part (layer with "
         "--quick)")
      ->check(CLI::IsMember({"auto", "layer", "earlier"}))
      ->group("Networks");
  app.add_option(
         "--topology", o.topology,
         "chain: one network after the other; dag: networks may be skipped; search: dag, and besides the best "
         "chain, tree or DAG over networks and exits, found by cross-validation on the policy part; auto: search for "
         "the networks of bench/networks and where 8-bit copies were made, else dag")
      ->check(CLI::IsMember({"auto", "chain", "dag", "search"}))
      ->group("Networks");
  app.add_option("--lead", o.lead,
                 "the way of stopping whose policy is policy.json and stands first in table and report: selection, "
                 "search, early_exit or early_exit_NETWORK; auto: the one that costs least at the budget in "
                 "cross-validation on the policy part")
      ->group("Networks");
}

/// "Data".
inline void declare_data(CLI::App& app, Options& o) {
  app.add_option("--images", o.images,
                 "folder, .npy (uint8 [N,H,W,C], float32 [N,C,H,W]), CIFAR-10 binary or IDX; FILE[a:b] takes a part")
      ->group("Data");
  app.add_option(
         "--labels", o.labels,
         "CSV with file,label (for a folder), .npy, IDX, or one label per line; none: there are none, and what the "
         "last network answers stands for them: a loss is then a disagreement with it")
      ->group("Data");
  app.add_option("--classes", o.classes,
                 "names of the classes, one a line, or a models.json that lists them, in the order of the networks' "
                 "answers: labels may then be names; else "
                 "the list \"classes\" of models.json, if it has one")
      ->group("Data");
  app.add_option("--test-images", o.test_images, "images for the final test; else a part of --images")->group("Data");
  app.add_option("--test-labels", o.test_labels, "their labels")->group("Data");
  app.add_option("--head-images", o.head_images,
                 "images to train exit heads on; else heads are cross-fitted on the policy part. They need no labels, "
                 "but with --hidden 0")
      ->group("Data");
  app.add_option("--head-labels", o.head_labels, "their labels, if they have any; none: they are not looked for")
      ->group("Data");
  app.add_option("--split", o.split, "shares of policy, calibration and test parts of --images")
      ->delimiter(',')
      ->expected(3)
      ->group("Data");
  auto* apart = app.get_option("--test-images");
  app.add_option(
         "--test-part", o.test_part,
         "i/n: the test part is part i (from 0) of n equal ones, and --split's first two numbers divide the "
         "other images; over n runs with the same --seed every image is tested once (bench/pool.py adds them up)")
      ->excludes(apart)
      ->group("Data");
}

/// "Policy": how gates learn.
inline void declare_learning(CLI::App& app, Options& o) {
  std::vector<std::string> learners = weir::detail::gate_learner_names();
  learners.insert(learners.begin(), "auto");
  app.add_option("--learner", o.learner,
                 "what gates are: " + CLI::detail::join(learners, ", ") +
                     ". auto: learner and features by cross-validation of the system's cost, and the known rules too")
      ->check(CLI::IsMember(learners))
      ->group("Policy");
  app.add_option(
         "--learn-from", o.learn_from,
         "losses that gates learn from: of the labels, or expected under the full network's probabilities, which "
         "say of every image how likely a regression is; auto: the latter where probabilities can be kept. "
         "Budgets, rules and results go by labels alike")
      ->check(CLI::IsMember({"auto", "labels", "full"}))
      ->group("Policy");
  std::string groups = "what gates see besides the confidence of the stages: auto, or some of";
  for (const weir::FeatureGroup& g : weir::detail::feature_list())
    groups += (&g == &weir::detail::feature_list().front() ? " " : ", ") + std::string(g.name) + " (" +
              std::string(g.summary) + ")";
  std::vector<std::string> group_names = weir::feature_group_names();
  group_names.insert(group_names.begin(), "auto");
  app.add_option("--features", o.features,
                 groups +
                     ". auto: the groups that lower the system's cost in cross-validation by more than they take; "
                     "with --quick, and where --costs is energy or a table, confidence alone")
      ->delimiter(',')
      ->check(CLI::IsMember(group_names))
      ->group("Policy");
  std::vector<std::string> rules = weir::rule_names();
  const std::string known_rules = CLI::detail::join(rules, ", ");
  rules.insert(rules.end(), {"all", "none"});
  app.add_option("--rules", o.rules,
                 "known rules to tune for the budget and to run beside the learned policies: all that fit, none, or "
                 "some of " +
                     known_rules +
                     ". Each passes over the test images once in every mode, which takes long where "
                     "networks are slow")
      ->delimiter(',')
      ->check(CLI::IsMember(rules))
      ->group("Policy");
}

/// "Policy": what must hold, and what is chosen at random.
inline void declare_limits(CLI::App& app, Options& o) {
  app.add_option("--loss", o.loss, "top1, top5, ...")->group("Policy");
  app.add_option(
         "--budget", o.budget,
         "excess: images that the full network gets right and the policy does not; net: what accuracy falls by, "
         "images that the policy gets right where the full network does not count for it. The other one is "
         "learned and measured beside it")
      ->check(CLI::IsMember({"excess", "net"}))
      ->group("Policy");
  app.add_option("--max-loss", o.max_loss, "limit of that loss against the full network, per image")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Policy");
  app.add_option(
         "--confidence", o.confidence,
         "with which the budget holds for new images (an exact test on the calibration part). It is refused "
         "where the calibration part is too small for it (1 % with 95 % takes 299 images). 0 asks for less: the "
         "budget is kept in the mean on the calibration part, without a guarantee")
      ->check(CLI::Range(0.0, 0.9999))
      ->group("Policy");
  app.add_option("--also", o.also,
                 "LOSS:LIMIT, several times: a further limit that is certified together with the budget, on the excess "
                 "of another loss (top5:0.005), or on that of --loss in every class by itself (class:0.02)")
      ->group("Policy");
  app.add_option("--given-exit", o.given_exit,
                 "certify too that of the images that leave at an exit or before it, for every exit, at most this "
                 "share are newly wrong; exits that cannot show it are closed")
      ->check(CLI::Range(1e-6, 1.0))
      ->group("Policy");
  app.add_option("--folds", o.folds, "folds of the cross-fitting")->check(CLI::Range(2, 20))->group("Policy");
  app.add_option("--seed", o.seed, "of the split, the folds and the randomised mix")->group("Policy");
}

/// "Runs".
inline void declare_runs(CLI::App& app, Options& o) {
  app.add_option("--threads", o.threads, "threads of the measured runs")->check(CLI::Range(1, 1024))->group("Runs");
  app.add_option("--isa", o.isa, "portable, avx2 or avx512; the best of this CPU if not given")->group("Runs");
  app.add_option("--rounds", o.rounds, "times that each test image is measured; the median counts")
      ->check(CLI::Range(1, 100))
      ->group("Runs");
  app.add_option("--measure", o.measure,
                 "time only this number of test images (0: all); losses are counted on these too")
      ->group("Runs");
  app.add_flag("--quick", o.quick, "small version for continuous integration")->group("Runs");
  app.add_option("--save-traces", o.save_traces,
                 "folder for the traces of each mode: what each stage answered on each image; "
                 "policy and bounds read them")
      ->group("Runs");
  app.add_option(
         "--bundle", o.bundle,
         "new folder for the policies together with their networks, preprocessing and a program that runs them: "
         "what to copy to another machine")
      ->group("Runs");
  app.add_option("--name", o.name, "what the report calls the data; else what --images says")->group("Runs");
  app.add_option("--compare", o.compare,
                 "summary.json of another run: the report and the terminal show both side by side")
      ->group("Runs");
  app.add_option("--out", o.out, "folder for report.html, summary.json, curve.csv, policy.json and decisions.csv")
      ->group("Runs");
}

/// All of them, in the order of --help.
inline void declare(CLI::App& app, Options& o) {
  declare_networks(app, o);
  declare_data(app, o);
  declare_learning(app, o);
  declare_limits(app, o);
  declare(app, o.costs, "measured time of this run's threads (the default)", "Costs");
  declare_runs(app, o);
}

}  // namespace adapt
