// Files are hostile: every network of the vectors with one thing changed must be refused with a weir::Error, or run.
#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>

#include "vectors.hpp"

namespace WEIR_UNIT {

namespace {

constexpr std::int64_t biggest = std::numeric_limits<std::int64_t>::max();
const std::vector<std::int64_t> hostile = {-biggest - 1, -(std::int64_t{1} << 40), -7,     -1, 0, 1, 5,
                                           1 << 24,      std::int64_t{1} << 33,    biggest};

struct Outcome {
  int refused = 0, ran = 0, too_large = 0;
};

/// Builds and, if that needs little memory, runs it.
void attempt(const weir::GraphDef& def, const std::vector<weir::Tensor>& inputs, Outcome& outcome) {
  try {
    const weir::Network network = weir::build_network(def);
    double floats = 0;
    for (const weir::detail::Value& v : network.state().values) floats += static_cast<double>(v.form.at(2).numel());
    const weir::Context context;
    for (const weir::detail::Node& n : network.state().nodes)
      if (floats < 1e6) {
        const auto shapes = network.input_shapes(n, 2);
        if (n.op == "Conv" || n.op == "Fill") continue;  // packing costs more than it tells
        floats += static_cast<double>(n.layer->kernel(context, shapes)->workspace_floats(context, shapes));
      }
    if (floats >= 1e6) {
      ++outcome.too_large;
      return;
    }
    weir::Executor executor{network};
    (void)vectors::run(executor, inputs);
    ++outcome.ran;
  } catch (const weir::Error& e) {
    CHECK(std::string(e.what()).size() > 10);
    ++outcome.refused;
  }
}

}  // namespace

TEST_CASE("layers: attributes and shape constants of any value are refused or harmless") {
  Outcome outcome;
  for (const vectors::Case& c : vectors::all()) {
    CAPTURE(c.name);
    const weir::GraphDef def = weir::parse_onnx(c.onnx, c.name);
    for (std::size_t n = 0; n < def.nodes.size(); ++n)
      for (const auto& entry : def.nodes[n].attributes) {
        const std::string& name = entry.first;
        const weir::Attribute& attribute = entry.second;
        CAPTURE(name);
        weir::GraphDef changed = def;
        weir::Attribute& target = changed.nodes[n].attributes[name];
        for (std::int64_t value : hostile) {
          CAPTURE(value);
          if (std::holds_alternative<std::int64_t>(attribute)) {
            target = value;
            attempt(changed, c.inputs, outcome);
          }
          if (const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute))
            for (std::size_t i = 0; i < list->size(); ++i) {
              target = *list;
              std::get<std::vector<std::int64_t>>(target)[i] = value;
              attempt(changed, c.inputs, outcome);
            }
        }
        for (const weir::Attribute& other :
             {weir::Attribute(std::int64_t{2}), weir::Attribute(0.5F), weir::Attribute(std::string("x")),
              weir::Attribute(std::vector<std::int64_t>{}), weir::Attribute(std::vector<std::int64_t>(9, 1)),
              weir::Attribute(std::vector<float>{1}), weir::Attribute(weir::Constant{})}) {
          target = other;
          attempt(changed, c.inputs, outcome);
        }
        changed.nodes[n].attributes.erase(name);
        attempt(changed, c.inputs, outcome);
      }
    for (const auto& entry : def.constants)
      for (std::size_t i = 0; i < entry.second.ints.size() && i < 8; ++i)
        for (std::int64_t value : hostile) {
          CAPTURE(entry.first);
          CAPTURE(value);
          weir::GraphDef changed = def;
          changed.constants[entry.first].ints[i] = value;
          attempt(changed, c.inputs, outcome);
        }
  }
  MESSAGE(outcome.refused << " refused, " << outcome.ran << " ran, " << outcome.too_large << " too large to try");
  CHECK(outcome.refused > 5000);
  CHECK(outcome.ran > 500);
}

TEST_CASE("layers: missing, doubled and exchanged inputs and constants are refused or harmless") {
  Outcome outcome;
  for (const vectors::Case& c : vectors::all()) {
    CAPTURE(c.name);
    const weir::GraphDef def = weir::parse_onnx(c.onnx, c.name);
    for (std::size_t n = 0; n < def.nodes.size(); ++n) {
      const std::size_t inputs = def.nodes[n].inputs.size();
      for (std::size_t i = 0; i < inputs; ++i) {
        weir::GraphDef changed = def;
        auto& list = changed.nodes[n].inputs;
        list[i].clear();
        attempt(changed, c.inputs, outcome);
        list[i] = "nobody";
        attempt(changed, c.inputs, outcome);
        list[i] = "x0";
        attempt(changed, c.inputs, outcome);
        for (const auto& [name, constant] : def.constants) {
          list[i] = name;
          attempt(changed, c.inputs, outcome);
        }
        list.resize(i);
        attempt(changed, c.inputs, outcome);
      }
      weir::GraphDef changed = def;
      changed.nodes[n].inputs.resize(inputs + 1, changed.inputs.empty() ? "" : changed.inputs[0].name);
      attempt(changed, c.inputs, outcome);
      changed = def;
      changed.nodes[n].op = "NonMaxSuppression";
      CHECK_THROWS_AS(weir::build_network(changed), weir::FormatError);
    }
    for (const auto& [name, constant] : def.constants)
      for (const weir::Shape& shape : {weir::Shape{}, weir::Shape{0}, weir::Shape{1}, weir::Shape{3, 1},
                                       weir::Shape{1, 1, 1, 1, 1}, weir::Shape{2, 2, 2, 2}})
        for (bool is_int : {false, true}) {
          weir::GraphDef changed = def;
          const auto size = static_cast<std::size_t>(shape.numel());
          changed.constants[name] = {shape, std::vector<float>(is_int ? 0 : size, 1),
                                     std::vector<std::int64_t>(is_int ? size : 0, 1), is_int};
          attempt(changed, c.inputs, outcome);
        }
  }
  MESSAGE(outcome.refused << " refused, " << outcome.ran << " ran, " << outcome.too_large << " too large to try");
  CHECK(outcome.refused > 2000);
  CHECK(outcome.ran > 500);
}

TEST_CASE("layers: what is refused is named") {
  weir::GraphDef def;
  def.source = "net.onnx";
  def.inputs = {{"x", {-1, 4, 8, 8}, {"N", "", "", ""}}};
  def.outputs = {"y"};
  def.constants["w"] = {weir::Shape{6, 2, 3, 3}, std::vector<float>(108, 1.0F), {}, false};
  def.nodes = {{"conv1", "Conv", {"x", "w"}, {"y"}, {{"group", std::int64_t{4}}}}};
  const auto message = [&] {
    try {
      (void)weir::build_network(def);
    } catch (const weir::FormatError& e) {
      return std::string(e.what());
    } catch (const weir::ShapeError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(message() == "net.onnx, node 'conv1' Conv (opset 13): group 4 does not divide weights [6, 2, 3, 3]");
  def.nodes[0].attributes["group"] = std::int64_t{3};
  CHECK(message().rfind("net.onnx, node 'conv1' Conv: ", 0) == 0);
  def.nodes[0].attributes = {{"group", std::int64_t{2}}, {"strides", std::vector<std::int64_t>{0, 1}}};
  CHECK(message() == "net.onnx, node 'conv1' Conv (opset 13): attribute strides may not hold 0");
  def.nodes[0].op = "NonMaxSuppression";
  CHECK(message() == "net.onnx, node 'conv1' NonMaxSuppression (opset 13): operator not supported");
}

}  // namespace WEIR_UNIT
