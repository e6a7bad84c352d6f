/// The operators that build/integers/fold.hpp evaluates: one function and one line in a list for each.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/layers/attributes/slice_ranges.hpp>
#include <weir/layers/build/integers/arithmetic.hpp>
#include <weir/layers/build/tensor_types.hpp>

namespace weir::detail {

namespace integers {

inline Constant shape_of(const NodeArguments& node, const Shape& x) {
  const auto rank = static_cast<std::int64_t>(x.rank());
  const auto bound = [&](const char* name, std::int64_t otherwise) {
    const std::int64_t v = node.opset < 15 ? otherwise : node.integer(name, otherwise);
    return std::clamp<std::int64_t>(v < 0 ? std::max(v, -rank) + rank : v, 0, rank);
  };
  const std::int64_t start = bound("start", 0), end = std::max(start, bound("end", rank));
  return make({end - start}, {x.begin() + start, x.begin() + end});
}

inline Constant size_of(const NodeArguments&, const Shape& x) { return make({}, {x.numel()}); }

inline Result identity(const NodeArguments& node, Inputs in) { return one(at(node, in, 0)); }

/// To integers (and bool) from either kind, to floats from integers.
inline Result cast(const NodeArguments& node, Inputs in) {
  node.expect_inputs(1, 1);
  const Constant& x = *in[0];
  const std::int64_t to = node.integer("to", 0);
  if (node.opset >= 19) node.ignore("saturate");    // of 8-bit floats
  if (node.opset >= 24) node.ignore("round_mode");  // likewise
  const bool to_float = to == 1 || to == 10 || to == 11 || to == 16;
  const bool to_int = (to >= 2 && to <= 7) || to == 9 || to == 12 || to == 13;
  if (!to_float && !to_int) node.fail(detail::message({"cast to type ", to, " is not supported"}));
  if (to == 10 || to == 16 || (to_float && !x.is_int)) return std::nullopt;
  Constant y{x.shape, {}, {}, to_int};
  if (to_float) y.floats = std::vector<float>(x.ints.begin(), x.ints.end());
  if (to_int && x.is_int) y.ints = x.ints;
  if (to_int && !x.is_int)
    for (float v : x.floats) {
      const std::int64_t whole = std::abs(v) < 0x1p63F && to != 9 ? static_cast<std::int64_t>(v) : 0;
      if (to != 9 && (!(std::abs(v) < 0x1p63F) || wrapped(whole, letter_of(to)) != whole || (to == 13 && whole < 0)))
        node.fail(detail::message({"casts ", v, ", which the type does not hold"}));
      y.ints.push_back(to == 9 ? v != 0 : whole);
    }
  if (to == 9)
    for (std::int64_t& v : y.ints) v = v != 0;
  return one(std::move(y));
}

inline bool allows_zero(const NodeArguments& node) {
  return node.opset >= 14 && node.integer_in("allowzero", 0, 0, 1) == 1;
}

inline Result reshape(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  return one(make(reshaped(x.shape, node.constant_list(1), allows_zero(node)), x.ints));
}
inline Result squeeze(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  return one(make(squeezed(x.shape, node.integers_or_input("axes", 1, 13)), x.ints));
}
inline Result unsqueeze(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  return one(make(unsqueezed(x.shape, node.integers_or_input("axes", 1, 13)), x.ints));
}
inline Result flatten(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  const std::int64_t axis = node.integer("axis", 1), rank = static_cast<std::int64_t>(x.shape.rank());
  if (axis < (node.opset < 11 ? 0 : -rank) || axis > rank) node.fail("axis is out of range");
  const auto cut = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  return one(make({x.shape.product(0, cut), x.shape.product(cut, x.shape.rank())}, x.ints));
}

inline Result transpose(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  const auto [shape, strides] = permuted(x.shape, node.integers("perm"));
  return one(picked(x, shape, 0, strides));
}

inline Result slice(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  const SliceBox box = SliceRanges::read(node).box(x.shape);
  return one(picked(x, box.shape, box.offset, box.strides));
}

inline Result concat(const NodeArguments& node, Inputs in) {
  Shape joined = at(node, in, 0).shape;
  const std::size_t axis = checked_axis(node.integer("axis", 0), joined.rank());
  std::int64_t length = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Shape& s = at(node, in, i).shape;
    if (s.rank() != joined.rank() || s.with(axis, 0) != joined.with(axis, 0))
      node.fail(detail::message({"cannot join ", joined.to_string(), " and ", s.to_string()}));
    if (s.numel() > 0) length += s[axis];  // each holds at most max_folded_integers
  }
  joined = joined.with(axis, length);
  Constant y = make(joined, {});
  y.ints.reserve(checked_size(joined));
  const std::int64_t outer = joined.numel() == 0 ? 0 : joined.product(0, axis);
  for (std::int64_t o = 0; o < outer; ++o)
    for (const Constant* c : in) {
      const auto run = static_cast<std::ptrdiff_t>(c->ints.size()) / outer;
      y.ints.insert(y.ints.end(), c->ints.begin() + o * run, c->ints.begin() + (o + 1) * run);
    }
  return one(std::move(y));
}

inline Result split(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  const std::size_t axis = checked_axis(node.integer("axis", 0), x.shape.rank());
  std::vector<std::int64_t> lengths = node.integers_or_input("split", 1, 13);
  const std::size_t parts = node.node.outputs.size();
  check_number_of_parts(node, parts, !lengths.empty());
  if (lengths.empty() && parts > 0) {
    const auto n = static_cast<std::int64_t>(parts), each = (x.shape[axis] + n - 1) / n;
    if (x.shape[axis] != each * n && node.opset < 18)
      node.fail(detail::message({"cannot split ", x.shape.to_string()}));
    lengths.assign(parts, each);
    lengths.back() = x.shape[axis] - each * (n - 1);  // negative if too many are wanted
  }
  std::vector<Constant> outputs;
  std::int64_t from = 0;
  for (std::int64_t n : lengths) {
    if (n < 0 || n > x.shape[axis] - from) node.fail(detail::message({"cannot split ", x.shape.to_string()}));
    const kernels::Strides dense = kernels::dense_strides(x.shape);
    outputs.push_back(picked(x, x.shape.with(axis, n), from * dense[axis], dense));
    from += n;
  }
  return outputs;
}

inline Result gather(const NodeArguments& node, Inputs in) {
  const Constant &x = at(node, in, 0), &indices = at(node, in, 1);
  const std::size_t axis = checked_axis(node.integer("axis", 0), x.shape.rank());
  std::vector<std::int64_t> dims(x.shape.begin(), x.shape.begin() + axis);
  dims.insert(dims.end(), indices.shape.begin(), indices.shape.end());
  dims.insert(dims.end(), x.shape.begin() + axis + 1, x.shape.end());
  const Shape shape{std::span<const std::int64_t>(dims)};
  Constant y = make(shape, {});
  y.ints.reserve(checked_size(shape));
  const std::int64_t length = x.shape[axis], inner = x.shape.product(axis + 1, x.shape.rank());
  for (std::int64_t i : indices.ints)
    if (i < -length || i >= length) node.fail(detail::message({"index ", i, " is out of range"}));
  for (std::int64_t o = 0; shape.numel() > 0 && o < x.shape.product(0, axis); ++o)
    for (std::int64_t i : indices.ints) {
      const auto from = x.ints.begin() + (o * length + (i < 0 ? i + length : i)) * inner;
      y.ints.insert(y.ints.end(), from, from + inner);
    }
  return one(std::move(y));
}

inline Result constant_of_shape(const NodeArguments& node, Inputs in) {
  const Constant& target = at(node, in, 0);
  if (target.shape.rank() != 1)
    node.fail(detail::message({"input 0 must be a list, not of shape ", target.shape.to_string()}));
  const Shape shape{std::span<const std::int64_t>(target.ints)};
  const Constant* c = node.element("value");
  const std::size_t n = checked_size(shape);
  if (c != nullptr && c->is_int) return one(make(shape, std::vector<std::int64_t>(n, c->ints[0])));
  return one(Constant{shape, std::vector<float>(n, c == nullptr ? 0.0F : c->floats[0]), {}, false});
}

/// start, start + delta, ... below limit (above it, if delta is negative). As in ONNX Runtime each is the one before it
/// plus delta.
inline Result range_of_floats(const NodeArguments& node) {
  std::array<float, 3> v{};
  for (std::size_t i = 0; i < 3; ++i) v[i] = node.scalar_input(i, 0);
  const auto [start, limit, delta] = v;
  if (delta == 0) node.fail("delta may not be 0");
  const double n = std::ceil(double{limit - start} / double{delta});
  if (!(std::abs(n) <= static_cast<double>(max_folded_integers))) node.fail(detail::message({"has ", n, " values"}));
  Constant y{Shape{std::max<std::int64_t>(0, static_cast<std::int64_t>(n))}, {}, {}, false};
  std::vector<float> values(static_cast<std::size_t>(y.shape[0]));
  float value = start;
  for (float& each : values) {
    each = value;
    value += delta;
  }
  y.floats = std::move(values);
  return one(std::move(y));
}

inline Result range(const NodeArguments& node, Inputs in) {
  node.expect_inputs(3, 3);
  if (!in[0]->is_int) return range_of_floats(node);
  std::array<std::int64_t, 3> v{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (at(node, in, i).ints.size() != 1) node.fail("start, limit and delta must be single values");
    v[i] = in[i]->ints[0];
  }
  const auto [start, limit, delta] = v;
  constexpr std::int64_t bound = std::int64_t{1} << 61;
  if (delta == 0) node.fail("delta may not be 0");
  for (std::int64_t each : v)
    if (each < -bound || each > bound) node.fail("a value is out of range");
  const std::int64_t span = limit - start,
                     n = span == 0 || (span < 0) != (delta < 0) ? 0 : (span - (delta > 0 ? 1 : -1)) / delta + 1;
  std::vector<std::int64_t> values(checked_size({n}));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = start + static_cast<std::int64_t>(i) * delta;
  return one(make({n}, std::move(values)));
}

inline Result expand(const NodeArguments& node, Inputs in) {
  const Constant& x = at(node, in, 0);
  const Shape shape = broadcast_shape(x.shape, Shape(std::span<const std::int64_t>(at(node, in, 1).ints)));
  return one(picked(x, shape, 0, kernels::broadcast_strides(x.shape, shape)));
}

}  // namespace integers

