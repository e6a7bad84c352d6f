// What pooled_projection.hpp declares.
#pragma once
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/exits/dot.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir::detail {

WEIR_INLINE PooledProjection::PooledProjection(GridPool pool, std::size_t n_pooled) : pool_(pool), n_pooled_(n_pooled) {
  if (pool.grid < 1 || n_pooled < 1) throw ShapeError("pooled projection: grid and size must be at least 1");
}

WEIR_INLINE PooledProjection::PooledProjection(GridPool pool, std::size_t n_pooled, std::vector<float> weights,
                                               std::vector<float> bias)
    : PooledProjection(pool, n_pooled) {
  if (bias.empty() || weights.size() / n_pooled != bias.size() || weights.size() % n_pooled != 0)
    throw ShapeError(detail::message(
        {"pooled projection: ", weights.size(), " weights are not [", bias.size(), ", ", n_pooled, "]"}));
  weights_ = std::move(weights);
  bias_ = std::move(bias);
}

WEIR_INLINE void PooledProjection::operator()(const float* pooled, std::span<double> out) const {
  if (bias_.empty())
    for (std::size_t d = 0; d < n_pooled_; ++d) out[d] = static_cast<double>(pooled[d]);
  for (std::size_t j = 0; j < bias_.size(); ++j)
    out[j] = static_cast<double>(dot_from(bias_[j], weights_.data() + j * n_pooled_, pooled, n_pooled_));
}

WEIR_INLINE bool PooledProjection::operator==(const PooledProjection& o) const {
  return pool_.grid == o.pool_.grid && n_pooled_ == o.n_pooled_ && weights_ == o.weights_ && bias_ == o.bias_;
}

}  // namespace weir::detail
