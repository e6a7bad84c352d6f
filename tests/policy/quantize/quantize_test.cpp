#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <weir/core/error.hpp>
#include <weir/core/executor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/onnx/write.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>
#include <weir/layers/models/resnet.hpp>
#include <weir/policy/quantize/quantize.hpp>
#include <weir/policy/quantize/ranges.hpp>

#include "tokens.hpp"

namespace WEIR_UNIT {

namespace {

using weir::detail::Histogram;

/// A CIFAR ResNet whose batch normalisations do something.
weir::GraphDef network() {
  weir::GraphDef def = weir::models::cifar_resnet_graph(8);
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(0.5F, 1.5F);
  for (const weir::NodeDef& n : def.nodes) {
    if (n.op != "BatchNormalization") continue;
    for (std::size_t k = 1; k < 5; ++k) {
      weir::Constant& c = def.constants.at(n.inputs[k]);
      std::vector<float> values(c.floats.size());
      for (float& v : values) v = k == 1 || k == 4 ? uniform(random) : uniform(random) - 1;
      c.floats = std::move(values);
    }
  }
  return def;
}

/// Images of a few waves, so that neighbouring pixels are alike.
weir::Tensor images(std::int64_t n) {
  weir::Tensor x(weir::Shape{n, 3, 32, 32});
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::size_t at = 0;
  for (std::int64_t i = 0; i < 3 * n; ++i) {
    const float a = uniform(random), b = uniform(random), c = uniform(random), d = uniform(random);
    for (int r = 0; r < 32; ++r)
      for (int k = 0; k < 32; ++k)
        x.data()[at++] = a + std::sin(b * static_cast<float>(r) + c * static_cast<float>(k)) + 0.3F * d;
  }
  return x;
}

weir::QuantizeOptions quick() {
  weir::QuantizeOptions o;
  o.passes = 1;
  o.sensitive = 4;
  return o;
}

std::size_t count(const weir::GraphDef& def, const std::string& op) {
  return static_cast<std::size_t>(
      std::count_if(def.nodes.begin(), def.nodes.end(), [&](const weir::NodeDef& n) { return n.op == op; }));
}
std::size_t count(const weir::Network& net, const std::string& op) {
  const auto& nodes = net.state().nodes;
  return static_cast<std::size_t>(
      std::count_if(nodes.begin(), nodes.end(), [&](const weir::detail::Node& n) { return n.op == op; }));
}

template <typename E, typename F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("quantize: the file written answers as fp32 does, on integers, under the tensors' own names") {
  const weir::GraphDef def = network();
  const weir::Tensor x = images(32);
  const weir::Quantized made = weir::quantize(def, x, quick());
  const weir::QuantizeReport& r = made.report;
  CHECK(r.calibrated_on == 16);
  CHECK(r.judged_on == 16);
  CHECK(r.batch_norms_folded == count(def, "BatchNormalization"));
  CHECK(r.trials.size() == 5);
  for (const weir::QuantizeTrial& t : r.trials) CHECK(r.result.divergence <= t.divergence);
  CHECK(r.result.same >= 15);
  CHECK(r.result.divergence < 0.01);

  const weir::GraphDef read = weir::parse_onnx(weir::detail::to_onnx(made.graph, made.outputs), "int8");
  CHECK(count(read, "BatchNormalization") == 0);
  CHECK(count(read, "Relu") < count(def, "Relu") / 2 + 1);  // ranges do their work
  const weir::Network fp32 = weir::build_network(def), int8 = weir::build_network(read);
  std::size_t on_integers = 0;
  for (const weir::QuantizedLayer& l : r.layers) {
    on_integers += l.on_integers ? 1 : 0;
    CHECK(l.on_integers == l.why.empty());
    CHECK(l.fp32_seconds > 0);
    CHECK(l.int8_seconds > 0);
    INFO(l.name);
    CHECK(l.snr_db > 15);
    CHECK_NOTHROW((void)int8.id_of(l.tensor));
    CHECK((l.alone >= 0) == (l.on_integers || l.why.find("divergence") != std::string::npos));
  }
  CHECK(on_integers >= 5);
  CHECK_FALSE(r.layers.back().on_integers);  // it answers
  CHECK(count(int8, "QLinearConv") == on_integers);
  CHECK(count(int8, "com.microsoft::QLinearAdd") + count(int8, "Add") == count(fp32, "Add"));
  CHECK(count(int8, "com.microsoft::QLinearAdd") > 0);

  weir::Executor a(fp32), b(int8);
  a.begin(x), b.begin(x);
  const auto y = a.finish(), z = b.finish();
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    signal += double{y.data[i]} * double{y.data[i]};
    noise += std::pow(double{y.data[i]} - double{z.data[i]}, 2);
  }
  CHECK(noise < 0.02 * signal);
  const std::string text = weir::to_text(r);
  for (const weir::QuantizedLayer& l : r.layers) CHECK(text.find(l.name) != std::string::npos);
  CHECK(text.find("stays in fp32: " + r.layers.back().name) != std::string::npos);
}

TEST_CASE(
    "quantize: weights are symmetric with a scale for each channel; of 7 bits two products fit into 16; kept layers "
    "are fp32") {
  const weir::GraphDef def = network();
  const weir::Tensor x = images(8);
  weir::QuantizeOptions o = quick();
  o.ranges = {"minmax"};
  o.correct_bias = false;
  o.sensitive = 0;
  for (const int bits : {7, 8}) {
    o.weight_bits = bits;
    const weir::Quantized made = weir::quantize(def, x, o);
    std::int64_t largest = 0, together = 0;
    for (const auto& entry : made.graph.constants) {
      const weir::Constant& c = entry.second;
      if (c.element != weir::Element::int8 || c.shape.rank() != 4) continue;
      const std::int64_t C = c.shape[1], area = c.shape[2] * c.shape[3], depth = C * area;
      const auto weight = [&](std::int64_t m, std::int64_t j) {  // as ONNX Runtime sums: the channels of each position
        return j < depth ? c.ints[static_cast<std::size_t>(m * depth + j % C * area + j / C)] : 0;
      };
      for (std::int64_t m = 0; m < c.shape[0]; ++m)
        for (std::int64_t j = 0; j < depth; j += 2) {
          const std::int64_t a = weight(m, j), b = weight(m, j + 1);
          largest = std::max({largest, std::abs(a), std::abs(b)});
          if (a * b > 0) together = std::max(together, std::abs(a + b));
        }
    }
    CHECK(largest <= 127);
    CHECK(largest > 100);
    CHECK((together <= 128) == (bits == 7));
    CHECK(together > 120);
  }
  const std::string first = def.nodes[0].name;
  o.keep = {first};
  const weir::Quantized made = weir::quantize(def, x, o);
  CHECK_FALSE(made.report.layers[0].on_integers);
  CHECK(made.report.layers[0].why == "asked for");
  for (const weir::NodeDef& n : made.graph.nodes)
    if (n.name == first) CHECK_FALSE(made.graph.constants.at(n.inputs[1]).is_int);
}

TEST_CASE("quantize: of depthwise weights of 7 bits any two neighbours of one sign make at most 128 together") {
  weir::models::GraphWriter g("depthwise", {.classes = 10});
  const auto stem = g.relu(g.conv("stem", g.input(3, 32, 32), 16, 3, {.stride = 2, .pad = 1}));
  const auto y = g.relu(g.conv("depthwise", stem, 16, 3, {.pad = 1, .groups = 16}));
  const weir::GraphDef def = g.finish(g.linear("fc", g.flatten(g.global_average_pool(y), y.channels), 10));
  weir::QuantizeOptions o = quick();
  o.worth = 1;
  for (const int bits : {7, 8}) {
    o.weight_bits = bits;
    const weir::Quantized made = weir::quantize(def, images(8), o);
    std::int64_t together = 0, seen = 0;
    for (const auto& entry : made.graph.constants) {
      const weir::Constant& c = entry.second;
      if (c.element != weir::Element::int8 || c.shape.rank() != 4 || c.shape[1] != 1) continue;
      seen += c.shape[0];
      for (std::size_t i = 0; i + 1 < c.ints.size(); ++i)
        if (i % 9 != 8 && c.ints[i] * c.ints[i + 1] > 0)
          together = std::max(together, std::abs(c.ints[i] + c.ints[i + 1]));
    }
    CHECK(seen == 16);
    CHECK((together <= 128) == (bits == 7));
    CHECK(together > 120);
  }
}

TEST_CASE("quantize: what only a Concat reads has the steps of its result, and joins to the same bits as it copies") {
  for (const bool all_positive : {true, false}) {
    CAPTURE(all_positive);
    weir::models::GraphWriter g("joined", {.classes = 10});
    const auto stem = g.relu(g.conv("stem", g.input(3, 32, 32), 16, 3, {.stride = 2, .pad = 1}));
    const auto a = g.relu(g.conv("a", stem, all_positive ? 32 : 20, 1, {}));
    const auto b = g.conv("b", stem, 24, 3, {.pad = 1});
    const auto both = g.concat({a, all_positive ? g.relu(b) : b});
    const auto y = g.relu(g.conv("y", both, 16, 3, {.pad = 1}));
    const weir::GraphDef def = g.finish(g.linear("fc", g.flatten(g.global_average_pool(y), y.channels), 10));
    weir::QuantizeOptions o = quick();
    o.ranges = {"minmax"};
    o.worth = 1;
    const weir::Tensor x = images(12);
    const weir::Quantized made = weir::quantize(def, x, o);
    const auto scale_of = [&](const std::string& tensor) {
      for (const weir::NodeDef& n : made.graph.nodes)
        if (n.op == "DequantizeLinear" && n.outputs[0] == tensor) return n.inputs[1];
      return std::string("not quantised: ") + tensor;
    };
    const auto concat = std::find_if(made.graph.nodes.begin(), made.graph.nodes.end(),
                                     [](const weir::NodeDef& n) { return n.op == "Concat"; });
    REQUIRE(concat != made.graph.nodes.end());
    // What is behind a Relu keeps steps that end at 0, as long as the other input may be negative.
    CHECK((scale_of(concat->inputs[0]) == scale_of(both.name)) == all_positive);
    CHECK(scale_of(concat->inputs[1]) == scale_of(both.name));
    const weir::Network int8 = weir::build_network(made.graph);
    CHECK(count(int8, "com.microsoft::QLinearConcat") == 1);
    weir::Executor run(int8, weir::ContextOptions{});
    run.begin(x);
    const weir::ConstView together = run.finish();
    const std::vector<float> copied(together.data, together.data + together.size());
    const std::size_t each = x.size() / 12;
    for (std::size_t i = 0; i < 12; ++i) {
      run.begin(weir::ConstView{x.data() + i * each, x.shape().with(0, 1)});
      const weir::ConstView one = run.finish();
      CHECK(std::equal(one.data, one.data + 10, copied.data() + 10 * i));
    }
    for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2}) {
      if (!weir::supported(isa)) continue;
      weir::Executor other(int8, weir::ContextOptions{.isa = std::string(weir::to_string(isa))});
      other.begin(x);
      const weir::ConstView y8 = other.finish();
      double most = 0;  // what answers is in floats
      for (std::size_t i = 0; i < copied.size(); ++i)
        most = std::max(most, std::abs(double{y8.data[i]} - double{copied[i]}));
      CHECK(most < 1e-5);
    }
  }
}

