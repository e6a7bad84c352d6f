// Networks that were answered wrongly once, each of a kind, by the name of the file that showed it.
#include <chrono>
#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/policy/run/cascade_spec.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::Graph;
using weir::Shape;
using weir::Tensor;
using Ints = std::vector<std::int64_t>;

/// a op b, broadcast: the slow way.
Tensor combined(const std::string& op, const Tensor& a, const Tensor& b) {
  const Shape shape = weir::detail::broadcast_shape(a.shape(), b.shape());
  Tensor y(shape);
  const auto sa = weir::kernels::broadcast_strides(a.shape(), shape),
             sb = weir::kernels::broadcast_strides(b.shape(), shape), sy = weir::kernels::dense_strides(shape);
  for (std::size_t i = 0; i < y.size(); ++i) {
    std::int64_t at_a = 0, at_b = 0;
    for (std::size_t d = 0; d < shape.rank(); ++d) {
      const std::int64_t k = static_cast<std::int64_t>(i) / sy[d] % shape[d];
      at_a += k * sa[d], at_b += k * sb[d];
    }
    const float u = a.data()[at_a], v = b.data()[at_b];
    y[i] = op == "Add" || op == "Sum" ? u + v
           : op == "Sub"              ? u - v
           : op == "Mul"              ? u * v
           : op == "Max"              ? std::max(u, v)
                                      : std::min(u, v);
  }
  return y;
}

Tensor tensor_of(const weir::Constant& c) { return Tensor(c.shape, {c.floats.begin(), c.floats.end()}); }

}  // namespace

TEST_CASE("W1_large_constant: constants of any size beside blocked tensors") {
  for (const std::string op : {"Add", "Sub", "Mul", "Max", "Min"})
    for (const Shape& shape : {Shape{1, 65, 32, 32}, Shape{65, 32, 32}, Shape{1, 65, 1, 1}, Shape{65, 1, 1}, Shape{32},
                               Shape{1, 1, 32, 1}, Shape{1, 65, 32, 1}})
      for (const bool first : {false, true})
        for (const std::int64_t batch : {std::int64_t{-1}, std::int64_t{1}}) {
          CAPTURE(op);
          CAPTURE(shape);
          CAPTURE(first);
          CAPTURE(batch);
          Graph g({batch, 3, 32, 32});
          g.noise("w", {65, 3, 1, 1}).noise("p", shape).node("c", "Conv", {"x", "w"});
          g.node("y", op, first ? std::vector<std::string>{"p", "c"} : std::vector<std::string>{"c", "p"});
          g.node("z", "Relu", {"y"});
          const Tensor x = graphs::noise({batch == 1 ? 1 : 2, 3, 32, 32});
          const weir::Network network = g.build();
          const Tensor c = graphs::tapped(network, x, "c"), p = tensor_of(g.def.constants["p"]);
          Tensor wanted = first ? combined(op, p, c) : combined(op, c, p);
          for (float& v : wanted.span()) v = std::max(v, 0.0F);
          for (const std::string& isa : graphs::isas())
            CHECK(graphs::close(graphs::run(network, x, {.isa = isa}), wanted));
        }
}

TEST_CASE("W1_large_constant: a constant joined with blocked channels") {
  for (const std::int64_t channels : {3, 16, 40}) {
    Graph g({2, 3, 9, 9});
    g.noise("w", {33, 3, 3, 3}).noise("p", {2, channels, 7, 7}).node("c", "Conv", {"x", "w"});
    g.node("y", "Concat", {"c", "p"}, {{"axis", std::int64_t{1}}});
    const Tensor x = graphs::noise({2, 3, 9, 9});
    const weir::Network network = g.build();
    CHECK(network.state().fixed_batch == 2);
    const Tensor c = graphs::tapped(network, x, "c"), y = graphs::run(network, x);
    const weir::Constant& p = g.def.constants["p"];
    for (std::int64_t n = 0; n < 2; ++n) {
      CHECK(std::equal(c.data() + n * 33 * 49, c.data() + (n + 1) * 33 * 49, y.data() + n * (33 + channels) * 49));
      CHECK(std::equal(p.floats.begin() + n * channels * 49, p.floats.begin() + (n + 1) * channels * 49,
                       y.data() + (n * (33 + channels) + 33) * 49));
    }
  }
}

