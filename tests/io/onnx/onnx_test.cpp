#include <weir/core/error.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/onnx/onnx.hpp>

#include "../io_test.hpp"
#include "../proto_writer.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::onnx_graph, io_test::onnx_model, io_test::onnx_node,
    io_test::onnx_tensor, io_test::onnx_value, io_test::Proto;
using weir::Attribute, weir::FormatError, weir::GraphDef;

namespace {

std::filesystem::path vector(const std::string& name) { return io_test::vectors() / "onnx" / (name + ".onnx"); }
GraphDef parse(const std::string& bytes) { return weir::parse_onnx(bytes, "t.onnx"); }
std::string refused(const std::string& bytes) {
  return message_of<FormatError>([&] { (void)parse(bytes); });
}
std::string refused_node(const Proto& node) { return refused(onnx_model(onnx_graph({node}))); }
Proto relu() { return onnx_node("Relu", {"x"}, {"y"}); }
Proto relu_with(const Proto& attribute) { return relu().message(5, attribute); }

}  // namespace

TEST_CASE("ONNX: a graph as the onnx package writes it: sorted, constants taken out, attributes of every kind") {
  const GraphDef g = weir::read_onnx(vector("graph"));
  CHECK(g.source == vector("graph").string());
  CHECK(g.opset == 11);
  REQUIRE(g.nodes.size() == 3);
  CHECK(g.nodes[0].name == "first");
  CHECK(g.nodes[1].name == "Add_1");  // it had none
  CHECK(g.nodes[2].name == "last");
  CHECK(g.nodes[0].inputs == std::vector<std::string>{"x", "", "c0"});
  const auto& a = g.nodes[0].attributes;
  CHECK(a.size() == 6);
  CHECK(std::get<std::string>(a.at("mode")) == "m");
  CHECK(std::get<float>(a.at("f")) == 1.5F);
  CHECK(std::get<std::int64_t>(a.at("i")) == -3);
  CHECK(std::get<std::vector<std::int64_t>>(a.at("ints")) == std::vector<std::int64_t>{1, -2});
  CHECK(std::get<std::vector<float>>(a.at("floats")) == std::vector<float>{0.5F, 2.0F});
  CHECK(std::get<weir::Constant>(a.at("t")).ints == std::vector<std::int64_t>{1, 2});
  REQUIRE(g.inputs.size() == 1);  // w is an initialiser
  CHECK(g.inputs[0].name == "x");
  CHECK(g.inputs[0].dims == std::vector<std::int64_t>{-1, 10});
  CHECK(g.inputs[0].dim_names == std::vector<std::string>{"N", ""});
  CHECK(g.outputs == std::vector<std::string>{"y"});
  CHECK(g.constants.size() == 6);
  CHECK(g.constants.at("c0").floats == std::vector<float>{2.5F});
  CHECK(g.constants.at("c0").shape == weir::Shape{});
  CHECK(g.constants.at("c1").shape == weir::Shape{2});
  CHECK(g.constants.at("c2").ints == std::vector<std::int64_t>{7});
  CHECK(g.constants.at("c3").is_int);
  CHECK(g.constants.at("c4").shape == weir::Shape{1, 2});
  CHECK_NOTHROW((void)weir::read_onnx(vector("double_input")));
}

TEST_CASE("ONNX: what weir cannot run is refused, with file, node and reason") {
  const auto file = [](const std::string& name) {
    return message_of<FormatError>([&] { (void)weir::read_onnx(vector(name)); });
  };
  CHECK(weir::read_onnx(vector("other_domain")).nodes.at(0).op == "com.microsoft::Add");
  CHECK(contains(file("control_flow"), "node 'if' (If): attribute 'else_branch' is a graph"));
  CHECK(contains(file("sparse"), "sparse initialisers"));
  CHECK(contains(file("int_input"), "input 'x' has element type 7"));
  CHECK_THROWS_AS((void)weir::read_onnx(vector("none")), weir::IoError);
}

TEST_CASE("ONNX: opsets 7 to 24 of the default domain") {
  for (std::uint64_t opset = 0; opset < 40; ++opset) {
    const std::string what = refused(onnx_model(onnx_graph({relu()}), opset));
    if (opset >= 7 && opset <= 24)
      CHECK(what == "");
    else
      CHECK(contains(what, "t.onnx: opset " + std::to_string(opset) + " is not supported"));
  }
  for (const std::uint64_t opset : {std::uint64_t{1} << 32U | 13U, ~std::uint64_t{0}})
    CHECK(contains(refused(onnx_model(onnx_graph({relu()}), opset)), "is not supported"));
  CHECK(contains(refused(Proto().message(7, onnx_graph({relu()})).bytes), "does not say its opset"));
  const Proto other = Proto().text(1, "ai.onnx.ml").number(2, 13);
  CHECK(contains(refused(Proto().message(7, onnx_graph({relu()})).message(8, other).bytes), "does not say its opset"));
}

