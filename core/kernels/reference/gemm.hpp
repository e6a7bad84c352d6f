/// Matrix product as its formula reads: slow, for tests.
#pragma once
#include <cstdint>

namespace weir::kernels {

/// C[M, N] = A[M, K] B[K, N], row-major with leading dimensions, summed in double.
inline void gemm_reference(std::int64_t M, std::int64_t N, std::int64_t K, const float* A, std::int64_t lda,
                           const float* B, std::int64_t ldb, float* C, std::int64_t ldc) {
  for (std::int64_t i = 0; i < M; ++i)
    for (std::int64_t j = 0; j < N; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < K; ++k) sum += double{A[i * lda + k]} * double{B[k * ldb + j]};
      C[i * ldc + j] = static_cast<float>(sum);
    }
}

}  // namespace weir::kernels
