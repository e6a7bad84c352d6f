/// A learned number of each stage's answer, which gates see beside its other features.
#pragma once
#include <array>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/run/joined_answer.hpp>

namespace weir::detail {

/// The name of that feature. It is the last one; 0 where a stage has no score.
inline constexpr std::string_view stage_score_feature = "stage_score";

/// What a score reads.
enum class ScoreInputs {
  statistics,  ///< max p, entropy (nats), margin, and the entropy of the squares p_c^2 / sum p^2
  history      ///< max p, entropy, the vote share, the scores of the stages before, and p of few classes
};

/// max p, entropy (nats), margin, and the entropy of the squares p_c^2 / sum p^2: what the gate of JEI-DNN reads.
/// confidence: confidence_features of p.
std::array<double, 4> gate_statistics(std::span<const float> p, std::span<const double> confidence);

/// How many inputs a score has at a stage behind `before` others.
std::size_t n_score_inputs(ScoreInputs inputs, std::size_t before, std::size_t classes);

/// Writes n_score_inputs(inputs, earlier.size(), p.size()) numbers. p: the stage's answer; confidence: its
/// confidence_features; agreeing: how many of the stages before predicted the same class; earlier [before]: their
/// scores, ascending. Allocates nothing. O(classes).
void fill_score_inputs(ScoreInputs inputs, std::span<const float> p, std::span<const double> confidence,
                       std::size_t agreeing, std::span<const double> earlier, std::span<double> out);

/// f(inputs) of a stage: a linear unit.
struct StageScore {
  ScoreInputs inputs = ScoreInputs::statistics;
  LinearModel model;
  bool operator==(const StageScore&) const = default;
};

/// {"inputs": "statistics" or "history", "model": {...}}
void to_json(nlohmann::json& json, const StageScore& s);

/// Throws FormatError for anything but what to_json wrote.
void from_json(const nlohmann::json& json, StageScore& s);

/// What a stage makes of its own class probabilities and of what the stages before it said: those that every path to
/// it runs (Topology::before).
struct AnswerForm {
  Join join = Join::own;
  std::optional<StageScore> score{};
  bool operator==(const AnswerForm&) const = default;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/run/stage_score.ipp>
#endif