TEST_CASE("quantize: matrix products with constant weights, their biases and activations are on integers") {
  std::mt19937 random(11);
  const auto values = [&](std::size_t n, float most) {
    std::uniform_real_distribution<float> uniform(-most, most);
    std::vector<float> floats(n);
    for (float& v : floats) v = uniform(random);
    return floats;
  };
  const weir::GraphDef def = weir_test::tokens_network(values, false);
  const weir::Tensor x = images(32);
  for (const bool correct : {false, true}) {
    CAPTURE(correct);
    weir::QuantizeOptions o = quick();
    o.worth = 1;
    o.correct_bias = correct;
    const weir::Quantized made = weir::quantize(def, x, o);
    CHECK(made.report.result.same == 16);
    CHECK(made.report.result.divergence < 0.01);
    REQUIRE(made.report.layers.size() == 4);
    CHECK(made.report.layers[1].tensor == "a");
    CHECK(made.report.layers[2].tensor == "d");
    for (std::size_t l = 0; l < 3; ++l) CHECK(made.report.layers[l].snr_db > 25);
    CHECK_FALSE(made.report.layers[3].on_integers);
    const weir::GraphDef read = weir::parse_onnx(weir::detail::to_onnx(made.graph, made.outputs), "int8");
    CHECK(count(read, "Relu") == 0);
    const weir::Network int8 = weir::build_network(read);
    const std::size_t with_bias = made.report.result.bias_corrected ? 2 : 1;
    CHECK(count(int8, "com.microsoft::QGemm") == with_bias);
    CHECK(count(int8, "QLinearMatMul") == 2 - with_bias);
    CHECK(count(int8, "com.microsoft::QLinearAdd") == 1);
    CHECK(count(int8, "MatMul") == 1);  // what answers
  }
}

