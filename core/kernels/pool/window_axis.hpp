/// WindowAxis: how a window slides along one axis.
#pragma once
#include <cstdint>
#include <string>
#include <weir/core/shape.hpp>

namespace weir::kernels {

/// One spatial axis of a sliding window. All at most 2^24, so that their products cannot overflow.
struct WindowAxis {
  std::int64_t kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

  std::int64_t extent() const { return (kernel - 1) * dilation + 1; }

  /// Number of windows over a length. With ceil_mode a last, incomplete window counts too, unless it would start in
  /// the padding behind the data (PyTorch's rule, ONNX's since opset 22). Throws ShapeError where not one fits.
  std::int64_t count(std::int64_t length, bool ceil_mode) const {
    const std::int64_t room = length + pad_begin + pad_end - extent();
    if (length < 1 || room < 0)
      throw ShapeError(detail::message(
          {"a window of ", extent(), " does not fit into ", length, " with padding ", pad_begin, ", ", pad_end}));
    std::int64_t n = room / stride + 1;
    if (ceil_mode && room % stride != 0 && n * stride < length + pad_begin) ++n;
    return n;
  }

  friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

}  // namespace weir::kernels
