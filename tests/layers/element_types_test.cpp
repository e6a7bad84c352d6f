// The types of a graph's elements: what operators take, what small integers hold, what casts round.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build/signatures.hpp>
#include <weir/layers/build_network.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::Graph;
using weir::Shape;
using weir::Tensor;
using Ints = std::vector<std::int64_t>;

// Numbers of TensorProto.DataType.
constexpr int float32 = 1, uint8 = 2, int8 = 3, uint16 = 4, int16 = 5, int32 = 6, int64 = 7, boolean = 9, float16 = 10,
              uint32 = 12, bfloat16 = 16;

/// Adds integers of a type, as a file has them.
Graph& typed(Graph& g, const std::string& name, int type, const Ints& values) {
  g.integers(name, values);
  weir::Constant& c = g.def.constants[name];
  c.type = type;
  c.element = type == uint8   ? weir::Element::uint8
              : type == int8  ? weir::Element::int8
              : type == int32 ? weir::Element::int32
                              : weir::Element::float32;
  return g;
}

std::string error_of(const Graph& g) {
  return graphs::error_of([&] { (void)g.build(); });
}

}  // namespace

TEST_CASE("element types: arithmetic on small integers drops the bits that have no room, as in ONNX Runtime") {
  struct Case {
    int type;
    std::string op;
    std::int64_t a, b, y;
  };
  for (const Case& c :
       {Case{int8, "Add", 100, 100, -56}, Case{int8, "Mul", 127, 127, 1}, Case{uint8, "Mul", 100, 100, 16},
        Case{uint8, "Sub", 1, 2, 255}, Case{int16, "Mul", 300, 300, 24464}, Case{uint16, "Sub", 0, 1, 65535},
        Case{int32, "Mul", 70000, 70000, 605032704}, Case{uint32, "Sub", 0, 1, 4294967295},
        Case{int64, "Mul", 70000, 70000, 4900000000}, Case{int64, "Add", 100, 100, 200}}) {
    CAPTURE(c.op);
    CAPTURE(c.type);
    Graph g({-1, 1});
    g.def.opset = 14;
    typed(g, "a", c.type, {c.a});
    typed(g, "b", c.type, {c.b});
    g.node("i", c.op, {"a", "b"}).node("f", "Cast", {"i"}, {{"to", std::int64_t{float32}}});
    g.node("y", "Add", {"x", "f"});
    CHECK(graphs::run(g.build(), Tensor({1, 1}, std::vector<float>{0}))[0] == static_cast<float>(c.y));
  }
  Graph wraps({-1, 1});
  typed(wraps, "a", int64, {300});
  wraps.node("i", "Cast", {"a"}, {{"to", std::int64_t{int8}}});
  wraps.node("f", "Cast", {"i"}, {{"to", std::int64_t{float32}}}).node("y", "Add", {"x", "f"});
  CHECK(graphs::run(wraps.build(), Tensor({1, 1}, std::vector<float>{0}))[0] == 44);
  wraps.constant("a", {1}, {300});  // of floats it is not defined
  CHECK(error_of(wraps).find("casts 300.000000, which the type does not hold") != std::string::npos);
}

TEST_CASE("element types: what an operator yields of integers is integers") {
  Graph mean({-1, 1});
  typed(mean, "a", int64, {-4, 9, 2});
  mean.node("m", "ReduceMean", {"a"}).node("f", "Cast", {"m"}, {{"to", std::int64_t{float32}}});
  mean.node("y", "Add", {"x", "f"});
  CHECK(graphs::run(mean.build(), Tensor({1, 1}, std::vector<float>{0}))[0] == 2);
  Graph power({-1, 1});
  typed(power, "a", int64, {7}).constant("b", {1}, {0.5F});
  power.node("m", "Pow", {"a", "b"}).node("f", "Cast", {"m"}, {{"to", std::int64_t{float32}}});
  power.node("y", "Add", {"x", "f"});
  CHECK(graphs::run(power.build(), Tensor({1, 1}, std::vector<float>{0}))[0] == 2);
}

