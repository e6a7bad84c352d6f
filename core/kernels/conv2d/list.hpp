/// The list of convolution algorithms, and the choice among them.
#pragma once
#include <weir/core/kernels/conv2d/channel_tiles.hpp>
#include <weir/core/kernels/conv2d/pixel_tiles.hpp>
#include <weir/core/kernels/conv2d/winograd.hpp>
#include <weir/core/kernels/depthwise.hpp>

namespace weir::kernels {

/// All that can compute this convolution, planned but not packed; Winograd's only where it is allowed.
inline std::vector<std::unique_ptr<Conv2dAlgorithm>> conv2d_algorithms(const Conv2dParams& p, const Shape& x,
                                                                       const Microkernels& micro,
                                                                       bool winograd = true) {
  std::vector<std::unique_ptr<Conv2dAlgorithm>> all;
  if (Depthwise::fits(p)) all.push_back(std::make_unique<Depthwise>(p, x, micro));
  all.push_back(std::make_unique<ChannelTiles>(p, x, micro));
  all.push_back(std::make_unique<PixelTiles>(p, x, micro));
  if (winograd && Winograd::fits(p)) all.push_back(std::make_unique<Winograd>(p, x, micro));
  return all;
}

/// The cheapest for one image of this size on this instruction set.
inline std::unique_ptr<Conv2dAlgorithm> choose_conv2d(const Conv2dParams& p, const Shape& x, const Microkernels& micro,
                                                      bool winograd) {
  auto all = conv2d_algorithms(p, x, micro, winograd);
  return std::move(
      *std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->cost() < b->cost(); }));
}

}  // namespace weir::kernels