TEST_CASE("quantize: what cannot be is refused, each with its reason") {
  const weir::GraphDef def = network();
  const weir::Tensor x = images(8);
  weir::QuantizeOptions o = quick();
  o.ranges = {"minmax"};
  o.sensitive = 0;
  const weir::Quantized made = weir::quantize(def, x, o);
  const auto refused = [&](const weir::GraphDef& d, weir::ConstView v, const weir::QuantizeOptions& with) {
    return message_of<weir::Error>([&] { (void)weir::quantize(d, v, with); });
  };
  CHECK(refused(made.graph, x, o).find("is quantised already") != std::string::npos);
  weir::GraphDef old = def;
  old.opset = 12;
  CHECK(refused(old, x, o).find("opset 12; ") != std::string::npos);
  CHECK(refused(def, {x.data(), x.shape().with(0, 7)}, o).find("at least 8 images") != std::string::npos);
  CHECK(refused(def, {x.data(), weir::Shape{8, 3, 16, 16}}, o).find("[1, 3, 16, 16], which is not what input") !=
        std::string::npos);
  weir::Tensor infinite = images(8);
  infinite[5] = INFINITY;
  CHECK(refused(def, infinite, o).find("not finite") != std::string::npos);
  const auto with = [&](auto change) {
    weir::QuantizeOptions other = o;
    change(other);
    return refused(def, x, other);
  };
  CHECK(with([](auto& p) { p.weight_bits = 4; }).find("weight_bits must be 7 or 8") != std::string::npos);
  CHECK(with([](auto& p) { p.ranges = {"best"}; }).find("'best' is none of") != std::string::npos);
  CHECK(with([](auto& p) { p.keep = {"nosuch"}; }).find("no Conv, Gemm or MatMul 'nosuch'") != std::string::npos);
  CHECK(with([](auto& p) { p.held_back = 7; }).find("fewer than 4") != std::string::npos);
  CHECK(with([](auto& p) { p.worth = 0; }).find("worth must be") != std::string::npos);
  weir::GraphDef none = def;
  none.nodes = {{"relu", "Relu", {"input"}, {"y"}, {}}};
  none.outputs = {"y"};
  CHECK(refused(none, x, o).find("no layer to quantise") != std::string::npos);
}

