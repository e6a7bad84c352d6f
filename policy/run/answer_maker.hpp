/// AnswerMaker: from a stage's tensors to its probabilities, its prediction and its features.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/run/cascade_rows.hpp>
#include <weir/policy/run/not_finite.hpp>

namespace weir::detail {

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
  /// isa: what exit heads run on, as the layers of the networks do.
  AnswerMaker(std::shared_ptr<const CascadeSpec> spec, Isa isa)
      : spec_(std::move(spec)), isa_(isa), has_joins_(spec_->has_joins()), has_scores_(spec_->has_scores()) {
    if (has_joins_) joined_ = JoinedAnswer(Join::mean, spec_->n_classes());
    earlier_scores_.reserve(spec_->stages.size());
    score_inputs_.resize(n_score_inputs(ScoreInputs::history, spec_->stages.size(), spec_->n_classes()));
    logits_.resize(spec_->n_classes());
    feature_seconds_.resize(spec_->stages.size() * feature_list().size());
    for (const CascadeStage& s : spec_->stages) {
      if (s.head) head_inputs_.resize(std::max(head_inputs_.size(), s.head->n_inputs()));
      if (s.projection) own_pooled_.resize(std::max(own_pooled_.size(), s.projection->n_pooled()));
    }
  }

  /// Whether each group of features is also timed, at the price of two readings of the clock for each.
  void time_features(bool on) { times_features_ = on; }

  /// [feature_list.size()] what each group took when stage k last answered, where that was asked for.
  std::span<const double> feature_seconds(std::size_t k) const {
    return {feature_seconds_.data() + k * feature_list().size(), feature_list().size()};
  }

  /// What stage k by itself says of example r, from row i of its tensors: its own probabilities, and all features but
  /// those of a joined answer and the score, which complete_answer() makes. A stage that its head sees has answered.
  /// Throws NotFiniteError, with `row` as the caller counts, where the answer holds NaN or infinity, ArgumentError for
  /// NaN among the features.
  void answer(std::size_t k, const StageTensors& tensors, std::size_t i, std::size_t r, CascadeRows& rows,
              std::size_t row_of_caller) {
    const std::span<float> probabilities = rows.own_probabilities(k, r);
    const std::span<double> features = rows.features(k, r);
    const CascadeStage& s = spec_->stages[k];
    const float* row = row_of(tensors.answer, i);
    FeatureSource source{.probabilities = probabilities};
    if (s.head) {
      s.head->pool()(row, example_of(tensors.answer), head_inputs_.data());
      if (const std::size_t j = spec_->seen_by(k); j < spec_->stages.size())
        std::ranges::copy(rows.logits(j, r), head_inputs_.data() + s.head->n_pooled());
      s.head->logits_pooled(head_inputs_.data(), logits_, isa_);
      source.logits = logits_;
    } else if (s.logits) {
      source.logits = {row, probabilities.size()};
    }
    check_finite(
        source.logits.empty() ? std::span<const float>(row, probabilities.size()) : source.logits,
        [&] { return spec_->network(s.network).source(); }, s.tensor, row_of_caller);
    if (spec_->is_seen(k)) std::ranges::copy(source.logits, rows.logits(k, r).begin());
    if (source.logits.empty())
      std::copy_n(row, probabilities.size(), probabilities.begin());
    else
      softmax(source.logits, probabilities);
    const StageFeatures& own = spec_->features(k);
    double* seconds = nullptr;
    if (times_features_) {
      seconds = feature_seconds_.data() + k * feature_list().size();
      std::fill_n(seconds, feature_list().size(), 0.0);
    }
    if (s.form.join == Join::own) {
      own.fill(FeatureInput::answer, source, features, seconds);
      rows.prediction(k, r) = source.prediction;
    }
    if (own.reads(FeatureInput::activations)) {
      source.projection = &*s.projection;
      if (s.head_pools()) source.pooled = {head_inputs_.data(), s.head->n_pooled()};
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
  }

  /// Joins stage k's probabilities with those of earlier stages and appends its score, for example r; they must have
  /// answered.
  void complete_answer(std::size_t k, std::size_t r, CascadeRows& rows) {
    if (has_joins_) join(k, r, rows);
    if (!has_scores_) return;
    const std::span<double> features = rows.features(k, r);
    features.back() = 0;
    const AnswerForm& form = spec_->stages[k].form;
    if (!form.score) return;
    std::size_t agreeing = 0;
    earlier_scores_.clear();
    for (const std::size_t j : spec_->gate_inputs().before(k)) {
      agreeing += rows.prediction(j, r) == rows.prediction(k, r) ? 1 : 0;
      earlier_scores_.push_back(rows.features(j, r).back());
    }
    fill_score_inputs(form.score->inputs, rows.probabilities(k, r), features, agreeing, earlier_scores_, score_inputs_);
    features.back() = form.score->model.decision_function(score_inputs_);
  }

 private:
  void join(std::size_t k, std::size_t r, CascadeRows& rows) {
    const AnswerForm& form = spec_->stages[k].form;
    const std::span<float> p = rows.probabilities(k, r);
    joined_.start(form.join);
    if (form.join != Join::own)
      for (const std::size_t j : spec_->gate_inputs().before(k)) joined_.add(rows.own_probabilities(j, r));
    joined_.add(rows.own_probabilities(k, r));
    joined_.write(p);
    if (form.join == Join::own) return;
    FeatureSource source{.probabilities = p};
    double* seconds = times_features_ ? feature_seconds_.data() + k * feature_list().size() : nullptr;
    spec_->features(k).fill(FeatureInput::answer, source, rows.features(k, r), seconds);
    rows.prediction(k, r) = source.prediction;
  }

  static Shape example_of(const ConstView& y) { return Shape(std::span(y.shape.begin() + 1, y.shape.end())); }
  static const float* row_of(const ConstView& y, std::size_t i) {
    return y.data + i * (y.size() / static_cast<std::size_t>(y.shape[0]));
  }

  std::shared_ptr<const CascadeSpec> spec_;
  Isa isa_;
  bool has_joins_, has_scores_, times_features_ = false;
  JoinedAnswer joined_{Join::own, 0};
  std::vector<float> logits_, head_inputs_, own_pooled_;
  std::vector<double> feature_seconds_, earlier_scores_, score_inputs_;
};

}  // namespace weir::detail
