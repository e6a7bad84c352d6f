// What redraw.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/choose/redraw.hpp>
#include <weir/policy/choose/ring.hpp>
#include <weir/policy/learners/random.hpp>

namespace weir::detail {

/// Which counts of regressions and repairs pass an exact test: for each number of repairs and each level the most
/// regressions that do, found once.
class PassingCounts {
 public:
  PassingCounts(std::size_t n, double epsilon, double delta, bool paired)
      : n_(n), epsilon_(epsilon), delta_(delta), paired_(paired) {}

  bool passes(std::size_t regressions, std::size_t repairs, double level) {
    const auto [at, is_new] = most_.try_emplace({repairs, level});
    if (is_new) at->second = largest_passing(n_, [&](std::size_t k) { return p_value(k, repairs, level) <= level; });
    return at->second && regressions <= *at->second;
  }

 private:
  double p_value(std::size_t regressions, std::size_t repairs, double level) const {
    return paired_ ? bounds::trinomial_p_value(regressions, repairs, n_, epsilon_, delta_, level)
                   : binomial_cdf(regressions, n_, epsilon_);
  }

  std::size_t n_;
  double epsilon_, delta_;
  bool paired_;
  std::map<std::pair<std::size_t, double>, std::optional<std::size_t>> most_{};
};

WEIR_INLINE Redrawn redraw(const Eigen::MatrixXd& r, double epsilon, double delta, bool paired,
                           const std::vector<double>& weights, std::size_t draws, std::uint64_t seed) {
  const auto n = static_cast<std::size_t>(r.rows()), members = static_cast<std::size_t>(r.cols());
  const double limit = paired ? 2 * epsilon - 1 : epsilon;
  std::vector<std::vector<std::size_t>> worse(members), better(members);  // examples
  std::vector<bool> is_above(members);
  for (std::size_t j = 0; j < members; ++j) {
    for (std::size_t i = 0; i < n; ++i) {
      const double loss = r(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
      if (loss == 1) worse[j].push_back(i);
      if (paired && loss == 0) better[j].push_back(i);
    }
    const double lost = static_cast<double>(worse[j].size()) - static_cast<double>(better[j].size());
    is_above[j] = lost > limit * static_cast<double>(n) + 1e-9;
  }
  PassingCounts test(n, limit, delta, paired);
  std::vector<std::size_t> times(n);  // that each example was drawn
  const auto drawn = [&](const std::vector<std::size_t>& examples) {
    std::size_t sum = 0;
    for (const std::size_t i : examples) sum += times[i];
    return sum;
  };
  Redrawn all{draws};
  std::uint64_t counter = 0;
  for (std::size_t d = 0; d < draws; ++d) {
    std::ranges::fill(times, 0);
    for (std::size_t i = 0; i < n; ++i) {
      const double u = counter_uniform(seed, counter++);
      ++times[std::min(n - 1, static_cast<std::size_t>(u * static_cast<double>(n)))];
    }
    const auto rejected = reject_on_ring_where(weights, delta, [&](std::size_t j, double level) {
      return test.passes(drawn(worse[j]), drawn(better[j]), level);
    });
    std::size_t chosen = members;
    while (chosen > 0 && !rejected[chosen - 1]) --chosen;
    if (chosen == 0)
      ++all.none;
    else if (is_above[chosen - 1])
      ++all.above;
  }
  return all;
}

}  // namespace weir::detail
