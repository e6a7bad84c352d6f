/// LayerNormalization, RMSNormalization, GroupNormalization and InstanceNormalization.
#pragma once
#include <weir/core/kernels/elementwise/normalize.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// Over the axes from `axis` on, with a scale and a bias for each element of them. Ba, Kiros and Hinton, "Layer
/// normalization", 2016; Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019 (not centred).
class LayerNormalizationLayer final : public RunnableLayer {
 public:
  /// outputs: 1 to 3, the others being the mean and 1 / sqrt(variance + epsilon) of each row.
  LayerNormalizationLayer(std::int64_t axis, float epsilon, bool centred, std::size_t outputs)
      : axis_(axis), epsilon_(epsilon), centred_(centred), outputs_(outputs) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    const std::size_t first = checked_axis(axis_, x.rank());
    const Shape row(std::span(x.begin() + first, x.end()));
    for (std::size_t i = 1; i < inputs.size(); ++i)
      if (inputs[i].rank() > 0 && (inputs[i].numel() != row.numel() || !(broadcast_shape(inputs[i], row) == row)))
        throw ShapeError(detail::message(
            {"parameters ", inputs[i].to_string(), " do not fit the axes ", row.to_string(), " of ", x.to_string()}));
    if (inputs[1].rank() == 0 && row.numel() != 1)
      throw ShapeError(detail::message({"a single scale does not fit ", x.to_string()}));
    Shape moments = x;
    for (std::size_t i = first; i < x.rank(); ++i) moments = moments.with(i, 1);
    std::vector<Shape> shapes(outputs_, moments);
    shapes[0] = x;
    return shapes;
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::size_t first = checked_axis(axis_, x.rank());
    const kernels::NormalizedRows rows{.rows = x.product(0, first),
                                       .length = x.product(first, x.rank()),
                                       .each = true,
                                       .centred = centred_,
                                       .epsilon = epsilon_};
    const auto output = [&](std::size_t i) { return i < outputs.size() ? outputs[i].data : nullptr; };
    normalize_rows(context, rows, inputs[0].data, inputs[1].data, inputs.size() > 2 ? inputs[2].data : nullptr,
                   outputs[0].data, output(1), output(2));
  }
  Examples examples(const ExamplesQuery& q) const override {
    return examples::outermost(q, checked_axis(axis_, q.shapes[0].rank()));
  }
  double flops(std::span<const Shape> inputs) const override { return 7 * static_cast<double>(inputs[0].numel()); }

 private:
  std::int64_t axis_;
  float epsilon_;
  bool centred_;
  std::size_t outputs_;
};

/// The attributes that both forms share; moments are computed in float32.
inline LayerPtr make_row_normalization(const NodeArguments& node, bool centred, std::size_t most_outputs) {
  const std::int64_t axis = node.integer("axis", -1);
  const float epsilon = node.real("epsilon", 1e-5F);
  if (node.integer("stash_type", 1) != 1) node.fail("attribute stash_type must be 1 (float32)");
  if (node.node.outputs.size() > most_outputs) node.fail("has too many outputs");
  return make_counted<LayerNormalizationLayer>(axis, epsilon, centred,
                                               std::max<std::size_t>(1, node.node.outputs.size()));
}

inline LayerPtr make_layer_normalization(const NodeArguments& node) {
  node.expect_inputs(2, 3);
  return make_row_normalization(node, true, 3);
}
inline LayerPtr make_rms_normalization(const NodeArguments& node) {
  node.expect_inputs(2, 2);
  return make_row_normalization(node, false, 1);
}

/// x [N, C, ...] over groups of channels, with a scale and a bias for each channel, or for each group. One channel a
/// group: instance normalisation (Ulyanov et al., 2016). Wu and He, "Group normalization", ECCV 2018.
class GroupNormalizationLayer final : public RunnableLayer {
 public:
  /// groups 0: as many as channels.
  GroupNormalizationLayer(std::int64_t groups, bool per_group, float epsilon)
      : groups_(groups), per_group_(per_group), epsilon_(epsilon) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    const Shape& x = inputs[0];
    if (x.rank() < 3) throw ShapeError(detail::message({"expects [N, C, ...], got ", x.to_string()}));
    const std::int64_t groups = groups_ == 0 ? x[1] : groups_;
    if (groups == 0 || x[1] % groups != 0)
      throw ShapeError(detail::message({groups, " groups do not divide the channels of ", x.to_string()}));
    const Shape expected{per_group_ ? groups : x[1]};
    for (std::size_t i = 1; i < 3; ++i)
      if (!(inputs[i] == expected))
        throw ShapeError(
            detail::message({"expects parameters ", expected.to_string(), ", got ", inputs[i].to_string()}));
    return {x};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float*) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t groups = groups_ == 0 ? x[1] : groups_, channels = x[1] / groups;
    const kernels::NormalizedRows rows{.rows = x[0] * groups,
                                       .length = channels * x.product(2, x.rank()),
                                       .parts = per_group_ ? 1 : channels,
                                       .period = groups,
                                       .epsilon = epsilon_};
    normalize_rows(context, rows, inputs[0].data, inputs[1].data, inputs[2].data, outputs[0].data);
  }
  Examples examples(const ExamplesQuery& q) const override { return examples::outermost(q, 1); }
  double flops(std::span<const Shape> inputs) const override { return 7 * static_cast<double>(inputs[0].numel()); }

 private:
  std::int64_t groups_;
  bool per_group_;
  float epsilon_;
};

inline LayerPtr make_instance_normalization(const NodeArguments& node) {
  node.expect_inputs(3, 3);
  return make_counted<GroupNormalizationLayer>(0, false, node.real("epsilon", 1e-5F));
}

/// Parameters are for each group in opset 18 and for each channel since 21.
inline LayerPtr make_group_normalization(const NodeArguments& node) {
  node.expect_inputs(3, 3);
  const float epsilon = node.real("epsilon", 1e-5F);
  const std::int64_t groups = node.integer_in("num_groups", 0, 1, std::int64_t{1} << 24);
  if (node.opset >= 21 && node.integer("stash_type", 1) != 1) node.fail("attribute stash_type must be 1 (float32)");
  return make_counted<GroupNormalizationLayer>(groups, node.opset < 21, epsilon);
}

}  // namespace weir::detail
