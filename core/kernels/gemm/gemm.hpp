/// Matrix product of two operands that are both known only at run time.
#pragma once
#include <weir/core/context.hpp>
#include <weir/core/kernels/gemm/list.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/kernels/gemm/transpose.hpp>
#include <weir/core/kernels/share.hpp>

namespace weir {

namespace kernels {

/// K is cut so that a panel of B stays in the first-level cache, or nearly.
inline constexpr std::int64_t gemm_depth = 384;
/// Up to so many columns a row of A times a column of B is a dot product.
inline constexpr std::int64_t gemm_dot_columns = 3;

}  // namespace kernels

/// Scratch memory for gemm().
inline std::size_t gemm_workspace_floats(const Context& context, std::int64_t M, std::int64_t N, std::int64_t K) {
  if (context.openblas()) return 0;
  if (N <= kernels::gemm_dot_columns) return static_cast<std::size_t>(N * K);
  const std::int64_t depth = std::min(K, kernels::gemm_depth);
  return static_cast<std::size_t>(depth * (M + context.threads() * kernels::microkernels(context.isa()).width()));
}

/// C[M, N] = A[M, K] B[K, N], row-major with leading dimensions lda >= K, ldb >= N, ldc >= N; 2*M*N*K operations.
/// Row i of C depends neither on M nor on the number of threads, to the last bit (with OpenBLAS no such promise). C is
/// zero where K is 0. workspace: gemm_workspace_floats(context, M, N, K).
///
/// Blocks of K outermost; in each, A is packed into tiles of rows, and for each panel of B, packed too, all of them
/// run (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 2008, with the loops that
/// matrices of the size of a layer need).
inline void gemm(const Context& context, std::int64_t M, std::int64_t N, std::int64_t K, const float* A,
                 std::int64_t lda, const float* B, std::int64_t ldb, float* C, std::int64_t ldc, float* workspace) {
  if (M < 1 || N < 1) return;
  if (context.openblas()) {
    kernels::openblas_gemm(context.threads(), false, M, N, K, A, lda, B, ldb, C, ldc);
    return;
  }
  const kernels::Microkernels& micro = kernels::microkernels(context.isa());
  const double flops = 2 * static_cast<double>(M) * static_cast<double>(N) * static_cast<double>(K);
  if (N <= kernels::gemm_dot_columns) {
    kernels::transpose(B, ldb, K, N, workspace);
    kernels::share(context.pool(), M, flops, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i)
        for (std::int64_t j = 0; j < N; ++j) C[i * ldc + j] = micro.dot(K, A + i * lda, workspace + j * K);
    });
    return;
  }
  const std::int64_t width = micro.width(), depth = std::min(K, kernels::gemm_depth), panels = (N + width - 1) / width;
  const std::int64_t tiles = (M + micro.max_rows - 1) / micro.max_rows;
  const auto first_row = [&](std::int64_t t) { return M * t / tiles; };
  float* packed_b = workspace + depth * M;
  for (std::int64_t i = 0; K == 0 && i < M; ++i) std::fill_n(C + i * ldc, N, 0.0F);
  for (std::int64_t k = 0; k < K; k += depth) {
    const std::int64_t size = std::min(depth, K - k);
    kernels::share(context.pool(), tiles, 4 * static_cast<double>(M * size),
                   [&](std::int64_t, std::int64_t first, std::int64_t last) {
                     for (std::int64_t t = first; t < last; ++t) {
                       const std::int64_t i = first_row(t);
                       kernels::transpose(A + i * lda + k, lda, first_row(t + 1) - i, size, workspace + i * size);
                     }
                   });
    kernels::share(context.pool(), panels, flops * static_cast<double>(size) / static_cast<double>(K),
                   [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
                     float* panel = packed_b + piece * depth * width;
                     alignas(64) float sums[kernels::max_tile_floats];
                     for (std::int64_t p = first; p < last; ++p) {
                       const std::int64_t j = p * width, columns = std::min(width, N - j);
                       const std::int64_t vectors = columns > micro.lanes ? 2 : 1, ldt = vectors * micro.lanes;
                       for (std::int64_t r = 0; r < size; ++r) {
                         std::copy_n(B + (k + r) * ldb + j, columns, panel + r * ldt);
                         std::fill(panel + r * ldt + columns, panel + (r + 1) * ldt, 0.0F);
                       }
                       for (std::int64_t t = 0; t < tiles; ++t) {
                         const std::int64_t i = first_row(t), rows = first_row(t + 1) - i;
                         float* c = C + i * ldc + j;
                         for (std::int64_t r = 0; k > 0 && r < rows; ++r)
                           std::copy_n(c + r * ldc, columns, sums + r * ldt);
                         micro.tile(rows, vectors)(size, workspace + i * size, panel, sums, k > 0);
                         for (std::int64_t r = 0; r < rows; ++r) std::copy_n(sums + r * ldt, columns, c + r * ldc);
                       }
                     }
                   });
  }
}

}  // namespace weir
