// What budget_json.hpp declares.
#pragma once
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <weir/policy/choose/budget_json.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

WEIR_INLINE nlohmann::json redrawn_json(const Redrawn& r) {
  const Interval share = r.share95();
  return {{"draws", r.draws}, {"above", r.above}, {"none", r.none}, {"low95", share.low}, {"high95", share.high}};
}

WEIR_INLINE nlohmann::json budget_json(const Budget& budget, const Choice& choice, const std::string& unit) {
  const std::string cost = cost_field(unit);
  const std::array<std::string, 3> names{"excess", "difference", cost};
  nlohmann::json json = {{"on", names[static_cast<std::size_t>(budget.on)]},
                         {"value", budget.value},
                         {"margin", budget.margin == Margin::none ? "none" : "upper_limit"},
                         {"n_calibration", choice.n_calibration},
                         {"calibration",
                          {{cost, choice.calibration.cost},
                           {"loss", choice.calibration.loss},
                           {"excess", choice.calibration.excess},
                           {"difference", choice.calibration.difference}}}};
  if (choice.upper_limit) {
    json["confidence"] = budget.confidence;
    json["upper_limit"] = *choice.upper_limit;
  }
  if (!choice.missing.empty()) json["missing"] = choice.missing;
  if (choice.redrawn) json["redrawn"] = redrawn_json(*choice.redrawn);
  return json;
}

}  // namespace weir::detail
