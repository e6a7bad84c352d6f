/// Axes as ONNX counts them: -1 is the last.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/core/shape.hpp>

namespace weir::detail {

/// axis in 0..rank-1; negative ones count from the end. Throws ShapeError outside of -rank..rank-1.
inline std::size_t checked_axis(std::int64_t axis, std::size_t rank) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r) throw ShapeError(detail::message({"axis ", axis, " is outside of rank ", rank}));
  return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
}

/// Sorted and checked; throws ShapeError if one occurs twice.
inline std::vector<std::size_t> checked_axes(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<std::size_t> sorted;
  for (std::int64_t axis : axes) sorted.push_back(checked_axis(axis, rank));
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) throw ShapeError("an axis occurs twice");
  return sorted;
}

/// shape without the axes, which must have length 1 there; all axes of length 1 if none are named.
inline Shape squeezed(const Shape& shape, const std::vector<std::int64_t>& axes) {
  const std::vector<std::size_t> gone = checked_axes(axes, shape.rank());
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    const bool named = std::binary_search(gone.begin(), gone.end(), i);
    if (named && shape[i] != 1)
      throw ShapeError(detail::message({"cannot squeeze axis ", i, " of ", shape.to_string()}));
    if (!(named || (axes.empty() && shape[i] == 1))) dims.push_back(shape[i]);
  }
  return Shape(dims);
}

/// shape with new axes of length 1, counted in the result.
inline Shape unsqueezed(const Shape& shape, const std::vector<std::int64_t>& axes) {
  const std::size_t rank = shape.rank() + axes.size();
  const std::vector<std::size_t> added = checked_axes(axes, rank);
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0, from = 0; i < rank; ++i)
    dims.push_back(std::binary_search(added.begin(), added.end(), i) ? 1 : shape[from++]);
  return Shape(dims);
}

/// Shape of elementwise arithmetic on a and b: trailing dimensions pair up, and length 1 stretches.
inline Shape broadcast_shape(const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> dims(rank, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t from_a = i + a.rank() < rank ? 1 : a[i + a.rank() - rank];
    const std::int64_t from_b = i + b.rank() < rank ? 1 : b[i + b.rank() - rank];
    if (from_a != from_b && from_a != 1 && from_b != 1)
      throw ShapeError(detail::message({"cannot broadcast ", a.to_string(), " with ", b.to_string()}));
    dims[i] = from_a == 1 ? from_b : from_a;
  }
  return Shape(dims);
}

/// What Reshape makes of a target: 0 keeps the dimension (unless allow_zero), one -1 is inferred.
inline Shape reshaped(const Shape& from, const std::vector<std::int64_t>& target, bool allow_zero = false) {
  if (target.size() > Shape::max_rank) throw ShapeError(detail::message({"rank ", target.size(), " is above 8"}));
  const auto refuse = [&]() -> Shape {
    std::string list;
    for (std::int64_t d : target) list += (list.empty() ? "" : ", ") + std::to_string(d);
    throw ShapeError(detail::message({"cannot reshape ", from.to_string(), " to [", list, "]"}));
  };
  std::vector<std::int64_t> dims = target;
  std::size_t inferred = dims.size();
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !allow_zero) {
      if (i >= from.rank()) return refuse();
      dims[i] = from[i];
    } else if (dims[i] == -1) {
      if (inferred != dims.size()) return refuse();
      inferred = i;
      dims[i] = 1;
    }
  }
  Shape to{std::span<const std::int64_t>(dims)};
  if (inferred < dims.size()) {
    const std::int64_t rest = to.numel();
    if (rest == 0 || from.numel() % rest != 0) return refuse();
    to = to.with(inferred, from.numel() / rest);
  }
  return to.numel() == from.numel() ? to : refuse();
}

/// Throws ShapeError unless n inputs came, the first `low` of them with data.
inline void expect_rank(const Shape& shape, std::size_t rank, const char* what) {
  if (shape.rank() != rank)
    throw ShapeError(detail::message({what, " expects rank ", rank, ", got ", shape.to_string()}));
}

}  // namespace weir::detail
