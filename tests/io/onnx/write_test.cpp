#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <weir/core/error.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/onnx/write.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

namespace {

bool equal(const weir::Constant& a, const weir::Constant& b) {
  return a.shape == b.shape && a.floats == b.floats && a.ints == b.ints && a.is_int == b.is_int &&
         a.element == b.element;
}

bool equal(const weir::Attribute& a, const weir::Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const auto* c = std::get_if<weir::Constant>(&a)) return equal(*c, std::get<weir::Constant>(b));
  return std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, weir::Constant>)
          return false;
        else
          return value == std::get<T>(b);
      },
      a);
}

void check_equal(const weir::GraphDef& a, const weir::GraphDef& b) {
  CHECK(a.opset == b.opset);
  CHECK(a.outputs == b.outputs);
  REQUIRE(a.nodes.size() == b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const weir::NodeDef &x = a.nodes[i], &y = b.nodes[i];
    CHECK(x.name == y.name);
    CHECK(x.op == y.op);
    CHECK(x.inputs == y.inputs);
    CHECK(x.outputs == y.outputs);
    REQUIRE(x.attributes.size() == y.attributes.size());
    for (const auto& entry : x.attributes) {  // no structured binding: clang 14 cannot capture one in INFO
      INFO(entry.first);
      REQUIRE(y.attributes.contains(entry.first));
      CHECK(equal(entry.second, y.attributes.at(entry.first)));
    }
  }
  REQUIRE(a.constants.size() == b.constants.size());
  for (const auto& entry : a.constants) {  // no structured binding: clang 14 cannot capture one in INFO
    INFO(entry.first);
    REQUIRE(b.constants.contains(entry.first));
    CHECK(equal(entry.second, b.constants.at(entry.first)));
  }
  REQUIRE(a.inputs.size() == b.inputs.size());
  for (std::size_t i = 0; i < a.inputs.size(); ++i) {
    CHECK(a.inputs[i].name == b.inputs[i].name);
    CHECK(a.inputs[i].dims == b.inputs[i].dims);
    CHECK(a.inputs[i].dim_names == b.inputs[i].dim_names);
    CHECK(a.inputs[i].element == b.inputs[i].element);
  }
}

}  // namespace

TEST_CASE("ONNX, written: what is read back is what was written, for real files") {
  const auto networks = std::filesystem::path(WEIR_TEST_DIR).parent_path() / "bench" / "networks";
  for (const char* name : {"fashion_alexnet", "fashion_resnet"}) {
    const weir::GraphDef def = weir::read_onnx(networks / (std::string(name) + ".onnx"));
    check_equal(def, weir::parse_onnx(weir::detail::to_onnx(def), "written"));
  }
  const weir::GraphDef def = weir::read_onnx(io_test::vectors() / "onnx" / "graph.onnx");
  check_equal(def, weir::parse_onnx(weir::detail::to_onnx(def), "written"));
}

TEST_CASE("ONNX, written: every kind of attribute and constant, other domains, free and unnamed dimensions") {
  using Ints = std::vector<std::int64_t>;
  weir::GraphDef def;
  def.opset = 21;
  const auto integers = [](weir::Element e, Ints v) {
    return weir::Constant{weir::Shape{static_cast<std::int64_t>(v.size())}, {}, v, true, e};
  };
  def.constants["u8"] = integers(weir::Element::uint8, {0, 128, 255});
  def.constants["s8"] = integers(weir::Element::int8, {-128, -1, 127});
  def.constants["s32"] = integers(weir::Element::int32, {-(1LL << 31), 5, (1LL << 31) - 1});
  def.constants["s64"] = integers(weir::Element::float32, {-(1LL << 62), 7});
  def.constants["f"] = {weir::Shape{}, std::vector<float>{-0.5F}, {}, false, weir::Element::float32};
  def.constants["none"] = {weir::Shape{0, 3}, {}, {}, false, weir::Element::float32};
  def.inputs.push_back({"x", {-1, 3, -1}, {"N", "", ""}, weir::Element::uint8});
  def.nodes.push_back({"a",
                       "com.microsoft::Op",
                       {"x", "", "u8", "s8", "s32", "s64", "f", "none"},
                       {"y", "z"},
                       {{"f", 0.25F},
                        {"i", std::int64_t{-3}},
                        {"s", std::string("linear")},
                        {"floats", std::vector<float>{1, -2}},
                        {"ints", Ints{0, -1, 1LL << 40}},
                        {"t", integers(weir::Element::int8, {-1})}}});
  def.outputs = {"y"};
  check_equal(def, weir::parse_onnx(weir::detail::to_onnx(def), "written"));
}

TEST_CASE("ONNX, written: a folder that is not there is an IoError") {
  weir::GraphDef def;
  def.outputs = {"x"};
  CHECK_THROWS_AS(weir::write_onnx("/nosuch/folder/m.onnx", def), weir::IoError);
}

}  // namespace WEIR_UNIT
