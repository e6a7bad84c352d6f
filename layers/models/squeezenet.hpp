/// SqueezeNet.
#pragma once
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace weir::models {

/// SqueezeNet 1.1, input [N, 3, 224, 224]; 1.24 M parameters, 0.35 G multiply-adds. Iandola et al., "SqueezeNet:
/// AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", arXiv 1602.07360, 2016; 1.1 is the authors'
/// later, cheaper release.
inline GraphDef squeezenet_graph(const ModelOptions& options = {}) {
  GraphWriter g("squeezenet", options);
  const auto conv = [&](const std::string& name, const Written& x, std::int64_t out, std::int64_t kernel) {
    return g.relu(g.conv(name, x, out, kernel, {.pad = kernel / 2}));
  };
  const auto fire = [&](int number, const Written& x, std::int64_t squeeze, std::int64_t expand) {
    const std::string name = "features." + std::to_string(number);
    const Written s = conv(name + ".squeeze", x, squeeze, 1);
    return g.concat({conv(name + ".expand1x1", s, expand, 1), conv(name + ".expand3x3", s, expand, 3)});
  };
  const auto halve = [&](const Written& x) { return g.max_pool(x, 3, 2, 0, true); };
  Written x = g.input(3, 224, 224);
  x = halve(g.relu(g.conv("features.0", x, 64, 3, {.stride = 2})));
  x = halve(fire(4, fire(3, x, 16, 64), 16, 64));
  x = halve(fire(7, fire(6, x, 32, 128), 32, 128));
  x = fire(10, fire(9, x, 48, 192), 48, 192);
  x = fire(12, fire(11, x, 64, 256), 64, 256);
  x = g.relu(g.conv("classifier.1", g.dropout(x), options.classes, 1));
  return g.finish(g.flatten(g.global_average_pool(x), options.classes));
}

inline Network squeezenet(const ModelOptions& options = {}) { return build_network(squeezenet_graph(options)); }

}  // namespace weir::models