TEST_CASE("element types: casts to halves round, casts to integers end at what they hold") {
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  struct Case {
    int type;
    float x, y;
  };
  for (const Case& c :
       {Case{float16, 1.0001F, 1.0F}, Case{float16, 1.00048828125F, 1.0F}, Case{float16, 1.00146484375F, 1.001953125F},
        Case{float16, 65519.0F, 65504.0F}, Case{float16, -65520.0F, -infinity}, Case{float16, 1e-8F, 0.0F},
        Case{float16, 0x1.8p-24F, 0x1p-23F}, Case{float16, 0x1.8p-15F, 0x1.8p-15F}, Case{float16, nan, nan},
        Case{bfloat16, 1.0001F, 1.0F}, Case{bfloat16, 1e5F, 99840.0F}, Case{bfloat16, -infinity, -infinity},
        Case{bfloat16, 3.4e38F, infinity}, Case{int32, 3e9F, -0x1p31F}, Case{int32, -1.9F, -1.0F},
        Case{int32, nan, -0x1p31F}, Case{int64, 3e9F, 3e9F}, Case{int64, 1e20F, -0x1p63F}}) {
    CAPTURE(c.type);
    CAPTURE(c.x);
    Graph g({-1, 1});
    g.node("h", "Cast", {"x"}, {{"to", std::int64_t{c.type}}});
    g.node("y", "Cast", {"h"}, {{"to", std::int64_t{float32}}});
    const Tensor x({1, 1}, std::vector<float>{c.x});
    for (const std::string& isa : graphs::isas()) {
      const float y = graphs::run(g.build(), x, {.isa = isa})[0];
      CHECK((y == c.y || (std::isnan(y) && std::isnan(c.y))));
    }
    if (c.type == int32 || c.type == int64) continue;
    Graph constant({-1, 1});
    constant.constant("c", {1}, {c.x}).node("h", "Cast", {"c"}, {{"to", std::int64_t{c.type}}});
    constant.node("f", "Cast", {"h"}, {{"to", std::int64_t{float32}}}).node("y", "Mul", {"x", "f"});
    const float y = graphs::run(constant.build(), Tensor({1, 1}, std::vector<float>{1}))[0];
    CHECK((y == c.y || (std::isnan(y) && std::isnan(c.y))));
  }
}

TEST_CASE("element types: what an operator does not take in its opset is refused") {
  Graph index({-1, 4});
  typed(index, "i", int8, {0, 1}).node("y", "Gather", {"x", "i"}, {{"axis", std::int64_t{1}}});
  CHECK(error_of(index) ==
        "test.onnx, node 'y' Gather (opset 13): input 1 holds int8, where the operator takes int32, int64");
  typed(index, "i", int32, {0, 1});
  CHECK(error_of(index).empty());

  Graph halves({-1, 4});
  halves.constant("c", {1}, {2}).node("y", "Add", {"x", "c"});
  halves.def.constants["c"].type = float16;
  CHECK(error_of(halves).find("inputs 0 and 1 hold elements of two types: float32 and float16") != std::string::npos);
  halves.def.inputs[0].type = float16;
  CHECK(error_of(halves).empty());

  Graph relu({-1, 1});
  typed(relu, "c", int32, {-4}).node("r", "Relu", {"c"}).node("f", "Cast", {"r"}, {{"to", std::int64_t{float32}}});
  relu.node("y", "Add", {"x", "f"});
  CHECK(error_of(relu).find("input 0 holds int32, where the operator takes float32") != std::string::npos);
  relu.def.opset = 14;
  CHECK(error_of(relu).empty());

  Graph truth({-1, 1});
  typed(truth, "c", boolean, {1})
      .node("s", "Add", {"c", "c"})
      .node("f", "Cast", {"s"}, {{"to", std::int64_t{float32}}});
  truth.node("y", "Add", {"x", "f"});
  CHECK(error_of(truth).find("input 0 holds bool") != std::string::npos);

  Graph outputs({-1, 4});
  outputs.node("y", "Relu", {"x"});
  outputs.def.nodes[0].outputs = {"y", "z"};
  CHECK(error_of(outputs).find("has 2 outputs, where the operator yields 1") != std::string::npos);
}

TEST_CASE("element types: every operator of ONNX's domain has a signature") {
  for (const std::string_view name : weir::operator_names()) {
    CAPTURE(name);
    if (name.find("::") != std::string_view::npos) continue;
    const auto& all = weir::detail::signatures;
    CHECK(std::any_of(all.begin(), all.end(), [&](const weir::detail::Signature& s) { return s.op == name; }));
  }
  CHECK(std::is_sorted(weir::detail::signatures.begin(), weir::detail::signatures.end(),
                       [](const auto& a, const auto& b) { return a.op != b.op ? a.op < b.op : a.since < b.since; }));
}

