/// Kernel, stride, dilation and padding attributes, which convolutions and poolings share.
#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <vector>
#include <weir/core/kernels/pool/window_axis.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// How the missing padding of a window is found: given, or by ONNX's auto_pad.
enum class AutoPad { given, same_upper, same_lower, valid };

/// A sliding window over one or two spatial axes; a single one (a signal [N, C, L]) is the second, its image 1 high. Of
/// three (a volume [N, C, D, H, W]) only the first may slide, as in what PyTorch exports for LocalResponseNorm; the
/// image then is D high and H*W wide.
struct Window {
  static constexpr std::int64_t limit = std::int64_t{1} << 24;

  std::array<kernels::WindowAxis, 2> axes;  ///< height, width
  AutoPad auto_pad = AutoPad::given;
  bool ceil_mode = false;
  std::size_t spatial_rank = 2;  ///< of the tensor: 1, 2 or 3

  /// Reads kernel_shape (or takes kernel, if given: the spatial dimensions of a convolution's weights), strides,
  /// dilations, pads, auto_pad and ceil_mode. Fails on any value that is not positive, or negative for pads.
  /// dilated, has_ceil_mode: whether the operator has these attributes in the node's opset.
  static Window read(const NodeArguments& node, std::vector<std::int64_t> kernel, bool dilated, bool has_ceil_mode) {
    const std::vector<std::int64_t> named = node.integers("kernel_shape", kernel);
    if (kernel.empty()) kernel = named;
    if (named != kernel) node.fail("attribute kernel_shape does not fit the weights");
    const std::size_t rank = kernel.size();
    if (rank < 1 || rank > 3) node.fail(detail::message({rank, " spatial dimensions are not supported"}));
    const auto list = [&](const char* name, std::size_t size, std::int64_t otherwise, std::int64_t low) {
      auto values = node.integers(name, std::vector<std::int64_t>(size, otherwise));
      if (values.size() != size) node.fail(detail::message({"attribute ", name, " has the wrong length"}));
      for (std::int64_t v : values)
        if (v < low || v > limit) node.fail(detail::message({"attribute ", name, " may not hold ", v}));
      return values;
    };
    for (std::int64_t k : kernel)
      if (k < 1 || k > limit) node.fail(detail::message({"a kernel of ", k, " is not supported"}));
    const auto strides = list("strides", rank, 1, 1);
    const auto dilations = dilated ? list("dilations", rank, 1, 1) : std::vector<std::int64_t>(rank, 1);
    const auto pads = list("pads", 2 * rank, 0, 0);
    Window w;
    w.spatial_rank = rank;
    const auto axis = [&](std::size_t i) {
      return kernels::WindowAxis{kernel[i], strides[i], dilations[i], pads[i], pads[rank + i]};
    };
    if (rank == 3 && (axis(1) != kernels::WindowAxis{.dilation = dilations[1]} ||
                      axis(2) != kernels::WindowAxis{.dilation = dilations[2]}))
      node.fail("windows over three spatial dimensions are not supported");
    for (std::size_t i = 0; i < std::min<std::size_t>(rank, 2); ++i) w.axes[rank == 1 ? 1 : i] = axis(i);
    w.ceil_mode = has_ceil_mode && node.integer_in("ceil_mode", 0, 0, 1) == 1;
    const std::string auto_pad = node.text("auto_pad", "NOTSET");
    if (auto_pad == "SAME_UPPER")
      w.auto_pad = AutoPad::same_upper;
    else if (auto_pad == "SAME_LOWER")
      w.auto_pad = AutoPad::same_lower;
    else if (auto_pad == "VALID")
      w.auto_pad = AutoPad::valid;
    else if (auto_pad != "NOTSET")
      node.fail(detail::message({"attribute auto_pad may not be '", auto_pad, "'"}));
    if (w.auto_pad != AutoPad::given && std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p != 0; }))
      node.fail("attributes pads and auto_pad exclude each other");
    return w;
  }

  /// read() of a pooling, whose padding must be shorter than its kernel: no window without dilation sees padding only.
  static Window read_pooling(const NodeArguments& node, bool dilated, bool has_ceil_mode) {
    if (!node.has_attribute("kernel_shape")) node.fail("attribute kernel_shape is missing");
    const Window w = read(node, {}, dilated, has_ceil_mode);
    for (const kernels::WindowAxis& a : w.axes)
      if (std::max(a.pad_begin, a.pad_end) >= a.kernel)
        node.fail(detail::message({"attribute pads must be below kernel_shape: ", std::max(a.pad_begin, a.pad_end),
                                   " is not below ", a.kernel}));
    return w;
  }

  /// The window with its padding settled for an input [N, C, L] or [N, C, H, W]. SAME pads so that ceil(length /
  /// stride) windows fit, the odd one behind (upper) or in front (lower). Where strides are longer than the window, the
  /// padding may be negative: what the windows do not see is cut off on both sides, as in ONNX Runtime,
  /// which cuts off one value less in front of a convolution than of a pooling.
  Window padded_for(const Shape& x, bool convolution = false) const {
    Window w = *this;
    if (auto_pad != AutoPad::same_upper && auto_pad != AutoPad::same_lower) return w;
    const Shape image = as_image(x);
    for (std::size_t i = 0; i < 2; ++i) {
      kernels::WindowAxis& a = w.axes[i];
      const std::int64_t windows = (image[2 + i] + a.stride - 1) / a.stride;
      const std::int64_t pad = (windows - 1) * a.stride + a.extent() - image[2 + i];
      const std::int64_t shared = convolution && pad < 0 ? pad + 1 : pad;
      a.pad_begin = (auto_pad == AutoPad::same_upper ? shared : shared + 1) / 2;
      a.pad_end = pad - a.pad_begin;
    }
    w.auto_pad = AutoPad::given;
    return w;
  }

  /// Rows and columns in front of the first of an image x that the first window of a convolution sees: padding below
  /// zero.
  std::array<std::int64_t, 2> cut_off(const Shape& x) const {
    const Window w = padded_for(x, true);
    std::array<std::int64_t, 2> n{};
    for (std::size_t i = 0; i < 2; ++i) {
      n[i] = std::max<std::int64_t>(0, -w.axes[i].pad_begin);
      if (n[i] > 0 && w.axes[i].dilation > 1)
        throw ShapeError("auto_pad would cut the image; not supported with dilations");
    }
    return n;
  }

  /// padded_for() of a convolution whose kernels begin with as many rows and columns of zeros as are cut off: see
  /// behind_zeros().
  Window grown_for(const Shape& x) const {
    Window w = padded_for(x, true);
    const std::array<std::int64_t, 2> cut = cut_off(x);
    for (std::size_t i = 0; i < 2; ++i) {
      w.axes[i].kernel += cut[i], w.axes[i].pad_begin += cut[i];
      w.axes[i].pad_end = std::max<std::int64_t>(w.axes[i].pad_end, 0);  // no other window fits in what is cut off
    }
    return w;
  }

  /// [N, C, L] as [N, C, 1, L], [N, C, D, H, W] as [N, C, D, H*W]. Throws ShapeError for another rank.
  Shape as_image(const Shape& x) const {
    if (x.rank() != spatial_rank + 2)
      throw ShapeError(detail::message({"expects rank ", spatial_rank + 2, ", got ", x.to_string()}));
    if (spatial_rank == 1) return {x[0], x[1], 1, x[2]};
    return spatial_rank == 2 ? x : Shape{x[0], x[1], x[2], x.product(3, 5)};
  }

  /// The opposite of as_image(), for the result y of a window over x.
  Shape from_image(const Shape& y, const Shape& x) const {
    if (spatial_rank == 1) return {y[0], y[1], y[3]};
    return spatial_rank == 2 ? y : Shape{y[0], y[1], y[2], x[3], x[4]};
  }
};

/// Kernels of the size of a grown_for() window that begin with rows and columns of zeros; zero(k) is the zero of kernel
/// k.
template <class T, class Zero>
std::vector<T> behind_zeros(const T* weights, std::int64_t kernels, const Window& grown,
                            const std::array<std::int64_t, 2>& cut, const Zero& zero) {
  const std::int64_t KH = grown.axes[0].kernel, KW = grown.axes[1].kernel, rows = KH - cut[0], columns = KW - cut[1];
  std::vector<T> all;
  all.reserve(static_cast<std::size_t>(kernels * KH * KW));
  for (std::int64_t k = 0; k < kernels; ++k) {
    all.insert(all.end(), static_cast<std::size_t>(cut[0] * KW), zero(k));
    for (std::int64_t r = 0; r < rows; ++r) {
      all.insert(all.end(), static_cast<std::size_t>(cut[1]), zero(k));
      const T* row = weights + (k * rows + r) * columns;
      all.insert(all.end(), row, row + columns);
    }
  }
  return all;
}

}  // namespace weir::detail
