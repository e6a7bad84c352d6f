/// OpenBLAS as a second backend of matrix products, in programs that define WEIR_WITH_OPENBLAS and link it.
#pragma once
#include <cstdint>
#if defined(WEIR_WITH_OPENBLAS)
#include <cblas.h>
#endif

namespace weir::kernels {

#if defined(WEIR_WITH_OPENBLAS)

/// C[M, N] = A[M, K] B[K, N], or A B^T with B [N, K], row-major. Sets OpenBLAS's number of threads, which is global to
/// the process: contexts with different numbers must not run at once. OpenBLAS promises nothing about bits, so callers
/// give it one image at a time; with several threads even that is only what it happens to do.
inline void openblas_gemm(int threads, bool transpose_b, std::int64_t M, std::int64_t N, std::int64_t K, const float* A,
                          std::int64_t lda, const float* B, std::int64_t ldb, float* C, std::int64_t ldc) {
  if (openblas_get_num_threads() != threads) openblas_set_num_threads(threads);
  const auto size = [](std::int64_t v) { return static_cast<blasint>(v); };
  cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, size(M), size(N), size(K), 1.0F, A,
              size(lda), B, size(ldb), 0.0F, C, size(ldc));
}

#else

/// Never called: without WEIR_WITH_OPENBLAS no Context chooses OpenBLAS.
inline void openblas_gemm(int, bool, std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, const float*,
                          std::int64_t, float*, std::int64_t) {}

#endif

}  // namespace weir::kernels
