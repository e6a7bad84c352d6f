/// Arithmetic on constant integers, for the list in build/integers/operators.hpp; and how a constant is read and made.
#pragma once
#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// Larger constants are no shapes; they are left to the layers.
inline constexpr std::size_t max_folded_integers = std::size_t{1} << 20;

namespace integers {

using Inputs = std::span<const Constant* const>;
using Result = std::optional<std::vector<Constant>>;

inline Constant make(Shape shape, std::vector<std::int64_t> values) { return {shape, {}, std::move(values), true}; }
inline Result one(Constant c) { return std::vector<Constant>{std::move(c)}; }

inline std::size_t checked_size(const Shape& shape) {
  const auto n = static_cast<std::size_t>(shape.numel());
  if (n > max_folded_integers)
    throw ShapeError(detail::message({"integer result ", shape.to_string(), " is too large"}));
  return n;
}

/// Input i, which must be there and hold integers.
inline const Constant& at(const NodeArguments& node, Inputs inputs, std::size_t i) {
  if (i >= inputs.size() || inputs[i] == nullptr) node.fail(detail::message({"input ", i, " is missing"}));
  if (!inputs[i]->is_int) node.fail(detail::message({"input ", i, " must hold integers"}));
  return *inputs[i];
}

/// The values of a box of c, walked by strides from an offset on.
inline Constant picked(const Constant& c, const Shape& shape, std::int64_t offset, const kernels::Strides& strides) {
  Constant y = make(shape, std::vector<std::int64_t>(checked_size(shape)));
  if (y.ints.empty()) return y;
  const kernels::LoopNest<1> nest(shape, {strides});
  std::size_t to = 0;
  nest.for_rows(0, nest.rows(), [&](const std::array<std::int64_t, 1>& row) {
    for (std::int64_t i = 0; i < nest.row_length(); ++i)
      y.ints[to++] = c.ints[static_cast<std::size_t>(offset + row[0] + i * nest.row_stride(0))];
  });
  return y;
}

/// Leaves the result in a and returns true where there is none.
using Apply = bool (*)(std::int64_t& a, std::int64_t b);

/// Of integers only: floats are left to the layers.
inline Result combine(const NodeArguments& node, Inputs in, Apply apply) {
  const Constant &a = at(node, in, 0), &b = at(node, in, 1);
  const Shape shape = broadcast_shape(a.shape, b.shape);
  (void)checked_size(shape);
  Constant x = picked(a, shape, 0, kernels::broadcast_strides(a.shape, shape));
  const Constant y = picked(b, shape, 0, kernels::broadcast_strides(b.shape, shape));
  for (std::size_t i = 0; i < x.ints.size(); ++i)
    if (apply(x.ints[i], y.ints[i])) node.fail("division by zero or overflow");
  return one(std::move(x));
}
template <class Operation>
Result combine(const NodeArguments& node, Inputs in) {
  return combine(node, in, &Operation::apply);
}
struct Add {
  static bool apply(std::int64_t& a, std::int64_t b) { return __builtin_add_overflow(a, b, &a); }
};
struct Sub {
  static bool apply(std::int64_t& a, std::int64_t b) { return __builtin_sub_overflow(a, b, &a); }
};
struct Mul {
  static bool apply(std::int64_t& a, std::int64_t b) { return __builtin_mul_overflow(a, b, &a); }
};
struct Div {
  static bool apply(std::int64_t& a, std::int64_t b) {
    if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min())) return true;
    a /= b;
    return false;
  }
};
/// Sign of the divisor, as in Python.
struct Mod {
  static bool apply(std::int64_t& a, std::int64_t b) {
    if (b == 0) return true;
    a = b == -1 ? 0 : a % b;
    if (a != 0 && (a < 0) != (b < 0)) a += b;
    return false;
  }
};
struct Max {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = std::max(a, b), false; }
};
struct Min {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = std::min(a, b), false; }
};
struct Equal {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = a == b, false; }
};
struct Less {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = a < b, false; }
};
struct LessOrEqual {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = a <= b, false; }
};
struct GreaterOrEqual {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = a >= b, false; }
};
struct And {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = a != 0 && b != 0, false; }
};
struct Or {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = a != 0 || b != 0, false; }
};
struct Greater {
  static bool apply(std::int64_t& a, std::int64_t b) { return a = a > b, false; }
};

/// Sign of the dividend with fmod 1, as in C.
inline Result mod(const NodeArguments& node, Inputs in) {
  struct Remainder {
    static bool apply(std::int64_t& a, std::int64_t b) {
      if (b == 0) return true;
      a = b == -1 ? 0 : a % b;
      return false;
    }
  };
  return node.integer_in("fmod", 0, 0, 1) == 1 ? combine<Remainder>(node, in) : combine<Mod>(node, in);
}

inline Result negate(const NodeArguments& node, Inputs in) {
  Constant x = at(node, in, 0);
  for (std::int64_t& v : x.ints)
    if (__builtin_sub_overflow(std::int64_t{0}, v, &v)) node.fail("overflow");
  return one(std::move(x));
}

inline Result logical_not(const NodeArguments& node, Inputs in) {
  Constant x = at(node, in, 0);
  for (std::int64_t& v : x.ints) v = v == 0;
  return one(std::move(x));
}

inline Result where(const NodeArguments& node, Inputs in) {
  const Constant &c = at(node, in, 0), &a = at(node, in, 1), &b = at(node, in, 2);
  const Shape shape = broadcast_shape(broadcast_shape(c.shape, a.shape), b.shape);
  (void)checked_size(shape);
  const Constant test = picked(c, shape, 0, kernels::broadcast_strides(c.shape, shape));
  Constant x = picked(a, shape, 0, kernels::broadcast_strides(a.shape, shape));
  const Constant y = picked(b, shape, 0, kernels::broadcast_strides(b.shape, shape));
  for (std::size_t i = 0; i < x.ints.size(); ++i)
    if (test.ints[i] == 0) x.ints[i] = y.ints[i];
  return one(std::move(x));
}

/// Over all axes, or over the last of a vector: what shape arithmetic needs.
inline Result reduce(const NodeArguments& node, Inputs in, Apply apply) {
  const Constant& x = at(node, in, 0);
  const std::vector<std::int64_t> axes = node.integers_or_input("axes", 1, node.node.op == "ReduceSum" ? 13 : 18);
  if (x.shape.rank() > 1 && axes.size() != x.shape.rank() && !axes.empty())
    node.fail("integers can only be reduced over all axes");
  if (!axes.empty()) (void)checked_axes(axes, x.shape.rank());
  const bool newer = node.opset >= (node.node.op == "ReduceSum" ? 13 : 18);
  if (newer && node.integer_in("noop_with_empty_axes", 0, 0, 1) == 1 && axes.empty()) return one(x);
  if (x.ints.empty()) node.fail("nothing to reduce");
  std::int64_t v = x.ints[0];
  for (std::size_t i = 1; i < x.ints.size(); ++i)
    if (apply(v, x.ints[i])) node.fail("overflow");
  const bool keep = node.integer("keepdims", 1) != 0;
  const std::vector<std::int64_t> dims(keep ? x.shape.rank() : 0, 1);
  return one(make(Shape(std::span<const std::int64_t>(dims)), {v}));
}
template <class Operation>
Result reduce(const NodeArguments& node, Inputs in) {
  return reduce(node, in, &Operation::apply);
}

}  // namespace integers

}  // namespace weir::detail
