// Eigen's matrix product, alone in this file because Eigen takes its vectors from the compiler's flags and its threads
// from OpenMP: what else gemm measures needs neither.
#include "gemm_eigen.hpp"

#include <Eigen/Core>

namespace program {

void eigen_product(int threads, std::int64_t M, std::int64_t N, std::int64_t K, const float* A, const float* B,
                   float* C) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::setNbThreads(threads);
  const Eigen::Map<const Matrix> a(A, M, K), b(B, K, N);
  Eigen::Map<Matrix>(C, M, N).noalias() = a * b;
}

}  // namespace program
