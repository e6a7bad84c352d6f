/// The second derivative of a sum of losses of linear margins.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace weir::detail {

/// Adds Z' diag(w) Z to the lower triangle of H. Z [n, d], w [n] >= 0, H [d, d]. O(n d + m d^2 / 2) for the m rows
/// whose w is not 0; rows are taken in blocks, so that nothing of the size of Z is made.
inline void add_weighted_gram(const Eigen::MatrixXd& Z, const Eigen::ArrayXd& w, Eigen::MatrixXd& H) {
  constexpr Eigen::Index block = 256;
  Eigen::MatrixXd rows(block, Z.cols());
  Eigen::Index at[block];
  double root[block];
  Eigen::Index m = 0;
  const auto add = [&] {
    for (Eigen::Index j = 0; j < Z.cols(); ++j)
      for (Eigen::Index r = 0; r < m; ++r) rows(r, j) = root[r] * Z(at[r], j);
    H.selfadjointView<Eigen::Lower>().rankUpdate(rows.topRows(m).transpose());
    m = 0;
  };
  for (Eigen::Index i = 0; i < Z.rows(); ++i) {
    if (w(i) == 0) continue;
    at[m] = i;
    root[m++] = std::sqrt(w(i));
    if (m == block) add();
  }
  if (m > 0) add();
}

}  // namespace weir::detail
