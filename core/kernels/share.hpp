/// Sharing a loop among threads only where it is long enough to pay.
#pragma once
#include <algorithm>
#include <cstdint>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// What handing a piece over, and fetching from another core's cache what it reads, takes: as long as so many
/// operations.
inline constexpr double piece_operations = 0.8e6;
/// What loading and storing a float takes, in operations of a product.
inline constexpr double copy_operations = 20;

/// Calls body(piece, first, last) on consecutive pieces of [0, n), one for each thread but never more than one for each
/// piece_operations. Pieces are numbered from 0.
template <typename Body>
void share(const ThreadPool& pool, std::int64_t n, double operations, const Body& body) {
  const auto worth = static_cast<std::int64_t>(std::min(operations / piece_operations, 1e6));
  const std::int64_t pieces = std::min({std::int64_t{pool.threads()}, n, worth});
  if (pieces <= 1) {
    if (n > 0) body(std::int64_t{0}, std::int64_t{0}, n);
    return;
  }
  pool.split(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p) body(p, n * p / pieces, n * (p + 1) / pieces);
  });
}

}  // namespace weir::kernels
