// What stage_cost.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir::detail {

WEIR_INLINE std::string cost_field(const std::string& unit) { return unit == cost_unit::seconds ? "seconds" : "cost"; }

WEIR_INLINE void check_cost_unit(const std::string& unit) {
  const bool printable = std::ranges::all_of(unit, [](char c) { return c >= ' ' && c <= '~'; });
  if (unit.empty() || unit.size() > 40 || !printable || unit.front() == ' ' || unit.back() == ' ')
    throw ArgumentError(
        detail::message({"a unit of cost is 1 to 40 printable characters, not '", (printable ? unit : ""), "'"}));
}

WEIR_INLINE std::string format_cost(double cost, const std::string& unit) {
  static constexpr std::array<std::pair<double, const char*>, 6> prefixes{
      {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "u"}}};
  const bool is_seconds = unit == cost_unit::seconds;
  const bool scaled = is_seconds || unit == cost_unit::flop || unit == cost_unit::joule;
  double scale = 1;
  std::string prefix;
  if (scaled && cost != 0)
    for (const auto& [factor, name] : prefixes) {
      if (factor > 1 && is_seconds) continue;  // kiloseconds are no unit that people use
      if (factor < 1 && unit == cost_unit::flop) break;
      scale = factor;
      prefix = name;
      if (std::abs(cost) >= factor) break;
    }
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%.4g", cost / scale);
  return digits.data() + (" " + prefix) + (is_seconds ? "s" : unit);
}

WEIR_INLINE std::vector<std::size_t> batch_sizes(std::size_t batch) {
  std::vector<std::size_t> sizes;
  for (std::size_t b = 1; b < batch; b *= 4) sizes.push_back(b);
  sizes.push_back(std::max<std::size_t>(batch, 1));
  return sizes;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void StageCost::add_features(double w, const StageCost& other) {
  for (const auto& [group, s] : other.feature_costs) feature_costs[group] += w * s;
}

WEIR_INLINE void CostModel::check() const {
  detail::check_cost_unit(unit);
  if (batches.empty() || batches.front() == 0 ||
      std::ranges::adjacent_find(batches, std::greater_equal<>()) != batches.end())
    throw ArgumentError("cost model: sizes of batch must ascend from 1 or more");
  if (costs.size() != batches.size()) throw ShapeError("cost model: costs for each size of batch are needed");
  for (std::size_t b = 0; b < batches.size(); ++b) {
    if (costs[b].empty() || costs[b].size() != costs[0].size())
      throw ShapeError("cost model: the same stages are needed for each size of batch");
    for (std::size_t k = 0; k < costs[b].size(); ++k) {
      const StageCost& c = costs[b][k];
      if (!(c.cost >= 0) || !std::isfinite(c.cost) || !(c.answer_cost >= 0) || c.answer_cost > c.cost)
        throw ArgumentError(detail::message({"cost model: the cost of stage ", k, " in batches of ", batches[b],
                                             " must be finite and >= 0, and that of its answer in [0, cost]"}));
      for (const auto& [group, s] : c.feature_costs)
        if (!(s >= 0) || !std::isfinite(s))
          throw ArgumentError(detail::message(
              {"cost model: the cost of features '", group, "' of stage ", k, " must be finite and >= 0"}));
    }
  }
}

WEIR_INLINE StageCost CostModel::at(std::size_t k, std::size_t n) const {
  const auto above = std::ranges::lower_bound(batches, n);
  if (above == batches.end()) return costs.back()[k];
  const auto j = static_cast<std::size_t>(above - batches.begin());
  if (j == 0 || *above == n) return costs[j][k];
  const auto size = static_cast<double>(n), low = static_cast<double>(batches[j - 1]),
             high = static_cast<double>(batches[j]);
  const double share = (size - low) / (high - low);
  const auto between = [&](double a, double b) { return ((1 - share) * low * a + share * high * b) / size; };
  const double sum = between(costs[j - 1][k].cost, costs[j][k].cost);
  StageCost cost{sum, std::min(sum, between(costs[j - 1][k].answer_cost, costs[j][k].answer_cost))};
  cost.add_features(between(1, 0), costs[j - 1][k]);
  cost.add_features(between(0, 1), costs[j][k]);
  return cost;
}

WEIR_INLINE StageCost CostModel::expected(std::size_t k, std::size_t batch, double share) const {
  if (batch == 0 || !(share >= 0 && share <= 1))
    throw ArgumentError("cost model: a batch of at least 1 and a share in [0, 1] are needed");
  if (share == 0 || batch == 1 || !depends_on_batch()) return at(k, 1);
  if (share == 1) return at(k, batch);
  const auto others = static_cast<double>(batch - 1);
  const double log_odds = std::log(share) - std::log1p(-share);
  double log_p = others * std::log1p(-share);  // of N = 0
  StageCost sum;
  double total = 0;
  for (std::size_t n = 0; n < batch; ++n) {
    const StageCost c = at(k, 1 + n);
    const double p = std::exp(log_p), count = static_cast<double>(n);
    sum.cost += p * c.cost;
    sum.answer_cost += p * c.answer_cost;
    sum.add_features(p, c);
    total += p;
    log_p += log_odds + std::log((others - count) / (count + 1));
  }
  sum.cost /= total;
  sum.answer_cost = std::min(sum.cost, sum.answer_cost / total);
  for (auto& [group, s] : sum.feature_costs) s /= total;
  return sum;
}

WEIR_INLINE std::vector<StageCost> CostModel::expected(std::size_t batch, const std::vector<double>& share) const {
  if (share.size() != n_stages())
    throw ShapeError(detail::message({"cost model: ", share.size(), " shares for ", n_stages(), " stages"}));
  std::vector<StageCost> all;
  for (std::size_t k = 0; k < share.size(); ++k) all.push_back(expected(k, batch, share[k]));
  return all;
}

}  // namespace weir
