/// CascadeRows: what the stages of a cascade have answered on examples that are on their way.
#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>
#include <weir/policy/run/cascade_spec.hpp>

namespace weir::detail {

/// Probabilities, features and prediction of every stage for rows 0 .. n - 1. Rows are apart from each other: different
/// threads may read and write different rows at once.
/// Memory for a row: stages x (4 classes + 8 d + 4) bytes, d the most features of any stage; 4 classes more where
/// stages join answers, and once more where heads see the exit before them.
class CascadeRows {
 public:
  explicit CascadeRows(const CascadeSpec& spec)
      : n_stages_(spec.stages.size()), n_classes_(spec.n_classes()), has_joins_(spec.has_joins()) {
    for (std::size_t k = 0; k < n_stages_; ++k) {
      n_features_.push_back(spec.feature_names(k).size());
      has_logits_ = has_logits_ || spec.is_seen(k);
    }
    most_features_ = *std::ranges::max_element(n_features_);
  }

  /// Makes room for n rows; what was there is lost where room was short. No other thread may use any row meanwhile.
  void reserve(std::size_t n) {
    if (n <= capacity_) return;
    capacity_ = n;
    probabilities_.resize(n * n_stages_ * n_classes_);
    if (has_joins_) own_probabilities_.resize(n * n_stages_ * n_classes_);
    if (has_logits_) logits_.resize(n * n_stages_ * n_classes_);
    features_.resize(n * n_stages_ * most_features_);
    predictions_.resize(n * n_stages_);
  }

  int& prediction(std::size_t stage, std::size_t row) { return predictions_[slot(stage, row)]; }
  std::span<double> features(std::size_t stage, std::size_t row) {
    return {features_.data() + slot(stage, row) * most_features_, n_features_[stage]};
  }
  std::span<float> probabilities(std::size_t stage, std::size_t row) {
    return {probabilities_.data() + slot(stage, row) * n_classes_, n_classes_};
  }
  /// Of the stage itself, before what joins it with others; the same memory as probabilities() where none joins.
  std::span<float> own_probabilities(std::size_t stage, std::size_t row) {
    auto& all = has_joins_ ? own_probabilities_ : probabilities_;
    return {all.data() + slot(stage, row) * n_classes_, n_classes_};
  }
  /// Of a stage that the head of another one sees.
  std::span<float> logits(std::size_t stage, std::size_t row) {
    return {logits_.data() + slot(stage, row) * n_classes_, n_classes_};
  }

 private:
  std::size_t slot(std::size_t stage, std::size_t row) const { return row * n_stages_ + stage; }

  std::size_t n_stages_, n_classes_, most_features_ = 0, capacity_ = 0;
  std::vector<std::size_t> n_features_;  // by stage
  bool has_joins_, has_logits_ = false;
  std::vector<float> probabilities_, own_probabilities_, logits_;
  std::vector<double> features_;
  std::vector<int> predictions_;
};

}  // namespace weir::detail
