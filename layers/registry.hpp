/// The operators that weir knows: one line for each. To add one, write its file and its line here.
#pragma once
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <weir/core/layer.hpp>
#include <weir/layers/activation.hpp>
#include <weir/layers/arithmetic.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/batch_normalization.hpp>
#include <weir/layers/build/build_options.hpp>
#include <weir/layers/compare.hpp>
#include <weir/layers/concat.hpp>
#include <weir/layers/conv.hpp>
#include <weir/layers/conv_transpose.hpp>
#include <weir/layers/cumulative_sum.hpp>
#include <weir/layers/einsum.hpp>
#include <weir/layers/gather.hpp>
#include <weir/layers/gather_elements.hpp>
#include <weir/layers/gemm.hpp>
#include <weir/layers/lp_normalization.hpp>
#include <weir/layers/lp_pool.hpp>
#include <weir/layers/lrn.hpp>
#include <weir/layers/mapped_reduce.hpp>
#include <weir/layers/matmul.hpp>
#include <weir/layers/normalization.hpp>
#include <weir/layers/pad.hpp>
#include <weir/layers/pick.hpp>
#include <weir/layers/pool.hpp>
#include <weir/layers/quantized/arithmetic.hpp>
#include <weir/layers/quantized/conv.hpp>
#include <weir/layers/quantized/dynamic.hpp>
#include <weir/layers/quantized/map.hpp>
#include <weir/layers/quantized/matmul.hpp>
#include <weir/layers/quantized/pool.hpp>
#include <weir/layers/quantized/quantize.hpp>
#include <weir/layers/ranking.hpp>
#include <weir/layers/rearrange.hpp>
#include <weir/layers/reduce.hpp>
#include <weir/layers/reshape.hpp>
#include <weir/layers/resize.hpp>
#include <weir/layers/scatter.hpp>
#include <weir/layers/softmax.hpp>

