/// How often a promise is broken. Many times calibration examples are resampled, and a policy is chosen on each sample.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace weir {

/// How often a guarantee failed on resampled calibration examples.
struct Redrawn {
  std::size_t draws = 0;
  std::size_t above = 0;  ///< of these, the true risk of the policy that was chosen is above the limit
  std::size_t none = 0;   ///< of these, nothing passed: the full network was chosen, whose risk is 0

  /// Exact 95 % limits of the share that is above. There must have been draws.
  Interval share95() const { return clopper_pearson(above, draws); }
};

}  // namespace weir

namespace weir::detail {

/// r [n, members]: losses of 0 and 1, as learn_then_test takes them with Clopper and Pearson's test; paired: of 0, 1/2
/// and 1, with the exact test of differences. epsilon, delta and weights are learn_then_test's, too.
///
/// The n examples are taken for the population. So the true risk of each member is known: it is its mean over them. A
/// draw takes n of them with replacement. A division into a part that certifies and one that judges would mend nothing:
/// its judges are a sample, too, whose own chance adds failures that are none, and fewer examples would certify. What
/// draws cannot show is that new examples are like these.
///
/// The same seed gives the same draws. O(draws (n + members x regressions)).
Redrawn redraw(const Eigen::MatrixXd& r, double epsilon, double delta, bool paired, const std::vector<double>& weights,
               std::size_t draws, std::uint64_t seed);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/choose/redraw.ipp>
#endif