TEST_CASE("quantize: steps hold 0 exactly; outliers are cut off where that makes the error less") {
  using weir::detail::find_steps;
  using weir::detail::steps_between;
  for (const auto& [low, high] : {std::pair{-1.0F, 3.0F}, {0.5F, 2.0F}, {-4.0F, -1.0F}, {-1e-3F, 1e4F}}) {
    const weir::detail::Steps s = steps_between(low, high);
    CHECK(s.zero >= 0);
    CHECK(s.zero <= 255);
    CHECK(s.scale * static_cast<float>(255 - s.zero) >= std::max(high, 0.0F) - 0.51F * s.scale);
    CHECK(s.scale * static_cast<float>(-s.zero) <= std::min(low, 0.0F) + 0.51F * s.scale);
  }
  CHECK(steps_between(0, 0).scale == 1);
  std::vector<float> values(100000);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& v : values) v = std::abs(normal(random));
  values[7] = 40;
  Histogram h;
  h.widen(values);
  h.count(values);
  CHECK(h.total() == 100000);
  const float all = find_steps(h, "minmax").scale;
  CHECK(all == doctest::Approx(40.0 / 255));
  for (const char* method : {"percentile", "mse", "kl"}) {
    INFO(method);
    const weir::detail::Steps s = find_steps(h, method);
    CHECK(s.zero == 0);
    CHECK(s.scale < all);
    CHECK(s.scale > 2.0F / 255);
  }
  CHECK(find_steps(h, "percentile").scale == doctest::Approx(4.0 / 255).epsilon(0.15));
  CHECK(weir::detail::squared_error(h, find_steps(h, "mse")) < weir::detail::squared_error(h, find_steps(h, "minmax")));
}

}  // namespace WEIR_UNIT
