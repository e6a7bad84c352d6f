/// Small networks written by hand, for tests that need one with a certain shape.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>

namespace graphs {

/// Adds nodes in the order in which they are computed; every node has one output, named after it.
class Graph {
 public:
  explicit Graph(std::vector<std::int64_t> input, int opset = 13) {
    def.source = "test.onnx";
    def.opset = opset;
    const std::size_t rank = input.size();
    def.inputs = {{"x", std::move(input), std::vector<std::string>(rank)}};
  }
  Graph& constant(const std::string& name, const weir::Shape& shape, std::vector<float> values) {
    def.constants[name] = {shape, std::move(values), {}, false};
    return *this;
  }
  Graph& integers(const std::string& name, std::vector<std::int64_t> values) {
    def.constants[name] = {weir::Shape{static_cast<std::int64_t>(values.size())}, {}, std::move(values), true};
    return *this;
  }
  /// Values that are all different, the same on every run.
  Graph& noise(const std::string& name, const weir::Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(shape.numel()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i % 997) * 0.37F + 0.1F);
    return constant(name, shape, std::move(values));
  }
  Graph& node(const std::string& name, const std::string& op, std::vector<std::string> inputs,
              std::map<std::string, weir::Attribute> attributes = {}) {
    def.nodes.push_back({name, op, std::move(inputs), {name}, std::move(attributes)});
    def.outputs = {name};
    return *this;
  }
  weir::Network build() const { return weir::build_network(def); }

  weir::GraphDef def;
};

/// Values in [-1, 1] for an input.
inline weir::Tensor noise(const weir::Shape& shape, float phase = 0) {
  weir::Tensor t(shape);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = std::sin(static_cast<float>(i % 1013) * 0.71F + phase);
  return t;
}

inline weir::Tensor run(const weir::Network& network, const weir::Tensor& x, const weir::ContextOptions& options = {}) {
  weir::Executor executor{network, options};
  executor.begin(x);
  return weir::Tensor(executor.finish());
}

/// Value of tensor `name` in a pass over x, hooked.
inline weir::Tensor tapped(const weir::Network& network, const weir::Tensor& x, const std::string& name) {
  weir::Executor executor{network};
  executor.show(name);
  executor.begin(x);
  return weir::Tensor(executor.advance_to(name));
}

inline bool close(const weir::Tensor& a, const weir::Tensor& b) {
  if (!(a.shape() == b.shape())) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) {
      if (std::isnan(a[i]) != std::isnan(b[i])) return false;
    } else if (a[i] != b[i] && !(std::abs(a[i] - b[i]) <= 1e-5F * (1 + std::abs(b[i])))) {
      return false;
    }
  }
  return true;
}

/// The error that f throws, or "" if none.
template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const weir::Error& e) {
    return e.what();
  }
  return {};
}

inline std::vector<std::string> isas() {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < weir::isa_names.size(); ++i)
    if (weir::supported(static_cast<weir::Isa>(i))) all.emplace_back(weir::isa_names[i]);
  return all;
}

/// The result of a batch, after it was seen to be the same, to the bit, for each example by itself and with two
/// threads, and to be the same on every instruction set.
inline weir::Tensor checked_run(const Graph& g, const weir::Tensor& x) {
  const weir::Network network = g.build();
  const weir::Tensor all = run(network, x, {.threads = 1});
  for (const std::string& isa : isas()) CHECK(close(run(network, x, {.threads = 1, .isa = isa}), all));
  const auto bits = [](const weir::Tensor& a, std::size_t at, const weir::Tensor& b) {
    return b.size() == 0 || std::memcmp(a.span().data() + at, b.span().data(), b.size() * sizeof(float)) == 0;
  };
  CHECK(bits(run(network, x, {.threads = 2}), 0, all));
  const std::int64_t batch = x.shape()[0];
  const std::size_t per_x = x.size() / static_cast<std::size_t>(batch),
                    per_y = all.size() / static_cast<std::size_t>(batch);
  for (std::size_t e = 0; e < static_cast<std::size_t>(batch); ++e)
    CHECK(bits(all, e * per_y, run(network, weir::Tensor(x.shape().with(0, 1), x.span().subspan(e * per_x, per_x)))));
  return all;
}

}  // namespace graphs
