/// Gate: the decision behind one stage, to exit or which stage to run next.
#pragma once
#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/models/foreign_model.hpp>

namespace weir {

/// One binary model for each pair of actions a < b, which prefers b where its decision_function is > 0. The action that
/// wins most pairs is taken, the lower one of equals (all-pairs reduction of cost-sensitive classification:
/// Beygelzimer, Dani, Hayes, Langford, Zadrozny, ICML 2005). With two actions this is the binary gate of Bolukbasi et
/// al., ICML 2017.
///
/// Action 0 exits; action a > 0 runs Topology::Stage::next[a - 1].
class Gate {
 public:
  static constexpr std::size_t max_actions = 64;

  /// The gate of a stage without successors: it always exits, whatever it is shown.
  Gate() = default;

  /// models in the order (0,1), (0,2), ..., (0,A-1), (1,2), ...: A (A - 1) / 2 of them, each over n_features features.
  /// Throws ArgumentError otherwise, and for more than max_actions actions or none.
  Gate(std::size_t n_actions, std::size_t n_features, std::vector<detail::GateModel> models);

  /// Always takes this action.
  static Gate constant(std::size_t action, std::size_t n_actions, std::size_t n_features);

  /// The gate of a decision function of a program's own: takes `action` where its value is > 0, else exits, and never
  /// does anything else. `learner` is the name under which register_model() reads the function from policy.json. Throws
  /// ArgumentError for a name of weir's learners, without a function, and unless 0 < action < n_actions.
  static Gate of_function(const std::string& learner, std::shared_ptr<const DecisionFunction> function,
                          std::size_t n_actions = 2, std::size_t action = 1);

  static constexpr std::size_t n_pairs(std::size_t n_actions) { return n_actions * (n_actions - 1) / 2; }

  std::size_t n_actions() const { return n_actions_; }
  std::size_t n_features() const { return n_features_; }
  const std::vector<detail::GateModel>& models() const { return models_; }

  /// The action for one example; x [n_features]. Allocates nothing; throws ShapeError where x has another size.
  std::size_t action(std::span<const double> x) const;

  bool operator==(const Gate&) const = default;

 private:
  std::size_t n_actions_ = 1;
  std::size_t n_features_ = 0;
  std::vector<detail::GateModel> models_;
};

/// {"n_actions": A, "n_features": d, "models": [...]}
void to_json(nlohmann::json& json, const Gate& gate);

/// Throws FormatError for anything but what to_json wrote.
void from_json(const nlohmann::json& json, Gate& gate);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/gate.ipp>
#endif
