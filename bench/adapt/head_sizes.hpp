/// How many hidden units exit heads may have, and which number is taken.
#pragma once
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/policy/trace/stage_cost.hpp>

#include "options.hpp"

namespace adapt {

/// Whether exit heads have a hidden layer and learn what the full network says; else they learn labels. `cross`: heads
/// are cross-fitted on the policy part. With --quick that is left to heads of one layer, as six fits for each exit take
/// long.
inline bool distils(const Options& o, bool cross) {
  const auto asked = hidden_units_asked(o);
  return asked ? *asked > 0 : !(o.quick && cross);
}

/// The sizes that --hidden auto chooses among, ascending.
inline std::vector<std::size_t> sizes_to_try(const Options& o) {
  return o.quick ? std::vector<std::size_t>{32, 64} : std::vector<std::size_t>{64, 128, 256};
}

/// The size of --hidden auto where nothing can be compared, and the one that exits are placed with.
inline std::size_t usual_units(const Options& o) { return o.quick ? 32 : 128; }

/// Sizes of a network's exit heads, and what the system costs with each.
struct SizesTried {
  std::string network;
  std::vector<std::string> tensors;  ///< where the heads sit
  std::vector<std::size_t> units;    ///< ascending
  std::vector<double> cost;          ///< of each size, by cross-validation
  std::string unit;                  ///< of these costs
  std::size_t taken = 0;             ///< units
};

/// Differences of a cost below this share are taken for noise (figures: policy/README.md, exit heads).
inline constexpr double size_noise = 0.02;

/// The smallest size whose cost is at most size_noise above the least one.
inline std::size_t smallest_of_the_best(const std::vector<std::size_t>& units, const std::vector<double>& cost) {
  const double least = *std::ranges::min_element(cost);
  std::size_t i = 0;
  while (!(cost[i] <= (1 + size_noise) * least)) ++i;
  return units[i];
}

/// "exit heads of b: 64 hidden units, ... : 64 units 211 us, 128 units 209.9 us, 256 units 212.3 us".
inline std::string sizes_line(const SizesTried& t) {
  std::string text = "exit heads of " + t.network + ": " + std::to_string(t.taken) +
                     " hidden units, the smallest size within 2 % of the cheapest; predicted on the policy part, heads "
                     "counted: ";
  for (std::size_t i = 0; i < t.units.size(); ++i)
    text +=
        (i == 0 ? "" : ", ") + std::to_string(t.units[i]) + " units " + weir::detail::format_cost(t.cost[i], t.unit);
  return text;
}

/// For summary.json and policy files.
inline nlohmann::json sizes_json(const std::vector<SizesTried>& all) {
  nlohmann::json json = nlohmann::json::array();
  for (const SizesTried& t : all) {
    nlohmann::json tried = nlohmann::json::array();
    for (std::size_t i = 0; i < t.units.size(); ++i) tried.push_back({{"hidden", t.units[i]}, {"cost", t.cost[i]}});
    json.push_back({{"network", t.network},
                    {"tensors", t.tensors},
                    {"tried", std::move(tried)},
                    {"unit", t.unit},
                    {"hidden", t.taken}});
  }
  return json;
}

}  // namespace adapt
