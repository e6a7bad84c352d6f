/// What a policy file says of the budget that its policy was chosen for.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <weir/core/compile.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

/// A Redrawn (redraw.hpp) as policy.json and summary.json have it, with 95 % limits.
nlohmann::json redrawn_json(const Redrawn& r);

/// The budget and what calibration found, for people and for programs that plot; "seconds" is called "cost" where the
/// unit is another.
nlohmann::json budget_json(const Budget& budget, const Choice& choice, const std::string& unit = cost_unit::seconds);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/choose/budget_json.ipp>
#endif
