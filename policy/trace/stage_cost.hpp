/// What stages cost: in which unit, and how that depends on the batch that an example runs in.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir {

/// What a stage added to an example's cost, and the part of it that made the answer: head, features, gate. Seconds
/// unless a cost model with another unit says so.
struct StageCost {
  double cost = 0;
  double answer_cost = 0;
  std::map<std::string, double> feature_costs{};  ///< of answer_cost, by group of features, where that is known
  bool operator==(const StageCost&) const = default;

  /// Adds what groups of features take in another cost, times w.
  void add_features(double w, const StageCost& other);
};

/// Units of cost. Any other text serves as well: a policy only compares costs with each other.
namespace cost_unit {
inline constexpr char seconds[] = "seconds", flop[] = "FLOP", joule[] = "J";
}  // namespace cost_unit

}  // namespace weir

namespace weir::detail {

/// What a cost is called in files: seconds by their name, all else "cost".
std::string cost_field(const std::string& unit);

/// Throws ArgumentError unless the text can stand for a unit: 1 to 40 printable characters of ASCII.
void check_cost_unit(const std::string& unit);

/// For people: "12.3 us", "4.56 MFLOP", "7.89 mJ"; a unit that is none of cost_unit's stands behind the number as it
/// is.
std::string format_cost(double cost, const std::string& unit);

}  // namespace weir::detail

namespace weir {

/// What every stage costs an example, at the sizes of batch that were measured, or that a table gives.
struct CostModel {
  std::string unit = cost_unit::seconds;
  std::vector<std::size_t> batches{1};        ///< ascending, each >= 1
  std::vector<std::vector<StageCost>> costs;  ///< [batches][stages] of one example in a batch of that size

  /// Throws ArgumentError, ShapeError where sizes disagree; for a cost that is negative or not finite, or an answer
  /// that costs more than its stage, naming stage and batch.
  void check() const;

  std::size_t n_stages() const { return costs.at(0).size(); }
  bool depends_on_batch() const { return batches.size() > 1; }

  /// Cost of one example of a batch of n >= 1 in which all run stage k. Between two sizes the cost of the whole batch
  /// is interpolated linearly, which is exact where a batch costs a + b n; below the smallest and above the largest
  /// size an example costs what it does there.
  StageCost at(std::size_t k, std::size_t n) const;

  /// Expected cost of an example that gets to stage k, where batches of `batch` >= 1 begin and each example of them
  /// gets there with probability `share`, independently of the others:
  ///
  ///     E at(k, 1 + N),   N ~ Binomial(batch - 1, share)
  ///
  /// since it meets those of the others that get there too. (Not at(k, batch share): a batch of which no example is
  /// left costs nothing, and more of the examples are in the fuller batches.) O(batch).
  StageCost expected(std::size_t k, std::size_t batch, double share) const;

  /// expected() of every stage. Throws ShapeError unless there is a share for each.
  std::vector<StageCost> expected(std::size_t batch, const std::vector<double>& share) const;

  bool operator==(const CostModel&) const = default;
};

}  // namespace weir

namespace weir::detail {

/// Sizes to measure for batches of at most `batch`: 1, 4, 16, 64, ... and the batch itself.
std::vector<std::size_t> batch_sizes(std::size_t batch);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/trace/stage_cost.ipp>
#endif
