/// Residual networks.
#pragma once
#include <array>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace weir::models {

/// ResNet for ImageNet: stages of blocks, widths 64, 128, 256, 512 (times 4 behind a bottleneck). The 3x3 convolution
/// carries the stride, as in torchvision.
inline GraphDef imagenet_resnet(const std::string& source, const std::array<int, 4>& blocks, bool bottleneck,
                                const ModelOptions& options) {
  GraphWriter g(source, options);
  const auto conv = [&](const std::string& prefix, const std::string& number, const Written& x, std::int64_t out,
                        std::int64_t kernel, std::int64_t stride) {
    const ConvOptions o{.stride = stride, .pad = kernel / 2, .bias = false};
    return g.batch_norm(prefix + "bn" + number, g.conv(prefix + "conv" + number, x, out, kernel, o));
  };
  Written x = g.max_pool(g.relu(conv("", "1", g.input(3, 224, 224), 64, 7, 2)), 3, 2, 1);
  for (std::size_t stage = 0; stage < 4; ++stage)
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(block) + ".";
      const std::int64_t width = std::int64_t{64} << stage, out = bottleneck ? 4 * width : width;
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      Written y = g.relu(bottleneck ? conv(name, "1", x, width, 1, 1) : conv(name, "1", x, width, 3, stride));
      y = bottleneck ? conv(name, "3", g.relu(conv(name, "2", y, width, 3, stride)), out, 1, 1)
                     : conv(name, "2", y, width, 3, 1);
      if (stride != 1 || x.channels != out) {
        const ConvOptions o{.stride = stride, .bias = false};
        x = g.batch_norm(name + "downsample.1", g.conv(name + "downsample.0", x, out, 1, o));
      }
      x = g.relu(g.plus(y, x));
    }
  x = g.flatten(g.global_average_pool(x), x.channels);
  return g.finish(g.linear("fc", x, options.classes));
}

/// ResNet-18, input [N, 3, 224, 224]; 11.7 M parameters, 1.8 G multiply-adds. He, Zhang, Ren, Sun, "Deep residual
/// learning for image recognition", CVPR 2016.
inline GraphDef resnet18_graph(const ModelOptions& options = {}) {
  return models::imagenet_resnet("resnet18", {2, 2, 2, 2}, false, options);
}
inline Network resnet18(const ModelOptions& options = {}) { return build_network(resnet18_graph(options)); }

/// ResNet-50, input [N, 3, 224, 224]; 25.6 M parameters, 4.1 G multiply-adds. Source as for resnet18_graph.
inline GraphDef resnet50_graph(const ModelOptions& options = {}) {
  return models::imagenet_resnet("resnet50", {3, 4, 6, 3}, true, options);
}
inline Network resnet50(const ModelOptions& options = {}) { return build_network(resnet50_graph(options)); }

/// ResNet of the paper's section 4.2 for CIFAR images [N, 3, 32, 32]: depth 6n + 2 (20, 32, 44, 56, 110), shortcuts
/// without parameters (option A); ResNet-20 has 0.27 M parameters and 41 M multiply-adds. Throws ArgumentError for
/// another depth.
inline GraphDef cifar_resnet_graph(int depth, const ModelOptions& options = {.classes = 10}) {
  if (depth < 8 || depth > 1202 || (depth - 2) % 6 != 0)
    throw ArgumentError(detail::message({"a CIFAR ResNet has a depth of 6n + 2, not ", depth}));
  GraphWriter g("cifar_resnet" + std::to_string(depth), options);
  const auto conv = [&](const std::string& prefix, const std::string& number, const Written& x, std::int64_t out,
                        std::int64_t stride) {
    const ConvOptions o{.stride = stride, .pad = 1, .bias = false};
    return g.batch_norm(prefix + "bn" + number, g.conv(prefix + "conv" + number, x, out, 3, o));
  };
  Written x = g.relu(conv("", "1", g.input(3, 32, 32), 16, 1));
  for (int stage = 1; stage <= 3; ++stage)
    for (int block = 0; block < (depth - 2) / 6; ++block) {
      const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(block) + ".";
      const bool halves = stage > 1 && block == 0;
      const std::int64_t width = std::int64_t{8} << stage;
      Written y = g.relu(conv(name, "1", x, width, halves ? 2 : 1));
      y = conv(name, "2", y, width, 1);
      if (halves) x = g.subsample(x, width / 4, width / 4);
      x = g.relu(g.plus(y, x));
    }
  x = g.flatten(g.global_average_pool(x), x.channels);
  return g.finish(g.linear("linear", x, options.classes));
}
inline Network cifar_resnet(int depth, const ModelOptions& options = {.classes = 10}) {
  return build_network(cifar_resnet_graph(depth, options));
}

}  // namespace weir::models
