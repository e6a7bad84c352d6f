/// The operators that weir knows: one line for each. To add one, write its file and its line here.
#pragma once
#include <array>
#include <string_view>
#include <weir/core/layer.hpp>
#include <weir/layers/activation.hpp>
#include <weir/layers/arithmetic.hpp>
#include <weir/layers/batch_normalization.hpp>
#include <weir/layers/concat.hpp>
#include <weir/layers/conv.hpp>
#include <weir/layers/conv_transpose.hpp>
#include <weir/layers/gather.hpp>
#include <weir/layers/gemm.hpp>
#include <weir/layers/lp_pool.hpp>
#include <weir/layers/lrn.hpp>
#include <weir/layers/matmul.hpp>
#include <weir/layers/node_arguments.hpp>
#include <weir/layers/pad.hpp>
#include <weir/layers/pick.hpp>
#include <weir/layers/pool.hpp>
#include <weir/layers/reduce.hpp>
#include <weir/layers/reshape.hpp>
#include <weir/layers/resize.hpp>
#include <weir/layers/softmax.hpp>

namespace weir {

/// An operator's ONNX name and the function that makes its layer.
struct Operator {
  std::string_view name;
  LayerPtr (*make)(const NodeArguments&);
};

/// Operators on integers alone, which build_network evaluates, are in integer_operators.hpp.
inline constexpr std::array operators = {
    Operator{"Abs", make_map<maps::Abs>},
    Operator{"Add", make_combine<combines::Add, ArithmeticLayer::Kind::add>},
    Operator{"AveragePool", make_average_pool},
    Operator{"BatchNormalization", make_batch_normalization},
    Operator{"Cast", make_cast},
    Operator{"Ceil", make_scalar_map<scalars::ceil>},
    Operator{"Clip", make_clip},
    Operator{"Concat", make_concat},
    Operator{"Conv", make_conv},
    Operator{"ConvTranspose", make_conv_transpose},
    Operator{"Div", make_combine<combines::Div, ArithmeticLayer::Kind::div>},
    Operator{"Dropout", make_dropout},
    Operator{"Elu", make_elu},
    Operator{"Erf", make_scalar_map<scalars::erf>},
    Operator{"Exp", make_map<maps::Exp>},
    Operator{"Expand", make_expand},
    Operator{"Flatten", make_flatten},
    Operator{"Floor", make_scalar_map<scalars::floor>},
    Operator{"Gather", make_gather},
    Operator{"Gelu", make_gelu},
    Operator{"Gemm", make_gemm},
    Operator{"GlobalAveragePool", make_global_pool<reductions::Mean>},
    Operator{"GlobalLpPool", make_global_lp_pool},
    Operator{"GlobalMaxPool", make_global_pool<reductions::Max>},
    Operator{"HardSigmoid", make_hard_sigmoid},
    Operator{"HardSwish", make_hard_swish},
    Operator{"Identity", make_identity},
    Operator{"LRN", make_lrn},
    Operator{"LeakyRelu", make_leaky_relu},
    Operator{"Log", make_scalar_map<scalars::log>},
    Operator{"LogSoftmax", make_softmax<true>},
    Operator{"LpPool", make_lp_pool},
    Operator{"MatMul", make_matmul},
    Operator{"Max", make_fold<combines::Max>},
    Operator{"MaxPool", make_max_pool},
    Operator{"Mean", make_fold<combines::Add, ArithmeticLayer::Kind::other, true>},
    Operator{"Min", make_fold<combines::Min>},
    Operator{"Mish", make_scalar_map<scalars::mish>},
    Operator{"Mul", make_combine<combines::Mul, ArithmeticLayer::Kind::mul>},
    Operator{"Neg", make_map<maps::Neg>},
    Operator{"PRelu", make_prelu},
    Operator{"Pad", make_pad},
    Operator{"Pow", make_combine<combines::Pow>},
    Operator{"Reciprocal", make_map<maps::Reciprocal>},
    Operator{"ReduceMax", make_reduce<reductions::Max>},
    Operator{"ReduceMean", make_reduce<reductions::Mean>},
    Operator{"ReduceMin", make_reduce<reductions::Min>},
    Operator{"ReduceSum", make_reduce<reductions::Sum>},
    Operator{"Relu", make_relu},
    Operator{"Reshape", make_reshape},
    Operator{"Resize", make_resize},
    Operator{"Selu", make_selu},
    Operator{"Sigmoid", make_map<maps::Sigmoid>},
    Operator{"Slice", make_slice},
    Operator{"Softmax", make_softmax<false>},
    Operator{"Softplus", make_scalar_map<scalars::softplus>},
    Operator{"Softsign", make_scalar_map<scalars::softsign>},
    Operator{"Split", make_split},
    Operator{"Sqrt", make_scalar_map<scalars::sqrt>},
    Operator{"Squeeze", make_squeeze},
    Operator{"Sub", make_combine<combines::Sub, ArithmeticLayer::Kind::sub>},
    Operator{"Sum", make_fold<combines::Add, ArithmeticLayer::Kind::add>},
    Operator{"Tanh", make_map<maps::Tanh>},
    Operator{"Transpose", make_transpose},
    Operator{"Unsqueeze", make_unsqueeze},
    Operator{"Upsample", make_upsample},
};

/// The layer of a node. Throws FormatError naming file, node, operator and opset where the operator or one of its
/// attributes is not supported.
inline LayerPtr make_layer(const NodeArguments& arguments) {
  for (const Operator& o : operators)
    if (o.name == arguments.node.op) {
      LayerPtr layer = o.make(arguments);
      arguments.refuse_others();
      return layer;
    }
  arguments.fail("operator not supported");
}

}  // namespace weir
