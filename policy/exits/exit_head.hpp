/// Exit head: a classifier of one or two layers on the pooled activations of a layer, the answer of an early exit.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/learners/models/model_json.hpp>

namespace weir::detail {

/// Temperatures of an exit head, and those that fit_temperature looks among.
inline constexpr double min_temperature = 0.01, max_temperature = 100;

}  // namespace weir::detail

namespace weir {

/// The first layer of a head of two: h = max(0, V x + v).
struct HiddenLayer {
  std::vector<float> weights;  ///< V [units, pooled]
  std::vector<float> bias;     ///< v [units]

  bool operator==(const HiddenLayer&) const = default;
};

}  // namespace weir

namespace weir::detail {

/// The most hidden units of an exit head.
inline constexpr std::size_t max_hidden_units = 1024;

}  // namespace weir::detail

namespace weir {

/// p = softmax((W x + b) / T) with x = z, or x = max(0, V z + v) where the head has a hidden layer; the temperature T
/// calibrates it (1 as fitted). z = pool(a); or, where the head sees the exit before it, pool(a) followed by the logits
/// (W x + b) / T of that exit: what it knows need not be found again (Wolczyk et al., Zero Time Waste, NeurIPS 2021).
/// Immutable.
class ExitHead {
 public:
  ExitHead() = default;
  /// weights [classes, pooled]; bias [classes]. Throws ShapeError where they disagree.
  ExitHead(detail::GridPool pool, std::size_t n_classes, std::vector<float> weights, std::vector<float> bias);

  /// The same behind a hidden layer of 1 to max_hidden_units: weights [classes, units]. Throws ShapeError.
  ExitHead(detail::GridPool pool, HiddenLayer hidden, std::size_t n_classes, std::vector<float> weights,
           std::vector<float> bias);

  const detail::GridPool& pool() const { return pool_; }
  std::size_t n_classes() const { return n_classes_; }
  double temperature() const { return temperature_; }
  /// Units of the hidden layer; 0 where there is none.
  std::size_t n_hidden() const { return hidden_.bias.size(); }
  /// Values that the head reads: n_pooled() of its layer, then n_earlier() logits of the exit before.
  std::size_t n_inputs() const {
    const std::size_t inputs = n_classes_ == 0 ? 0 : weights_.size() / n_classes_;
    return n_hidden() == 0 ? inputs : hidden_.weights.size() / n_hidden();
  }
  std::size_t n_pooled() const { return n_inputs() - n_earlier(); }
  /// n_classes() where the head sees the exit before it, else 0.
  std::size_t n_earlier() const { return sees_earlier_ ? n_classes_ : 0; }
  bool sees_earlier() const { return sees_earlier_; }
  /// Multiplications for one pooled vector.
  std::size_t n_weights() const { return hidden_.weights.size() + weights_.size(); }

  /// This head at another temperature. Throws ArgumentError outside [min_temperature, max_temperature].
  ExitHead with_temperature(double temperature) const;

  /// This head, the last n_classes() of whose inputs are the logits of the exit before. Throws ShapeError where it has
  /// no more inputs than that.
  ExitHead seeing_earlier() const;

  /// Class probabilities of one example. activations of shape `example` (without the batch), scratch [n_inputs],
  /// probabilities [n_classes], earlier [n_earlier]: the logits of the exit before. Neither allocates nor throws.
  /// O(C H W + classes * inputs).
  void predict(const float* activations, const Shape& example, float* scratch, std::span<float> probabilities,
               std::span<const float> earlier = {}) const;

  /// The same from its inputs: the pooled vector, then the logits of the exit before.
  void predict_pooled(const float* inputs, std::span<float> probabilities) const;

  /// (W x + b) / T, [n_classes], from the same inputs. A hidden layer runs on the micro-kernels of `isa`, as layers of
  /// networks do, and its bits depend on them; a head of one layer has the same bits everywhere.
  void logits_pooled(const float* inputs, std::span<float> logits, Isa isa = Isa::portable) const;

  /// "temperature" is there only where it is not 1, "hidden" where there is such a layer, "earlier" where it is true.
  friend void to_json(nlohmann::json& json, const ExitHead& h) {
    json = {{"grid", h.pool_.grid}, {"classes", h.n_classes_}, {"weights", h.weights_}, {"bias", h.bias_}};
    if (h.n_hidden() > 0) json["hidden"] = {{"weights", h.hidden_.weights}, {"bias", h.hidden_.bias}};
    if (h.temperature_ != 1) json["temperature"] = h.temperature_;
    if (h.sees_earlier_) json["earlier"] = true;
  }

  /// Throws FormatError for anything but what to_json wrote.
  friend void from_json(const nlohmann::json& json, ExitHead& h) {
    detail::refuse_unknown_keys(json, {"grid", "classes", "weights", "bias", "temperature", "hidden", "earlier"});
    const detail::GridPool pool{static_cast<int>(model_json::index(json, "grid", 1024))};
    try {
      const std::size_t classes = model_json::index(json, "classes", 1 << 20);
      auto weights = model_json::floats(json, "weights", "exit head"),
           bias = model_json::floats(json, "bias", "exit head");
      if (json.contains("hidden")) {
        const auto& hidden = json.at("hidden");
        detail::refuse_unknown_keys(hidden, {"weights", "bias"});
        h = ExitHead(pool,
                     {model_json::floats(hidden, "weights", "exit head's hidden layer"),
                      model_json::floats(hidden, "bias", "exit head's hidden layer")},
                     classes, std::move(weights), std::move(bias));
      } else {
        h = ExitHead(pool, classes, std::move(weights), std::move(bias));
      }
      if (json.contains("temperature")) h = h.with_temperature(model_json::number(json, "temperature"));
      if (json.contains("earlier")) {
        if (!json.at("earlier").is_boolean()) throw FormatError("exit head: 'earlier' must be true or false");
        if (json.at("earlier").get<bool>()) h = h.seeing_earlier();
      }
    } catch (const ShapeError& e) {
      throw FormatError(e.what());
    } catch (const ArgumentError& e) {
      throw FormatError(e.what());
    }
    if (pool.grid < 1) throw FormatError("exit head: 'grid' must be at least 1");
  }

  bool operator==(const ExitHead& o) const;

 private:
  detail::GridPool pool_;
  HiddenLayer hidden_;
  std::size_t n_classes_ = 0;
  std::vector<float> weights_, bias_;
  double temperature_ = 1;
  bool sees_earlier_ = false;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/exits/exit_head.ipp>
#endif
