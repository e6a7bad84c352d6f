/// Eigen's matrix product, compiled for the machine at hand.
#pragma once
#include <cstdint>

namespace program {

/// C[M, N] = A[M, K] B[K, N], row-major, dense.
void eigen_product(int threads, std::int64_t M, std::int64_t N, std::int64_t K, const float* A, const float* B,
                   float* C);

}  // namespace program
