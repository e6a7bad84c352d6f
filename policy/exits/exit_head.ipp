// What exit_head.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/kernels/micro/dot_tile.hpp>
#include <weir/core/kernels/micro/list.hpp>
#include <weir/policy/exits/dot.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

WEIR_INLINE ExitHead::ExitHead(detail::GridPool pool, std::size_t n_classes, std::vector<float> weights,
                               std::vector<float> bias)
    : pool_(pool), n_classes_(n_classes), weights_(std::move(weights)), bias_(std::move(bias)) {
  if (n_classes < 2 || bias_.size() != n_classes || weights_.empty() || weights_.size() % n_classes != 0)
    throw ShapeError("exit head: weights must be [classes, pooled] and bias [classes]");
}

WEIR_INLINE ExitHead::ExitHead(detail::GridPool pool, HiddenLayer hidden, std::size_t n_classes,
                               std::vector<float> weights, std::vector<float> bias)
    : pool_(pool),
      hidden_(std::move(hidden)),
      n_classes_(n_classes),
      weights_(std::move(weights)),
      bias_(std::move(bias)) {
  const std::size_t units = hidden_.bias.size();
  if (units < 1 || units > detail::max_hidden_units || hidden_.weights.empty() || hidden_.weights.size() % units != 0)
    throw ShapeError(
        detail::message({"exit head: hidden weights must be [units, pooled] and their bias [units], with 1 to ",
                         detail::max_hidden_units, " units"}));
  if (n_classes < 2 || bias_.size() != n_classes || weights_.size() != n_classes * units)
    throw ShapeError("exit head: weights must be [classes, units] and bias [classes]");
}

WEIR_INLINE ExitHead ExitHead::with_temperature(double temperature) const {
  if (!(temperature >= detail::min_temperature && temperature <= detail::max_temperature))
    throw ArgumentError(detail::message({"exit head: the temperature must be in [0.01, 100], got ", temperature}));
  ExitHead head = *this;
  head.temperature_ = temperature;
  return head;
}

WEIR_INLINE ExitHead ExitHead::seeing_earlier() const {
  if (n_inputs() <= n_classes_)
    throw ShapeError(detail::message({"exit head: ", n_inputs(), " inputs cannot hold the ", n_classes_,
                                      " logits of the exit before and pooled values too"}));
  ExitHead head = *this;
  head.sees_earlier_ = true;
  return head;
}

WEIR_INLINE void ExitHead::predict(const float* activations, const Shape& example, float* scratch,
                                   std::span<float> probabilities, std::span<const float> earlier) const {
  pool_(activations, example, scratch);
  std::copy(earlier.begin(), earlier.end(), scratch + n_pooled());
  predict_pooled(scratch, probabilities);
}

WEIR_INLINE void ExitHead::predict_pooled(const float* inputs, std::span<float> probabilities) const {
  logits_pooled(inputs, probabilities);
  detail::softmax(probabilities, probabilities);
}

WEIR_INLINE void ExitHead::logits_pooled(const float* inputs, std::span<float> logits, Isa isa) const {
  std::array<float, detail::max_hidden_units>
      hidden;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before read
  std::size_t D = n_inputs();
  if (const std::size_t units = n_hidden(); units > 0) {
    const kernels::DotTileKernel dot = kernels::microkernels(isa).dot_tile[0];
    float sums[kernels::most_dot_outputs];
    const auto in = static_cast<std::int64_t>(D);
    for (std::size_t first = 0; first < units; first += kernels::most_dot_outputs) {
      const std::size_t n = std::min<std::size_t>(kernels::most_dot_outputs, units - first);
      dot({.K = in,
           .x = inputs,
           .ldx = in,
           .weights = hidden_.weights.data() + first * D,
           .ldw = in,
           .outputs = static_cast<std::int64_t>(n),
           .sums = sums});
      for (std::size_t u = 0; u < n; ++u) hidden[first + u] = std::max(0.0F, sums[u] + hidden_.bias[first + u]);
    }
    inputs = hidden.data();
    D = units;
  }
  const auto scale = static_cast<float>(1 / temperature_);
  for (std::size_t c = 0; c < n_classes_; ++c)
    logits[c] = scale * detail::dot_from(bias_[c], weights_.data() + c * D, inputs, D);
}

WEIR_INLINE bool ExitHead::operator==(const ExitHead& o) const {
  return pool_.grid == o.pool_.grid && hidden_ == o.hidden_ && n_classes_ == o.n_classes_ && weights_ == o.weights_ &&
         bias_ == o.bias_ && temperature_ == o.temperature_ && sees_earlier_ == o.sees_earlier_;
}

}  // namespace weir