TEST_CASE("ONNX: versions of the file format up to the newest that is known") {
  for (const std::uint64_t version : {std::uint64_t{3}, std::uint64_t{8}, std::uint64_t{13}})
    CHECK_NOTHROW((void)parse(onnx_model(onnx_graph({relu()})) + Proto().number(1, version).bytes));
  CHECK(contains(refused(onnx_model(onnx_graph({relu()})) + Proto().number(1, 14).bytes),
                 "IR version 14 is not supported, only up to 13"));
}

TEST_CASE("ONNX: no graph, no output, names that are missing or given twice") {
  CHECK(contains(refused(""), "no graph"));
  CHECK(contains(refused("<html>"), "t.onnx: "));
  CHECK(contains(refused(Proto().message(8, Proto().number(2, 13)).bytes), "no graph"));
  CHECK(contains(refused(onnx_model(Proto().message(1, relu()).message(11, onnx_value("x", {1})))), "no output"));
  CHECK(contains(refused_node(onnx_node("Relu", {"z"}, {"y"}, "n")), "node 'n' (Relu): input 'z' is not defined"));
  CHECK(contains(refused_node(onnx_node("Relu", {"y"}, {"y"}, "n")), "cycle"));
  CHECK(contains(
      refused(onnx_model(onnx_graph({onnx_node("Relu", {"x"}, {"a"}, "n"), onnx_node("Neg", {"a"}, {"y"}, "n")}))),
      "t.onnx: two nodes have the name 'n'"));
  CHECK_NOTHROW(
      (void)parse(onnx_model(onnx_graph({onnx_node("Relu", {"x"}, {"a"}), onnx_node("Relu", {"a"}, {"y"})}))));
  CHECK(contains(refused_node(onnx_node("", {"x"}, {"y"}, "n")), "has no operator"));
  const Proto w = onnx_tensor("w", {1}, {1});
  CHECK(contains(refused(onnx_model(onnx_graph({relu()}, {w, w}))), "constant 'w' is defined twice"));
  CHECK(contains(refused(onnx_model(onnx_graph({relu()}, {onnx_tensor("", {1}, {1})}))), "no name"));
  CHECK(contains(refused(onnx_model(onnx_graph({relu()}, {onnx_tensor("y", {1}, {1})}))), "already defined"));
  CHECK(contains(refused(onnx_model(onnx_graph({relu()}).message(11, onnx_value("x", {1, 4})))),
                 "input 'x' is defined twice"));
  CHECK(contains(refused(onnx_model(onnx_graph({relu()}).message(11, onnx_value("", {1})))), "an input has no name"));
  CHECK(contains(refused(onnx_model(onnx_graph({relu()}).message(12, onnx_value("", {1})))), "output ''"));
}

TEST_CASE("ONNX: a function of the file is refused by name") {
  const Proto function = Proto().text(1, "Half").text(10, "mine");
  const std::string call = onnx_model(onnx_graph({Proto(onnx_node("Half", {"x"}, {"y"}, "n")).text(7, "mine")}));
  CHECK(contains(refused(call + Proto().message(25, function).bytes), "node 'n' (mine::Half) calls a function"));
  CHECK(refused(onnx_model(onnx_graph({relu()})) + Proto().message(25, function).bytes).empty());
}

TEST_CASE("ONNX: the types that a file says of outputs and of tensors inside") {
  const Proto nodes = onnx_graph({onnx_node("Neg", {"x"}, {"a"}), onnx_node("Relu", {"a"}, {"y"})});
  const auto types = parse(onnx_model(Proto(nodes).message(13, onnx_value("a", {1, 4}, 10)))).types;
  CHECK(types == std::map<std::string, int>{{"a", 10}, {"y", 1}});
  for (const std::vector<std::uint64_t>& odd : {std::vector<std::uint64_t>(9, 1), {~std::uint64_t{0} - 1}, {0}})
    CHECK(parse(onnx_model(Proto(nodes).message(13, onnx_value("a", odd, 10)))).types == types);
}

