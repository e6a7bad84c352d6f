/// FoldBudget: how much constant folding may make.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>

namespace weir::detail {

/// Counts the elements of folded constants: a hostile file of some hundred bytes could ask for any number. Allowed are
/// 2^24 in all, and four for each element that the file holds.
class FoldBudget {
 public:
  /// A constant of the file.
  void add(const Constant& c) { limit_ += 4 * static_cast<std::int64_t>(c.floats.size() + c.ints.size()); }

  /// Throws ShapeError, which begins with `where`, if these elements are too many.
  void spend(std::int64_t elements, const std::string& where) {
    spent_ += elements;
    if (elements > limit_ || spent_ > limit_)
      throw ShapeError(detail::message({where, ": constant results are too large"}));
  }

  /// Whether a node whose inputs are all constant is folded. One that makes much more than it reads runs with the
  /// network instead, in memory that is counted then.
  bool is_worth_it(const NodeDef& node, const std::vector<Shape>& shapes, const std::vector<Shape>& out) const {
    constexpr std::int64_t small = 1 << 16, times = 8;
    std::int64_t from = 0, to = 0;
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (!node.inputs[i].empty()) from += shapes[i].numel();
    for (const Shape& s : out) to += s.numel();
    return to <= std::max(small, times * from) && spent_ + to <= limit_;
  }

 private:
  std::int64_t spent_ = 0, limit_ = std::int64_t{1} << 24;
};

}  // namespace weir::detail
