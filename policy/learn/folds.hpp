/// Folds for cross-fitting and cross-validation.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>
#include <weir/policy/learners/random.hpp>

namespace weir::detail {

/// [n] a fold in [0, folds) for each example, dealt in an order that the seed fixes; sizes differ by one at most.
inline std::vector<std::size_t> deal_folds(std::size_t n, std::size_t folds, std::uint64_t seed) {
  std::vector<std::size_t> order(n), fold(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> key(n);
  for (std::size_t i = 0; i < n; ++i) key[i] = counter_uniform(seed, i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key[a] < key[b]; });
  for (std::size_t rank = 0; rank < n; ++rank) fold[order[rank]] = rank % folds;
  return fold;
}

}  // namespace weir::detail
