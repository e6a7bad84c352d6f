#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/memory/shared_floats.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace WEIR_UNIT {

using weir::Constant, weir::NodeArguments, weir::NodeDef;
using List = std::vector<std::int64_t>;

namespace {

const NodeDef node{"n",
                   "Op",
                   {"a", "", "c", "d"},
                   {"y"},
                   {{"i", std::int64_t{7}},
                    {"f", 1.5F},
                    {"s", std::string("text")},
                    {"is", List{1, 2}},
                    {"fs", std::vector<float>{3, 4}},
                    {"t", Constant{{1}, {}, {9}, true}},
                    {"t2", Constant{{2}, {}, {9, 9}, true}}}};

/// What it says when it fails, behind file, node and opset; "" if it does not.
std::string said(const std::function<void()>& f) {
  try {
    f();
  } catch (const weir::FormatError& e) {
    const std::string head = "net.onnx, node 'n' Op (opset 13): ", text = e.what();
    CHECK(text.starts_with(head));
    return text.substr(head.size());
  }
  return "";
}

}  // namespace

TEST_CASE(
    "node arguments: attributes by name, of the type that is asked for or refused, defaults where there is none") {
  const NodeArguments a(node, 13, "net.onnx");
  CHECK(a.integer("i", 0) == 7);
  CHECK(a.integer("j", 5) == 5);
  CHECK(a.real("f", 0) == 1.5F);
  CHECK(a.text("s", "") == "text");
  CHECK(a.integers("is") == List{1, 2});
  CHECK(a.integers("js", {8}) == List{8});
  CHECK(a.reals("fs") == std::vector<float>{3, 4});
  CHECK(a.has_attribute("i"));
  CHECK_FALSE(a.has_attribute("j"));
  CHECK(said([&] { (void)a.integer("f", 0); }) == "attribute f must be an integer");
  CHECK(said([&] { (void)a.real("i", 0); }) == "attribute i must be a float");
  CHECK(said([&] { (void)a.text("is", ""); }) == "attribute is must be a string");
  CHECK(said([&] { (void)a.integers("i"); }) == "attribute i must be a list of integers");
  CHECK(said([&] { (void)a.reals("is"); }) == "attribute is must be a list of floats");
  CHECK(a.integer_in("i", 0, 7, 7) == 7);
  CHECK(said([&] { (void)a.integer_in("i", 0, 0, 6); }) == "attribute i may not be 7");
  CHECK(said([&] { (void)a.integer_in("i", 0, 8, 9); }) == "attribute i may not be 7");
  CHECK(a.element("t")->ints == List{9});
  CHECK(a.element("u") == nullptr);
  CHECK_FALSE(said([&] { (void)a.element("t2"); }).empty());
  CHECK_FALSE(said([&] { (void)a.element("i"); }).empty());
}

TEST_CASE("node arguments: an attribute that nothing asked for is refused, with those that are known") {
  const NodeDef two{"n", "Op", {}, {}, {{"alpha", 1.0F}, {"beta", 1.0F}}};
  const NodeArguments a(two, 13, "net.onnx");
  CHECK(said([&] { a.refuse_others(); }) == "the operator has no attribute 'alpha' in this opset, nor any other");
  (void)a.real("alpha", 0);
  (void)a.real("gamma", 0);
  CHECK(said([&] { a.refuse_others(); }) == "the operator has no attribute 'beta' in this opset, but alpha, gamma");
  a.ignore("beta");
  CHECK(said([&] { a.refuse_others(); }).empty());
}

TEST_CASE("node arguments: inputs that are constant, left out or computed, and lists and scalars among them") {
  const Constant list{{2}, {}, {4, 5}, true}, scalar{{}, {}, {6}, true},
      floats{{1}, weir::SharedFloats(std::vector<float>{2.5F}), {}, false},
      two_floats{{2}, weir::SharedFloats(std::vector<float>{1, 2}), {}, false};
  const NodeArguments a(node, 13, "net.onnx", {&list, &list, &floats, &scalar}, {nullptr, nullptr, nullptr, nullptr});
  CHECK(a.constant(0) == &list);
  CHECK(a.constant(1) == nullptr);  // it was left out
  CHECK(a.constant(9) == nullptr);
  CHECK(a.constant_integers(3) == List{6});
  CHECK(a.constant_list(0) == List{4, 5});
  CHECK(said([&] { (void)a.constant_list(3); }) == "input 3 must be a list, not of shape []");
  CHECK(said([&] { (void)a.constant_integers(2); }) == "input 2 must hold integers");
  CHECK(said([&] { (void)a.constant_floats(0); }) == "input 0 must hold floats");
  CHECK(said([&] { (void)a.constant_integers(1); }) == "input 1 must be constant");
  CHECK(a.scalar_input(1, 3) == 3);
  CHECK(a.scalar_input(2, 3) == 2.5F);
  CHECK(a.integers_or_input("is", 0, 14) == List{1, 2});
  CHECK(a.integers_or_input("is", 0, 13) == List{4, 5});
  CHECK(a.integers_or_input("is", 1, 13).empty());
  CHECK(said([&] { a.expect_inputs(1, 4); }).empty());
  CHECK(said([&] { a.expect_inputs(1, 3); }) == "has 4 inputs");
  CHECK(said([&] { a.expect_inputs(2, 4); }) == "input 1 is missing");
  const NodeArguments computed(node, 13, "net.onnx", {nullptr, nullptr, &two_floats});
  CHECK(said([&] { (void)computed.constant_list(0); }) == "input 0 must be constant");
  CHECK(said([&] { (void)computed.scalar_input(2, 0); }) == "input 2 must hold one value");
  const NodeArguments varying(node, 13, "net.onnx", {&list, nullptr, &floats}, {&scalar, nullptr, &two_floats});
  CHECK(said([&] { (void)varying.constant_integers(0); }) == "input 0 may not depend on the batch size");
  CHECK(said([&] { (void)varying.constant_floats(2); }) == "input 2 may not depend on the batch size");
}

}  // namespace WEIR_UNIT
