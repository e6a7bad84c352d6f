/// GoogLeNet.
#pragma once
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace weir::models {

/// Channels of an inception module: 1x1; 1x1 before 3x3; 1x1 before 5x5; 1x1 behind the pooling.
struct Inception {
  std::int64_t c1, reduce3, c3, reduce5, c5, pool;
};

/// GoogLeNet (Inception v1) as published, without the auxiliary classifiers of training; input [N, 3, 224, 224]; 7.0 M
/// parameters, 1.6 G multiply-adds. Szegedy et al., "Going deeper with convolutions", CVPR 2015, table 1.
inline GraphDef googlenet_graph(const ModelOptions& options = {}) {
  GraphWriter g("googlenet", options);
  const auto conv = [&](const std::string& name, const Written& x, std::int64_t out, std::int64_t kernel,
                        std::int64_t stride = 1) {
    return g.relu(g.conv(name, x, out, kernel, {.stride = stride, .pad = kernel / 2}));
  };
  const auto halve = [&](const Written& x) { return g.max_pool(x, 3, 2, 0, true); };
  const auto inception = [&](const std::string& name, const Written& x, const Inception& i) {
    return g.concat({conv(name + ".1x1", x, i.c1, 1),
                     conv(name + ".3x3", conv(name + ".3x3_reduce", x, i.reduce3, 1), i.c3, 3),
                     conv(name + ".5x5", conv(name + ".5x5_reduce", x, i.reduce5, 1), i.c5, 5),
                     conv(name + ".pool_proj", g.max_pool(x, 3, 1, 1), i.pool, 1)});
  };
  Written x = g.input(3, 224, 224);
  x = g.lrn(halve(conv("conv1", x, 64, 7, 2)), 5, 1e-4F, 0.75F);
  x = conv("conv2", conv("conv2_reduce", x, 64, 1), 192, 3);
  x = halve(g.lrn(x, 5, 1e-4F, 0.75F));
  x = inception("3a", x, {64, 96, 128, 16, 32, 32});
  x = halve(inception("3b", x, {128, 128, 192, 32, 96, 64}));
  x = inception("4a", x, {192, 96, 208, 16, 48, 64});
  x = inception("4b", x, {160, 112, 224, 24, 64, 64});
  x = inception("4c", x, {128, 128, 256, 24, 64, 64});
  x = inception("4d", x, {112, 144, 288, 32, 64, 64});
  x = halve(inception("4e", x, {256, 160, 320, 32, 128, 128}));
  x = inception("5a", x, {256, 160, 320, 32, 128, 128});
  x = inception("5b", x, {384, 192, 384, 48, 128, 128});
  x = g.dropout(g.flatten(g.global_average_pool(x), 1024));
  return g.finish(g.linear("fc", x, options.classes));
}

inline Network googlenet(const ModelOptions& options = {}) { return build_network(googlenet_graph(options)); }

}  // namespace weir::models
