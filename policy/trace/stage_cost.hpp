/// What stages cost: in which unit, and how that depends on the batch that an example runs in.
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

namespace weir {

/// What a stage added to an example's cost, and the part of it that made the answer: head, features, gate. Seconds
/// unless a cost model with another unit says so.
struct StageCost {
  double seconds = 0;
  double answer_seconds = 0;
  std::map<std::string, double> feature_seconds{};  ///< of answer_seconds, by group of features, where that is known
  bool operator==(const StageCost&) const = default;

  /// Adds what groups of features take in another cost, times w.
  void add_features(double w, const StageCost& other) {
    for (const auto& [group, s] : other.feature_seconds) feature_seconds[group] += w * s;
  }
};

/// Units of cost. Any other text serves as well: a policy only compares costs with each other.
namespace cost_unit {
inline constexpr char seconds[] = "seconds", flop[] = "FLOP", joule[] = "J";
}  // namespace cost_unit

/// What a cost is called in files: seconds by their name, all else "cost".
inline std::string cost_field(const std::string& unit) { return unit == cost_unit::seconds ? "seconds" : "cost"; }

/// Throws ArgumentError unless the text can stand for a unit: 1 to 40 printable characters of ASCII.
inline void check_cost_unit(const std::string& unit) {
  const bool printable = std::ranges::all_of(unit, [](char c) { return c >= ' ' && c <= '~'; });
  if (unit.empty() || unit.size() > 40 || !printable || unit.front() == ' ' || unit.back() == ' ')
    throw ArgumentError("a unit of cost is 1 to 40 printable characters, not '" + (printable ? unit : "") + "'");
}

/// For people: "12.3 us", "4.56 MFLOP", "7.89 mJ"; a unit that is none of cost_unit's stands behind the number as it
/// is.
inline std::string format_cost(double cost, const std::string& unit) {
  static constexpr std::array<std::pair<double, const char*>, 6> prefixes{
      {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "u"}}};
  const bool is_seconds = unit == cost_unit::seconds;
  const bool scaled = is_seconds || unit == cost_unit::flop || unit == cost_unit::joule;
  double scale = 1;
  std::string prefix;
  if (scaled && cost != 0)
    for (const auto& [factor, name] : prefixes) {
      if (factor > 1 && is_seconds) continue;  // nobody says kiloseconds
      if (factor < 1 && unit == cost_unit::flop) break;
      scale = factor;
      prefix = name;
      if (std::abs(cost) >= factor) break;
    }
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%.4g", cost / scale);
  return digits.data() + (" " + prefix) + (is_seconds ? "s" : unit);
}

/// What every stage costs an example, at the sizes of batch that were measured, or that a table gives.
struct CostModel {
  std::string unit = cost_unit::seconds;
  std::vector<std::size_t> batches{1};        ///< ascending, each >= 1
  std::vector<std::vector<StageCost>> costs;  ///< [batches][stages] of one example in a batch of that size

  /// Throws ArgumentError, ShapeError where sizes disagree; for a cost that is negative or not finite, or an answer
  /// that costs more than its stage, naming stage and batch.
  void check() const {
    check_cost_unit(unit);
    if (batches.empty() || batches.front() == 0 ||
        std::ranges::adjacent_find(batches, std::greater_equal<>()) != batches.end())
      throw ArgumentError("cost model: sizes of batch must ascend from 1 or more");
    if (costs.size() != batches.size()) throw ShapeError("cost model: costs for each size of batch are needed");
    for (std::size_t b = 0; b < batches.size(); ++b) {
      if (costs[b].empty() || costs[b].size() != costs[0].size())
        throw ShapeError("cost model: the same stages are needed for each size of batch");
      for (std::size_t k = 0; k < costs[b].size(); ++k) {
        const StageCost& c = costs[b][k];
        if (!(c.seconds >= 0) || !std::isfinite(c.seconds) || !(c.answer_seconds >= 0) || c.answer_seconds > c.seconds)
          throw ArgumentError("cost model: the cost of stage " + std::to_string(k) + " in batches of " +
                              std::to_string(batches[b]) +
                              " must be finite and >= 0, and that of its answer in [0, cost]");
        for (const auto& [group, s] : c.feature_seconds)
          if (!(s >= 0) || !std::isfinite(s))
            throw ArgumentError("cost model: the cost of features '" + group + "' of stage " + std::to_string(k) +
                                " must be finite and >= 0");
      }
    }
  }

  std::size_t n_stages() const { return costs.at(0).size(); }
  bool depends_on_batch() const { return batches.size() > 1; }

  /// Cost of one example of a batch of n >= 1 in which all run stage k. Between two sizes the cost of the whole batch
  /// is interpolated linearly, which is exact where a batch costs a + b n; below the smallest and above the largest
  /// size an example costs what it does there.
  StageCost at(std::size_t k, std::size_t n) const {
    const auto above = std::ranges::lower_bound(batches, n);
    if (above == batches.end()) return costs.back()[k];
    const auto j = static_cast<std::size_t>(above - batches.begin());
    if (j == 0 || *above == n) return costs[j][k];
    const auto size = static_cast<double>(n), low = static_cast<double>(batches[j - 1]),
               high = static_cast<double>(batches[j]);
    const double share = (size - low) / (high - low);
    const auto between = [&](double a, double b) { return ((1 - share) * low * a + share * high * b) / size; };
    const double seconds = between(costs[j - 1][k].seconds, costs[j][k].seconds);
    StageCost cost{seconds, std::min(seconds, between(costs[j - 1][k].answer_seconds, costs[j][k].answer_seconds))};
    cost.add_features(between(1, 0), costs[j - 1][k]);
    cost.add_features(between(0, 1), costs[j][k]);
    return cost;
  }

  /// Expected cost of an example that gets to stage k, where batches of `batch` >= 1 begin and each example of them
  /// gets there with probability `share`, independently of the others:
  ///
  ///     E at(k, 1 + N),   N ~ Binomial(batch - 1, share)
  ///
  /// since it meets those of the others that get there too. (Not at(k, batch share): a batch of which nobody is left
  /// costs nothing, and more of the examples are in the fuller batches.) O(batch).
  StageCost expected(std::size_t k, std::size_t batch, double share) const {
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
      sum.seconds += p * c.seconds;
      sum.answer_seconds += p * c.answer_seconds;
      sum.add_features(p, c);
      total += p;
      log_p += log_odds + std::log((others - count) / (count + 1));
    }
    sum.seconds /= total;
    sum.answer_seconds = std::min(sum.seconds, sum.answer_seconds / total);
    for (auto& [group, s] : sum.feature_seconds) s /= total;
    return sum;
  }

  /// expected() of every stage. Throws ShapeError unless there is a share for each.
  std::vector<StageCost> expected(std::size_t batch, const std::vector<double>& share) const {
    if (share.size() != n_stages())
      throw ShapeError("cost model: " + std::to_string(share.size()) + " shares for " + std::to_string(n_stages()) +
                       " stages");
    std::vector<StageCost> all;
    for (std::size_t k = 0; k < share.size(); ++k) all.push_back(expected(k, batch, share[k]));
    return all;
  }

  bool operator==(const CostModel&) const = default;
};

/// Sizes to measure for batches of at most `batch`: 1, 4, 16, 64, ... and the batch itself.
inline std::vector<std::size_t> batch_sizes(std::size_t batch) {
  std::vector<std::size_t> sizes;
  for (std::size_t b = 1; b < batch; b *= 4) sizes.push_back(b);
  sizes.push_back(std::max<std::size_t>(batch, 1));
  return sizes;
}

}  // namespace weir