TEST_CASE("ONNX: inputs with odd dimensions") {
  const auto with_dims = [](const std::vector<std::uint64_t>& dims) {
    return onnx_model(Proto().message(1, relu()).message(11, onnx_value("x", dims)).message(12, onnx_value("y", {})));
  };
  const std::uint64_t minus_one = ~std::uint64_t{0};
  CHECK(parse(with_dims({0, minus_one, 3})).inputs[0].dims == std::vector<std::int64_t>{-1, -1, 3});
  CHECK(contains(refused(with_dims({minus_one - 1})), "dimension of -2"));
  CHECK(contains(refused(with_dims(std::vector<std::uint64_t>(9, 1))), "rank above 8"));
  CHECK(parse(with_dims({std::uint64_t{1} << 62U})).inputs[0].dims[0] == std::int64_t{1} << 62);
}

TEST_CASE("ONNX: attributes that are damaged or not for weir") {
  CHECK(refused_node(relu_with(Proto().text(1, "a").number(20, 2).number(3, 5))) == "");
  CHECK(refused_node(relu_with(Proto().text(1, "a").number(3, 5))) == "");  // files before ONNX 1.0 do not say the type
  const Proto a = Proto().text(1, "a").number(20, 2).number(3, 5);
  CHECK(contains(refused_node(relu_with(a).message(5, a)), "given twice"));
  CHECK(contains(refused_node(relu_with(Proto().text(1, "a"))), "attribute 'a' has an unknown type"));
  CHECK(contains(refused_node(relu_with(Proto().text(1, "a").number(20, 4))), "attribute 'a' has no tensor"));
  CHECK(contains(refused_node(relu_with(Proto().text(1, "a").text(21, "b"))), "function"));
  CHECK(contains(refused_node(relu_with(Proto().text(1, "a").number(20, 8).text(9, "s"))), "list of strings"));
  for (const std::uint64_t type :
       {std::uint64_t{14}, std::uint64_t{99}, ~std::uint64_t{0}, (std::uint64_t{1} << 32U) + 1})
    CHECK(contains(refused_node(relu_with(Proto().text(1, "a").number(20, type))), "unknown type"));
  CHECK(contains(refused_node(relu_with(Proto().text(1, "a").text(3, "no number"))), "field 3 is of another type"));
  CHECK(contains(refused_node(onnx_node("Constant", {}, {"y"})), "exactly one attribute"));
  CHECK(contains(refused_node(onnx_node("Constant", {}, {"y"}).message(5, a)), "attribute 'a' is not supported"));
}

TEST_CASE("ONNX: nested as deep as it likes, a file does not overflow the stack") {
  Proto deep;  // an attribute that holds a graph that holds a node that holds an attribute ..
  for (int i = 0; i < 20'000; ++i) deep = Proto().message(6, Proto().message(1, Proto().message(5, deep)));
  CHECK(contains(refused_node(relu_with(Proto().text(1, "a").message(6, deep))), "graph"));
  Proto unknown;
  for (int i = 0; i < 20'000; ++i) unknown = Proto().message(99, unknown);
  CHECK(refused(onnx_model(onnx_graph({relu()}).message(99, unknown))) == "");
}

TEST_CASE("ONNX: a million and one nodes are too many") {
  const std::string node = Proto().message(1, Proto().text(4, "R")).bytes;
  std::string nodes;
  for (int i = 0; i <= 1'000'000; ++i) nodes += node;
  CHECK(contains(refused(onnx_model(Proto{nodes})), "more than 1000000 nodes"));
}

TEST_CASE("ONNX: cut off at every byte") {
  for (const char* name : {"graph", "float_typed", "int64_typed", "bool_raw"}) {
    INFO(name);
    const std::string file = io_test::slurp(vector(name));
    // The last field is the opset, which has a valid prefix in no file here.
    io_test::check_every_prefix_refused(file, [](const weir::detail::Bytes& b) { return weir::parse_onnx(b, "t"); });
  }
}

TEST_CASE("ONNX: any bit flipped: read or refused, never anything else") {
  for (const char* name : {"graph", "float_typed", "float16_typed", "double_typed", "external", "control_flow"}) {
    INFO(name);
    const std::string file = io_test::slurp(vector(name));
    io_test::sweep_bit_flips(file, [](const weir::detail::Bytes& b) { return weir::parse_onnx(b, "t"); });
  }
}

TEST_CASE("ONNX: every byte replaced by every value in a small file") {
  const std::string file = io_test::slurp(vector("float_raw"));
  for (std::size_t i = 0; i < file.size(); ++i)
    for (int v = 0; v < 256; ++v) {
      weir::detail::Bytes damaged(file.begin(), file.end());
      damaged[i] = static_cast<char>(v);
      try {
        (void)weir::parse_onnx(damaged, "t");
      } catch (const FormatError&) {
      } catch (const std::exception& e) {
        FAIL("byte " << i << " as " << v << ": " << e.what());
      }
    }
}

}  // namespace WEIR_UNIT
