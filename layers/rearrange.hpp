/// DepthToSpace, SpaceToDepth and Tile: the same elements at other places.
#pragma once
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/parallel.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// Blocks of size b x b pixels become channels (SpaceToDepth) or the opposite; [N, C, H, W].
class SpaceDepthLayer final : public RunnableLayer {
 public:
  enum class Form { to_depth, to_space_dcr, to_space_crd };
  SpaceDepthLayer(Form form, std::int64_t block) : form_(form), block_(block) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    const std::int64_t b = block_;
    expect_rank(x, 4, "a block rearrangement");
    const bool fits = form_ == Form::to_depth ? x[2] % b == 0 && x[3] % b == 0 : x[1] % (b * b) == 0;
    if (!fits) throw ShapeError(detail::message({"blocks of ", b, " do not divide ", x.to_string()}));
    (void)x.numel();
    if (form_ == Form::to_depth) return {Shape{x[0], x[1] * b * b, x[2] / b, x[3] / b}};
    return {Shape{x[0], x[1] / (b * b), x[2] * b, x[3] * b}};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    // The smaller image and its block, in x and in y: axes n, c, h, w, block row, block column.
    const bool to_depth = form_ == Form::to_depth, dcr = form_ != Form::to_space_crd;
    const ConstView wide = to_depth ? inputs[0] : ConstView(outputs[0]);
    const Shape& s = wide.shape;
    const std::int64_t b = block_, C = s[1], H = s[2] / b, W = s[3] / b;
    const Shape all{s[0], C, H, W, b, b};
    const kernels::Strides in_wide{C * s[2] * s[3], s[2] * s[3], b * s[3], b, s[3], 1};
    const std::int64_t plane = H * W;
    const kernels::Strides in_deep = dcr ? kernels::Strides{C * b * b * plane, plane, W, 1, b * C * plane, C * plane}
                                         : kernels::Strides{C * b * b * plane, b * b * plane, W, 1, b * plane, plane};
    kernels::strided_copy(context, all, inputs[0].data, to_depth ? in_wide : in_deep, outputs[0].data,
                          to_depth ? in_deep : in_wide);
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 1); }

 private:
  Form form_;
  std::int64_t block_;
};

inline LayerPtr make_depth_to_space(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  const std::int64_t block = node.integer_in("blocksize", 0, 1, 1 << 12);
  const std::string mode = node.opset < 11 ? "DCR" : node.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") node.fail(detail::message({"attribute mode may not be '", mode, "'"}));
  using Form = SpaceDepthLayer::Form;
  return make_counted<SpaceDepthLayer>(mode == "DCR" ? Form::to_space_dcr : Form::to_space_crd, block);
}
inline LayerPtr make_space_to_depth(const NodeArguments& node) {
  node.expect_inputs(1, 1);
  return make_counted<SpaceDepthLayer>(SpaceDepthLayer::Form::to_depth, node.integer_in("blocksize", 0, 1, 1 << 12));
}

/// y[i, j, ...] = x[i mod I, j mod J, ...], each axis being repeated so often.
class TileLayer final : public RunnableLayer {
 public:
  explicit TileLayer(std::vector<std::int64_t> repeats) : repeats_(std::move(repeats)) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    Shape y = inputs[0];
    if (y.rank() != repeats_.size())
      throw ShapeError(detail::message({repeats_.size(), " repeats do not fit ", y.to_string()}));
    for (std::size_t i = 0; i < y.rank(); ++i) {
      std::int64_t length = 0;
      if (__builtin_mul_overflow(y[i], repeats_[i], &length)) throw ShapeError("the result is too large");
      y = y.with(i, length);
    }
    return {y};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape &x = inputs[0].shape, &y = outputs[0].shape;
    if (outputs[0].size() == 0) return;
    const std::size_t rank = x.rank();
    const std::int64_t in = rank == 0 ? 1 : x[rank - 1], out = rank == 0 ? 1 : y[rank - 1];
    const kernels::Strides dense = kernels::dense_strides(x);
    context.pool().split(y.numel() / out, (1 << 15) / out + 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        std::int64_t from = 0, rest = row;
        for (std::size_t i = rank; i-- > 0;) {
          if (i + 1 == rank) continue;
          from += rest % y[i] % x[i] * dense[i];
          rest /= y[i];
        }
        for (std::int64_t at = 0; at < out; at += in)
          std::copy_n(inputs[0].data + from, in, outputs[0].data + row * out + at);
      }
    });
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  Examples examples(const ExamplesQuery& q) const override {
    const Examples& x = q.inputs[0];
    if (x.kind != Examples::Kind::apart) return x;
    return repeats_[x.axis] == 1 ? examples::at(q, 0, x.axis) : Examples::mixed();
  }

 private:
  std::vector<std::int64_t> repeats_;
};

inline LayerPtr make_tile(const NodeArguments& node) {
  if (node.opset < 6) node.fail("is supported from opset 6 on");
  node.expect_inputs(2, 2);
  std::vector<std::int64_t> repeats = node.constant_list(1);
  for (std::int64_t r : repeats)
    if (r < 0) node.fail("a repeat is negative");
  return make_counted<TileLayer>(std::move(repeats));
}

}  // namespace weir::detail
