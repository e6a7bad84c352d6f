/// ArgMax, ArgMin, TopK and Hardmax: which values along an axis are the largest or smallest.
#pragma once
#include <cmath>
#include <weir/core/layer.hpp>
#include <weir/core/parallel.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// Calls line(from, step, number) for each line of x along an axis, shared among threads.
inline void for_lines(const Context& context, const Shape& x, std::size_t axis,
                      FunctionRef<std::int64_t, std::int64_t, std::int64_t> line) {
  const std::int64_t length = x[axis], inner = x.product(axis + 1, x.rank());
  const std::int64_t lines = x.product(0, axis) * inner;
  context.pool().split(lines, (1 << 13) / std::max<std::int64_t>(1, length) + 1,
                       [&](std::int64_t first, std::int64_t last) {
                         for (std::int64_t i = first; i < last; ++i)
                           line(i / inner * length * inner + i % inner, inner, i);
                       });
}

/// y = index of the extreme along an axis, the first or the last of equal ones. As in ONNX Runtime NaN is never larger
/// nor smaller than what stands before it.
class ArgLayer final : public RunnableLayer {
 public:
  ArgLayer(std::int64_t axis, bool largest, bool keep, bool last)
      : axis_(axis), largest_(largest), keep_(keep), last_(last) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    const std::size_t axis = checked_axis(axis_, x.rank());
    if (x[axis] == 0) throw ShapeError(detail::message({"there is no extreme of an empty axis of ", x.to_string()}));
    if (x[axis] > std::int64_t{1} << 24) throw ShapeError("an index above 2^24 is not held exactly by a float");
    std::vector<std::int64_t> dims(x.begin(), x.end());
    if (keep_)
      dims[axis] = 1;
    else
      dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    return {Shape(std::span<const std::int64_t>(dims))};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::size_t axis = checked_axis(axis_, x.rank());
    for_lines(context, x, axis, [&](std::int64_t from, std::int64_t step, std::int64_t number) {
      const float* v = inputs[0].data + from;
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < x[axis]; ++i) {
        const float a = v[i * step], b = v[best * step];
        if ((largest_ ? a > b : a < b) || (last_ && a == b)) best = i;
      }
      outputs[0].data[number] = static_cast<float>(best);
    });
  }
  Examples examples(const ExamplesQuery& q) const override {
    const Examples& x = q.inputs[0];
    if (x.kind != Examples::Kind::apart) return x;
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    if (x.axis == axis) return Examples::mixed();
    return examples::at(q, 0, x.axis > axis && !keep_ ? x.axis - 1 : x.axis);
  }
  double flops(std::span<const Shape> inputs) const override { return static_cast<double>(inputs[0].numel()); }

 private:
  std::int64_t axis_;
  bool largest_, keep_, last_;
};

template <bool largest>
LayerPtr make_arg(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const std::int64_t axis = node.integer("axis", 0);
  const bool keep = node.integer_in("keepdims", 1, 0, 1) == 1;
  const bool last = node.opset >= 12 && node.integer_in("select_last_index", 0, 0, 1) == 1;
  return make_counted<ArgLayer>(axis, largest, keep, last);
}

