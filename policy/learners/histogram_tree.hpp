/// Growing one tree of an ensemble from histograms.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>
#include <weir/policy/learners/histogram.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>
#include <weir/policy/learners/models/tree_model.hpp>
#include <weir/policy/learners/random.hpp>

namespace weir::detail {

/// Two sums over rows in fixed point, one = 2^60: exact, so no order of summation and no difference parent - child
/// changes a bit. Rows contribute shares of a total weight of one; what is below 2^-60 of it is lost.
struct FixedPair {
  static constexpr double one = 0x1p60;
  std::int64_t a = 0;
  std::int64_t b = 0;

  /// a and b in [-1, 1].
  static FixedPair from(double a, double b) {
    return {static_cast<std::int64_t>(a * one), static_cast<std::int64_t>(b * one)};
  }
  FixedPair& operator+=(const FixedPair& other) {
    a += other.a;
    b += other.b;
    return *this;
  }
  FixedPair& operator-=(const FixedPair& other) {
    a -= other.a;
    b -= other.b;
    return *this;
  }
};

/// Grows trees depth first, cutting each node where score(left) + score(right) is largest; among equals the first
/// column looked at and its lowest cut. Score = squares / mass of the node's pair of sums, as the Criterion says:
///
///   double squares(double a, double b), mass(double a, double b);  // mass > 0 for rows that count
///   double size(double a, double b);                               // >= least in both children
///   double least;
///   bool may_split(double a, double b);
///   static constexpr bool must_gain;                               // over not cutting at all
///   double value(double a, double b);                              // of a leaf
///
/// all in units of FixedPair. Thresholds lie midway between the neighbouring values in the node as far as bins tell.
/// O(n m depth / 2) additions a tree and O(bins) a node: the larger child's histogram is the parent's less the
/// smaller's.
template <class Criterion>
class HistogramTreeGrower {
 public:
  /// A node looks at `per_node` columns drawn without replacement, more where columns have one value in the node, or
  /// at all of them where per_node is at least their number.
  HistogramTreeGrower(const BinnedFeatures& X, Criterion criterion, int max_depth, std::size_t per_node)
      : X_(X),
        criterion_(criterion),
        max_depth_(max_depth),
        per_node_(per_node),
        rows_(X.n),
        scratch_(X.n),
        candidates_(X.n_columns()),
        histograms_(static_cast<std::size_t>(max_depth) + 1) {}

  /// Appends a tree to the model. sums [n] are the rows' contributions; random numbers come from `stream`; calls
  /// on_leaf(value, rows) for each leaf.
  template <class OnLeaf>
  void grow(std::span<const FixedPair> sums, std::uint64_t stream, TreeEnsembleModel& model, const OnLeaf& on_leaf) {
    sums_ = sums;
    stream_ = stream;
    counter_ = 0;
    std::iota(rows_.begin(), rows_.end(), 0U);
    std::iota(candidates_.begin(), candidates_.end(), 0U);
    FixedPair total;
    for (const auto& row : sums) total += row;
    model.roots.push_back(static_cast<std::uint32_t>(model.nodes.size()));
    model.nodes.emplace_back();
    if (!samples() && splits(total, 0)) count(0, X_.n, candidates_, histograms_[0]);
    grow_node({model.nodes.size() - 1, 0, X_.n, 0, total}, histograms_[0], model, on_leaf);
  }

 private:
  using Histogram = std::vector<FixedPair>;  ///< [bins] of all columns

  struct NodeTask {
    std::size_t at, begin, end;  ///< in model.nodes; in rows_
    int depth;
    FixedPair total;
  };
  struct Cut {
    double score = -std::numeric_limits<double>::infinity();
    double tie = 0;
    std::size_t column = 0;
    std::size_t bin = 0;        ///< of all bins: the last on the left
    std::size_t right_bin = 0;  ///< the first on the right; 0: no cut is allowed
    FixedPair left = {};
    double threshold = 0;
  };

  bool samples() const { return per_node_ < X_.n_columns(); }

  bool splits(const FixedPair& total, int depth) const {
    return depth < max_depth_ && X_.n_columns() > 0 &&
           criterion_.may_split(static_cast<double>(total.a), static_cast<double>(total.b));
  }

  /// `histogram` is the node's, used up here, unless columns are sampled.
  template <class OnLeaf>
  void grow_node(const NodeTask& node, Histogram& histogram, TreeEnsembleModel& model, const OnLeaf& on_leaf) {
    Cut cut;
    if (splits(node.total, node.depth)) cut = samples() ? sampled_cut(node) : best_cut(node, histogram);
    if (cut.right_bin == 0) {
      const double value = criterion_.value(static_cast<double>(node.total.a), static_cast<double>(node.total.b));
      model.nodes[node.at].value = value;
      on_leaf(value, std::span<const std::uint32_t>(rows_).subspan(node.begin, node.end - node.begin));
      return;
    }
    const std::size_t middle = partition(cut, node.begin, node.end), left_at = model.nodes.size();
    model.nodes[node.at] = {cut.threshold, X_.column[cut.column], static_cast<std::uint32_t>(left_at)};
    model.nodes.resize(left_at + 2);
    NodeTask left{left_at, node.begin, middle, node.depth + 1, cut.left};
    NodeTask right{left_at + 1, middle, node.end, node.depth + 1, node.total};
    right.total -= cut.left;
    // Free: the histogram of a level waits only while deeper levels are grown.
    Histogram& smaller = histograms_[static_cast<std::size_t>(left.depth)];
    const bool left_is_smaller = left.end - left.begin < right.end - right.begin;
    if (!samples() && (splits(left.total, left.depth) || splits(right.total, right.depth))) {
      const NodeTask& fewer = left_is_smaller ? left : right;
      count(fewer.begin, fewer.end, candidates_, smaller);
      for (std::size_t b = 0; b < histogram.size(); ++b) histogram[b] -= smaller[b];
    }
    grow_node(left, left_is_smaller ? smaller : histogram, model, on_leaf);
    grow_node(right, left_is_smaller ? histogram : smaller, model, on_leaf);
  }

