/// Sharing a loop among threads only where it is long enough to pay.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <weir/core/machine_costs.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// Prefetches n cache lines from p on for writing. Another core may have written them last; fetching a line from there
/// takes hundreds of cycles, and without this the stores would wait for one line after the other.
inline void prefetch_for_write([[maybe_unused]] const float* p, [[maybe_unused]] std::int64_t n) {
#if defined(__x86_64__)
  for (std::int64_t i = 0; i < n; ++i) asm volatile("prefetchw %0" ::"m"(p[16 * i]));
#endif
}

/// Distance in floats between the workspaces of two threads, each of at least `floats` floats. It is the same for most
/// layers, so that a thread writes where it wrote before, to lines that are in its own cache.
inline std::int64_t workspaces_apart(std::int64_t floats) {
  constexpr std::uint64_t usual = 1 << 18;
  return static_cast<std::int64_t>(std::bit_ceil(std::max(static_cast<std::uint64_t>(floats), usual)));
}
/// Floats of all of them.
inline std::size_t workspaces_floats(std::int64_t threads, std::int64_t floats) {
  return static_cast<std::size_t>((threads - 1) * workspaces_apart(floats) + floats);
}

/// How many pieces share() makes.
inline std::int64_t pieces_of(const detail::ThreadPool& pool, std::int64_t n, double operations) {
  const auto worth = static_cast<std::int64_t>(std::min(operations / detail::machine_costs.piece_operations, 1e6));
  return std::min({std::int64_t{pool.threads()}, n, std::max<std::int64_t>(worth, 1)});
}

/// Calls body(piece, first, last) on consecutive pieces of [0, n), one for each thread but never more than one for each
/// MachineCosts::piece_operations. Pieces are numbered from 0.
inline void share(const detail::ThreadPool& pool, std::int64_t n, double operations,
                  detail::FunctionRef<std::int64_t, std::int64_t, std::int64_t> body) {
  const std::int64_t pieces = pieces_of(pool, n, operations);
  if (pieces <= 1) {
    if (n > 0) body(0, 0, n);
    return;
  }
  pool.split(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p) body(p, n * p / pieces, n * (p + 1) / pieces);
  });
}

}  // namespace weir::kernels