TEST_CASE("lists are tensors of rank 1") {
  const auto refused = [](const std::string& op, const std::vector<std::int64_t>& values, const Shape& shape,
                          std::map<std::string, weir::Attribute> attributes = {}) {
    Graph g({-1, 3, 1, 4});
    g.def.opset = 18;
    g.integers("i", values).node("y", op, {"x", "i"}, std::move(attributes));
    g.def.constants["i"].shape = shape;
    return error_of(g);
  };
  for (const std::string op : {"ReduceMean", "ReduceMax", "ReduceSum", "ReduceL1", "Squeeze"}) {
    CHECK(refused(op, {2}, {1}).empty());
    CHECK(refused(op, {2}, {}).find("input 1 must be a list, not of shape []") != std::string::npos);
  }
  CHECK(refused("Unsqueeze", {2}, {}).empty());
  CHECK(!refused("Unsqueeze", {2}, {1, 1}).empty());
  CHECK(!refused("Reshape", {-1}, {}).empty());
  CHECK(!refused("Reshape", {-1, 12}, {1, 2}).empty());
  CHECK(!refused("Tile", {1, 1, 1, 1}, {1, 4}).empty());
  CHECK(!refused("Pad", {0, 0, 1, 1, 0, 0, 1, 1}, {2, 4}).empty());
  CHECK(!refused("Split", {3}, {}, {{"axis", std::int64_t{1}}}).empty());
}

TEST_CASE("what ONNX does not allow is refused") {
  const auto error = [](int opset, const std::string& op, std::map<std::string, weir::Attribute> attributes,
                        const std::vector<std::string>& outputs = {"y"}) {
    Graph g({-1, 5, 4});
    g.def.opset = opset;
    g.node("y", op, {"x"}, std::move(attributes));
    g.def.nodes[0].outputs = outputs;
    return error_of(g);
  };
  for (const std::string op : {"Softmax", "LogSoftmax"})
    for (const int opset : {9, 11, 12, 13}) CHECK(!error(opset, op, {{"axis", std::int64_t{3}}}).empty());
  CHECK(!error(18, "Split", {{"axis", std::int64_t{2}}}, {"a", "y"}).empty());  // into how many?
  CHECK(error(18, "Split", {{"axis", std::int64_t{2}}, {"num_outputs", std::int64_t{2}}}, {"a", "y"}).empty());
  CHECK(error(18, "Split", {{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{3}}}, {"a", "b", "y"}).empty());
  CHECK(
      !error(18, "Split", {{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{4}}}, {"a", "b", "c", "y"}).empty());
  CHECK(error(13, "Split", {{"axis", std::int64_t{2}}}, {"a", "y"}).empty());
  CHECK(!error(13, "Transpose", {{"perm", Ints{0, -1, 1}}}).empty());
  CHECK(!error(9, "Clip", {{"min", 2.0F}, {"max", 1.0F}}).empty());
  CHECK(!error(12, "Celu", {{"alpha", 0.0F}}).empty());
  CHECK(!error(9, "Flatten", {{"axis", std::int64_t{-1}}}).empty());
  CHECK(error(11, "Flatten", {{"axis", std::int64_t{-1}}}).empty());
  const auto joined = [](int opset, const std::string& op, const Shape& other) {
    Graph g({-1, 5, 4});
    g.def.opset = opset;
    g.noise("c", other).node("s", "Neg", {"x"}).node("y", op, {"x", other.rank() == 3 ? "s" : "c"});
    return error_of(g);
  };
  for (const std::string op : {"Sum", "Max", "Min", "Mean"}) {
    CHECK(joined(7, op, {4}).find("before opset 8 inputs have one shape") != std::string::npos);
    CHECK(joined(8, op, {4}).empty());
    CHECK(joined(7, op, {1, 1, 1}).empty());
  }
  Graph gemm({-1, 4});
  gemm.def.opset = 9;
  gemm.noise("w", {4, 2}).node("y", "Gemm", {"x", "w"});
  CHECK(error_of(gemm).find("input 2 is missing") != std::string::npos);
  gemm.def.opset = 11;
  CHECK(error_of(gemm).empty());
  Graph shape({-1, 4});
  shape.def.opset = 8;
  shape.integers("s", {4}).node("c", "ConstantOfShape", {"s"}).node("y", "Add", {"x", "c"});
  CHECK(error_of(shape).find("the operator came with opset 9") != std::string::npos);
  Graph conv({-1, 3, 5, 5});
  conv.noise("w", {4, 3, 2, 2}).noise("b", {1, 4}).node("y", "Conv", {"x", "w", "b"});
  CHECK(error_of(conv).find("bias does not fit weights") != std::string::npos);
  Graph transposed({-1, 3, 5, 5});
  transposed.noise("w", {3, 4, 2, 2})
      .node("y", "ConvTranspose", {"x", "w"}, {{"strides", Ints{2, 2}}, {"output_padding", Ints{2, 0}}});
  CHECK(error_of(transposed).find("output_padding must be below") != std::string::npos);
}

