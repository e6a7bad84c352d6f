/// What a gate sees: its own stage's features, and what the stages before it answered.
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/run/topology.hpp>

namespace weir::detail {

/// What one stage answered on one example.
struct StageAnswer {
  int prediction = 0;                ///< predicted class
  std::span<const double> features;  ///< [d] the stage's own features, as StageTrace::features has them
};

/// Layout of a gate's input. At stage k it is
///
///     features of k,  then for each j of topology.before(k), ascending:  agree_j,  features of j
///
/// with agree_j = 1 where stage j predicted the same class as stage k and 0 otherwise. Only stages that every path to k
/// runs are in it, so it is known on whatever path the example came. `fill` serves training and running alike, so both
/// see the same bits.
class GateInputs {
 public:
  GateInputs() = default;

  /// n_features[k]: how many features stage k has of its own. Throws ArgumentError for a bad topology and ShapeError
  /// where there is not one count per stage.
  GateInputs(const Topology& topology, std::vector<std::size_t> n_features) : n_features_(std::move(n_features)) {
    topology.check();
    if (n_features_.size() != topology.size())
      throw ShapeError(
          detail::message({"gate inputs: ", n_features_.size(), " feature counts for ", topology.size(), " stages"}));
    for (std::size_t k = 0; k < topology.size(); ++k) {
      before_.push_back(topology.before(k));
      std::size_t size = n_features_[k];
      for (const std::size_t j : before_.back()) size += 1 + n_features_[j];
      size_.push_back(size);
    }
  }

  std::size_t n_stages() const { return size_.size(); }

  /// Number of features that stage k has of its own.
  std::size_t own_size(std::size_t k) const { return n_features_.at(k); }

  /// Number of values that the gate at stage k sees.
  std::size_t size(std::size_t k) const { return size_.at(k); }

  /// The largest size of any stage: a buffer of this many doubles serves them all.
  std::size_t max_size() const { return size_.empty() ? 0 : *std::max_element(size_.begin(), size_.end()); }

  /// The stages other than k whose answers the gate at k uses, ascending.
  std::span<const std::size_t> before(std::size_t k) const { return before_[k]; }

  /// Writes size(k) values to the front of `out`. answers [n_stages]; read are those of k and of before(k). Neither
  /// allocates nor throws; sizes are trusted.
  void fill(std::size_t k, std::span<const StageAnswer> answers, std::span<double> out) const {
    const StageAnswer& own = answers[k];
    auto to = std::copy(own.features.begin(), own.features.end(), out.begin());
    for (const std::size_t j : before_[k]) {
      *to++ = answers[j].prediction == own.prediction ? 1.0 : 0.0;
      to = std::copy(answers[j].features.begin(), answers[j].features.end(), to);
    }
  }

  /// [size(k)] "max_probability", ..., "agree(stem)", "stem.max_probability", ...: own features by their plain name.
  std::vector<std::string> names(std::size_t k, const Topology& topology,
                                 const std::vector<std::vector<std::string>>& feature_names) const {
    std::vector<std::string> all = feature_names.at(k);
    for (const std::size_t j : before_.at(k)) {
      const std::string& stage = topology.stages.at(j).name;
      all.push_back("agree(" + stage + ")");
      for (const auto& name : feature_names.at(j)) all.push_back(stage + "." + name);
    }
    return all;
  }

 private:
  std::vector<std::size_t> n_features_;
  std::vector<std::vector<std::size_t>> before_;
  std::vector<std::size_t> size_;
};

}  // namespace weir::detail
