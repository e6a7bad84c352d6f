/// The tiles of an instruction set.
#pragma once
#include <array>
#include <utility>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/quantized/avx512.hpp>
#include <weir/core/kernels/quantized/byte_tile.hpp>
#include <weir/core/kernels/quantized/depthwise_strip.hpp>
#include <weir/core/kernels/quantized/depthwise_tile.hpp>
#include <weir/core/kernels/quantized/tile.hpp>
#include <weir/core/kernels/quantized/vnni.hpp>
#include <weir/core/kernels/quantized/word_tile.hpp>

namespace weir::quantized {

/// By pixels - 1, or rows - 1.
struct Tiles {
  std::array<TileKernel, tile_pixels> tile{};
  std::array<ByteTileKernel, most_byte_tile_pixels> bytes{};
  std::array<ByteTileKernel, most_byte_tile_pixels> byte_pairs{};  ///< see ByteTile; only where adds_words is set
  int byte_pixels = 4;                                             ///< of a tile of bytes, at most
  std::array<DepthwiseTileKernel, tile_pixels> depthwise{};
  int depthwise_channels = 8;  ///< of a depthwise tile
  bool adds_words = true;      ///< tiles and strips of bytes need most_of_four_weights
  DepthwiseStripKernel strip = nullptr;
  std::array<DepthwiseStripKernel, most_strip_rows> strips{};
  int strip_rows = 0;  ///< how many of `strips` there are
};

template <int... R, int... B>
constexpr Tiles portable_tiles(std::integer_sequence<int, R...>, std::integer_sequence<int, B...>) {
  return {.tile = {&tile_portable<R + 1>...},
          .bytes = {&byte_tile_portable<B + 1>...},
          .depthwise = {&depthwise_tile_portable<R + 1, 4>...},
          .depthwise_channels = 4,
          .adds_words = false};
}

#if defined(__x86_64__)
template <class Words, class Bytes, class Quads, int... R, int... B, int... S>
constexpr Tiles avx2_tiles(bool adds_words, std::integer_sequence<int, R...>, std::integer_sequence<int, B...>,
                           std::integer_sequence<int, S...>) {
  return {.tile = {&word_tile<R + 1, Words>...},
          .bytes = {&byte_tile<B + 1, Bytes>...},
          .byte_pairs = {&byte_tile<B + 1, BytePairProducts>...},
          .depthwise = {&depthwise_tile_avx2<R + 1>...},
          .adds_words = adds_words,
          .strip = &depthwise_strip_avx2<Quads>,
          .strips = {&depthwise_rows_avx2<S + 1, Quads>...},
          .strip_rows = sizeof...(S)};
}
template <int... R, int... B, int... S>
constexpr Tiles avx512_tiles(std::integer_sequence<int, R...>, std::integer_sequence<int, B...>,
                             std::integer_sequence<int, S...>) {
  return {.tile = {&word_tile_avx512<R + 1>...},
          .bytes = {&byte_tile_avx512<B + 1>...},
          .byte_pixels = sizeof...(B),
          .depthwise = {&depthwise_tile_avx2<R + 1>...},
          .adds_words = false,
          .strip = &depthwise_strip_avx512,
          .strips = {&depthwise_rows_avx512<S + 1>...},
          .strip_rows = sizeof...(S)};
}
#endif

/// AVX2 runs one body, with VNNI's instructions where the processor has them; so does AVX-512 without VNNI, in blocks
/// of 16 channels, for which it has no strips.
inline const Tiles& tiles(Isa isa) {
  constexpr std::make_integer_sequence<int, tile_pixels> words{};
  constexpr std::make_integer_sequence<int, 4> bytes{};
  static constexpr Tiles portable = portable_tiles(words, bytes);
#if defined(__x86_64__)
  constexpr std::make_integer_sequence<int, most_byte_tile_pixels> more_bytes{};
  constexpr std::make_integer_sequence<int, 2> rows{};
  constexpr std::make_integer_sequence<int, most_strip_rows> more_rows{};
  static constexpr Tiles avx2 = avx2_tiles<MultiplyAdd, ByteProducts, QuadProducts>(true, words, bytes, rows);
  static constexpr Tiles avx_vnni =
      avx2_tiles<AvxVnniMultiplyAdd, AvxVnniByteProducts, AvxVnniQuadProducts>(false, words, bytes, rows);
  static constexpr Tiles avx512 = [] {
    Tiles t = avx2;
    t.strip = nullptr;
    return t;
  }();
  static constexpr Tiles vnni = avx512_tiles(words, more_bytes, more_rows);
  static const bool with_vnni = has_vnni(), with_avx_vnni = has_avx_vnni();
  if (isa == Isa::avx512) return with_vnni ? vnni : avx512;
  if (isa == Isa::avx2) return with_avx_vnni ? avx_vnni : avx2;
#endif
  (void)isa;
  return portable;
}

}  // namespace weir::quantized
