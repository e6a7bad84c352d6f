/// PooledProjection: a layer's activations, pooled over the image and projected to the few numbers that a gate reads.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir::detail {

/// y = W pool(a) + b, or pool(a) itself where there is no W. With pool of grid 1 that is global average pooling. For
/// gates W comes from fit_pooled_projection(). Immutable.
class PooledProjection {
 public:
  PooledProjection() = default;

  /// The n_pooled pooled values themselves.
  PooledProjection(GridPool pool, std::size_t n_pooled);

  /// weights [size, n_pooled]; bias [size]. Throws ShapeError where they disagree.
  PooledProjection(GridPool pool, std::size_t n_pooled, std::vector<float> weights, std::vector<float> bias);

  const GridPool& pool() const { return pool_; }
  std::size_t n_pooled() const { return n_pooled_; }
  std::size_t size() const { return bias_.empty() ? n_pooled_ : bias_.size(); }

  /// pooled [n_pooled] -> out [size]. Neither allocates nor throws. O(size n_pooled), of the identity O(n_pooled).
  void operator()(const float* pooled, std::span<double> out) const;

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

  bool operator==(const PooledProjection& o) const;

 private:
  GridPool pool_;
  std::size_t n_pooled_ = 0;
  std::vector<float> weights_, bias_;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/exits/pooled_projection.ipp>
#endif
