// What stage_score.hpp declares.
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
#include <weir/policy/run/stage_score.hpp>

namespace weir::detail {

WEIR_INLINE std::array<double, 4> gate_statistics(std::span<const float> p, std::span<const double> confidence) {
  double squares = 0, entropy = 0;
  for (const float v : p) squares += static_cast<double>(v) * static_cast<double>(v);
  for (const float v : p) {
    const double share = static_cast<double>(v) * static_cast<double>(v) / squares;
    if (share > 1e-30) entropy -= share * std::log(share);
  }
  return {confidence[0], confidence[4], confidence[3], entropy};
}

WEIR_INLINE std::size_t n_score_inputs(ScoreInputs inputs, std::size_t before, std::size_t classes) {
  if (inputs == ScoreInputs::statistics) return 4;
  return 3 + before + (classes <= static_cast<std::size_t>(max_one_hot_classes) ? classes : 0);
}

WEIR_INLINE void fill_score_inputs(ScoreInputs inputs, std::span<const float> p, std::span<const double> confidence,
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

WEIR_INLINE void to_json(nlohmann::json& json, const StageScore& s) {
  json = {{"inputs", s.inputs == ScoreInputs::history ? "history" : "statistics"}, {"model", s.model}};
}

WEIR_INLINE void from_json(const nlohmann::json& json, StageScore& s) {
  refuse_unknown_keys(json, {"inputs", "model"});
  const auto& inputs = model_json::field(json, "inputs");
  if (inputs != "history" && inputs != "statistics") throw FormatError("'inputs' must be statistics or history");
  s.inputs = inputs == "history" ? ScoreInputs::history : ScoreInputs::statistics;
  from_json(model_json::field(json, "model"), s.model);
}

}  // namespace weir::detail
