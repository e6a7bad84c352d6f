/// Resize and Upsample: nearest, linear and cubic interpolation along any axes.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/kernels/resample.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/attributes/resize_rule.hpp>
#include <weir/layers/attributes/resize_targets.hpp>

namespace weir::detail {

/// x of any rank. Axes are resized one after the other, the last one first; an axis of scale 1 is not touched.
class ResizeLayer final : public RunnableLayer {
 public:
  /// outside: what tf_crop_and_resize shows beyond the input.
  ResizeLayer(ResizeRule rule, ResizeTargets targets, float outside)
      : rule_(rule), targets_(std::move(targets)), outside_(outside) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override {
    targets_.check(inputs[0]);
    Shape y = inputs[0];
    for (std::size_t i = 0; i < y.rank(); ++i) {
      const ResizedAxis a = targets_.axis(inputs[0], i);
      y = y.with(i, a.to);
      const float length = a.scale * static_cast<float>(a.from);
      // ONNX's own data has corners at the fraction, ONNX Runtime at the last element.
      if (rule_.coordinates == ResizeRule::Coordinates::align_corners && !targets_.scales.empty() &&
          length != std::floor(length))
        throw ShapeError(detail::message({"align_corners is not defined where ", a.from, " elements times scale ",
                                          a.scale, " are no whole number; give sizes instead of scales"}));
    }
    return {y};
  }
  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    const Shape& x = inputs[0].shape;
    const float* from = inputs[0].data;
    if (outputs[0].shape == x) {  // as in ONNX Runtime of a part of the image, too, as large as the whole
      std::copy_n(from, x.numel(), outputs[0].data);
      return;
    }
    const Needs needs = needed(x);
    std::array<float*, 2> between{workspace, workspace + needs.first};
    float* table = workspace + needs.first + needs.second;
    Shape shape = x;
    std::size_t done = 0;
    for (std::size_t i = x.rank(); i-- > 0;) {
      const ResizedAxis a = targets_.axis(x, i);
      if (a.untouched()) continue;
      const std::int64_t taps = rule_.taps(a), outer = shape.product(0, i), inner = shape.product(i + 1, x.rank());
      rule_.fill(a, table, table + a.to * taps);
      float* to = ++done == needs.passes ? outputs[0].data : between[done % 2];
      kernels::resample_axis(context,
                             {a.from, a.to, taps, table, table + a.to * taps, rule_.mode == ResizeRule::Mode::nearest},
                             outer, inner, from, to);
      from = to;
      shape = shape.with(i, a.to);
    }
    if (done == 0) std::copy_n(from, x.numel(), outputs[0].data);
    if (rule_.coordinates == ResizeRule::Coordinates::tf_crop) fill_outside(x, outputs[0]);
  }
  bool ignores_input(std::size_t i) const override { return i > 0; }
  /// Examples stay apart where their axis is not touched.
  Examples examples(const ExamplesQuery& q) const override {
    const Examples& x = q.inputs[0];
    if (x.kind != Examples::Kind::apart) return x;
    return targets_.axis(q.shapes[0].at(2), x.axis).untouched() ? examples::at(q, 0, x.axis) : Examples::mixed();
  }
  std::size_t workspace_floats(const Context&, std::span<const Shape> inputs) const override {
    const Needs n = needed(inputs[0]);
    return static_cast<std::size_t>(n.first + n.second + n.table);
  }
  double flops(std::span<const Shape> inputs) const override {
    if (rule_.mode == ResizeRule::Mode::nearest) return 0;
    double sum = 0;
    Shape shape = inputs[0];
    for (std::size_t i = shape.rank(); i-- > 0;) {
      const ResizedAxis a = targets_.axis(inputs[0], i);
      shape = shape.with(i, a.to);
      if (!a.untouched()) sum += 2.0 * static_cast<double>(rule_.taps(a)) * static_cast<double>(shape.numel());
    }
    return sum;
  }

