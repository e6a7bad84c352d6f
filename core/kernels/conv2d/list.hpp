/// The list of convolution algorithms, and the choice among them.
#pragma once
#include <weir/core/kernels/conv2d/depthwise.hpp>
#include <weir/core/kernels/conv2d/depthwise_staged.hpp>
#include <weir/core/kernels/conv2d/direct.hpp>
#include <weir/core/kernels/conv2d/dot.hpp>
#include <weir/core/kernels/conv2d/winograd.hpp>

namespace weir::kernels {

/// The 7x7 convolution of stride 2 that many networks begin with.
using WinogradStem = Winograd<4, 2, 7, Layout::plain>;

/// All that can compute this convolution of an x in that layout to a blocked y, planned but not packed; Winograd's only
/// where it is allowed.
inline std::vector<std::unique_ptr<Conv2dAlgorithm>> conv2d_algorithms(const Conv2dParams& p, const Shape& x,
                                                                       Layout layout, const Microkernels& micro,
                                                                       bool winograd = true) {
  std::vector<std::unique_ptr<Conv2dAlgorithm>> all;
  const bool blocked = layout == Layout::blocked;
  if (blocked && Depthwise::fits(p)) all.push_back(std::make_unique<Depthwise>(p, x, micro));
  if (blocked && DepthwiseStaged::fits(p)) all.push_back(std::make_unique<DepthwiseStaged>(p, x, micro));
  if (Dot::fits(p, x, layout, micro)) all.push_back(std::make_unique<Dot>(p, x, layout, micro));
  all.push_back(std::make_unique<Direct>(p, x, layout, micro));
  if (blocked && winograd && Winograd<4, 1>::fits(p, micro)) {
    all.push_back(std::make_unique<Winograd<4, 1>>(p, x, micro));
    all.push_back(std::make_unique<Winograd<2, 1>>(p, x, micro));
  }
  if (blocked && winograd && Winograd<4, 2>::fits(p, micro)) {
    all.push_back(std::make_unique<Winograd<4, 2>>(p, x, micro));
    all.push_back(std::make_unique<Winograd<2, 2>>(p, x, micro));
  }
  if (!blocked && winograd && WinogradStem::fits(p, micro)) all.push_back(std::make_unique<WinogradStem>(p, x, micro));
  return all;
}

/// The cheapest for one image of this size on this instruction set.
inline std::unique_ptr<Conv2dAlgorithm> choose_conv2d(const Conv2dParams& p, const Shape& x, Layout layout,
                                                      const Microkernels& micro, bool winograd) {
  auto all = conv2d_algorithms(p, x, layout, micro, winograd);
  return std::move(
      *std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->cost() < b->cost(); }));
}

}  // namespace weir::kernels
