// Networks of 8-bit integers: as operators on integers, and as floats between QuantizeLinear and DequantizeLinear.
#include <algorithm>
#include <cmath>
#include <limits>
#include <weir/core/machine_costs.hpp>

#include "graphs.hpp"

namespace WEIR_UNIT {

using graphs::Graph, weir::Element, weir::Isa, weir::Shape, weir::Tensor;

namespace {

/// Constants of 8-bit networks: x has scale 1/64 and zero point 3, y 1/16 and -5, weights scales along the channels.
struct Numbers : Graph {
  explicit Numbers(std::vector<std::int64_t> input, int opset = 13) : Graph(std::move(input), opset) {
    scale("xs", {1.0F / 64}), whole("xz", {}, {3}, Element::int8);
    scale("ys", {1.0F / 16}), whole("yz", {}, {-5}, Element::int8);
    std::vector<std::int64_t> w;
    for (int i = 0; i < 20 * 3 * 9; ++i) w.push_back((i * 37) % 255 - 127);
    whole("w", {20, 3, 3, 3}, w, Element::int8);
    std::vector<float> ws, bs;
    std::vector<std::int64_t> b;
    for (int m = 0; m < 20; ++m) {
      ws.push_back(1.0F / static_cast<float>(100 + m));
      bs.push_back(ws.back() / 64);
      b.push_back(m * 40 - 300);
    }
    constant("ws", {20}, ws), whole("wz", {20}, std::vector<std::int64_t>(20, 0), Element::int8);
    whole("b", {20}, b, Element::int32), constant("bs", {20}, bs);
    whole("bz", {20}, std::vector<std::int64_t>(20, 0), Element::int32);
  }
  Numbers& scale(const std::string& name, std::vector<float> values) {
    constant(name, {}, std::move(values));
    return *this;
  }
  Numbers& whole(const std::string& name, const Shape& shape, std::vector<std::int64_t> values, Element element) {
    def.constants[name] = {shape, {}, std::move(values), true, element};
    return *this;
  }
  Numbers& relu_conv_of_integers() {
    node("q", "QuantizeLinear", {"x", "xs", "xz"});
    node("c", "QLinearConv", {"q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, {{"pads", pads}});
    return *this;
  }
  std::vector<std::int64_t> pads = {1, 1, 1, 1};
};

/// Convolution, addition of its result to itself, pooling; as operators on integers.
Numbers on_integers() {
  Numbers g({-1, 3, 9, 7});
  g.relu_conv_of_integers();
  g.node("m", "MaxPool", {"c"}, {{"kernel_shape", std::vector<std::int64_t>{2, 2}}});
  g.node("a", "com.microsoft::QLinearAdd", {"m", "ys", "yz", "m", "ys", "yz", "xs", "xz"});
  g.node("p", "com.microsoft::QLinearGlobalAveragePool", {"a", "xs", "xz", "ys", "yz"});
  g.node("f", "Flatten", {"p"});
  g.node("y", "DequantizeLinear", {"f", "ys", "yz"});
  return g;
}

/// The same as quantize_static writes it.
Numbers between_quantizers() {
  Numbers g({-1, 3, 9, 7});
  const auto pair = [&](const std::string& name, const std::string& s, const std::string& z) {
    g.node(name + "q", "QuantizeLinear", {name, s, z}).node(name + "d", "DequantizeLinear", {name + "q", s, z});
  };
  pair("x", "xs", "xz");
  g.node("wd", "DequantizeLinear", {"w", "ws", "wz"}, {{"axis", std::int64_t{0}}});
  g.node("bd", "DequantizeLinear", {"b", "bs", "bz"}, {{"axis", std::int64_t{0}}});
  g.node("c", "Conv", {"xd", "wd", "bd"}, {{"pads", g.pads}});
  pair("c", "ys", "yz");
  g.node("m", "MaxPool", {"cd"}, {{"kernel_shape", std::vector<std::int64_t>{2, 2}}});
  pair("m", "ys", "yz");
  g.node("a", "Add", {"md", "md"});
  pair("a", "xs", "xz");
  g.node("p", "GlobalAveragePool", {"ad"});
  pair("p", "ys", "yz");
  g.node("f", "Flatten", {"pd"});
  g.node("fq", "QuantizeLinear", {"f", "ys", "yz"}).node("y", "DequantizeLinear", {"fq", "ys", "yz"});
  return g;
}

std::string refusal(const Numbers& g) {
  try {
    (void)g.build();
  } catch (const weir::FormatError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE(
    "8-bit networks: the same bits on every instruction set, batch and number of threads, in both ways to say them") {
  const weir::Network integers = on_integers().build(), floats = between_quantizers().build();
  const Tensor x = graphs::noise({5, 3, 9, 7});
  const Tensor right = graphs::run(integers, x, {.isa = "portable"});
  CHECK(*std::max_element(right.span().begin(), right.span().end()) > 1);
  for (const weir::Network* net : {&integers, &floats})
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!weir::supported(isa)) continue;
      for (const int threads : {1, 2}) {
        const weir::ContextOptions options{.threads = threads, .isa = std::string(to_string(isa))};
        const Tensor y = graphs::run(*net, x, options);
        CHECK((y.shape() == right.shape()));
        CHECK(std::ranges::equal(y.span(), right.span()));
        for (std::size_t n = 0; n < 5; ++n) {
          const Tensor one({1, 3, 9, 7}, x.span().subspan(n * 189, 189));
          CHECK(std::ranges::equal(graphs::run(*net, one, options).span(), right.span().subspan(n * 20, 20)));
        }
      }
    }
  std::string operators;
  for (const auto& s : weir::Executor(floats).describe(1).steps) operators += s.op + " ";
  CHECK(operators.find("Conv") != std::string::npos);
  CHECK(operators.find(" Conv ") == std::string::npos);  // none is left in floats
}

TEST_CASE("8-bit networks: a sum by bands of rows does not overwrite rows that the next band reads") {
  Numbers g({-1, 4, 48, 16});
  std::vector<std::int64_t> w;
  for (int i = 0; i < 4 * 9; ++i) w.push_back((i * 37) % 255 - 127);
  g.whole("dw", {4, 1, 3, 3}, w, Element::int8);
  g.scale("ds", {1.0F / 128}).whole("dz", {}, {0}, Element::int8);
  g.node("q", "QuantizeLinear", {"x", "xs", "xz"});
  g.node("c", "QLinearConv", {"q", "xs", "xz", "dw", "ds", "dz", "ys", "yz"},
         {{"pads", g.pads}, {"group", std::int64_t{4}}});
  g.node("a", "com.microsoft::QLinearAdd", {"q", "xs", "xz", "c", "ys", "yz", "ys", "yz"});
  g.node("y", "DequantizeLinear", {"a", "ys", "yz"});
  const weir::Network net = g.build();
  const Tensor x = graphs::noise({3, 4, 48, 16}), right = graphs::run(net, x, {.isa = "portable"});
  weir::detail::MachineCosts costs;  // caches of next to nothing, steps that cost nothing to start
  costs.second_level = 1 << 13, costs.third_level = costs.start_bytes = costs.meet_bytes = 0;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!weir::supported(isa)) continue;
    for (const int threads : {1, 2})
      for (const weir::detail::MachineCosts* schedule : {static_cast<const weir::detail::MachineCosts*>(nullptr),
                                                         static_cast<const weir::detail::MachineCosts*>(&costs)}) {
        const weir::ContextOptions options{
            .threads = threads, .isa = std::string(to_string(isa)), .schedule_costs = schedule};
        CHECK(std::ranges::equal(graphs::run(net, x, options).span(), right.span()));
        const Tensor one({1, 4, 48, 16}, x.span().first(4 * 48 * 16));
        CHECK(std::ranges::equal(graphs::run(net, one, options).span(), right.span().first(4 * 48 * 16)));
      }
  }
}

TEST_CASE("8-bit networks: MatMul between quantizers is computed on integers, the Add of its bias too") {
  constexpr std::int64_t K = 37, M = 21, rows = 5;
  for (const int bias : {0, 1, 2}) {  // none, of the sums' scale, of another
    CAPTURE(bias);
    Numbers g({-1, rows, K});
    std::vector<std::int64_t> w, b;
    std::vector<float> ws, bs;
    for (std::int64_t i = 0; i < K * M; ++i) w.push_back((i * 41) % 255 - 127);
    for (std::int64_t m = 0; m < M; ++m) {
      ws.push_back(1.0F / static_cast<float>(200 + 3 * m));
      bs.push_back(ws.back() / (bias == 1 ? 64 : 32));
      b.push_back(m * 300 - 2000);
    }
    g.whole("mw", {K, M}, w, Element::int8).constant("mws", {M}, ws);
    g.whole("mz", {M}, std::vector<std::int64_t>(M, 0), Element::int8);
    g.whole("mb", {M}, b, Element::int32).constant("mbs", {M}, bs);
    g.whole("mbz", {M}, std::vector<std::int64_t>(M, 0), Element::int32);
    g.node("q", "QuantizeLinear", {"x", "xs", "xz"}).node("d", "DequantizeLinear", {"q", "xs", "xz"});
    g.node("wd", "DequantizeLinear", {"mw", "mws", "mz"}, {{"axis", std::int64_t{1}}});
    g.node("bd", "DequantizeLinear", {"mb", "mbs", "mbz"}, {{"axis", std::int64_t{0}}});
    g.node("p", "MatMul", {"d", "wd"});
    if (bias > 0) g.node("s", "Add", {"bd", "p"});
    g.node("r", "QuantizeLinear", {bias > 0 ? "s" : "p", "ys", "yz"}).node("y", "DequantizeLinear", {"r", "ys", "yz"});
    const weir::Network net = g.build();
    std::string operators;
    for (const auto& node : net.state().nodes) operators += node.op + " ";
    CHECK((operators.find("QGemm") != std::string::npos) == (bias == 1));
    CHECK((operators.find("QLinearMatMul") != std::string::npos) == (bias == 0));
    CHECK((operators.find(" MatMul") != std::string::npos) == (bias == 2));  // in floats

    const Tensor x = graphs::noise({3, rows, K});
    const Tensor y = graphs::run(net, x, {.isa = "portable"});
    std::size_t inside = 0;
    for (std::int64_t r = 0; r < 3 * rows; ++r)
      for (std::int64_t m = 0; m < M; ++m) {
        const auto c = static_cast<std::size_t>(m);
        double sum = bias > 0 ? static_cast<double>(b[c]) * double{bs[c]} : 0;
        for (std::int64_t k = 0; k < K; ++k) {
          const double q =
              std::clamp(std::nearbyint(double{x[static_cast<std::size_t>(r * K + k)]} * 64), -131.0, 124.0);
          sum += q / 64 * static_cast<double>(w[static_cast<std::size_t>(k * M + m)]) * double{ws[c]};
        }
        const double right = std::clamp(std::nearbyint(sum * 16), -123.0, 132.0) / 16;
        inside += std::abs(right) < 7 ? 1 : 0;
        CHECK(std::abs(double{y[static_cast<std::size_t>(r * M + m)]} - right) < 1.01 / 16);
      }
    CHECK(inside > 100);  // not all are cut off
    if (bias == 2) continue;
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
      for (const int threads : {1, 2})
        if (weir::supported(isa)) {
          const weir::ContextOptions options{.threads = threads, .isa = std::string(to_string(isa))};
          CHECK(std::ranges::equal(graphs::run(net, x, options).span(), y.span()));
        }
  }
}

TEST_CASE("8-bit networks: hooks see the integers as floats, and rows may leave there") {
  const weir::Network net = on_integers().build();
  const Tensor x = graphs::noise({4, 3, 9, 7});
  const Tensor right = graphs::run(net, x);
  weir::Executor run{net};
  run.on("c", [](weir::Step& s) {
    for (const float v : s.output().span()) {
      CHECK(v >= -128);
      CHECK(v <= 127);
      CHECK(v == std::floor(v));
    }
    s.exit(1, 9);
  });
  const weir::Result result = run.run(x);
  CHECK(result.answers[1].label == 9);
  CHECK(std::ranges::equal(result.output.span().first(20), right.span().first(20)));
  CHECK(std::ranges::equal(result.output.span().subspan(20), right.span().subspan(40)));
  CHECK(std::ranges::equal(graphs::tapped(net, x, "y").span(), right.span()));
}

TEST_CASE("8-bit networks: operators that move elements do it with integers") {
  Numbers g({-1, 4, 6});
  g.node("q", "QuantizeLinear", {"x", "xs", "xz"});
  g.node("t", "Transpose", {"q"}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
  g.node("s", "Concat", {"t", "t"}, {{"axis", std::int64_t{2}}});
  g.integers("shape", {0, -1}).node("r", "Reshape", {"s", "shape"});
  g.node("y", "DequantizeLinear", {"r", "xs", "xz"});
  const Tensor x = graphs::noise({3, 4, 6});
  const Tensor y = graphs::run(g.build(), x);
  REQUIRE((y.shape() == Shape{3, 48}));
  for (std::size_t n = 0; n < 3; ++n)
    for (std::size_t i = 0; i < 48; ++i) {
      const float v = x[n * 24 + i % 8 % 4 * 6 + i / 8];
      CHECK(y[n * 48 + i] == std::clamp(std::nearbyint(v * 64) + 3, -128.0F, 127.0F) / 64 - 3.0F / 64);
    }
}

TEST_CASE("8-bit networks: sums of 32 bits and their zero point are right when they come at run time") {
  Numbers g({1, 3, 9, 7});
  g.def.nodes.push_back({"dq", "DynamicQuantizeLinear", {"x"}, {"q", "s", "z"}, {}});
  g.node("sums", "ConvInteger", {"q", "w", "z"}, {{"pads", g.pads}});
  g.node("f", "Cast", {"sums"}, {{"to", std::int64_t{1}}});
  g.node("y", "Mul", {"f", "s"});
  const Tensor x = graphs::noise({1, 3, 9, 7});
  Graph floats({1, 3, 9, 7});
  std::vector<float> w;
  for (const std::int64_t v : g.def.constants["w"].ints) w.push_back(static_cast<float>(v));
  floats.constant("w", {20, 3, 3, 3}, w).node("y", "Conv", {"x", "w"}, {{"pads", g.pads}});
  const Tensor y = graphs::run(g.build(), x), right = graphs::run(floats.build(), x);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - right[i]) < 15);  // 27 weights of 64, steps of 1/128
}

TEST_CASE("8-bit networks: strides longer than the window cut the image, as in ONNX Runtime") {
  for (const std::string pad : {"SAME_UPPER", "SAME_LOWER"})
    for (const std::int64_t zero : {0, 7})
      for (const bool dynamic : {false, true}) {
        CAPTURE(pad);
        CAPTURE(zero);
        CAPTURE(dynamic);
        const std::vector<std::int64_t> strides = {10, 2};
        const auto network = [&](bool cut) {
          Numbers g({1, 3, 50, 22});
          std::vector<std::int64_t> w;
          for (int i = 0; i < 20 * 3 * 5 * 6; ++i) w.push_back((i * 37) % 255 - 127);
          g.whole("w", {20, 3, 5, 6}, w, Element::int8);
          g.whole("wz", dynamic ? Shape{} : Shape{20}, std::vector<std::int64_t>(dynamic ? 1 : 20, zero),
                  Element::int8);
          g.node("q", "QuantizeLinear", {"x", "xs", "xz"});
          const std::int64_t front = pad == "SAME_LOWER" ? 1 : 2;  // of 5 rows that are cut
          g.integers("b", {front}).integers("e", {front + 45}).integers("a", {2});
          if (cut) g.node("k", "Slice", {"q", "b", "e", "a"});
          std::map<std::string, weir::Attribute> attributes = {{"strides", strides}};
          if (cut)
            attributes["pads"] = std::vector<std::int64_t>{0, 2, 0, 2};
          else
            attributes["auto_pad"] = pad;
          const std::string x = cut ? "k" : "q";
          if (dynamic) {
            g.node("i", "ConvInteger", {x, "w", "xz", "wz"}, attributes);
            g.node("y", "Cast", {"i"}, {{"to", std::int64_t{1}}});
          } else {
            g.node("c", "QLinearConv", {x, "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"}, attributes);
            g.def.nodes.back().inputs.pop_back();
            g.node("y", "DequantizeLinear", {"c", "ys", "yz"});
          }
          return g.build();
        };
        const Tensor x = graphs::noise({1, 3, 50, 22});
        for (const std::string& isa : graphs::isas()) {
          const Tensor y = graphs::run(network(false), x, {.isa = isa});
          CHECK((y.shape() == Shape{1, 20, 5, 11}));
          CHECK(std::ranges::equal(y.span(), graphs::run(network(true), x, {.isa = isa}).span()));
        }
      }
}

TEST_CASE("8-bit networks: a bias with a zero point is refused, not computed without it") {
  Numbers g = between_quantizers();
  CHECK(refusal(g).empty());
  g.whole("bz", {20}, std::vector<std::int64_t>(20, 7), Element::int32);
  CHECK(refusal(g).find("node 'bd' DequantizeLinear (opset 13): the zero point of int32 may only be 0") !=
        std::string::npos);
}

TEST_CASE("8-bit networks: the zero point of a product is added before it is rounded, as in ONNX Runtime") {
  Numbers g({-1, 256});
  g.scale("as", {1.0F / 16}).whole("az", {}, {-5}, Element::int8);
  g.scale("bs", {1.0F / 8});
  g.node("q", "QuantizeLinear", {"x", "as", "az"});
  g.node("m", "com.microsoft::QLinearMul", {"q", "as", "az", "q", "as", "az", "bs", "az"});
  g.node("y", "DequantizeLinear", {"m", "bs", "az"});
  Tensor x({1, 256});
  for (std::size_t i = 0; i < 256; ++i) x[i] = (static_cast<float>(i) - 123) / 16;  // every number from -128 on
  for (const std::string& isa : graphs::isas()) {
    const Tensor y = graphs::run(g.build(), x, {.isa = isa});
    for (std::size_t i = 0; i < 256; ++i) {
      const float product = (static_cast<float>(i) - 123) * (static_cast<float>(i) - 123) / 32 - 5;
      CHECK(y[i] * 8 - 5 == std::clamp(std::nearbyint(product), -128.0F, 127.0F));
    }
  }
}

TEST_CASE("8-bit networks that make no sense are refused with node and operator") {
  const auto broken = [](const auto& change) {
    Numbers g({-1, 3, 9, 7});
    change(g);
    g.relu_conv_of_integers();
    return refusal(g);
  };
  const auto says = [](const std::string& text, const std::string& part) {
    return text.find("QLinearConv") != std::string::npos && text.find(part) != std::string::npos;
  };
  for (const float bad : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    CHECK(says(broken([&](Numbers& g) { g.scale("ys", {bad}); }), "a scale may not be"));
  CHECK(says(broken([](Numbers& g) { g.whole("yz", {}, {3}, Element::int32); }),
             "input 7 holds int32, where the operator"));
  CHECK(says(broken([](Numbers& g) { g.whole("wz", {}, {3}, Element::uint8); }),
             "elements of two types: int8 and uint8"));
  CHECK(says(broken([](Numbers& g) { g.whole("wz", {2}, {0, 0}, Element::int8); }), "2 zero points for 20 channels"));
  CHECK(says(broken([](Numbers& g) { g.constant("ws", {3}, {1, 1, 1}); }), "3 scales for 20 channels"));
  CHECK(says(broken([](Numbers& g) { g.whole("b", {2}, {0, 0}, Element::int32); }), "the bias must be 20 int32"));
  CHECK(says(broken([](Numbers& g) { g.def.constants["b"].ints[4] = (1LL << 31) - 5; }), "may not fit into 32 bits"));
  CHECK(says(broken([](Numbers& g) { g.def.constants["w"].element = Element::float32; }), "must hold uint8 or int8"));
  CHECK(broken([](Numbers& g) { g.scale("xs", {0}); }).find("a scale may not be") != std::string::npos);
}

}  // namespace WEIR_UNIT
