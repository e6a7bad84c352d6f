/// PooledProjection: a layer's activations, pooled over the image and projected to the few numbers that a gate reads.
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
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

/// y = W pool(a) + b, or pool(a) itself where there is no W. With pool of grid 1 that is global average pooling. For
/// gates W comes from fit_pooled_projection(). Immutable.
class PooledProjection {
 public:
  PooledProjection() = default;

  /// The n_pooled pooled values themselves.
  PooledProjection(GridPool pool, std::size_t n_pooled) : pool_(pool), n_pooled_(n_pooled) {
    if (pool.grid < 1 || n_pooled < 1) throw ShapeError("pooled projection: grid and size must be at least 1");
  }

  /// weights [size, n_pooled]; bias [size]. Throws ShapeError where they disagree.
  PooledProjection(GridPool pool, std::size_t n_pooled, std::vector<float> weights, std::vector<float> bias)
      : PooledProjection(pool, n_pooled) {
    if (bias.empty() || weights.size() / n_pooled != bias.size() || weights.size() % n_pooled != 0)
      throw ShapeError("pooled projection: " + std::to_string(weights.size()) + " weights are not [" +
                       std::to_string(bias.size()) + ", " + std::to_string(n_pooled) + "]");
    weights_ = std::move(weights);
    bias_ = std::move(bias);
  }

  const GridPool& pool() const { return pool_; }
  std::size_t n_pooled() const { return n_pooled_; }
  std::size_t size() const { return bias_.empty() ? n_pooled_ : bias_.size(); }

  /// pooled [n_pooled] -> out [size]. Neither allocates nor throws. O(size n_pooled), of the identity O(n_pooled).
  void operator()(const float* pooled, std::span<double> out) const {
    if (bias_.empty())
      for (std::size_t d = 0; d < n_pooled_; ++d) out[d] = static_cast<double>(pooled[d]);
    for (std::size_t j = 0; j < bias_.size(); ++j)
      out[j] = static_cast<double>(dot_from(bias_[j], weights_.data() + j * n_pooled_, pooled, n_pooled_));
  }

  /// {"grid", "pooled", "weights", "bias"}; the latter two are empty for the identity.
  friend void to_json(nlohmann::json& json, const PooledProjection& p) {
    json = {{"grid", p.pool_.grid}, {"pooled", p.n_pooled_}, {"weights", p.weights_}, {"bias", p.bias_}};
  }

  /// Throws FormatError for anything but what to_json wrote.
  friend void from_json(const nlohmann::json& json, PooledProjection& p) {
    refuse_unknown_keys(json,
                        {"grid", "pooled", "weights", "bias", "tensor"});  // the last: of the stage, see its source
    const GridPool pool{static_cast<int>(model_json::index(json, "grid", 1024))};
    const std::size_t n_pooled = model_json::index(json, "pooled", std::size_t{1} << 24U);
    auto weights = model_json::floats(json, "weights", "pooled projection");
    auto bias = model_json::floats(json, "bias", "pooled projection");
    try {
      p = weights.empty() && bias.empty() ? PooledProjection(pool, n_pooled)
                                          : PooledProjection(pool, n_pooled, std::move(weights), std::move(bias));
    } catch (const ShapeError& e) {
      throw FormatError(e.what());
    }
  }

  bool operator==(const PooledProjection& o) const {
    return pool_.grid == o.pool_.grid && n_pooled_ == o.n_pooled_ && weights_ == o.weights_ && bias_ == o.bias_;
  }

 private:
  GridPool pool_;
  std::size_t n_pooled_ = 0;
  std::vector<float> weights_, bias_;
};

}  // namespace weir