namespace weir::detail {

/// An operator's ONNX name and the function that makes its layer.
struct Operator {
  std::string_view name;
  LayerPtr (*make)(const NodeArguments&);
  int since = 1, until = 1 << 30;  ///< the opsets that have the operator, the last excluded
};

/// Operators on integers only, which build_network evaluates, are in build/integers/operators.hpp.
inline constexpr std::array operators = {
    Operator{"Abs", make_map<kernels::maps::Abs>},
    Operator{"Acos", make_scalar_map<scalars::acos>},
    Operator{"Acosh", make_scalar_map<scalars::acosh>, 9},
    Operator{"Add", make_combine<kernels::combines::Add, ArithmeticLayer::Kind::add>},
    Operator{"And", make_scalar_combine<scalars::logical_and>},
    Operator{"ArgMax", make_arg<true>},
    Operator{"ArgMin", make_arg<false>},
    Operator{"Asin", make_scalar_map<scalars::asin>},
    Operator{"Asinh", make_scalar_map<scalars::asinh>, 9},
    Operator{"Atan", make_scalar_map<scalars::atan>},
    Operator{"Atanh", make_scalar_map<scalars::atanh>, 9},
    Operator{"AveragePool", make_average_pool},
    Operator{"BatchNormalization", make_batch_normalization},
    Operator{"Cast", make_cast},
    Operator{"Ceil", make_scalar_map<scalars::ceil>},
    Operator{"Celu", make_celu, 12},
    Operator{"Clip", make_clip},
    Operator{"Concat", make_concat},
    Operator{"Conv", make_conv},
    Operator{"ConvTranspose", make_conv_transpose},
    Operator{"ConvInteger", make_conv_integer, 10},
    Operator{"Cos", make_scalar_map<scalars::cos>},
    Operator{"Cosh", make_scalar_map<scalars::cosh>, 9},
    Operator{"CumSum", make_cumulative_sum, 11},
    Operator{"DepthToSpace", make_depth_to_space},
    Operator{"DequantizeLinear", make_dequantize_linear, 10},
    Operator{"Div", make_combine<kernels::combines::Div, ArithmeticLayer::Kind::div>},
    Operator{"Dropout", make_dropout},
    Operator{"DynamicQuantizeLinear", make_dynamic_quantize_linear, 11},
    Operator{"Einsum", make_einsum, 12},
    Operator{"Elu", make_elu},
    Operator{"Equal", make_scalar_combine<scalars::equal>},
    Operator{"Erf", make_scalar_map<scalars::erf>, 9},
    Operator{"Exp", make_map<kernels::maps::Exp>},
    Operator{"Expand", make_expand, 8},
    Operator{"Flatten", make_flatten},
    Operator{"Floor", make_scalar_map<scalars::floor>},
    Operator{"Gather", make_gather},
    Operator{"GatherElements", make_gather_elements, 11},
    Operator{"GatherND", make_gather_nd, 11},
    Operator{"Gelu", make_gelu, 20},
    Operator{"Gemm", make_gemm},
    Operator{"GlobalAveragePool", make_global_pool<kernels::reductions::Mean>},
    Operator{"GlobalLpPool", make_global_lp_pool},
    Operator{"GlobalMaxPool", make_global_pool<kernels::reductions::Max>},
    Operator{"Greater", make_scalar_combine<scalars::greater>},
    Operator{"GreaterOrEqual", make_scalar_combine<scalars::greater_or_equal>, 12},
    Operator{"GroupNormalization", make_group_normalization, 18},
    Operator{"HardSigmoid", make_hard_sigmoid},
    Operator{"HardSwish", make_hard_swish, 14},
    Operator{"Hardmax", make_hardmax},
    Operator{"Identity", make_identity},
    Operator{"InstanceNormalization", make_instance_normalization},
    Operator{"IsInf", make_is_inf, 10},
    Operator{"IsNaN", make_scalar_map<scalars::is_nan>, 9},
    Operator{"LRN", make_lrn},
    Operator{"LayerNormalization", make_layer_normalization},
    Operator{"LeakyRelu", make_leaky_relu},
    Operator{"Less", make_scalar_combine<scalars::less>},
    Operator{"LessOrEqual", make_scalar_combine<scalars::less_or_equal>, 12},
    Operator{"Log", make_scalar_map<scalars::log>},
    Operator{"LogSoftmax", make_softmax<true>},
    Operator{"LpNormalization", make_lp_normalization},
    Operator{"LpPool", make_lp_pool},
    Operator{"MatMul", make_matmul},
    Operator{"MatMulInteger", make_matmul_integer, 10},
    Operator{"Max", make_fold<kernels::combines::Max>},
    Operator{"MaxPool", make_any_max_pool},
    Operator{"Mean", make_fold<kernels::combines::Add, ArithmeticLayer::Kind::other, true>},
    Operator{"MeanVarianceNormalization", make_mean_variance, 9},
    Operator{"Min", make_fold<kernels::combines::Min>},
    Operator{"Mish", make_scalar_map<scalars::mish>, 18},
    Operator{"Mod", make_mod, 10},
    Operator{"Mul", make_combine<kernels::combines::Mul, ArithmeticLayer::Kind::mul>},
    Operator{"Neg", make_map<kernels::maps::Neg>},
    Operator{"Not", make_scalar_map<scalars::logical_not>},
    Operator{"Or", make_scalar_combine<scalars::logical_or>},
    Operator{"PRelu", make_prelu},
    Operator{"Pad", make_pad},
    Operator{"Pow", make_combine<kernels::combines::Pow>},
    Operator{"QLinearConv", make_qlinear_conv, 10},
    Operator{"QLinearMatMul", make_qlinear_matmul, 10},
    Operator{"QuantizeLinear", make_quantize_linear, 10},
    Operator{"RMSNormalization", make_rms_normalization, 23},
    Operator{"Reciprocal", make_map<kernels::maps::Reciprocal>},
    Operator{"ReduceL1", make_mapped_reduce<kernels::maps::Abs, SameMap>},
    Operator{"ReduceL2", make_mapped_reduce<kernels::maps::Square, SqrtMap>},
    Operator{"ReduceLogSum", make_mapped_reduce<SameMap, LogMap>},
    Operator{"ReduceLogSumExp", make_mapped_reduce<kernels::maps::Exp, LogMap, true>},
    Operator{"ReduceMax", make_reduce<kernels::reductions::Max>},
    Operator{"ReduceMean", make_reduce<kernels::reductions::Mean>},
    Operator{"ReduceMin", make_reduce<kernels::reductions::Min>},
    Operator{"ReduceProd", make_reduce<kernels::reductions::Product>},
    Operator{"ReduceSum", make_reduce<kernels::reductions::Sum>},
    Operator{"ReduceSumSquare", make_mapped_reduce<kernels::maps::Square, SameMap>},
    Operator{"Relu", make_relu},
    Operator{"Reshape", make_reshape},
    Operator{"Resize", make_resize, 10},
    Operator{"Round", make_scalar_map<scalars::round>, 11},
    Operator{"Scatter", make_scatter_elements, 9, 11},
    Operator{"ScatterElements", make_scatter_elements, 11},
    Operator{"ScatterND", make_scatter_nd, 11},
    Operator{"Selu", make_selu},
    Operator{"Shrink", make_shrink, 9},
    Operator{"Sigmoid", make_map<kernels::maps::Sigmoid>},
    Operator{"Sign", make_scalar_map<scalars::sign>, 9},
    Operator{"Sin", make_scalar_map<scalars::sin>},
    Operator{"Sinh", make_scalar_map<scalars::sinh>, 9},
    Operator{"Slice", make_slice},
    Operator{"Softmax", make_softmax<false>},
    Operator{"Softplus", make_scalar_map<scalars::softplus>},
    Operator{"Softsign", make_scalar_map<scalars::softsign>},
    Operator{"SpaceToDepth", make_space_to_depth},
    Operator{"Split", make_split},
    Operator{"Sqrt", make_scalar_map<scalars::sqrt>},
    Operator{"Squeeze", make_squeeze},
    Operator{"Sub", make_combine<kernels::combines::Sub, ArithmeticLayer::Kind::sub>},
    Operator{"Sum", make_fold<kernels::combines::Add, ArithmeticLayer::Kind::add>},
    Operator{"Swish", make_swish, 24},
    Operator{"Tan", make_scalar_map<scalars::tan>},
    Operator{"Tanh", make_map<kernels::maps::Tanh>},
    Operator{"ThresholdedRelu", make_thresholded_relu},
    Operator{"Tile", make_tile},
    Operator{"TopK", make_top_k},
    Operator{"Transpose", make_transpose},
    Operator{"Trilu", make_trilu, 14},
    Operator{"Unsqueeze", make_unsqueeze},
    Operator{"Upsample", make_upsample, 7, 10},
    Operator{"Where", make_where, 9},
    Operator{"Xor", make_scalar_combine<scalars::logical_xor>},
    Operator{"com.microsoft::QGemm", make_qgemm},
    Operator{"com.microsoft::QLinearAdd", make_qlinear_pair<false>},
    Operator{"com.microsoft::QLinearAveragePool", make_qlinear_average_pool},
    Operator{"com.microsoft::QLinearConcat", make_qlinear_concat},
    Operator{"com.microsoft::QLinearGlobalAveragePool", make_qlinear_global_average_pool},
    Operator{"com.microsoft::QLinearLeakyRelu", make_qlinear_leaky_relu},
    Operator{"com.microsoft::QLinearMul", make_qlinear_pair<true>},
    Operator{"com.microsoft::QLinearSigmoid", make_qlinear_sigmoid},
    Operator{"com.microsoft::QLinearSoftmax", make_qlinear_softmax},
};

/// The layer of a node; `own` are operators of a program's own, which come first. Throws FormatError naming file, node,
/// operator and opset where the operator or one of its attributes is not supported.
inline LayerPtr make_layer(const NodeArguments& arguments, const std::map<std::string, OperatorMaker>& own = {}) {
  const std::string& name = arguments.node.op;
  LayerPtr layer;
  if (const auto found = own.find(name); found != own.end()) {
    layer = found->second(arguments);
    if (!layer) arguments.fail("the program's own operator made no layer");
  } else if (const auto listed =
                 std::find_if(operators.begin(), operators.end(), [&](const Operator& o) { return o.name == name; });
             listed != operators.end()) {
    if (arguments.opset < listed->since)
      arguments.fail(detail::message({"the operator came with opset ", listed->since}));
    if (arguments.opset >= listed->until)
      arguments.fail(detail::message({"the operator went with opset ", listed->until}));
    layer = listed->make(arguments);
  } else {
    arguments.fail(name.find("::") == std::string::npos
                       ? "operator not supported"
                       : "operators of other domains than ONNX's are not supported, unless a program brings its own "
                         "(register_operator)");
  }
  arguments.refuse_others();
  return layer;
}

}  // namespace weir::detail
