// The builders against what is published of their networks.
#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/alexnet.hpp>
#include <weir/layers/models/googlenet.hpp>
#include <weir/layers/models/mobilenet.hpp>
#include <weir/layers/models/resnet.hpp>
#include <weir/layers/models/squeezenet.hpp>

namespace WEIR_UNIT {

namespace {

/// Learned ones: all constants but batch statistics, bounds and lists.
double parameters(const weir::GraphDef& g) {
  double n = 0;
  for (const auto& [name, c] : g.constants)
    if (name.find("running") == std::string::npos && name.find('.') != std::string::npos)
      n += static_cast<double>(c.floats.size());
  return n;
}

struct Published {
  weir::GraphDef graph;
  double parameters, giga_mac;
};

}  // namespace

TEST_CASE("models: parameters, multiply-adds and shapes are the published ones") {
  std::vector<Published> all;
  all.push_back({weir::models::alexnet_graph(), 60'965'224, 0.724});
  all.push_back({weir::models::googlenet_graph(), 6'998'552, 1.58});
  all.push_back({weir::models::resnet18_graph(), 11'689'512, 1.814});
  all.push_back({weir::models::resnet50_graph(), 25'557'032, 4.089});
  all.push_back({weir::models::squeezenet_graph(), 1'235'496, 0.349});
  all.push_back({weir::models::mobilenet_v1_graph(), 4'231'976, 0.569});
  all.push_back({weir::models::mobilenet_v1_graph(0.5, 160), 1'331'592, 0.0765});
  all.push_back({weir::models::mobilenet_v2_graph(), 3'504'872, 0.301});
  all.push_back({weir::models::cifar_resnet_graph(20), 269'722, 0.0406});
  all.push_back({weir::models::cifar_resnet_graph(32), 464'154, 0.0689});
  all.push_back({weir::models::cifar_resnet_graph(56), 853'018, 0.1255});
  for (const Published& p : all) {
    CAPTURE(p.graph.source);
    CHECK(parameters(p.graph) == p.parameters);
    const weir::Network network = weir::build_network(p.graph);
    CHECK(network.flops() / 2e9 == doctest::Approx(p.giga_mac).epsilon(0.05));
    CHECK(network.output_shape() == weir::Shape{1, p.graph.source.rfind("cifar", 0) == 0 ? 10 : 1000});
    CHECK(network.state().fixed_batch == 0);
  }
}

TEST_CASE("models: random weights follow the seed, and keep numbers in range") {
  const auto run = [](std::uint64_t seed) {
    weir::Executor executor{weir::models::cifar_resnet(20, {.classes = 10, .seed = seed})};
    weir::Tensor x(weir::Shape{1, 3, 32, 32});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
    return executor(x).output;
  };
  const weir::Tensor a = run(1), b = run(1), c = run(2);
  bool equal = true, differs = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(std::isfinite(a[i]));
    equal = equal && a[i] == b[i];
    differs = differs || a[i] != c[i];
  }
  CHECK(equal);
  CHECK(differs);
}

TEST_CASE("models: weights given by name are the ones used") {
  weir::models::ModelOptions options{.classes = 10};
  const weir::GraphDef random = weir::models::cifar_resnet_graph(8, options);
  for (const auto& [name, c] : random.constants)
    if (name.find('.') != std::string::npos) options.weights.emplace(name, weir::Tensor(c.shape, c.floats));
  const weir::GraphDef given = weir::models::cifar_resnet_graph(8, options);
  REQUIRE(given.constants.size() == random.constants.size());
  for (const auto& [name, c] : random.constants) CHECK(given.constants.at(name).floats == c.floats);

  auto missing = options;
  missing.weights.erase("linear.bias");
  CHECK_THROWS_AS(weir::models::cifar_resnet_graph(8, missing), weir::ArgumentError);
  auto spare = options;
  spare.weights.emplace("nobody", weir::Tensor(weir::Shape{1}));
  CHECK_THROWS_AS(weir::models::cifar_resnet_graph(8, spare), weir::ArgumentError);
  auto wrong = options;
  wrong.weights["linear.bias"] = weir::Tensor(weir::Shape{11});
  CHECK_THROWS_AS(weir::models::cifar_resnet_graph(8, wrong), weir::ShapeError);
  CHECK_THROWS_AS(weir::models::cifar_resnet_graph(21), weir::ArgumentError);
  CHECK_THROWS_AS(weir::models::mobilenet_v1_graph(0), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
