/// MobileNets.
#pragma once
#include <algorithm>
#include <array>
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace weir::models {

/// channels * multiplier, rounded to a multiple of 8 but not down by more than a tenth, as in the authors' code.
inline std::int64_t mobilenet_channels(std::int64_t channels, double multiplier) {
  const double wanted = static_cast<double>(channels) * multiplier;
  const auto rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(wanted + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * wanted ? rounded + 8 : rounded;
}

/// MobileNet V1 of a width multiplier in (0, 4], input [N, 3, size, size]; at 1.0 and 224 it has 4.2 M parameters and
/// 0.57 G multiply-adds. Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
/// applications", arXiv 1704.04861, 2017.
inline GraphDef mobilenet_v1_graph(double multiplier = 1.0, std::int64_t size = 224, const ModelOptions& options = {}) {
  if (!(multiplier > 0 && multiplier <= 4)) throw ArgumentError("the width multiplier must be in (0, 4]");
  GraphWriter g("mobilenet_v1", options);
  const auto conv = [&](const std::string& name, const Written& x, std::int64_t out, std::int64_t kernel,
                        ConvOptions o) {
    o.bias = false;
    o.pad = kernel / 2;
    return g.relu6(g.batch_norm(name + ".bn", g.conv(name + ".conv", x, out, kernel, o)));
  };
  Written x = conv("conv0", g.input(3, size, size), mobilenet_channels(32, multiplier), 3, {.stride = 2});
  constexpr std::array<std::int64_t, 13> widths{64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::string name = "conv" + std::to_string(i + 1);
    const std::int64_t stride = i == 1 || i == 3 || i == 5 || i == 11 ? 2 : 1;
    x = conv(name + ".depthwise", x, x.channels, 3, {.stride = stride, .groups = x.channels});
    x = conv(name + ".pointwise", x, mobilenet_channels(widths[i], multiplier), 1, {});
  }
  x = g.dropout(g.flatten(g.global_average_pool(x), x.channels));
  return g.finish(g.linear("fc", x, options.classes));
}
inline Network mobilenet_v1(double multiplier = 1.0, std::int64_t size = 224, const ModelOptions& options = {}) {
  return build_network(mobilenet_v1_graph(multiplier, size, options));
}

/// MobileNet V2 of a width multiplier in (0, 4], input [N, 3, size, size]; at 1.0 and 224 it has 3.5 M parameters and
/// 0.30 G multiply-adds. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.
inline GraphDef mobilenet_v2_graph(double multiplier = 1.0, std::int64_t size = 224, const ModelOptions& options = {}) {
  if (!(multiplier > 0 && multiplier <= 4)) throw ArgumentError("the width multiplier must be in (0, 4]");
  GraphWriter g("mobilenet_v2", options);
  const auto conv = [&](const std::string& name, int number, const Written& x, std::int64_t out, std::int64_t kernel,
                        std::int64_t stride, std::int64_t groups) {
    const ConvOptions o{.stride = stride, .pad = kernel / 2, .groups = groups, .bias = false};
    const Written y = g.conv(name + std::to_string(number), x, out, kernel, o);
    return g.batch_norm(name + std::to_string(number + 1), y);
  };
  struct Stage {
    std::int64_t expansion, channels;
    int blocks;
    std::int64_t stride;
  };
  constexpr std::array<Stage, 7> stages{
      {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
  Written x = g.relu6(conv("features.0.", 0, g.input(3, size, size), mobilenet_channels(32, multiplier), 3, 2, 1));
  int feature = 0;
  for (const Stage& stage : stages)
    for (int block = 0; block < stage.blocks; ++block) {
      const std::string name = "features." + std::to_string(++feature) + ".conv.";
      const std::int64_t stride = block == 0 ? stage.stride : 1, wide = x.channels * stage.expansion;
      const std::int64_t out = mobilenet_channels(stage.channels, multiplier);
      Written y = x;
      int part = 0;
      if (stage.expansion != 1) y = g.relu6(conv(name + std::to_string(part++) + ".", 0, y, wide, 1, 1, 1));
      y = g.relu6(conv(name + std::to_string(part++) + ".", 0, y, wide, 3, stride, wide));
      y = conv(name, part, y, out, 1, 1, 1);
      x = stride == 1 && x.channels == out ? g.plus(x, y) : y;
    }
  x = g.relu6(conv("features.18.", 0, x, mobilenet_channels(1280, std::max(1.0, multiplier)), 1, 1, 1));
  x = g.dropout(g.flatten(g.global_average_pool(x), x.channels));
  return g.finish(g.linear("classifier.1", x, options.classes));
}
inline Network mobilenet_v2(double multiplier = 1.0, std::int64_t size = 224, const ModelOptions& options = {}) {
  return build_network(mobilenet_v2_graph(multiplier, size, options));
}

}  // namespace weir::models
