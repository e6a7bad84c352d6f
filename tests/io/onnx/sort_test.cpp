#include <random>
#include <weir/core/graph_def.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/onnx/sort.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using weir::GraphDef, weir::NodeDef;

namespace {

NodeDef node(const std::string& name, std::vector<std::string> inputs, std::vector<std::string> outputs) {
  return {name, "Op", std::move(inputs), std::move(outputs), {}};
}
std::string refused(GraphDef graph) {
  return io_test::message_of<weir::FormatError>([&] { weir::detail::sort_nodes(graph); });
}
GraphDef graph_of(std::vector<NodeDef> nodes) {
  GraphDef g;
  g.inputs = {{"x", {1}, {""}}};
  g.constants["w"] = {};
  g.nodes = std::move(nodes);
  return g;
}

}  // namespace

TEST_CASE("sort_nodes: sorted files stay as they are, shuffled ones become sorted") {
  std::mt19937 random(1);
  for (std::size_t n = 1; n < 40; ++n) {
    std::vector<NodeDef> nodes;
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<std::string> inputs{"w", ""};
      for (int k = 0; k < 3; ++k) inputs.push_back(i == 0 ? "x" : "t" + std::to_string(random() % i));
      nodes.push_back(node(std::to_string(i), inputs, {"t" + std::to_string(i), ""}));
    }
    GraphDef sorted = graph_of(nodes);
    weir::detail::sort_nodes(sorted);
    for (std::size_t i = 0; i < n; ++i) REQUIRE(sorted.nodes[i].name == std::to_string(i));
    std::shuffle(nodes.begin(), nodes.end(), random);
    GraphDef shuffled = graph_of(nodes);
    weir::detail::sort_nodes(shuffled);
    REQUIRE(shuffled.nodes.size() == n);
    std::vector<std::string> known{"x", "w", ""};
    for (const NodeDef& d : shuffled.nodes) {
      for (const std::string& i : d.inputs) REQUIRE(std::find(known.begin(), known.end(), i) != known.end());
      known.insert(known.end(), d.outputs.begin(), d.outputs.end());
    }
  }
}

TEST_CASE("sort_nodes: cycles, missing inputs and names with two producers are refused") {
  using io_test::contains;
  CHECK(contains(refused(graph_of({node("a", {"t"}, {"t"})})), "'a' (Op): lies on or behind a cycle"));
  CHECK(contains(refused(graph_of({node("a", {"x", "u"}, {"t"}), node("b", {"t"}, {"u"})})), "cycle"));
  CHECK(contains(refused(graph_of({node("a", {"x"}, {"t"}), node("b", {"none"}, {"u"})})), "'b' (Op): input 'none'"));
  CHECK(contains(refused(graph_of({node("a", {"x"}, {"t"}), node("b", {"x"}, {"t"})})),
                 "'b' (Op): tensor 't' is already"));
  CHECK(contains(refused(graph_of({node("a", {}, {"t", "t"})})), "already"));
  CHECK(contains(refused(graph_of({node("a", {}, {"x"})})), "already"));
  CHECK(contains(refused(graph_of({node("a", {}, {"w"})})), "already"));
  GraphDef twice = graph_of({});
  twice.inputs.push_back(twice.inputs[0]);
  CHECK(contains(refused(twice), "input 'x' is defined twice"));
  GraphDef no_output = graph_of({});
  no_output.outputs = {"y"};
  CHECK(contains(refused(no_output), "output 'y' is not defined"));
}

TEST_CASE("sort_nodes: a chain of 100000 nodes, backwards") {
  std::vector<NodeDef> nodes;
  for (int i = 100'000; i-- > 0;)
    nodes.push_back(node(std::to_string(i), {i == 0 ? "x" : "t" + std::to_string(i - 1)}, {"t" + std::to_string(i)}));
  GraphDef g = graph_of(std::move(nodes));
  weir::detail::sort_nodes(g);
  for (std::size_t i = 0; i < g.nodes.size(); ++i) REQUIRE(g.nodes[i].name == std::to_string(i));
}

}  // namespace WEIR_UNIT