TEST_CASE("W2_row_of_batch: what is computed over the batch meets the batch") {
  for (const std::string op : {"Sub", "Add", "Mul"})
    for (const bool pooled : {false, true}) {
      Graph g({-1, 3, 8, 8});
      g.noise("w", {16, 3, 3, 3}).node("c", "Conv", {"x", "w"}, {{"pads", Ints{1, 1, 1, 1}}});
      g.node("r", "ReduceMean", {"c"}, {{"axes", pooled ? Ints{0, 2, 3} : Ints{0}}});
      g.node("y", op, {"c", "r"});
      const weir::Network network = g.build();
      CHECK(!weir::detail::rows_may_leave(network));
      for (const std::int64_t n : {1, 2, 3, 7}) {
        const Tensor x = graphs::noise({n, 3, 8, 8});
        const Tensor c = graphs::tapped(network, x, "c"), r = graphs::tapped(network, x, "r");
        CHECK(graphs::close(graphs::run(network, x), combined(op, c, r)));
        CHECK(graphs::close(graphs::run(network, x, {.threads = 3}), combined(op, c, r)));
      }
    }
}

TEST_CASE("a convolution whose batch is twice that of the network") {
  Graph g({-1, 6, 12, 12});
  g.integers("s", {-1, 3, 12, 12}).noise("w", {8, 3, 3, 3}).noise("v", {8, 8, 3, 3});
  g.node("a", "Reshape", {"x", "s"}).node("b", "Conv", {"a", "w"}).node("c", "Conv", {"b", "v"});
  g.node("y", "Relu", {"c"});
  const weir::Network network = g.build();
  CHECK(weir::detail::rows_may_leave(network));
  const Tensor x = graphs::noise({3, 6, 12, 12}), y = graphs::run(network, x);
  Graph half({-1, 3, 12, 12});
  half.noise("w", {8, 3, 3, 3}).noise("v", {8, 8, 3, 3});
  half.node("b", "Conv", {"x", "w"}).node("c", "Conv", {"b", "v"}).node("y", "Relu", {"c"});
  const Tensor same = graphs::run(half.build(), Tensor({6, 3, 12, 12}, x.span()));
  CHECK(std::equal(same.span().begin(), same.span().end(), y.span().begin(), y.span().end()));
}

TEST_CASE("fold_overread, fold_sum_constants: sums of three and more with small ones in front") {
  for (const std::string op : {"Sum", "Max", "Min", "Mean"})
    for (const Shape& small : {Shape{}, Shape{1}, Shape{3, 1}, Shape{4, 1, 1}, Shape{1, 1, 1, 1}}) {
      Graph g({-1, 4, 3, 3});
      g.noise("a", small).constant("b", small, std::vector<float>(static_cast<std::size_t>(small.numel()), -0.4F));
      g.node("y", op, {"a", "b", "x"});
      const Tensor x = graphs::noise({3, 4, 3, 3});
      const std::string fold = op == "Mean" ? "Sum" : op;
      Tensor wanted =
          combined(fold, combined(fold, tensor_of(g.def.constants["a"]), tensor_of(g.def.constants["b"])), x);
      if (op == "Mean")
        for (float& v : wanted.span()) v /= 3;
      CHECK(graphs::close(graphs::run(g.build(), x), wanted));
    }
}

TEST_CASE("bn_opset9_5outs, clip_attr_opset13: training mode and attributes that no operator has are refused") {
  Graph bn({-1, 3, 4, 4}, 9);
  for (const char* p : {"s", "b", "m", "v"}) bn.constant(p, {3}, {1, 1, 1});
  bn.node("y", "BatchNormalization", {"x", "s", "b", "m", "v"});
  CHECK(graphs::error_of([&] { (void)bn.build(); }).empty());
  bn.def.nodes[0].outputs = {"y", "", "", "", ""};
  CHECK(graphs::error_of([&] { (void)bn.build(); }).empty());
  bn.def.nodes[0].outputs = {"y", "m2", "v2", "sm", "sv"};
  CHECK(graphs::error_of([&] { (void)bn.build(); }).find("5 outputs: training mode") != std::string::npos);

  const auto refused = [](const std::string& op, std::map<std::string, weir::Attribute> attributes, int opset = 13) {
    Graph g({-1, 3, 4, 4}, opset);
    g.node("y", op, {"x"}, std::move(attributes));
    return graphs::error_of([&] { (void)g.build(); });
  };
  CHECK(refused("Clip", {{"max", 6.0F}}, 10).empty());
  CHECK(refused("Clip", {{"max", 6.0F}}) ==
        "test.onnx, node 'y' Clip (opset 13): the operator has no attribute 'max' in this opset, nor any other");
  CHECK(refused("Softmax", {{"axes", std::int64_t{1}}}).find("'axes' in this opset, but axis") != std::string::npos);
  CHECK(!refused("ReduceSum", {{"axes", Ints{1}}}).empty());
  CHECK(refused("ReduceSum", {{"axes", Ints{1}}}, 12).empty());
  CHECK(!refused("ReduceMax", {{"axes", Ints{1}}}, 18).empty());
  CHECK(!refused("MaxPool", {{"kernel_shape", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}}, 9).empty());
  CHECK(!refused("AveragePool", {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{1, 1}}}, 18).empty());
  CHECK(!refused("Shape", {{"start", std::int64_t{1}}}, 14).empty());
  CHECK(!refused("Relu", {{"alpha", 0.1F}}).empty());
}

