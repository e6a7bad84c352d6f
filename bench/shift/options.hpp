/// The options of shift.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/learner.hpp>

#include "../adapt/options.hpp"
#include "audits.hpp"
#include "corrupt.hpp"
#include "stream.hpp"

namespace shift {

struct Options {
  std::string policy, networks;  ///< a policy file, and the folder of its networks
  bool allow_outside = false, simulate = false;
  std::string policy_trace, calibration_trace, test_trace;
  std::vector<std::string> shifted_traces, shifted_images, shifted_labels, corruptions;
  adapt::Options adapt;  ///< networks, images, loss, budget, seed
  std::string learner = "logistic";
  std::size_t lambdas = 24, folds = 5, examples = 2000;
  StreamOptions stream;
  AuditStreams audits;
};

/// Throws ArgumentError.
inline void check_shifted_labels(const Options& o) {
  if (!o.shifted_labels.empty() && o.shifted_labels.size() != o.shifted_images.size())
    throw weir::ArgumentError("--shifted-labels: as many as --shifted-images, or none");
}

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
  auto* file = app.add_option("--policy", o.policy,
                              "policy.json of adapt, in place of one that is learned here: audits of it, in simulated "
                              "streams of --images (else the test images of Fashion-MNIST), which must not have served "
                              "to learn it or to certify it, changed by --corruption, and of --shifted-images")
                   ->excludes(policy)
                   ->group("A policy file");
  app.add_option("--networks", o.networks, "folder of its network files; else where the policy says, or beside it")
      ->needs(file)
      ->group("A policy file");
  app.add_flag("--allow-outside", o.allow_outside, "the policy may name network files outside its folder")
      ->needs(file)
      ->group("A policy file");
  app.add_option("--network", o.adapt.networks, "ONNX classifiers, cheapest first; the last is the full network")
      ->excludes(policy)
      ->excludes(file)
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
  app.add_option("--shifted-images", o.shifted_images, "[NAME=]IMAGES of another source; several")
      ->needs(images)
      ->group("Images");
  app.add_option("--shifted-labels", o.shifted_labels, "their labels, in the same order")->group("Images");
  app.add_option("--corruption", o.corruptions,
                 corruption_syntax() +
                     "; several: control images changed so are another source. Five of each where no "
                     "other source is given")
      ->delimiter(',')
      ->group("Images");
  app.add_option("--examples", o.examples,
                 "at most this number of control images, and of images of each other source; 0: all")
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
  app.add_flag(
         "--simulate", o.simulate,
         "no images: streams whose loss rises at a random time, under audits of each share whose alarms go over to "
         "safer policies; how many have a mean loss above twice --audit-budget (0: 0.02)")
      ->excludes(policy)
      ->excludes(file)
      ->excludes(images)
      ->group("Audits");
  app.add_option("--audit-shares", o.audits.shares, "shares of the images that are audited")
      ->delimiter(',')
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str()
      ->group("Audits");
  app.add_option("--audit-budget", o.audits.budget,
                 "theta, limit of the mean disagreement with the full network, as in serve; 0: the upper limit of what "
                 "the policy disagreed by on its calibration images. The policy's budget certifies its promise, as no "
                 "more than disagrees can be lost")
      ->check(CLI::Range(0.0, 0.9999))
      ->capture_default_str()
      ->group("Audits");
  app.add_option("--audit-confidence", o.audits.confidence, "of the audits' alarms")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str()
      ->group("Audits");
  app.add_option("--audit-streams", o.audits.streams, "simulated streams of each source and share")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str()
      ->group("Audits");
  app.add_option("--audit-before", o.audits.before, "images ahead of a change, at most: it comes at a random time")
      ->check(CLI::Range(0, 10000000))
      ->capture_default_str()
      ->group("Audits");
  app.add_option("--audit-after", o.audits.after, "images behind it")
      ->check(CLI::Range(1, 10000000))
      ->capture_default_str()
      ->group("Audits");
  app.add_option("--out", o.adapt.out, "folder for shift.md, shift.csv, audits.csv and drift.csv")->group("Monitor");
  app.add_option("--threads", o.adapt.threads, "threads of the measured runs")
      ->check(CLI::Range(1, 1024))
      ->group("Images");
  app.add_option("--isa", o.adapt.isa, "portable, avx2 or avx512; the best of this CPU if not given")->group("Images");
}

}  // namespace shift