 private:
  /// Axes to resize, and floats of memory for what lies between them (two tensors in turn) and for one axis's taps.
  struct Needs {
    std::size_t passes = 0;
    std::int64_t first = 0, second = 0, table = 0;
  };
  Needs needed(const Shape& x) const {
    Needs n;
    Shape shape = x;
    std::int64_t last = 0;
    for (std::size_t i = x.rank(); i-- > 0;) {
      const ResizedAxis a = targets_.axis(x, i);
      if (a.untouched()) continue;
      if (n.passes > 0) {  // the pass in front of this one was not the last
        std::int64_t& of = n.passes % 2 == 0 ? n.first : n.second;
        of = std::max(of, last);
      }
      ++n.passes;
      shape = shape.with(i, a.to);
      last = shape.numel();
      n.table = std::max(n.table, 2 * a.to * rule_.taps(a));
    }
    return n;
  }

  void fill_outside(const Shape& x, View y) const {
    for (std::size_t i = 0; i < x.rank(); ++i) {
      const ResizedAxis a = targets_.axis(x, i);
      const std::int64_t outer = y.shape.product(0, i), inner = y.shape.product(i + 1, x.rank());
      for (std::int64_t j = 0; j < a.to && !a.untouched(); ++j) {
        const float at = rule_.position(a, j);
        if (at >= 0 && at <= static_cast<float>(a.from - 1)) continue;
        for (std::int64_t o = 0; o < outer; ++o) std::fill_n(y.data + (o * a.to + j) * inner, inner, outside_);
      }
    }
  }

  ResizeRule rule_;
  ResizeTargets targets_;
  float outside_;
};

/// The value that a text attribute names.
template <class Value, std::size_t N>
Value named(const NodeArguments& node, const std::string& attribute, const std::string& otherwise,
            const std::array<std::pair<const char*, Value>, N>& names) {
  const std::string text = node.text(attribute, otherwise);
  for (const auto& [name, value] : names)
    if (text == name) return value;
  node.fail(detail::message({"attribute ", attribute, " may not be '", text, "' in this opset"}));
}

/// Without what came with later opsets: what Upsample and Resize 10 do.
inline ResizeRule::Mode resize_mode(const NodeArguments& node, bool has_cubic) {
  using Mode = ResizeRule::Mode;
  const Mode mode = named<Mode, 3>(node, "mode", "nearest",
                                   {{{"nearest", Mode::nearest}, {"linear", Mode::linear}, {"cubic", Mode::cubic}}});
  if (mode == Mode::cubic && !has_cubic) node.fail("attribute mode may not be 'cubic' in this opset");
  return mode;
}

inline ResizeRule resize_rule(const NodeArguments& node) {
  using Coordinates = ResizeRule::Coordinates;
  using Nearest = ResizeRule::Nearest;
  ResizeRule rule;
  rule.mode = resize_mode(node, node.opset >= 11);
  if (node.opset < 11) {
    rule.coordinates = Coordinates::asymmetric;
    rule.nearest = Nearest::opset_10;
    return rule;
  }
  rule.coordinates = named<Coordinates, 7>(node, "coordinate_transformation_mode", "half_pixel",
                                           {{{"half_pixel", Coordinates::half_pixel},
                                             {"half_pixel_symmetric", Coordinates::half_pixel_symmetric},
                                             {"pytorch_half_pixel", Coordinates::pytorch},
                                             {"align_corners", Coordinates::align_corners},
                                             {"asymmetric", Coordinates::asymmetric},
                                             {"tf_half_pixel_for_nn", Coordinates::tf_nearest},
                                             {"tf_crop_and_resize", Coordinates::tf_crop}}});
  rule.nearest = named<Nearest, 4>(node, "nearest_mode", "round_prefer_floor",
                                   {{{"round_prefer_floor", Nearest::round_prefer_floor},
                                     {"round_prefer_ceil", Nearest::round_prefer_ceil},
                                     {"floor", Nearest::floor},
                                     {"ceil", Nearest::ceil}}});
  rule.cubic_a = node.real("cubic_coeff_a", -0.75F);
  rule.exclude_outside = node.integer_in("exclude_outside", 0, 0, 1) == 1;
  if (node.opset >= 18) rule.antialias = node.integer_in("antialias", 0, 0, 1) == 1;
  if (rule.coordinates == Coordinates::half_pixel_symmetric && node.opset < 19)
    node.fail("coordinate_transformation_mode half_pixel_symmetric came with opset 19");
  // Half an element off, which moves axes of scale 1 too unless it is rounded down.
  if (rule.coordinates == Coordinates::tf_nearest &&
      (node.opset >= 13 || rule.mode != ResizeRule::Mode::nearest ||
       (rule.nearest != Nearest::floor && rule.nearest != Nearest::round_prefer_floor)))
    node.fail(
        "coordinate_transformation_mode tf_half_pixel_for_nn is supported up to opset 12, for mode nearest and "
        "nearest_mode floor or round_prefer_floor");
  return rule;
}

