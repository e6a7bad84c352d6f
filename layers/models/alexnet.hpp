/// AlexNet.
#pragma once
#include <weir/layers/build_network.hpp>
#include <weir/layers/models/graph_writer.hpp>

namespace weir::models {

/// AlexNet as published: two groups, local response normalisation, input [N, 3, 227, 227]; 61.0 M parameters, 0.72 G
/// multiply-adds. Normalisation comes before pooling, as in the paper (Caffe's reference "CaffeNet" swaps the two).
/// Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012.
inline GraphDef alexnet_graph(const ModelOptions& options = {}) {
  GraphWriter g("alexnet", options);
  const auto normalised = [&](const Written& x) { return g.max_pool(g.lrn(g.relu(x), 5, 1e-4F, 0.75F), 3, 2); };
  Written x = g.input(3, 227, 227);
  x = normalised(g.conv("conv1", x, 96, 11, {.stride = 4}));
  x = normalised(g.conv("conv2", x, 256, 5, {.pad = 2, .groups = 2}));
  x = g.relu(g.conv("conv3", x, 384, 3, {.pad = 1}));
  x = g.relu(g.conv("conv4", x, 384, 3, {.pad = 1, .groups = 2}));
  x = g.relu(g.conv("conv5", x, 256, 3, {.pad = 1, .groups = 2}));
  x = g.flatten(g.max_pool(x, 3, 2), 256 * 6 * 6);
  x = g.dropout(g.relu(g.linear("fc6", x, 4096)));
  x = g.dropout(g.relu(g.linear("fc7", x, 4096)));
  return g.finish(g.linear("fc8", x, options.classes));
}

inline Network alexnet(const ModelOptions& options = {}) { return build_network(alexnet_graph(options)); }

}  // namespace weir::models
