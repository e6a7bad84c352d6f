/// What is looked at before anything that takes long.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/serve/bundle.hpp>
#include <weir/policy/trace/loss.hpp>

#include "copies.hpp"
#include "costs.hpp"
#include "further.hpp"
#include "making.hpp"
#include "models.hpp"
#include "result_names.hpp"

namespace adapt {

/// Throws ArgumentError where an option is of no use without --images or --network, which are not given.
inline void check_named(const Options& o) {
  if (o.images.empty()) {
    if (!o.networks.empty())
      throw weir::ArgumentError(
          "--network needs --images: the labelled images to learn from. Without both, Fashion-MNIST and the networks "
          "of bench/networks are taken");
    for (const auto& [option, value] :
         std::vector<std::pair<std::string, std::string>>{{"--labels", o.labels},
                                                          {"--test-images", o.test_images},
                                                          {"--test-labels", o.test_labels},
                                                          {"--head-images", o.head_images},
                                                          {"--head-labels", o.head_labels},
                                                          {"--classes", o.classes}})
      if (!value.empty()) throw weir::ArgumentError(option + " needs --images and --network");
  }
  if (!o.networks.empty()) return;
  if (!o.images.empty()) throw weir::ArgumentError("--images needs at least one --network");
  if (!o.preprocess.empty()) throw weir::ArgumentError("--preprocess needs --network, which it is for");
}

/// The options where no network is named: the three of bench/networks, among which a topology is searched for. Others
/// stay as they are.
inline Options with_default_networks(Options o) {
  if (!o.networks.empty()) return o;
  const std::string folder = WEIR_SOURCE_DIR "/bench/networks/";
  for (const char* name : {"fashion_alexnet", "fashion_googlenet", "fashion_resnet"})
    o.networks.push_back(folder + name + ".onnx");
  o.preprocess = folder + "models.json";
  if (o.topology == "auto") o.topology = "search";
  return o;
}

/// Options whose values are only seen to be wrong when they are used. Throws what their use would throw.
inline void check(const Options& o) {
  static_cast<void>(weir::Loss(o.loss));
  static_cast<void>(weir::Context({.threads = o.threads, .isa = o.isa}));
  program::check(o.costs);
  check_further(o);
  if (o.lead != "auto" && !is_mode(o.lead))
    throw weir::ArgumentError("--lead " + o.lead + ": auto, selection, search, early_exit or early_exit_NETWORK");
  if (o.rules.size() > 1)
    for (const std::string& rule : o.rules)
      if (rule == "all" || rule == "none" || std::ranges::count(o.rules, rule) > 1)
        throw weir::ArgumentError("--rules: names of rules, each once; or all, or none");
  if (!o.test_labels.empty() && o.test_images.empty())
    throw weir::ArgumentError("--test-labels needs --test-images, which the labels are of");
  if (o.labels == no_labels)
    for (const auto& [option, value] :
         {std::pair<std::string, std::string>{"--test-labels", o.test_labels}, {"--head-labels", o.head_labels}})
      if (!value.empty() && value != no_labels)
        throw weir::ArgumentError(option +
                                  ": with --labels none the full network's answers are the labels of all images");
  if (o.labels != no_labels && o.test_labels == no_labels)
    throw weir::ArgumentError("without labels of some images there can be none of the others: --labels none");
  if (!o.head_labels.empty() && o.head_images.empty())
    throw weir::ArgumentError("--head-labels needs --head-images, which the labels are of");
}

/// The options of a run from those that were given: checked, and with what they leave open filled in. Nothing changes
/// them afterwards.
inline Options completed(Options o) {
  check_named(o);
  o = with_default_networks(std::move(o));
  check(o);
  if (o.labels == no_labels && o.learn_from == "auto") o.learn_from = "labels";  // certain: there is nothing to expect
  if (o.early_exit.empty() && making(o).exits) o.early_exit.emplace_back();
  if (o.quick) {
    o.rounds = 1;
    if (o.measure == 0) o.measure = 1000;
  }
  return with_default_images(std::move(o));
}

/// The exits that --early-exit names.
inline std::vector<Heads> choose_all_exits(const Options& o, const Models& models) {
  std::vector<Heads> exits;
  for (const std::string& network : o.early_exit) exits.push_back(choose_exits(network, o, models));
  return exits;
}

/// What can be wrong of networks and options together. Throws ArgumentError for a loss that no answer among these
/// classes can have, for class names that are not as many as the networks' classes, and what check_batch(),
/// check_making() and check_cost_table() throw.
inline void check(const Models& models, const std::vector<Heads>& exits, const Options& o) {
  check_batch(models, o);
  check_loss(o.loss, models.n_classes());
  if (const weir::detail::ClassNames names = class_names(o.classes, o.preprocess);
      !names.empty() && names.size() != models.n_classes())
    throw weir::ArgumentError(names.source() + ": names of " + std::to_string(names.size()) + " classes, but " +
                              models.all[0].file + " tells " + std::to_string(models.n_classes()) + " apart");
  check_making(making(o), o, models);
  check_cost_table(exits, o, models);
  if (!o.bundle.empty()) weir::detail::check_bundle_folder(o.bundle);
}

}  // namespace adapt
