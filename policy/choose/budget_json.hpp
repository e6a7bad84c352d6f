/// What a policy file says of the budget that its policy was chosen for.
#pragma once
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir {

/// The budget and what calibration found, for people and for programs that plot; "seconds" is called "cost" where the
/// unit is another.
inline nlohmann::json budget_json(const Budget& budget, const Choice& choice,
                                  const std::string& unit = cost_unit::seconds) {
  const std::string cost = cost_field(unit);
  const std::array<std::string, 3> names{"excess", "difference", cost};
  nlohmann::json json = {{"on", names[static_cast<std::size_t>(budget.on)]},
                         {"value", budget.value},
                         {"margin", budget.margin == Margin::none ? "none" : "upper_limit"},
                         {"n_calibration", choice.n_calibration},
                         {"calibration",
                          {{cost, choice.calibration.seconds},
                           {"loss", choice.calibration.loss},
                           {"excess", choice.calibration.excess},
                           {"difference", choice.calibration.difference}}}};
  if (choice.upper_limit) {
    json["confidence"] = budget.confidence;
    json["upper_limit"] = *choice.upper_limit;
  }
  return json;
}

}  // namespace weir