TEST_CASE("mix_a: networks that mix the examples of a batch run whole batches only") {
  Graph fixed({2, 3, 4});
  fixed.node("y", "Softmax", {"x"}, {{"axis", std::int64_t{0}}});
  CHECK(fixed.build().state().fixed_batch == 2);
  CHECK(graphs::error_of([&] {
          (void)graphs::run(fixed.build(), graphs::noise({3, 3, 4}));
        }).find("does not run batches of 3") != std::string::npos);
  const auto leaves = [](Graph& g) { return weir::detail::rows_may_leave(g.build()); };
  Graph softmax({-1, 3, 4}), other({-1, 3, 4}), turned({-1, 3, 4}), views({-1, 3, 4}), flip({-1, 3, 4}),
      windows({-1, 3, 4}), interleaved({-1, 3, 4});
  CHECK(!leaves(softmax.node("y", "Softmax", {"x"}, {{"axis", std::int64_t{0}}})));
  CHECK(leaves(other.node("y", "Softmax", {"x"}, {{"axis", std::int64_t{1}}})));
  CHECK(!leaves(turned.node("t", "Transpose", {"x"}, {{"perm", Ints{1, 0, 2}}}).node("y", "Relu", {"t"})));
  views.integers("s", {0, -1});
  CHECK(leaves(views.node("y", "Reshape", {"x", "s"})));
  flip.integers("b", {-1}).integers("e", {-100}).integers("a", {0}).integers("t", {-1});
  CHECK(!leaves(flip.node("y", "Slice", {"x", "b", "e", "a", "t"})));
  windows.integers("s", {-1, 4});
  CHECK(leaves(windows.node("y", "Reshape", {"x", "s"})));
  interleaved.integers("s", {-1, 4});
  CHECK(!leaves(interleaved.node("t", "Transpose", {"x"}, {{"perm", Ints{1, 0, 2}}}).node("y", "Reshape", {"t", "s"})));
}

TEST_CASE("halfmoved: compact() that is refused changes nothing") {
  Graph g({-1, 1, 2, 2});
  g.node("a", "Relu", {"x"}).node("t", "Transpose", {"x"}, {{"perm", Ints{1, 0, 2, 3}}}).node("b", "Sigmoid", {"t"});
  g.node("bt", "Transpose", {"b"}, {{"perm", Ints{1, 0, 2, 3}}}).node("c", "Sigmoid", {"a"});
  g.node("d", "Add", {"c", "bt"}).node("y", "Add", {"d", "a"});
  const weir::Network network = g.build();
  const Tensor x = graphs::noise({4, 1, 2, 2}), whole = graphs::run(network, x);
  weir::Executor run{network};
  run.begin(x);
  (void)run.advance_to("b");
  const std::vector<std::size_t> keep = {1, 3};
  CHECK_THROWS_AS(run.compact(keep), weir::ArgumentError);
  CHECK(run.examples().size() == 4);
  const weir::ConstView y = run.finish();
  CHECK(std::equal(whole.span().begin(), whole.span().end(), y.data));
}