TEST_CASE("element types: CastLike casts to the type of its second input") {
  Graph g({-1, 1});
  g.def.opset = 15;
  typed(g, "a", int64, {300});
  typed(g, "like", int8, {0});
  g.node("i", "CastLike", {"a", "like"}).node("f", "CastLike", {"i", "x"}).node("y", "Add", {"x", "f"});
  CHECK(graphs::run(g.build(), Tensor({1, 1}, std::vector<float>{0.5F}))[0] == 44.5F);
  Graph half({-1, 1});
  half.def.opset = 15;
  half.noise("h", {1}).node("i", "CastLike", {"x", "h"}).node("y", "CastLike", {"i", "x"});
  half.def.constants["h"].type = float16;
  CHECK(graphs::run(half.build(), Tensor({1, 1}, std::vector<float>{1 / 3.0F}))[0] == 0.333251953125F);
  half.def.opset = 14;
  CHECK(error_of(half).find("the operator came with opset 15") != std::string::npos);
}

TEST_CASE("element types: what the file says of a tensor must be what its node yields") {
  Graph g({-1, 4});
  g.node("a", "Neg", {"x"}).node("i", "ArgMax", {"a"}).node("y", "Cast", {"i"}, {{"to", std::int64_t{float32}}});
  for (const auto& [name, type] : std::map<std::string, int>{{"a", float32}, {"i", int64}, {"y", float32}, {"z", int8}})
    g.def.types[name] = type;
  CHECK(error_of(g).empty());
  g.def.types["i"] = int32;
  CHECK(error_of(g).find("yields int64, where the file says that 'i' holds int32") != std::string::npos);
  g.def.types["i"] = int64;
  g.def.types["a"] = float16;
  CHECK(error_of(g).find("node 'a' Neg (opset 13): yields float32") != std::string::npos);
}

TEST_CASE("element types: outputs that an operator always has need a name") {
  Graph g({-1, 4});
  g.def.opset = 13;
  g.integers("k", {1}).node("t", "TopK", {"x", "k"}).node("y", "Relu", {"t"});
  CHECK(error_of(g).find("output 1 has no name") != std::string::npos);
  Graph dropout({-1, 4});
  dropout.node("y", "Dropout", {"x"});
  CHECK(error_of(dropout).empty());
}

TEST_CASE("element types: integers that floats do not hold are refused, or NaN where a network computes them") {
  const auto network = [](const std::string& op, std::int64_t constant) {
    Graph g({-1, 4});
    typed(g, "v", int64, {constant});
    g.node("i", "Cast", {"x"}, {{"to", std::int64_t{int64}}}).node("j", op, {"i", "v"});
    return g.node("y", "Cast", {"j"}, {{"to", std::int64_t{float32}}});
  };
  for (const std::string op : {"Add", "Sub", "Mul", "Max"}) {
    CHECK(error_of(network(op, 1 << 20)).empty());
    CHECK(error_of(network(op, (1 << 30) + 1)).find("' " + op) != std::string::npos);
    CHECK(error_of(network(op, -(1 << 24))).find("integers from 2^24 on") != std::string::npos);
  }
  const Tensor y = graphs::run(network("Mul", 1 << 20).build(), Tensor({1, 4}, std::vector<float>{3, 15, 16, -20}));
  CHECK(y[0] == 3 << 20);
  CHECK(y[1] == 15 << 20);
  CHECK(std::isnan(y[2]));
  CHECK(std::isnan(y[3]));
}

}  // namespace WEIR_UNIT