/// of_shape is for operators that need no more than the shape of their input, evaluate for the others.
struct IntegerOperator {
  std::string_view name;
  integers::Result (*evaluate)(const NodeArguments&, integers::Inputs) = nullptr;
  Constant (*of_shape)(const NodeArguments&, const Shape&) = nullptr;
  bool takes_floats = false;
};

inline constexpr std::array integer_operators = {
    IntegerOperator{.name = "Shape", .of_shape = integers::shape_of},
    IntegerOperator{.name = "Size", .of_shape = integers::size_of},
    IntegerOperator{.name = "Cast", .evaluate = integers::cast, .takes_floats = true},
    IntegerOperator{"Identity", integers::identity},
    IntegerOperator{"Reshape", integers::reshape},
    IntegerOperator{"Squeeze", integers::squeeze},
    IntegerOperator{"Unsqueeze", integers::unsqueeze},
    IntegerOperator{"Flatten", integers::flatten},
    IntegerOperator{"Transpose", integers::transpose},
    IntegerOperator{"Slice", integers::slice},
    IntegerOperator{"Concat", integers::concat},
    IntegerOperator{"Split", integers::split},
    IntegerOperator{"Gather", integers::gather},
    IntegerOperator{"Expand", integers::expand},
    IntegerOperator{"Add", integers::combine<integers::Add>},
    IntegerOperator{"Sub", integers::combine<integers::Sub>},
    IntegerOperator{"Mul", integers::combine<integers::Mul>},
    IntegerOperator{"Div", integers::combine<integers::Div>},
    IntegerOperator{"Mod", integers::mod},
    IntegerOperator{"Max", integers::combine<integers::Max>},
    IntegerOperator{"Min", integers::combine<integers::Min>},
    IntegerOperator{"Equal", integers::combine<integers::Equal>},
    IntegerOperator{"Less", integers::combine<integers::Less>},
    IntegerOperator{"Greater", integers::combine<integers::Greater>},
    IntegerOperator{"LessOrEqual", integers::combine<integers::LessOrEqual>},
    IntegerOperator{"GreaterOrEqual", integers::combine<integers::GreaterOrEqual>},
    IntegerOperator{"And", integers::combine<integers::And>},
    IntegerOperator{"Or", integers::combine<integers::Or>},
    IntegerOperator{"Neg", integers::negate},
    IntegerOperator{"Not", integers::logical_not},
    IntegerOperator{"Where", integers::where},
    IntegerOperator{"ReduceProd", integers::reduce<integers::Mul>},
    IntegerOperator{"ReduceSum", integers::reduce<integers::Add>},
    IntegerOperator{"ReduceMax", integers::reduce<integers::Max>},
    IntegerOperator{"ReduceMin", integers::reduce<integers::Min>},
    IntegerOperator{"ConstantOfShape", integers::constant_of_shape},
    IntegerOperator{.name = "Range", .evaluate = integers::range, .takes_floats = true},
};

}  // namespace weir::detail
