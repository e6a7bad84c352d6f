/// Features cut into bins of one byte, for trees that are grown from histograms.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::detail {

/// Per column: a bin for every distinct value where there are at most max_bins of them, and otherwise bins of about
/// equal weight, value v going to bin floor(max_bins (W(< v) + W(v) / 2) / W) with W the weight of the rows; bins that
/// stay empty are dropped. (Chen and Guestrin, KDD 2016, section 3.2; Ke et al., NeurIPS 2017.)
///
/// Neither the rows' order, nor a common factor of the weights or of a column, nor a row of weight 2 in place of the
/// same row twice changes the bins. Columns of one value are left out. Cost O(d n log n); m n bytes.
struct BinnedFeatures {
  std::size_t n = 0;
  std::vector<std::uint32_t> column;  ///< [m] of X, increasing
  std::vector<std::uint32_t> first;   ///< [m + 1] where a column's bins begin among all bins
  std::vector<double> low;            ///< [bins] least value of the bin
  std::vector<double> high;           ///< [bins] largest
  std::vector<std::uint8_t> bin;      ///< [n, m] counted from the column's first

  /// X [n, d] finite, weight [n] > 0, max_bins in [2, 255].
  BinnedFeatures(const Eigen::MatrixXd& X, const Eigen::VectorXd& weight, int max_bins)
      : n(static_cast<std::size_t>(X.rows())), first{0} {
    for (Eigen::Index j = 0; j < X.cols(); ++j)
      if (X.col(j).minCoeff() < X.col(j).maxCoeff()) column.push_back(static_cast<std::uint32_t>(j));
    bin.resize(n * column.size());
    std::vector<std::pair<double, std::uint32_t>> sorted(n);
    for (std::size_t j = 0; j < column.size(); ++j) {
      for (std::size_t i = 0; i < n; ++i)
        sorted[i] = {X(static_cast<Eigen::Index>(i), column[j]), static_cast<std::uint32_t>(i)};
      std::sort(sorted.begin(), sorted.end());
      cut(sorted, weight, max_bins, j);
    }
  }

  std::size_t n_columns() const { return column.size(); }

  /// A hash (FNV-1a) of the row's bins and its label: rows that learners cannot tell apart have the same, whatever
  /// their number and order, so that random numbers drawn from it are theirs and not their place's.
  std::uint64_t key(std::size_t row, int label) const {
    std::uint64_t hash = 0xcbf29ce484222325ULL ^ static_cast<std::uint64_t>(label);
    for (std::size_t j = 0; j < n_columns(); ++j) hash = (hash ^ bin[row * n_columns() + j]) * 0x100000001b3ULL;
    return hash;
  }

 private:
  void cut(const std::vector<std::pair<double, std::uint32_t>>& sorted, const Eigen::VectorXd& weight, int max_bins,
           std::size_t j) {
    int distinct = 1;
    for (std::size_t i = 1; i < n && distinct <= max_bins; ++i) distinct += sorted[i - 1].first < sorted[i].first;
    const double total = weight.sum();
    double before = 0;
    int previous = -1, bins = 0;
    for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
      double here = 0;
      for (; end < n && sorted[end].first == sorted[begin].first; ++end)
        here += weight(static_cast<Eigen::Index>(sorted[end].second));
      const int quantile = distinct <= max_bins
                               ? bins
                               : std::min(max_bins - 1, static_cast<int>(max_bins * ((before + here / 2) / total)));
      if (quantile != previous || bins == 0) {
        low.push_back(sorted[begin].first);
        high.push_back(sorted[begin].first);
        previous = quantile;
        ++bins;
      }
      high.back() = sorted[begin].first;
      for (std::size_t i = begin; i < end; ++i)
        bin[sorted[i].second * n_columns() + j] = static_cast<std::uint8_t>(bins - 1);
      before += here;
    }
    first.push_back(static_cast<std::uint32_t>(low.size()));
  }
};

}  // namespace weir::detail
