/// The register tile of matrix products: contract, and its body, written once for all instruction sets.
#pragma once
#include <cstdint>
#include <weir/core/kernels/micro/vector.hpp>

namespace weir::kernels {

/// K is cut into pieces, as even as can be, of at most this number: a panel of B stays near in the caches, and rounding
/// errors grow with the square root of the pieces' length and number (as in ConvTile) rather than of K. Every further
/// piece reads and writes all of C again.
inline constexpr std::int64_t gemm_depth = 512;

/// c is prefetched this many k before the end; earlier, other loads would evict it.
inline constexpr std::int64_t gemm_c_ahead = 64;

/// Rows that lie a multiple of this number of floats apart meet in the same lines of a first-level cache.
inline constexpr std::int64_t gemm_aliased = 1024;

/// R rows by V vectors of L columns, with k running from 0 to K:
///
///     c[r*ldc + j] (+)= sum over k of a(r, k) * b[k*ldb + j]        0 <= r < R, 0 <= j < V*L
///
/// a(r, k) lies at a[k*R + r] (packed) or at a[r*lda + k] (rows, as they lie in a matrix). A packing tile copies what
/// it reads of b to panel[k*V*L + j], for the others: that costs nearly no time beside the multiplications. Every
/// element of c is summed in the order of k by one chain of fused multiply-adds, so its bits do not depend on R and V;
/// add: then the chain is added to what c holds. Nothing else is read or written; no alignment is needed.
struct GemmTile {
  std::int64_t K;
  const float* a;
  std::int64_t lda;    ///< of rows
  const float* ahead;  ///< of rows: those that come next, fetched into the second-level cache
  const float* b;
  std::int64_t ldb;
  float* panel;  ///< of packing tiles
  float* c;
  std::int64_t ldc;
  bool add;
};
using GemmTileKernel = void (*)(const GemmTile& tile);

/// Kinds of GemmTile by their place in Microkernels::gemm.
enum class GemmTileKind { rows, packed, rows_packing, packed_packing };

/// Compiler barrier: addresses from p and n are computed after the loop, not hoisted before it, where they would cost
/// registers.
[[gnu::always_inline]] inline void compute_after_loop(float*& p, std::int64_t& n) {
#if defined(__GNUC__)
  asm("" : "+r"(p), "+r"(n));
#endif
}

template <int L, int R, int V, GemmTileKind kind>
[[gnu::always_inline]] inline void gemm_tile_body(const GemmTile& t) {
  using Float = typename Vec<L>::type;
  using Loose = typename Vec<L>::loose;
  constexpr bool packed = kind == GemmTileKind::packed || kind == GemmTileKind::packed_packing;
  constexpr bool packing = kind == GemmTileKind::rows_packing || kind == GemmTileKind::packed_packing;
  Float sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      sum[r][v] = Float{};
    }
  }
  const float *a = t.a, *b = t.b;
  float* panel = t.panel;
  // From three of the rows, addresses that the processor adds up reach all 14: a pointer to each would be too many.
  const std::int64_t lda = packed ? 0 : t.lda, lda3 = 3 * lda;
  const float *a5 = R > 5 ? a + 5 * lda : a, *a10 = R > 10 ? a + 10 * lda : a;
  // Rows of an unpacked B lie too far apart for the hardware to look ahead; those that meet in the same lines of the
  // first-level cache would drive each other out.
  const std::int64_t ldb = t.ldb, ahead = (ldb % gemm_aliased == 0 ? 2 : 8) * ldb;
  // Rows of A are too many streams for the hardware to follow: with each k one line is asked for, of 16 rows in turn.
  const float* next = t.ahead;
  const std::int64_t back = 16 - 15 * lda;
  std::int64_t k = 0;
  for (std::int64_t stop = t.K > gemm_c_ahead ? t.K - gemm_c_ahead : 0;; stop = t.K) {
#pragma GCC unroll 1
    for (; k < stop; ++k) {
      Float column[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        if (packing) __builtin_prefetch(b + ahead + v * L);
        column[v] = *reinterpret_cast<const Loose*>(b + v * L);
        if (packing) *reinterpret_cast<Loose*>(panel + v * L) = column[v];
      }
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) {
          const float* row = packed || r < 5 ? a : r < 10 ? a5 : a10;
          multiply_add<L>(sum[r][v], column[v], row[packed ? r : r % 5 == 3 ? lda3 : r % 5 * lda]);
        }
      }
      if (!packed) {
        __builtin_prefetch(next, 0, 2);
        next += static_cast<unsigned>(k) % 16 == 15 ? back : lda;
      }
      a += packed ? R : 1;  // NOLINT(bugprone-branch-clone): the same only for R = 1
      ++a5;
      ++a10;
      b += ldb;
      if (packing) panel += V * L;
    }
    if (stop == t.K) break;
    float* c = t.c;
    std::int64_t ldc = t.ldc;
    compute_after_loop(c, ldc);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        __builtin_prefetch(c + r * ldc + v * L, 1);
      }
    }
  }
  float* c = t.c;
  std::int64_t ldc = t.ldc;
  compute_after_loop(c, ldc);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      Loose* to = reinterpret_cast<Loose*>(c + r * ldc + v * L);
      *to = t.add ? *to + sum[r][v] : sum[r][v];
    }
  }
}

}  // namespace weir::kernels
