// What ring.hpp declares.
#pragma once
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>
#include <weir/policy/choose/ring.hpp>

namespace weir::detail {

WEIR_INLINE std::vector<bool> reject_on_ring_where(std::vector<double> weights, double delta,
                                                   const std::function<bool(std::size_t, double)>& rejects) {
  const std::size_t m = weights.size();
  std::vector<bool> rejected(m, false);
  for (bool again = true; again;) {
    again = false;
    for (std::size_t j = 0; j < m; ++j) {
      if (rejected[j] || !(weights[j] > 0) || !rejects(j, weights[j] * delta)) continue;
      rejected[j] = again = true;
      std::size_t heir = j;
      for (std::size_t step = 1; step < m && rejected[heir]; ++step) heir = (j + step) % m;
      if (!rejected[heir]) weights[heir] += weights[j];
    }
  }
  return rejected;
}

WEIR_INLINE std::vector<bool> reject_on_ring(std::vector<double> weights, double delta,
                                             const std::function<double(std::size_t)>& p_value) {
  std::vector<double> p(weights.size(), -1);
  return reject_on_ring_where(std::move(weights), delta, [&](std::size_t j, double level) {
    if (p[j] < 0) p[j] = p_value(j);
    return p[j] <= level;
  });
}

}  // namespace weir::detail
