/// For the tests of Gather, Scatter and their like: tensors by lists of indices, and networks that compute indices.
#pragma once
#include <limits>

#include "graphs.hpp"

namespace indexing {

using weir::Shape, weir::Tensor;
using Ints = std::vector<std::int64_t>;

inline constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// Calls f with each place of a tensor, as a list of indices, in their order.
template <class F>
void for_places(const Shape& shape, const F& f) {
  Ints at(shape.rank(), 0);
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    f(at);
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < shape[d]) break;
      at[d] = 0;
    }
  }
}

inline std::size_t offset(const Shape& shape, const Ints& at) {
  std::int64_t n = 0;
  for (std::size_t d = 0; d < shape.rank(); ++d) n = n * shape[d] + at[d];
  return static_cast<std::size_t>(n);
}

/// An index as it is meant; -1 where it is outside.
inline std::int64_t meant(float i, std::int64_t length) {
  if (!(i >= static_cast<float>(-length) && i < static_cast<float>(length))) return -1;
  const auto at = static_cast<std::int64_t>(i);
  return at < 0 ? at + length : at;
}

/// Indices of an axis, both ends and negative ones among them.
inline Tensor some_indices(const Shape& shape, std::int64_t length) {
  Tensor t(shape);
  for (std::size_t i = 0; i < t.size(); ++i)
    t[i] = static_cast<float>(static_cast<std::int64_t>(i * 7 + i / 3) % (2 * length) - length);
  return t;
}

inline Ints integers_of(const Tensor& t) { return {t.span().begin(), t.span().end()}; }

/// Shape with the batch free.
inline Ints free_batch(const Shape& x) {
  Ints dims(x.begin(), x.end());
  dims[0] = -1;
  return dims;
}

/// A network whose input holds a tensor of shape [N, a, ...] in front and another [N, b, ...] behind it along axis 1,
/// under the names d and i, i being integers.
inline graphs::Graph two_inputs(const Shape& data, const Shape& indices, int opset = 18) {
  Ints dims = free_batch(data);
  dims[1] += indices[1];
  graphs::Graph g(dims, opset);
  g.integers("zero", {0}).integers("cut", {data[1]}).integers("end", {dims[1]}).integers("one", {1});
  g.node("d", "Slice", {"x", "zero", "cut", "one"}).node("f", "Slice", {"x", "cut", "end", "one"});
  return g.node("i", "Cast", {"f"}, {{"to", std::int64_t{7}}});
}

inline Tensor joined(const Tensor& a, const Tensor& b) {
  Tensor t(a.shape().with(1, a.shape()[1] + b.shape()[1]));
  for_places(t.shape(), [&](Ints at) {
    const std::size_t to = offset(t.shape(), at);
    if (at[1] < a.shape()[1]) {
      t[to] = a[offset(a.shape(), at)];
    } else {
      at[1] -= a.shape()[1];
      t[to] = b[offset(b.shape(), at)];
    }
  });
  return t;
}

}  // namespace indexing
