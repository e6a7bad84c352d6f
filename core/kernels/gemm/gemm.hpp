/// Matrix product of two run-time operands.
#pragma once
#include <weir/core/context.hpp>
#include <weir/core/kernels/reference/gemm.hpp>

namespace weir {

inline std::size_t gemm_workspace_floats(const Context&, std::int64_t, std::int64_t, std::int64_t) { return 0; }
inline void gemm(const Context&, std::int64_t M, std::int64_t N, std::int64_t K, const float* A, std::int64_t lda,
                 const float* B, std::int64_t ldb, float* C, std::int64_t ldc, float*) {
  gemm_reference(M, N, K, A, lda, B, ldb, C, ldc);
}

}  // namespace weir