  /// Sums per bin of these columns over rows_[begin, end).
  void count(std::size_t begin, std::size_t end, std::span<const std::uint32_t> columns, Histogram& histogram) const {
    histogram.resize(X_.low.size());
    for (const auto j : columns)
      std::fill(histogram.begin() + X_.first[j], histogram.begin() + X_.first[j + 1], FixedPair{});
    for (std::size_t k = begin; k < end; ++k) {
      const std::uint8_t* bins = &X_.bin[rows_[k] * X_.n_columns()];
      const FixedPair sum = sums_[rows_[k]];
      for (const auto j : columns) histogram[X_.first[j] + bins[j]] += sum;
    }
  }

  Cut best_cut(const NodeTask& node, const Histogram& histogram) const {
    Cut best = no_cut(node);
    for (std::size_t j = 0; j < X_.n_columns(); ++j) improve(best, node, histogram, j);
    return settled(best);
  }

  Cut sampled_cut(const NodeTask& node) {
    Cut best = no_cut(node);
    for (std::size_t drawn = 0, useful = 0; drawn < candidates_.size() && useful < per_node_;) {
      const std::size_t batch = std::min(candidates_.size() - drawn, per_node_ - useful);
      for (std::size_t k = drawn; k < drawn + batch; ++k) {
        const double left = static_cast<double>(candidates_.size() - k);
        const auto step = static_cast<std::size_t>(counter_uniform(stream_, counter_++) * left);
        std::swap(candidates_[k], candidates_[k + step]);
      }
      const auto columns = std::span<const std::uint32_t>(candidates_).subspan(drawn, batch);
      count(node.begin, node.end, columns, histograms_[0]);
      for (const auto j : columns) useful += improve(best, node, histograms_[0], j) ? 1 : 0;
      drawn += batch;
    }
    return settled(best);
  }

  /// What a cut's score must exceed. Scores that differ by rounding are equal.
  Cut no_cut(const NodeTask& node) const {
    Cut none;
    const auto a = static_cast<double>(node.total.a), b = static_cast<double>(node.total.b);
    const double score = criterion_.squares(a, b) / criterion_.mass(a, b);
    none.tie = 1e-12 * (score + criterion_.size(a, b));
    if (Criterion::must_gain) none.score = score;
    return none;
  }

  /// Puts the column's best cut in place of `best` where it is better. False where the node has one bin of it.
  bool improve(Cut& best, const NodeTask& node, const Histogram& histogram, std::size_t j) const {
    FixedPair left;
    const std::size_t begin = X_.first[j], end = X_.first[j + 1];
    std::size_t last = end, bins = 0;  // the bin before, of those with rows
    double least = best.score + best.tie;
    for (std::size_t b = begin; b < end; ++b) {
      const FixedPair here = histogram[b];
      if (here.a == 0 && here.b == 0) continue;
      if (bins++ > 0) {
        const auto la = static_cast<double>(left.a), lb = static_cast<double>(left.b);
        const auto ra = static_cast<double>(node.total.a - left.a), rb = static_cast<double>(node.total.b - left.b);
        const double l = criterion_.mass(la, lb), r = criterion_.mass(ra, rb);
        const double score_lr = criterion_.squares(la, lb) * r + criterion_.squares(ra, rb) * l;
        if (score_lr > least * (l * r) &&
            std::min(criterion_.size(la, lb), criterion_.size(ra, rb)) >= criterion_.least) {
          best = {score_lr / (l * r), best.tie, j, last, b, left};
          least = best.score + best.tie;
        }
      }
      left += here;
      last = b;
    }
    return bins > 1;
  }

  /// The threshold between the bins found, and every bin below it on the left.
  Cut settled(Cut cut) const {
    if (cut.right_bin == 0) return cut;
    cut.threshold = threshold_between(X_.high[cut.bin], X_.low[cut.right_bin]);
    while (X_.high[cut.bin + 1] <= cut.threshold) ++cut.bin;
    return cut;
  }

  /// Puts the rows of the cut's left side before the others, both in their order; returns where the right ones begin.
  std::size_t partition(const Cut& cut, std::size_t begin, std::size_t end) {
    const std::size_t last = cut.bin - X_.first[cut.column];
    std::size_t left = begin, right = 0;
    for (std::size_t k = begin; k < end; ++k) {
      const std::uint32_t row = rows_[k];
      const bool goes_left = X_.bin[row * X_.n_columns() + cut.column] <= last;
      rows_[left] = row;
      scratch_[right] = row;
      left += goes_left ? 1 : 0;
      right += goes_left ? 0 : 1;
    }
    std::copy_n(scratch_.begin(), right, rows_.begin() + static_cast<std::ptrdiff_t>(left));
    return left;
  }

  const BinnedFeatures& X_;
  Criterion criterion_;
  int max_depth_;
  std::size_t per_node_;
  std::vector<std::uint32_t> rows_;        ///< [n] a node owns a range
  std::vector<std::uint32_t> scratch_;     ///< [n]
  std::vector<std::uint32_t> candidates_;  ///< [m] columns
  std::vector<Histogram> histograms_;      ///< by depth
  std::span<const FixedPair> sums_ = {};
  std::uint64_t stream_ = 0;
  std::uint64_t counter_ = 0;
};

}  // namespace weir::detail
