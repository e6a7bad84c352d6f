/// The options of shift.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/learner.hpp>

#include "../adapt/options.hpp"
#include "stream.hpp"

namespace shift {

struct Options {
  std::string policy_trace, calibration_trace, test_trace;
  std::vector<std::string> shifted_traces, shifted_images, shifted_labels, corruptions;
  adapt::Options adapt;  ///< networks, images, loss, budget, seed
  std::string learner = "logistic";
  std::size_t lambdas = 24, folds = 5, examples = 2000;
  StreamOptions stream;
};

inline void declare(CLI::App& app, Options& o) {
  auto* policy = app.add_option("--policy-trace", o.policy_trace,
                                "CSV as adapt --save-traces writes it: what the policy is learned from")
                     ->group("Traces");
  auto* calibration =
      app.add_option("--calibration-trace", o.calibration_trace, "what it is chosen on, of the same source")
          ->group("Traces");
  app.add_option("--test-trace", o.test_trace,
                 "further examples of the same source, the control; a third of the calibration if not given")
      ->needs(policy)
      ->group("Traces");
  auto* shifted = app.add_option("--shifted-trace", o.shifted_traces, "NAME=FILE: examples of another source; several")
                      ->needs(policy)
                      ->group("Traces");
  policy->needs(calibration, shifted);
  calibration->needs(policy);
  app.add_option("--network", o.adapt.networks, "ONNX classifiers, cheapest first; the last is the full network")
      ->excludes(policy)
      ->group("Images");
  app.add_option("--preprocess", o.adapt.preprocess, "models.json: how each network's input is made from an image")
      ->group("Images");
  auto* images = app.add_option("--images", o.adapt.images, "images of one source, as adapt takes them")
                     ->excludes(policy)
                     ->group("Images");
  app.add_option("--labels", o.adapt.labels, "their labels")->group("Images");
  app.add_option("--classes", o.adapt.classes, "names of the classes, one a line: labels may then be names")
      ->group("Images");
  app.add_option("--test-images", o.adapt.test_images, "the control, of the same source; else a part of --images")
      ->needs(images)
      ->group("Images");
  app.add_option("--test-labels", o.adapt.test_labels, "their labels")->group("Images");
  app.add_option("--split", o.adapt.split, "shares of policy, calibration and control of --images")
      ->delimiter(',')
      ->expected(3)
      ->group("Images");
  app.add_option("--shifted-images", o.shifted_images, "images of another source; several")
      ->needs(images)
      ->group("Images");
  app.add_option("--shifted-labels", o.shifted_labels, "their labels, in the same order")->group("Images");
  app.add_option("--corruption", o.corruptions,
                 "noise:DEVIATION, rotation:DEGREES or blur:PIXELS, several: control images changed so are the other "
                 "source, where no other is given")
      ->delimiter(',')
      ->group("Images");
  app.add_option("--examples", o.examples, "so many control images at most, and of each other source; 0: all")
      ->capture_default_str()
      ->group("Images");
  app.add_option("--topology", o.adapt.topology, "chain: one stage after the other; dag: stages may be skipped")
      ->check(CLI::IsMember({"chain", "dag"}))
      ->capture_default_str()
      ->group("Policy");
  app.add_option("--learner", o.learner,
                 "what gates are: " + CLI::detail::join(weir::detail::gate_learner_names(), ", "))
      ->check(CLI::IsMember(weir::detail::gate_learner_names()))
      ->group("Policy");
  app.add_option("--loss", o.adapt.loss, "top1, top5, ... of images; traces bring their losses")->group("Policy");
  app.add_option("--max-loss", o.adapt.max_loss, "budget: loss in excess of the full network, per image")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Policy");
  app.add_option("--confidence", o.adapt.confidence,
                 "with which the budget holds for images of the same source; 0: in the mean")
      ->check(CLI::Range(0.0, 0.9999))
      ->capture_default_str()
      ->group("Policy");
  app.add_option("--lambdas", o.lambdas, "prices of loss on the learner's path")
      ->check(CLI::Range(2, 1000))
      ->group("Policy");
  app.add_option("--folds", o.folds, "of the learner's cross-fitting")->check(CLI::Range(1, 20))->group("Policy");
  app.add_option("--seed", o.adapt.seed, "of splits, folds, noise and orders")->group("Policy");
  app.add_option("--orders", o.stream.orders, "random orders of each stream")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str()
      ->group("Monitor");
  app.add_option("--before", o.stream.before, "examples of the same source ahead of the change")
      ->capture_default_str()
      ->group("Monitor");
  app.add_option("--run-length", o.stream.run_length,
                 "mean number of examples between false alarms, at least, that the monitor is set to")
      ->check(CLI::Range(1.0, 1e12))
      ->capture_default_str()
      ->group("Monitor");
  app.add_option("--out", o.adapt.out, "folder for shift.md and shift.csv")->group("Monitor");
  app.add_option("--threads", o.adapt.threads, "threads of the measured runs")
      ->check(CLI::Range(1, 1024))
      ->group("Images");
  app.add_option("--isa", o.adapt.isa, "portable, avx2 or avx512; the best of this CPU if not given")->group("Images");
}

}  // namespace shift
