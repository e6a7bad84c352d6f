#include <cmath>
#include <weir/core/context.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/build_network.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

using graphs::Graph, weir::Tensor;

namespace {

/// y = x * sigmoid(beta x), as a program that uses weir would write it.
class Swish final : public weir::RunnableLayer {
 public:
  explicit Swish(float beta) : beta_(beta) {}
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> inputs) const override { return {inputs[0]}; }
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return q.inputs[0]; }
  void forward(const weir::Context&, std::span<const weir::ConstView> inputs, std::span<const weir::View> outputs,
               float*) const override {
    for (std::size_t i = 0; i < inputs[0].size(); ++i)
      outputs[0].data[i] = inputs[0].data[i] / (1 + std::exp(-beta_ * inputs[0].data[i]));
  }

 private:
  float beta_;
};

weir::LayerPtr make_swish(const weir::NodeArguments& node) { return std::make_shared<Swish>(node.real("beta", 1)); }

weir::GraphDef swish_graph(const std::string& op) {
  Graph g({-1, 2, 3});
  g.node("r", "Relu", {"x"}).node("y", op, {"r"}, {{"beta", 2.0F}});
  g.def.outputs = {"y"};
  return g.def;
}

}  // namespace

TEST_CASE("a program's own operators: of ONNX's domain and others, before weir's, with their attributes checked") {
  for (const std::string op : {"my.house::Swish", "MySwish", "HardSwish"}) {
    const weir::GraphDef def = swish_graph(op);
    weir::BuildOptions options;
    options.operators[op] = make_swish;
    weir::Executor run{weir::build_network(def, options)};
    const Tensor x({3, 2, 3}, std::vector<float>{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
    const Tensor y = run.run(x).output;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float r = std::max(x[i], 0.0F);
      CHECK(y[i] == doctest::Approx(r / (1 + std::exp(-2 * r))));
    }
    run.on("r", [](weir::Step& s) { s.exit(0, 4); });  // rows leave in front of it
    const auto result = run.run(x);
    CHECK(result.answers[0].label == 4);
    CHECK(result.examples == std::vector<std::size_t>{1, 2});

    weir::GraphDef other = def;
    other.nodes[1].attributes["gamma"] = 1.0F;
    CHECK(graphs::error_of([&] { (void)weir::build_network(other, options); }).find("gamma") != std::string::npos);
    options.operators[op] = [](const weir::NodeArguments&) { return weir::LayerPtr(); };
    CHECK(graphs::error_of([&] { (void)weir::build_network(def, options); }).find("made no layer") !=
          std::string::npos);
  }
  CHECK(graphs::error_of([&] {
          (void)weir::build_network(swish_graph("my.house::Swish"));
        }).find("operators of other domains than ONNX's are not supported, unless a program brings its own") !=
        std::string::npos);
}

TEST_CASE("registered operators: known to every call, behind BuildOptions, each name once") {
  const weir::GraphDef def = swish_graph("com.example::Swish");
  CHECK(graphs::error_of([&] { (void)weir::build_network(def); }).find("register_operator") != std::string::npos);
  weir::register_operator("com.example::Swish", make_swish);
  const Tensor x({1, 2, 3}, std::vector<float>{-1, 0, 1, 2, 3, 4});
  weir::Executor run{weir::build_network(def)};
  const Tensor y = run.run(x).output;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const float r = std::max(x[i], 0.0F);
    CHECK(y[i] == doctest::Approx(r / (1 + std::exp(-2 * r))));
  }
  weir::BuildOptions first;
  first.operators["com.example::Swish"] = [](const weir::NodeArguments& node) -> weir::LayerPtr {
    return std::make_shared<Swish>(0 * node.real("beta", 1));
  };
  weir::Executor halved{weir::build_network(def, first)};
  CHECK(halved.run(x).output[5] == 2);
  const auto names = weir::operator_names();
  CHECK(names.back() == "com.example::Swish");

  const auto refused = [](const std::string& name, const weir::OperatorMaker& make) {
    return graphs::error_of([&] { weir::register_operator(name, make); });
  };
  CHECK(refused("com.example::Swish", make_swish).find("there is a 'com.example::Swish' already") != std::string::npos);
  CHECK(refused("com.example::Other", nullptr).find("are needed") != std::string::npos);
  for (const std::string name : {"", "::Swish", "com.example::"})
    CHECK(refused(name, make_swish).find("are needed") != std::string::npos);
  CHECK(refused("ai.onnx::Swish", make_swish).find("of which networks say 'Swish'") != std::string::npos);
}

}  // namespace WEIR_UNIT
