/// Exit head: a linear classifier on the pooled activations of a layer, the answer of an early exit.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir {

/// Temperatures of an exit head, and those that fit_temperature looks among.
inline constexpr double min_temperature = 0.01, max_temperature = 100;

/// p = softmax((W pool(a) + b) / T): multinomial logistic regression, with a temperature T that calibrates it (1 as
/// fitted). Immutable.
class ExitHead {
 public:
  ExitHead() = default;
  /// weights [classes, pooled]; bias [classes]. Throws ShapeError where they disagree.
  ExitHead(GridPool pool, std::size_t n_classes, std::vector<float> weights, std::vector<float> bias);

  const GridPool& pool() const { return pool_; }
  std::size_t n_classes() const { return n_classes_; }
  double temperature() const { return temperature_; }
  std::size_t n_pooled() const { return n_classes_ == 0 ? 0 : weights_.size() / n_classes_; }

  /// This head at another temperature. Throws ArgumentError outside [min_temperature, max_temperature].
  ExitHead with_temperature(double temperature) const;

  /// Class probabilities of one example. activations of shape `example` (without the batch), scratch [n_pooled],
  /// probabilities [n_classes]. Neither allocates nor throws. O(C H W + classes * pooled).
  void predict(const float* activations, const Shape& example, float* scratch, std::span<float> probabilities) const;

  /// The same from a pooled vector.
  void predict_pooled(const float* pooled, std::span<float> probabilities) const;

  /// (W pooled + b) / T, [n_classes].
  void logits_pooled(const float* pooled, std::span<float> logits) const;

  /// "temperature" is there only where it is not 1.
  friend void to_json(nlohmann::json& json, const ExitHead& h) {
    json = {{"grid", h.pool_.grid}, {"classes", h.n_classes_}, {"weights", h.weights_}, {"bias", h.bias_}};
    if (h.temperature_ != 1) json["temperature"] = h.temperature_;
  }

  /// Throws FormatError for anything but what to_json wrote.
  friend void from_json(const nlohmann::json& json, ExitHead& h) {
    refuse_unknown_keys(json, {"grid", "classes", "weights", "bias", "temperature"});
    const GridPool pool{static_cast<int>(model_json::index(json, "grid", 1024))};
    try {
      h = ExitHead(pool, model_json::index(json, "classes", 1 << 20), model_json::floats(json, "weights", "exit head"),
                   model_json::floats(json, "bias", "exit head"));
      if (json.contains("temperature")) h = h.with_temperature(model_json::number(json, "temperature"));
    } catch (const ShapeError& e) {
      throw FormatError(e.what());
    } catch (const ArgumentError& e) {
      throw FormatError(e.what());
    }
    if (pool.grid < 1) throw FormatError("exit head: 'grid' must be at least 1");
  }

  bool operator==(const ExitHead& o) const;

 private:
  GridPool pool_;
  std::size_t n_classes_ = 0;
  std::vector<float> weights_, bias_;
  double temperature_ = 1;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/exits/exit_head.ipp>
#endif