/// The k largest or smallest along an axis, in order, and their indices; of equal ones the first.
class TopKLayer final : public RunnableLayer {
 public:
  TopKLayer(std::int64_t axis, std::int64_t k, bool largest) : axis_(axis), k_(k), largest_(largest) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    const std::size_t axis = checked_axis(axis_, x.rank());
    if (k_ < 0 || k_ > x[axis]) throw ShapeError(detail::message({"cannot take ", k_, " of ", x.to_string()}));
    if (x[axis] > std::int64_t{1} << 24) throw ShapeError("an index above 2^24 is not held exactly by a float");
    return {x.with(axis, k_), x.with(axis, k_)};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const Shape& x = inputs[0].shape;
    const std::size_t axis = checked_axis(axis_, x.rank());
    const std::int64_t length = x[axis];
    if (k_ == 0) return;
    for_lines(context, x, axis, [&](std::int64_t from, std::int64_t step, std::int64_t number) {
      const float* v = inputs[0].data + from;
      float* order = workspace + number * length;
      for (std::int64_t i = 0; i < length; ++i) order[i] = static_cast<float>(i);
      const auto value = [&](float i) { return v[static_cast<std::int64_t>(i) * step]; };
      // NaN stands behind all others, so that the order is a strict one.
      const auto before = [&](float i, float j) {
        const float a = value(i), b = value(j);
        if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b) ? i < j : std::isnan(b);
        return a == b ? i < j : largest_ ? a > b : a < b;
      };
      std::partial_sort(order, order + k_, order + length, before);
      const std::int64_t to = number / step * k_ * step + number % step;
      for (std::int64_t i = 0; i < k_; ++i) {
        if (outputs[0].data != nullptr) outputs[0].data[to + i * step] = value(order[i]);
        if (outputs.size() > 1 && outputs[1].data != nullptr) outputs[1].data[to + i * step] = order[i];
      }
    });
  }
  std::size_t workspace_floats(const Context&, std::span<const Shape> inputs) const override {
    return static_cast<std::size_t>(inputs[0].numel());
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    return examples::all_but(q, axis, axis + 1);
  }

 private:
  std::int64_t axis_, k_;
  bool largest_;
};

/// k is an attribute before opset 10, an input since.
inline LayerPtr make_top_k(const NodeArguments& node) {
  const bool attribute = node.opset < 10;
  node.expect_inputs(attribute ? 1 : 2, attribute ? 1 : 2);
  std::int64_t k = attribute ? node.integer("k", -1) : 0;
  if (!attribute) {
    const auto& values = node.constant_list(1);
    if (values.size() != 1) node.fail("k must be one value");
    k = values[0];
  }
  if (k < 0) node.fail(detail::message({"k may not be ", k}));
  const bool largest = node.opset < 11 || node.integer_in("largest", 1, 0, 1) == 1;
  if (node.opset >= 11) (void)node.integer_in("sorted", 1, 0, 1);  // sorted is one of the orders that may be given
  return make_counted<TopKLayer>(node.integer("axis", -1), k, largest);
}

/// 1 at the first largest value along an axis (before opset 13: of all axes from it on, as one), else 0. As in ONNX
/// Runtime a NaN in front is larger than all behind it, and there is then no 1.
class HardmaxLayer final : public RunnableLayer {
 public:
  HardmaxLayer(std::int64_t axis, bool flatten) : axis_(axis), flatten_(flatten) {}
  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    (void)checked_axis(axis_, inputs[0].rank());
    return {inputs[0]};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& s = inputs[0].shape;
    const std::size_t first = checked_axis(axis_, s.rank()), last = flatten_ ? s.rank() : first + 1;
    const Shape x{s.product(0, first), s.product(first, last), s.product(last, s.rank())};
    std::fill_n(outputs[0].data, outputs[0].size(), 0.0F);
    if (x.numel() == 0) return;
    for_lines(context, x, 1, [&](std::int64_t from, std::int64_t step, std::int64_t) {
      const float* v = inputs[0].data + from;
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < x[1]; ++i)
        if (v[i * step] > v[best * step]) best = i;
      if (!std::isnan(v[best * step])) outputs[0].data[from + best * step] = 1;
    });
  }
  Examples examples(const ExamplesQuery& q) const override {
    const std::size_t axis = checked_axis(axis_, q.shapes[0].rank());
    return examples::all_but(q, axis, flatten_ ? Shape::max_rank : axis + 1);
  }

 private:
  std::int64_t axis_;
  bool flatten_;
};

inline LayerPtr make_hardmax(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const bool flatten = node.opset < 13;
  return make_counted<HardmaxLayer>(node.integer("axis", flatten ? 1 : -1), flatten);
}

}  // namespace weir::detail
