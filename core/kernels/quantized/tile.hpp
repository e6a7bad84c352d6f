/// The register tiles of convolutions and matrix products on integers: contracts, and their bodies for any processor.
#pragma once
#include <cstdint>
#include <weir/core/kernels/quantized/pair_numbers.hpp>

namespace weir::quantized {

/// Output channels of a tile, and its most pixels; of a tile of bytes, which depend on the instruction set (Tiles).
inline constexpr int tile_channels = 16, tile_pixels = 6, most_byte_tile_pixels = 8;

/// What becomes of the sums of R pixels by 16 output channels, and where it goes:
///
///     y[r][m] = saturate(round((sum[r][m] + bias[m]) * scale[m]) + zero)
///
/// One product in float32, which nothing is contracted with, then Rounding: so all bits are the same on every
/// processor. Where `sum` is set, that y is a, other[r][m] is b, and what is stored is their sum (PairNumbers).
struct TileResult {
  const std::int32_t* bias;  ///< 16
  const float* scale;        ///< 16
  Rounding rounding;
  bool is_signed;
  std::uint8_t *low, *high;  ///< channels 0 to 7 and 8 to 15 of pixel 0
  std::int64_t y_stride;     ///< bytes from one pixel to the next
  std::int32_t* sums;        ///< where set, sum + bias is stored there, [R][16], and nothing else
  const PairNumbers* sum = nullptr;
  const std::uint8_t *other_low = nullptr, *other_high = nullptr;  ///< as low and high; may be the same memory
};

/// Neighbouring pairs of 16-bit numbers of the image that are used one after the other, the first of them `offset`
/// numbers behind the pixel.
struct Tap {
  std::int64_t offset, pairs;
};

/// R pixels by 16 output channels: with k running over the pairs of all taps,
///
///     sum[r][m] = sum over k of x[k + r*x_stride][0] * weights[k][m][0] + x[k + r*x_stride][1] * weights[k][m][1]
///
/// in unsigned 32-bit arithmetic: the caller makes sure that the sums fit, or that lost high bits do not matter.
struct Tile {
  const std::int16_t* x;
  std::int64_t x_stride;
  const Tap *taps, *taps_end;
  const std::int16_t* weights;  ///< for each k: 16 pairs
  TileResult y;
};
using TileKernel = void (*)(const Tile& tile);

/// One step of a tile of bytes beside the regular ones: eight bytes of x, again.
struct ByteStep {
  std::int64_t tap, block;
};

/// The same of bytes: x is uint8, weights are int8, and a step takes eight bytes of each pixel, those at
/// taps[t] + block*block_stride; blocks innermost, then the steps `more`.
///
///     sum[r][m] = sum over steps s and i < 8 of x[s + r*x_stride][i] * weights[s][i/4][m][i%4]
///
/// Processors without VNNI add the products of i = 0, 1, 4, 5 and of i = 2, 3, 6, 7 in 16 bits. So for each step and
/// channel, of either four weights the positive ones may come to 128 at most, and the negative ones to -128: then no
/// sum leaves 255 * 128 = 32640. Or, a little slower, the same of either two weights only: of i = 0, 1, of 2, 3 and so
/// on (Tiles::byte_pairs).
struct ByteTile {
  const std::uint8_t* x;
  std::int64_t x_stride, block_stride, blocks;
  const std::int64_t *taps, *taps_end;
  const ByteStep *more, *more_end;
  const std::int8_t* weights;  ///< 128 for each step
  TileResult y;
};
using ByteTileKernel = void (*)(const ByteTile& tile);
inline constexpr std::int32_t most_of_four_weights = 128;

/// R pixels by up to 8 channels of a depthwise convolution, x being pairs of 16-bit numbers, one pair for each channel:
///
///     sum[r][c] = sum over t of the products of the pairs (x + offset[t] + r*x_stride)[c] and weights[t*width + c]
///
/// then as in TileResult.
struct DepthwiseTile {
  const std::int16_t* x;
  std::int64_t x_stride;
  const std::int64_t *offsets, *offsets_end;
  const std::int16_t* weights;
  const std::int32_t* bias;
  const float* scale;
  Rounding rounding;
  bool is_signed;
  std::uint8_t* y;
  std::int64_t y_stride;
};
using DepthwiseTileKernel = void (*)(const DepthwiseTile& tile);

inline void store_portable(const std::uint32_t (*sum)[tile_channels], int R, const TileResult& y) {
  for (int r = 0; r < R; ++r)
    for (int m = 0; m < tile_channels; ++m) {
      const auto total = static_cast<std::int32_t>(sum[r][m] + static_cast<std::uint32_t>(y.bias[m]));
      if (y.sums != nullptr) {
        y.sums[r * tile_channels + m] = total;
        continue;
      }
      std::int32_t q = y.rounding(static_cast<float>(total) * y.scale[m]);
      if (y.sum != nullptr)
        q = (*y.sum)(q, byte_at(m < 8 ? y.other_low + m : y.other_high + m - 8, r * y.y_stride,
                                y.sum->b_signed ? Element::int8 : Element::uint8));
      (m < 8 ? y.low + m : y.high + m - 8)[r * y.y_stride] = static_cast<std::uint8_t>(q);
    }
}

template <int R>
inline void tile_portable(const Tile& t) {
  std::uint32_t sum[R][tile_channels] = {};
  const std::int16_t* w = t.weights;
  for (const Tap* tap = t.taps; tap != t.taps_end; ++tap) {
    const std::int16_t* x = t.x + tap->offset;
    for (std::int64_t k = 0; k < tap->pairs; ++k, x += 2, w += 2 * tile_channels)
      for (int r = 0; r < R; ++r) {
        const std::int32_t a = x[r * t.x_stride], b = x[r * t.x_stride + 1];
        for (int m = 0; m < tile_channels; ++m)
          sum[r][m] += static_cast<std::uint32_t>(a * w[2 * m]) + static_cast<std::uint32_t>(b * w[2 * m + 1]);
      }
  }
  store_portable(sum, R, t.y);
}

template <int R>
inline void byte_tile_portable(const ByteTile& t) {
  std::uint32_t sum[R][tile_channels] = {};
  const std::int8_t* w = t.weights;
  const auto step = [&](const std::uint8_t* x) {
    for (int r = 0; r < R; ++r)
      for (int m = 0; m < tile_channels; ++m)
        for (int i = 0; i < 8; ++i)
          sum[r][m] += static_cast<std::uint32_t>(x[r * t.x_stride + i] * w[i / 4 * 64 + 4 * m + i % 4]);
    w += 128;
  };
  for (const std::int64_t* tap = t.taps; tap != t.taps_end; ++tap)
    for (std::int64_t b = 0; b < t.blocks; ++b) step(t.x + *tap + b * t.block_stride);
  for (const ByteStep* s = t.more; s != t.more_end; ++s) step(t.x + t.taps[s->tap] + s->block * t.block_stride);
  store_portable(sum, R, t.y);
}

template <int R, int width>
inline void depthwise_tile_portable(const DepthwiseTile& t) {
  for (int r = 0; r < R; ++r) {
    std::int32_t sum[width] = {};
    const std::int16_t* w = t.weights;
    for (const std::int64_t* o = t.offsets; o != t.offsets_end; ++o, w += 2 * width) {
      const std::int16_t* x = t.x + *o + r * t.x_stride;
      for (int c = 0; c < width; ++c) sum[c] += x[2 * c] * w[2 * c] + x[2 * c + 1] * w[2 * c + 1];
    }
    for (int c = 0; c < width; ++c)
      t.y[r * t.y_stride + c] =
          static_cast<std::uint8_t>(t.rounding(static_cast<float>(sum[c] + t.bias[c]) * t.scale[c]));
  }
}

}  // namespace weir::quantized
