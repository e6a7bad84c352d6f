/// AnswerMaker: from a stage's tensors to its probabilities, its prediction and its features.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>
#include <weir/policy/cascade_spec.hpp>

namespace weir {

/// The tensors of one stage, [N, ...] each: the answer is made from the first, features from all of them.
struct StageTensors {
  ConstView answer;   ///< CascadeStage::tensor
  ConstView to_pool;  ///< CascadeStage::tensor_to_pool(), where the stage's features read activations
  ConstView image{};  ///< the network's input, where they read images
};

/// One thread's scratch for the answers of a cascade; recording and running make them by the same code. Allocates
/// nothing but when it is made.
class AnswerMaker {
 public:
  explicit AnswerMaker(std::shared_ptr<const CascadeSpec> spec) : spec_(std::move(spec)) {
    logits_.resize(spec_->n_classes());
    feature_seconds_.resize(spec_->stages.size() * feature_list.size());
    for (const CascadeStage& s : spec_->stages) {
      if (s.head) head_pooled_.resize(std::max(head_pooled_.size(), s.head->n_pooled()));
      if (s.projection) own_pooled_.resize(std::max(own_pooled_.size(), s.projection->n_pooled()));
    }
  }

  /// Whether each group of features is also timed, at the price of two readings of the clock for each.
  void time_features(bool on) { times_features_ = on; }

  /// [feature_list.size()] what each group took when stage k last answered, where that was asked for.
  std::span<const double> feature_seconds(std::size_t k) const {
    return {feature_seconds_.data() + k * feature_list.size(), feature_list.size()};
  }

  /// The prediction of stage k from row i of its tensors. probabilities [classes] and features
  /// [spec.features(k).size()] are written. Throws ArgumentError for NaN in either.
  int answer(std::size_t k, const StageTensors& tensors, std::size_t i, std::span<float> probabilities,
             std::span<double> features) {
    const CascadeStage& s = spec_->stages[k];
    const float* row = row_of(tensors.answer, i);
    FeatureSource source{.probabilities = probabilities};
    if (s.head) {
      s.head->pool()(row, example_of(tensors.answer), head_pooled_.data());
      s.head->logits_pooled(head_pooled_.data(), logits_);
      source.logits = logits_;
    } else if (s.logits) {
      source.logits = {row, probabilities.size()};
    }
    if (source.logits.empty())
      std::copy_n(row, probabilities.size(), probabilities.begin());
    else
      softmax(source.logits, probabilities);
    const StageFeatures& own = spec_->features(k);
    double* seconds = nullptr;
    if (times_features_) {
      seconds = feature_seconds_.data() + k * feature_list.size();
      std::fill_n(seconds, feature_list.size(), 0.0);
    }
    own.fill(FeatureInput::answer, source, features, seconds);
    if (own.reads(FeatureInput::activations)) {
      source.projection = &*s.projection;
      if (s.head_pools()) source.pooled = {head_pooled_.data(), s.head->n_pooled()};
      source.activations = row_of(tensors.to_pool, i);
      source.example = example_of(tensors.to_pool);
      source.scratch = own_pooled_.data();
      own.fill(FeatureInput::activations, source, features, seconds);
    }
    if (own.reads(FeatureInput::image)) {
      source.image = row_of(tensors.image, i);
      source.image_shape = example_of(tensors.image);
      own.fill(FeatureInput::image, source, features, seconds);
    }
    return source.prediction;
  }

 private:
  static Shape example_of(const ConstView& y) { return Shape(std::span(y.shape.begin() + 1, y.shape.end())); }
  static const float* row_of(const ConstView& y, std::size_t i) {
    return y.data + i * (y.size() / static_cast<std::size_t>(y.shape[0]));
  }

  std::shared_ptr<const CascadeSpec> spec_;
  bool times_features_ = false;
  std::vector<float> logits_, head_pooled_, own_pooled_;
  std::vector<double> feature_seconds_;
};

}  // namespace weir
