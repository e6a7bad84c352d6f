/// What is looked at before anything that takes long.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/trace/loss.hpp>

#include "models.hpp"

namespace adapt {

/// Nothing named: Fashion-MNIST and the three networks of bench/networks. Throws ArgumentError where some is named that
/// is of no use without what is not.
inline void fill_defaults(Options& o) {
  if (o.images.empty()) {
    if (!o.networks.empty())
      throw weir::ArgumentError(
          "--network needs --images: the labelled images to learn from. Without both, Fashion-MNIST and the networks "
          "of "
          "bench/networks are taken");
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
  const std::string folder = WEIR_SOURCE_DIR "/bench/networks/";
  for (const char* name : {"fashion_alexnet", "fashion_googlenet", "fashion_resnet"})
    o.networks.push_back(folder + name + ".onnx");
  o.preprocess = folder + "models.json";
  if (o.topology == "auto") o.topology = "search";
}

/// Options whose values are only seen to be wrong when they are used. Throws what their use would throw.
inline void check(const Options& o) {
  static_cast<void>(weir::Loss(o.loss));
  static_cast<void>(weir::Context({.threads = o.threads, .isa = o.isa}));
  program::check(o.costs);
  if (!o.test_labels.empty() && o.test_images.empty())
    throw weir::ArgumentError("--test-labels needs --test-images, which the labels are of");
  if (o.labels == no_labels)
    for (const auto& [option, value] :
         {std::pair<std::string, std::string>{"--test-labels", o.test_labels}, {"--head-labels", o.head_labels}})
      if (!value.empty() && value != no_labels)
        throw weir::ArgumentError(option +
                                  ": with --labels none the full network's answers are the labels of all images");
  if (o.labels != no_labels && (o.test_labels == no_labels || o.head_labels == no_labels))
    throw weir::ArgumentError("without labels of some images there can be none of the others: --labels none");
  if (!o.head_labels.empty() && o.head_images.empty())
    throw weir::ArgumentError("--head-labels needs --head-images, which the labels are of");
}

/// Throws ArgumentError for a loss that no answer among these classes can have, and for class names that are not as
/// many as the networks' classes.
inline void check(const Models& models, const Options& o) {
  check_loss(o.loss, models.n_classes());
  if (const weir::detail::ClassNames names = class_names(o.classes, o.preprocess);
      !names.empty() && names.size() != models.n_classes())
    throw weir::ArgumentError(names.source() + ": names of " + std::to_string(names.size()) + " classes, but " +
                              models.all[0].file + " tells " + std::to_string(models.n_classes()) + " apart");
}

/// "selection", "early_exit", "early_exit_NETWORK" and "search".
inline bool is_mode(std::string_view name) {
  return name == "selection" || name == "search" || name == "early_exit" || name.starts_with("early_exit_");
}

/// Whether a file of that name in a folder of traces is one that this program writes.
inline bool is_trace(const std::string& name) {
  if (name == "traces.json") return true;
  for (const std::string_view part : {"_policy", "_calibration", "_test"})
    for (const std::string_view kind : {".csv", ".probabilities.npy"}) {
      const std::string end = std::string(part) + std::string(kind);
      if (name.ends_with(end) && is_mode(std::string_view(name).substr(0, name.size() - end.size()))) return true;
    }
  return false;
}

/// The same in a folder of results, which may hold traces too.
inline bool is_result(const std::string& name) {
  for (const auto& [begin, end] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"policy_", ".json"}, {"decisions_", ".csv"}})
    if (name.starts_with(begin) && name.ends_with(end) && name.size() > begin.size() + end.size() &&
        is_mode(std::string_view(name).substr(begin.size(), name.size() - begin.size() - end.size())))
      return true;
  for (const std::string_view own :
       {"report.html", "summary.json", "curve.csv", "tradeoff.svg", "policy.json", "decisions.csv"})
    if (name == own) return true;
  return is_trace(name);
}

inline bool same_folder(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  return std::filesystem::weakly_canonical(a, error) == std::filesystem::weakly_canonical(b, error);
}

}  // namespace adapt