TEST_CASE("R1_view_by_batch, R2_class_token, allowzero1: shapes by the batch size") {
  const Tensor x = graphs::noise({3, 3, 5, 5});
  Graph view({-1, 3, 5, 5});
  view.noise("w", {16, 3, 3, 3}).integers("zero", {0}).integers("one", {1}).integers("rest", {16});
  view.node("c", "Conv", {"x", "w"}).node("p", "GlobalAveragePool", {"c"}).node("s", "Shape", {"p"});
  view.node("n", "Slice", {"s", "zero", "one"}).node("t", "Concat", {"n", "rest"}, {{"axis", std::int64_t{0}}});
  view.node("y", "Reshape", {"p", "t"});
  for (const std::int64_t n : {1, 2, 3, 5}) {
    const Tensor batch = graphs::noise({n, 3, 5, 5});
    const Tensor p = graphs::tapped(view.build(), batch, "p"), y = graphs::run(view.build(), batch);
    CHECK(y.shape() == Shape{n, 16});
    CHECK(std::equal(p.span().begin(), p.span().end(), y.span().begin(), y.span().end()));
  }
  Graph token({-1, 4, 8});
  token.noise("cls", {1, 1, 8}).integers("zero", {0}).integers("one", {1}).integers("rest", {1, 8});
  token.node("s", "Shape", {"x"}).node("n", "Slice", {"s", "zero", "one"});
  token.node("t", "Concat", {"n", "rest"}, {{"axis", std::int64_t{0}}}).node("e", "Expand", {"cls", "t"});
  token.node("y", "Concat", {"e", "x"}, {{"axis", std::int64_t{1}}});
  CHECK(weir::detail::rows_may_leave(token.build()));
  for (const std::int64_t n : {1, 2, 3, 8}) {
    const Tensor batch = graphs::noise({n, 4, 8}), y = graphs::run(token.build(), batch);
    CHECK(y.shape() == Shape{n, 5, 8});
    for (std::int64_t e = 0; e < n; ++e) {
      CHECK(std::equal(y.data() + e * 40, y.data() + e * 40 + 8, token.def.constants["cls"].floats.begin()));
      CHECK(std::equal(y.data() + e * 40 + 8, y.data() + e * 40 + 40, batch.data() + e * 32));
    }
  }
  for (const std::int64_t zero : {0, 1})
    for (const std::int64_t fixed : {1, 2}) {
      Graph g({fixed, 3, 4}, 14);
      g.integers("s", {fixed * 3, 4}).integers("t", {fixed, -1});
      g.node("a", "Reshape", {"x", "s"}, {{"allowzero", zero}}).node("y", "Reshape", {"a", "t"}, {{"allowzero", zero}});
      const weir::Network network = g.build();
      CHECK(network.state().fixed_batch == 0);
      const Tensor five = graphs::noise({5, 3, 4}), y = graphs::run(network, five);
      CHECK(y.shape() == Shape{5, 12});
      CHECK(std::equal(y.span().begin(), y.span().end(), five.span().begin(), five.span().end()));
    }
}

TEST_CASE("Flatten to one row of a blocked tensor") {
  Graph g({-1, 3, 1, 1});
  g.noise("w", {16, 3, 1, 1}).node("c", "Conv", {"x", "w"}).node("y", "Flatten", {"c"}, {{"axis", std::int64_t{0}}});
  for (const std::int64_t n : {1, 2, 3}) {
    const Tensor x = graphs::noise({n, 3, 1, 1}), c = graphs::tapped(g.build(), x, "c"), y = graphs::run(g.build(), x);
    CHECK(y.shape() == Shape{1, 16 * n});
    CHECK(std::equal(c.span().begin(), c.span().end(), y.span().begin(), y.span().end()));
  }
}

TEST_CASE("reshape_160_free, reshape_1m1_free: a free batch axis and a network for one example") {
  for (const Ints& target : {Ints{1, 60}, Ints{1, -1}}) {
    Graph g({-1, 3, 4, 5});
    g.integers("s", target).noise("w", {60, 3}).node("a", "Reshape", {"x", "s"}).node("y", "Gemm", {"a", "w"});
    const weir::Network network = g.build();
    CHECK(graphs::run(network, graphs::noise({1, 3, 4, 5})).shape() == Shape{1, 3});
    const std::string error = graphs::error_of([&] { (void)graphs::run(network, graphs::noise({2, 3, 4, 5})); });
    CHECK(error.find("test.onnx does not run batches of 2, only of 1: test.onnx, node") == 0);
  }
  Graph cut({-1, 4});  // as long as seven examples at the sizes at which shapes are found
  cut.integers("b", {0}).integers("e", {7}).integers("a", {0}).node("y", "Slice", {"x", "b", "e", "a"});
  CHECK(graphs::run(cut.build(), graphs::noise({7, 4})).shape() == Shape{7, 4});
  CHECK(!graphs::error_of([&] { (void)graphs::run(cut.build(), graphs::noise({8, 4})); }).empty());
}