inline std::vector<float> resize_scales(const NodeArguments& node, std::size_t input) {
  const SharedFloats& s = node.constant_floats(input);
  return {s.data(), s.data() + s.size()};
}

inline LayerPtr resize_layer(const NodeArguments& node, const ResizeRule& rule, ResizeTargets targets, float outside) {
  for (const float s : targets.scales)
    if (!(s > 0) || !std::isfinite(s)) node.fail(detail::message({"a scale may not be ", s}));
  for (const std::int64_t s : targets.sizes)
    if (s < 1 && s != batch_targets::kept_length) node.fail(detail::message({"a size may not be ", s}));
  if (targets.count() == 0 || targets.count() > Shape::max_rank) node.fail("has no scales or sizes, or too many");
  if (!targets.axes.empty() && targets.axes.size() != targets.count())
    node.fail(detail::message(
        {"attribute axes has ", targets.axes.size(), " entries for ", targets.count(), " scales or sizes"}));
  return make_counted<ResizeLayer>(rule, std::move(targets), outside);
}

/// Resize: scales are input 1 in opset 10; since opset 11 inputs are x, roi, scales and sizes.
inline LayerPtr make_resize(const NodeArguments& node) {
  using Aspect = ResizeTargets::Aspect;
  const ResizeRule rule = resize_rule(node);
  ResizeTargets targets;
  if (node.opset == 10) {
    node.expect_inputs(2, 2);
    targets.scales = resize_scales(node, 1);
    return resize_layer(node, rule, std::move(targets), 0);
  }
  node.expect_inputs(1, 4);
  if (node.has_input(2)) targets.scales = resize_scales(node, 2);
  if (node.has_input(3)) targets.sizes = node.constant_list(3);
  if (!targets.scales.empty() && !targets.sizes.empty()) node.fail("has both scales and sizes");
  const float outside = node.real("extrapolation_value", 0);
  if (node.opset >= 18) {
    targets.axes = node.integers("axes");
    targets.aspect = named<Aspect, 3>(
        node, "keep_aspect_ratio_policy", "stretch",
        {{{"stretch", Aspect::stretch}, {"not_larger", Aspect::not_larger}, {"not_smaller", Aspect::not_smaller}}});
  }
  if (rule.coordinates == ResizeRule::Coordinates::tf_crop) {
    if (targets.sizes.empty() || targets.aspect != Aspect::stretch || rule.antialias)
      node.fail("tf_crop_and_resize is supported for sizes only, without keep_aspect_ratio_policy and antialias");
    if (!node.has_input(1)) node.fail("tf_crop_and_resize needs input 1 (roi)");
    targets.crop = resize_scales(node, 1);
    if (targets.crop.size() != 2 * targets.count()) node.fail("roi does not fit the sizes");
    for (const float c : targets.crop)
      if (!(std::abs(c) <= 1e6F)) node.fail(detail::message({"roi may not hold ", c}));
  }
  return resize_layer(node, rule, std::move(targets), outside);
}

/// Upsample, which Resize replaced in opset 10: scales are an attribute in opset 7, input 1 in opset 9.
inline LayerPtr make_upsample(const NodeArguments& node) {
  ResizeRule rule;
  rule.mode = resize_mode(node, false);
  rule.coordinates = ResizeRule::Coordinates::asymmetric;
  rule.nearest = ResizeRule::Nearest::opset_10;
  ResizeTargets targets;
  if (node.opset < 9) {
    node.expect_inputs(1, 1);
    targets.scales = node.reals("scales");
  } else {
    node.expect_inputs(2, 2);
    targets.scales = resize_scales(node, 1);
  }
  for (const float s : targets.scales)
    if (s < 1) node.fail(detail::message({"a scale may not be ", s, ": Upsample does not shrink"}));
  return resize_layer(node, rule, std::move(targets), 0);
}

}  // namespace weir::detail
