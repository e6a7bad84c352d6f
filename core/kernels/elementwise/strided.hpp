/// Walks over tensors by strides: what broadcasting, slices, transpositions and copies share.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <weir/core/context.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// Elements between neighbours along each axis; 0 where a length of 1 stretches, negative where it runs backwards.
using Strides = std::array<std::int64_t, Shape::max_rank>;

/// Of a dense tensor.
inline Strides dense_strides(const Shape& shape) {
  Strides s{};
  std::int64_t step = 1;
  for (std::size_t i = shape.rank(); i-- > 0; step *= shape[i]) s[i] = step;
  return s;
}

/// Of a dense tensor stretched to another shape: axes pair up from the last, and those of length 1 have stride 0.
inline Strides broadcast_strides(const Shape& from, const Shape& to) {
  const Strides dense = dense_strides(from);
  Strides s{};
  for (std::size_t i = 0; i < from.rank(); ++i) s[to.rank() - from.rank() + i] = from[i] == 1 ? 0 : dense[i];
  return s;
}

/// A loop nest over up to Count tensors at once, with axes merged where all of them allow it.
template <std::size_t Count>
struct LoopNest {
  std::size_t depth = 0;  ///< outermost first; at least 1
  std::array<std::int64_t, Shape::max_rank> length{};
  std::array<Strides, Count> stride{};

  LoopNest(const Shape& shape, const std::array<Strides, Count>& strides) {
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == 1) continue;
      bool merges = depth > 0;
      for (std::size_t t = 0; t < Count && merges; ++t) merges = stride[t][depth - 1] == strides[t][axis] * shape[axis];
      if (!merges) ++depth;
      length[depth - 1] = merges ? length[depth - 1] * shape[axis] : shape[axis];
      for (std::size_t t = 0; t < Count; ++t) stride[t][depth - 1] = strides[t][axis];
    }
    if (depth == 0) {
      depth = 1;
      length[0] = 1;
    }
  }

  std::int64_t rows() const {
    std::int64_t n = 1;
    for (std::size_t i = 0; i + 1 < depth; ++i) n *= length[i];
    return n;
  }
  std::int64_t row_length() const { return length[depth - 1]; }
  std::int64_t row_stride(std::size_t t) const { return stride[t][depth - 1]; }

  /// Calls row(offsets) for rows first..last-1 of the innermost loop; offsets[t] is where the row of tensor t begins.
  template <class Row>
  void for_rows(std::int64_t first, std::int64_t last, const Row& row) const {
    if (first >= last) return;
    std::array<std::int64_t, Count> offsets{};
    std::array<std::int64_t, Shape::max_rank> index{};
    std::int64_t rest = first;
    for (std::size_t i = depth - 1; i-- > 0;) {
      index[i] = rest % length[i];
      rest /= length[i];
      for (std::size_t t = 0; t < Count; ++t) offsets[t] += index[i] * stride[t][i];
    }
    for (std::int64_t r = first;;) {
      row(offsets);
      if (++r == last) return;
      for (std::size_t i = depth - 1; i-- > 0;) {
        for (std::size_t t = 0; t < Count; ++t) offsets[t] += stride[t][i];
        if (++index[i] < length[i]) break;
        for (std::size_t t = 0; t < Count; ++t) offsets[t] -= index[i] * stride[t][i];
        index[i] = 0;
      }
    }
  }

  /// As for_rows over all of them, shared among the threads where the work is large enough.
  template <class Row>
  void for_all_rows(const Context& context, const Row& row) const {
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(row_length(), 1));
    if (row_length() == 0) return;
    context.pool().split(rows(), grain, [&](std::int64_t first, std::int64_t last) { for_rows(first, last, row); });
  }
};

/// Copies a box of `shape` elements between two tensors, each walked by its own strides: slices, concatenation,
/// transposition, padding and broadcasting are all this. Must not overlap.
inline void strided_copy(const Context& context, const Shape& shape, const float* from, const Strides& from_strides,
                         float* to, const Strides& to_strides) {
  if (shape.numel() == 0) return;
  const LoopNest<2> nest(shape, {from_strides, to_strides});
  const std::int64_t n = nest.row_length(), in = nest.row_stride(0), out = nest.row_stride(1);
  nest.for_all_rows(context, [=](const std::array<std::int64_t, 2>& at) {
    const float* x = from + at[0];
    float* y = to + at[1];
    if ((in == 1 && out == 1) || n == 1)
      std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(float));
    else
      for (std::int64_t i = 0; i < n; ++i) y[i * out] = x[i * in];
  });
}

}  // namespace weir::kernels