TEST_CASE("autopad_neg_SAME_UPPER: strides longer than the window cut the image, as in ONNX Runtime") {
  for (const std::string pad : {"SAME_UPPER", "SAME_LOWER"})
    for (const std::string op : {"Conv", "MaxPool", "AveragePool"}) {
      Graph g({-1, 3, 50, 22});
      const std::map<std::string, weir::Attribute> attributes = {
          {"auto_pad", pad}, {"strides", Ints{10, 2}}, {"kernel_shape", Ints{5, 6}}};
      const std::int64_t channels = op == "Conv" ? 4 : 3;
      g.noise("w", {4, 3, 5, 6});
      g.node("y", op, op == "Conv" ? std::vector<std::string>{"x", "w"} : std::vector<std::string>{"x"}, attributes);
      const std::int64_t front = op == "Conv" && pad == "SAME_LOWER" ? 1 : 2;  // of 5 rows that are cut
      Graph cut({-1, 3, 50, 22});
      cut.noise("w", {4, 3, 5, 6}).integers("b", {front}).integers("e", {front + 45}).integers("a", {2});
      cut.node("c", "Slice", {"x", "b", "e", "a"});
      cut.node("y", op, op == "Conv" ? std::vector<std::string>{"c", "w"} : std::vector<std::string>{"c"},
               {{"pads", Ints{0, 2, 0, 2}}, {"strides", Ints{10, 2}}, {"kernel_shape", Ints{5, 6}}});
      const Tensor x = graphs::noise({2, 3, 50, 22}), y = graphs::run(g.build(), x);
      CHECK(y.shape() == Shape{2, channels, 5, 11});
      CHECK(graphs::close(y, graphs::run(cut.build(), x)));
    }
}

TEST_CASE("gather_float, pool_stride: what a small file asks for is in proportion to its work") {
  const std::int64_t many = std::int64_t{1} << 40;
  for (const bool is_int : {false, true}) {
    Graph g({-1, 1, 28, 28});
    g.def.constants["c"] = {Shape{many, 1, 0}, std::vector<float>{}, {}, is_int};
    g.integers("i", {0}).node("g", "Gather", {"c", "i"}, {{"axis", std::int64_t{1}}}).node("y", "Relu", {"x"});
    CHECK(graphs::run(g.build(), graphs::noise({1, 1, 28, 28})).size() == 784);
  }
  for (const std::string op : {"MaxPool", "AveragePool"}) {
    Graph g({-1, 1, 28, 28});
    g.node("y", op, {"x"}, {{"kernel_shape", Ints{1, 1}}, {"strides", Ints{1, 1 << 24}}});
    const weir::Network network = g.build();
    const Tensor x = graphs::noise({2, 1, 28, 28}), y = graphs::run(network, x);
    REQUIRE(y.shape() == Shape{2, 1, 28, 1});
    for (std::int64_t i = 0; i < 56; ++i) CHECK(y.data()[i] == x.data()[i * 28]);
    const std::vector<Shape> image{{1, 1, 28, 28}};
    const weir::KernelPtr kernel = network.state().nodes[0].layer->kernel(weir::Context(), image);
    CHECK(kernel->workspace_floats(weir::Context(), image) < 1 << 16);
  }
  Graph expand({-1, 4});
  expand.constant("c", {1, 1}, {1.5F}).integers("s", {1 << 14, 1 << 14}).node("e", "Expand", {"c", "s"});
  expand.node("m", "ReduceMax", {"e"}, {{"axes", Ints{0, 1}}}).node("y", "Add", {"x", "m"});
  const weir::Network network = expand.build();  // a gigabyte, which no constant may take
  for (const weir::detail::Value& v : network.state().values) CHECK((!v.constant || v.constant->size() < 1 << 20));
}

TEST_CASE("planning takes time in proportion to the nodes") {
  const auto seconds = [](std::size_t nodes, const std::string& op) {
    Graph g({-1, 4});
    std::string before = "x";
    for (std::size_t i = 0; i < nodes; ++i) {
      const std::string name = "n" + std::to_string(i);
      g.node(name, op, op == "Add" ? std::vector<std::string>{before, "x"} : std::vector<std::string>{before});
      if (i % 2 == 1) g.node(name + "e", "Sigmoid", {name});
      before = g.def.nodes.back().name;
    }
    const weir::Network network = g.build();
    weir::Executor run{network};
    run.on("*", [](const weir::Step&) {});
    const auto start = std::chrono::steady_clock::now();
    (void)run.describe();
    run.begin(graphs::noise({1, 4}));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (const std::string op : {"Relu", "Add"}) CHECK(seconds(40'000, op) < 60);  // minutes to hours, where quadratic
}

}  // namespace WEIR_UNIT
