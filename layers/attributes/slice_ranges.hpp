/// Slices and permutations of axes, as shape, offset and strides.
#pragma once
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// A part of a dense tensor: element 0 lies `offset` behind the tensor's, neighbours `strides` apart.
struct SliceBox {
  Shape shape;
  std::int64_t offset = 0;
  kernels::Strides strides{};
};

/// From starts to ends (excluded) by steps along axes, all counted as in numpy and cut to the tensor, but that an end
/// of the largest int32 or int64 is none, backwards, too, as in ONNX Runtime.
struct SliceRanges {
  std::vector<std::int64_t> starts, ends, axes, steps;

  /// Attributes before opset 10, inputs since.
  static SliceRanges read(const NodeArguments& node) {
    SliceRanges r;
    if (node.opset < 10) {
      node.expect_inputs(1, 1);
      r = {node.integers("starts"), node.integers("ends"), node.integers("axes"), {}};
    } else {
      node.expect_inputs(3, 5);
      r.starts = node.constant_list(1);
      r.ends = node.constant_list(2);
      if (node.has_input(3)) r.axes = node.constant_list(3);
      if (node.has_input(4)) r.steps = node.constant_list(4);
    }
    if (r.axes.empty())
      for (std::size_t i = 0; i < r.starts.size(); ++i) r.axes.push_back(static_cast<std::int64_t>(i));
    if (r.steps.empty()) r.steps.assign(r.starts.size(), 1);
    const std::size_t n = r.starts.size();
    if (n == 0 || r.ends.size() != n || r.axes.size() != n || r.steps.size() != n)
      node.fail("starts, ends, axes and steps must have one length");
    for (std::int64_t step : r.steps)
      if (step == 0 || step < -(std::int64_t{1} << 62)) node.fail(detail::message({"a step may not be ", step}));
    return r;
  }

  SliceBox box(const Shape& x) const {
    (void)x.numel();
    (void)checked_axes(axes, x.rank());
    SliceBox b{x, 0, kernels::dense_strides(x)};
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const std::size_t axis = checked_axis(axes[i], x.rank());
      const std::int64_t length = x[axis], step = steps[i];
      const auto place = [length](std::int64_t v) { return v >= 0 ? v : v < -length ? std::int64_t{-1} : v + length; };
      const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? length : length - 1;
      const std::int64_t start =
          std::clamp(place(starts[i]), std::min<std::int64_t>(0, high), std::max<std::int64_t>(high, 0));
      const bool all =
          ends[i] == std::numeric_limits<std::int64_t>::max() || ends[i] == std::numeric_limits<std::int32_t>::max();
      const std::int64_t end = std::clamp(all && step < 0 ? -1 : place(ends[i]), low, std::max(high, low));
      const std::int64_t span = step > 0 ? end - start : start - end;
      const std::int64_t size = step > 0 ? step : -step;
      const std::int64_t n = span <= 0 || length == 0 ? 0 : (span - 1) / size + 1;
      b.shape = b.shape.with(axis, n);
      if (n > 0) b.offset += start * b.strides[axis];
      if (size < length) b.strides[axis] *= step;
    }
    return b;
  }
};

/// Fails unless a Split says once into how many parts, from opset 18 on.
inline void check_number_of_parts(const NodeArguments& node, std::size_t outputs, bool has_lengths) {
  if (node.opset < 18) return;
  const bool given = node.has_attribute("num_outputs");
  if (given == has_lengths)
    node.fail(given ? "has both lengths and num_outputs" : "has neither lengths nor num_outputs");
  if (given && node.integer("num_outputs", 0) != static_cast<std::int64_t>(outputs))
    node.fail("attribute num_outputs does not fit its outputs");
}

/// Shape and strides of x with its axes in another order; reversed if perm is empty.
inline std::pair<Shape, kernels::Strides> permuted(const Shape& x, std::vector<std::int64_t> perm) {
  const std::size_t rank = x.rank();
  if (perm.empty())
    for (std::size_t i = rank; i-- > 0;) perm.push_back(static_cast<std::int64_t>(i));
  if (perm.size() != rank || checked_axes(perm, rank).size() != rank)
    throw ShapeError(detail::message({"a permutation of ", perm.size(), " axes does not fit ", x.to_string()}));
  const kernels::Strides dense = kernels::dense_strides(x);
  Shape shape = x;
  kernels::Strides strides{};
  for (std::size_t i = 0; i < rank; ++i) {
    if (perm[i] < 0) throw ShapeError(detail::message({"a permutation may not hold ", perm[i]}));
    const std::size_t from = checked_axis(perm[i], rank);
    shape = shape.with(i, x[from]);
    strides[i] = dense[from];
  }
  return {shape, strides};
}

}  // namespace weir::detail
