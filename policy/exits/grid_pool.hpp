/// Average pooling onto a raster: what exit heads and projections see of a layer.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <weir/core/kernels/micro/vector.hpp>
#include <weir/core/tensor.hpp>

namespace weir::detail {

/// Average pooling of one example's activations onto a grid x grid raster (grid 1: the mean of each channel). Cell i of
/// H rows covers floor(i H / grid) .. ceil((i+1) H / grid) - 1, as adaptive pooling does in PyTorch. Activations of
/// rank 1 ([D], from [N, D]) pass unchanged.
struct GridPool {
  int grid = 1;

  /// Size of the pooled vector for one example's shape, [C, H, W] or [D]. Throws ShapeError for another rank, an empty
  /// shape, or a raster finer than the image.
  std::size_t size(const Shape& example) const {
    if (example.rank() == 1 && example[0] > 0) return static_cast<std::size_t>(example[0]);
    if (example.rank() != 3 || example.numel() < 1 || grid < 1 || example[1] < grid || example[2] < grid)
      throw ShapeError(detail::message({"an exit head needs activations [C, H, W] of at least ", grid, "x", grid,
                                        " or [D], got ", example.to_string()}));
    return static_cast<std::size_t>(example[0]) * static_cast<std::size_t>(grid * grid);
  }

  /// Writes size(example) values. Neither allocates nor throws. O(C H W).
  void operator()(const float* activations, const Shape& example, float* out) const {
    if (example.rank() == 1 || example[1] * example[2] == 1) {  // each value is its own mean
      std::copy_n(activations, example[0], out);
      return;
    }
    const std::int64_t C = example[0], H = example[1], W = example[2];
    for (std::int64_t c = 0; c < C; ++c, activations += H * W)
      for (std::int64_t i = 0; i < grid; ++i) {
        const std::int64_t top = i * H / grid, bottom = ((i + 1) * H + grid - 1) / grid;
        for (std::int64_t j = 0; j < grid; ++j) {
          const std::int64_t left = j * W / grid, right = ((j + 1) * W + grid - 1) / grid;
          // A cell that is as wide as the image is one line of memory.
          const bool whole = left == 0 && right == W;
          const std::int64_t lines = whole ? 1 : bottom - top, length = whole ? (bottom - top) * W : right - left;
          const float sum = rectangle_sum(activations + top * W + left, lines, length, W);
          *out++ = sum / static_cast<float>((bottom - top) * (right - left));
        }
      }
  }

 private:
  /// Sum of lines x length values, lines stride apart. Vectors of neighbouring columns add up line by line in a fixed
  /// order, and what is left of the columns one by one: of a few short lines each, adding within lines would be slow.
  static float rectangle_sum(const float* first, std::int64_t lines, std::int64_t length, std::int64_t stride) {
    using Four = kernels::Vec<4>::type;
    using Loose = kernels::Vec<4>::loose;
    Four part[4] = {};
    std::int64_t x = 0;
    for (; x + 16 <= length; x += 16)
      for (std::int64_t y = 0; y < lines; ++y)
        for (std::int64_t v = 0; v < 4; ++v) part[v] += *reinterpret_cast<const Loose*>(first + y * stride + x + 4 * v);
    for (std::int64_t v = 0; x + 4 <= length; x += 4, ++v)
      for (std::int64_t y = 0; y < lines; ++y) part[v] += *reinterpret_cast<const Loose*>(first + y * stride + x);
    for (std::int64_t l = 0; x < length; ++x, ++l)
      for (std::int64_t y = 0; y < lines; ++y) part[3][l] += first[y * stride + x];
    const Four sum = (part[0] + part[1]) + (part[2] + part[3]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
};

}  // namespace weir::detail
