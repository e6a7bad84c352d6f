/// The register tile of convolutions and matrix products on integers: contract, and its body for any processor.
#pragma once
#include <cstdint>
#include <weir/core/kernels/quantized/rounding.hpp>

namespace weir::quantized {

/// Output channels of a tile, and its most pixels.
inline constexpr int tile_channels = 16, tile_pixels = 6;

/// Neighbouring pairs of 16-bit numbers of the image that are used one after the other, the first of them `offset`
/// numbers behind the pixel.
struct Tap {
  std::int64_t offset, pairs;
};

/// R pixels by 16 output channels: with k running over the pairs of all taps,
///
///     sum[r][m] = sum over k of x[k + r*x_step][0] * weights[k][m][0] + x[k + r*x_step][1] * weights[k][m][1]
///     y[r][m]   = saturate(round((sum[r][m] + bias[m]) * scale[m]) + zero)
///
/// Sums are exact: those that make a tile see to it that they fit into 32 bits. One product in float32, which nothing
/// is contracted with, then Rounding: so all bits are the same on every processor.
struct Tile {
  const std::int16_t* x;
  std::int64_t x_step;
  const Tap *taps, *taps_end;
  const std::int16_t* weights;  ///< for each k: 16 pairs
  const std::int32_t* bias;     ///< 16
  const float* scale;           ///< 16
  Rounding rounding;
  bool is_signed;
  std::uint8_t *low, *high;  ///< channels 0 to 7 and 8 to 15 of pixel 0
  std::int64_t y_step;       ///< bytes from one pixel to the next
  std::int32_t* sums;        ///< where set, sum + bias is stored there, [R][16], and nothing else
};
using TileKernel = void (*)(const Tile& tile);

/// R pixels by up to 8 channels of a depthwise convolution, x being 16-bit numbers:
///
///     sum[r][c] = sum over t of x[offset[t] + r*x_step + c] * weights[t*width + c],     then as in Tile
struct DepthwiseTile {
  const std::int16_t* x;
  std::int64_t x_step;
  const std::int64_t *offsets, *offsets_end;
  const std::int32_t* weights;  ///< each in the range of 16 bits
  const std::int32_t* bias;
  const float* scale;
  Rounding rounding;
  bool is_signed;
  std::uint8_t* y;
  std::int64_t y_step;
};
using DepthwiseTileKernel = void (*)(const DepthwiseTile& tile);

template <int R>
inline void tile_portable(const Tile& t) {
  std::int32_t sum[R][tile_channels] = {};
  const std::int16_t* w = t.weights;
  for (const Tap* tap = t.taps; tap != t.taps_end; ++tap) {
    const std::int16_t* x = t.x + tap->offset;
    for (std::int64_t k = 0; k < tap->pairs; ++k, x += 2, w += 2 * tile_channels)
      for (int r = 0; r < R; ++r) {
        const std::int32_t a = x[r * t.x_step], b = x[r * t.x_step + 1];
        for (int m = 0; m < tile_channels; ++m) sum[r][m] += a * w[2 * m] + b * w[2 * m + 1];
      }
  }
  for (int r = 0; r < R; ++r)
    for (int m = 0; m < tile_channels; ++m) {
      const std::int32_t total = sum[r][m] + t.bias[m];
      if (t.sums != nullptr) {
        t.sums[r * tile_channels + m] = total;
        continue;
      }
      const std::int32_t q = t.rounding(static_cast<float>(total) * t.scale[m]);
      (m < 8 ? t.low + m : t.high + m - 8)[r * t.y_step] = static_cast<std::uint8_t>(q);
    }
}

template <int R, int width>
inline void depthwise_tile_portable(const DepthwiseTile& t) {
  for (int r = 0; r < R; ++r) {
    std::int32_t sum[width] = {};
    const std::int32_t* w = t.weights;
    for (const std::int64_t* o = t.offsets; o != t.offsets_end; ++o, w += width)
      for (int c = 0; c < width; ++c) sum[c] += t.x[*o + r * t.x_step + c] * w[c];
    for (int c = 0; c < width; ++c)
      t.y[r * t.y_step + c] =
          static_cast<std::uint8_t>(t.rounding(static_cast<float>(sum[c] + t.bias[c]) * t.scale[c]));
  }
}

}  // namespace weir::quantized
