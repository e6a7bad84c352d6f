/// A learned number of each stage's answer, which gates see beside its other features.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <weir/core/error.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/run/joined_answer.hpp>

namespace weir {

/// The name of that feature. It is the last one; 0 where a stage has no score.
inline constexpr std::string_view stage_score_feature = "stage_score";

/// What a score reads.
enum class ScoreInputs {
  statistics,  ///< max p, entropy (nats), margin, and the entropy of the squares p_c^2 / sum p^2
  history      ///< max p, entropy, the vote share, the scores of the stages before, and p of few classes
};

/// max p, entropy (nats), margin, and the entropy of the squares p_c^2 / sum p^2: what the gate of JEI-DNN reads.
/// confidence: confidence_features of p.
inline std::array<double, 4> gate_statistics(std::span<const float> p, std::span<const double> confidence) {
  double squares = 0, entropy = 0;
  for (const float v : p) squares += static_cast<double>(v) * static_cast<double>(v);
  for (const float v : p) {
    const double share = static_cast<double>(v) * static_cast<double>(v) / squares;
    if (share > 1e-30) entropy -= share * std::log(share);
  }
  return {confidence[0], confidence[4], confidence[3], entropy};
}

/// How many inputs a score has at a stage behind `before` others.
inline std::size_t n_score_inputs(ScoreInputs inputs, std::size_t before, std::size_t classes) {
  if (inputs == ScoreInputs::statistics) return 4;
  return 3 + before + (classes <= static_cast<std::size_t>(max_one_hot_classes) ? classes : 0);
}

/// Writes n_score_inputs(inputs, earlier.size(), p.size()) numbers. p: the stage's answer; confidence: its
/// confidence_features; agreeing: how many of the stages before predicted the same class; earlier [before]: their
/// scores, ascending. Allocates nothing. O(classes).
inline void fill_score_inputs(ScoreInputs inputs, std::span<const float> p, std::span<const double> confidence,
                              std::size_t agreeing, std::span<const double> earlier, std::span<double> out) {
  if (inputs == ScoreInputs::statistics) {
    const auto statistics = gate_statistics(p, confidence);
    std::copy(statistics.begin(), statistics.end(), out.begin());
    return;
  }
  out[0] = confidence[0];
  out[1] = confidence[4];
  out[2] = static_cast<double>(agreeing + 1) / static_cast<double>(earlier.size() + 1);
  const auto to = std::copy(earlier.begin(), earlier.end(), out.begin() + 3);
  if (p.size() <= static_cast<std::size_t>(max_one_hot_classes))
    std::transform(p.begin(), p.end(), to, [](float v) { return static_cast<double>(v); });
}

/// f(inputs) of a stage: a linear unit.
struct StageScore {
  ScoreInputs inputs = ScoreInputs::statistics;
  LinearModel model;
  bool operator==(const StageScore&) const = default;
};

/// {"inputs": "statistics" or "history", "model": {...}}
inline void to_json(nlohmann::json& json, const StageScore& s) {
  json = {{"inputs", s.inputs == ScoreInputs::history ? "history" : "statistics"}, {"model", s.model}};
}

/// Throws FormatError for anything but what to_json wrote.
inline void from_json(const nlohmann::json& json, StageScore& s) {
  refuse_unknown_keys(json, {"inputs", "model"});
  const auto& inputs = model_json::field(json, "inputs");
  if (inputs != "history" && inputs != "statistics") throw FormatError("'inputs' must be statistics or history");
  s.inputs = inputs == "history" ? ScoreInputs::history : ScoreInputs::statistics;
  from_json(model_json::field(json, "model"), s.model);
}

/// What a stage makes of its own class probabilities and of what the stages before it said: those that every path to
/// it runs (Topology::before).
struct AnswerForm {
  Join join = Join::own;
  std::optional<StageScore> score{};
  bool operator==(const AnswerForm&) const = default;
};

}  // namespace weir
