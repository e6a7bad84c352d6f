/// The tiles of an instruction set.
#pragma once
#include <array>
#include <utility>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/quantized/byte_tile.hpp>
#include <weir/core/kernels/quantized/depthwise_tile.hpp>
#include <weir/core/kernels/quantized/tile.hpp>
#include <weir/core/kernels/quantized/vnni.hpp>
#include <weir/core/kernels/quantized/word_tile.hpp>

namespace weir::quantized {

/// By pixels - 1.
struct Tiles {
  std::array<TileKernel, tile_pixels> tile{};
  std::array<ByteTileKernel, byte_tile_pixels> bytes{};
  std::array<DepthwiseTileKernel, tile_pixels> depthwise{};
  int depthwise_channels = 8;  ///< of a depthwise tile
  bool adds_words = true;      ///< tiles of bytes need most_of_four_weights
};

template <int... R, int... B>
constexpr Tiles portable_tiles(std::integer_sequence<int, R...>, std::integer_sequence<int, B...>) {
  return {
      {&tile_portable<R + 1>...}, {&byte_tile_portable<B + 1>...}, {&depthwise_tile_portable<R + 1, 4>...}, 4, false};
}

#if defined(__x86_64__)
template <class Words, class Bytes, int... R, int... B>
constexpr Tiles avx2_tiles(bool adds_words, std::integer_sequence<int, R...>, std::integer_sequence<int, B...>) {
  return {
      {&word_tile<R + 1, Words>...}, {&byte_tile<B + 1, Bytes>...}, {&depthwise_tile_avx2<R + 1>...}, 8, adds_words};
}
#endif

/// AVX2 and AVX-512 run one body, with VNNI's instruction where the processor has it.
inline const Tiles& tiles(Isa isa) {
  constexpr std::make_integer_sequence<int, tile_pixels> words{};
  constexpr std::make_integer_sequence<int, byte_tile_pixels> bytes{};
  static constexpr Tiles portable = portable_tiles(words, bytes);
#if defined(__x86_64__)
  static constexpr Tiles avx2 = avx2_tiles<MultiplyAdd, ByteProducts>(true, words, bytes);
  static constexpr Tiles avx_vnni = avx2_tiles<AvxVnniMultiplyAdd, AvxVnniByteProducts>(false, words, bytes);
  static constexpr Tiles vnni = avx2_tiles<VnniMultiplyAdd, VnniByteProducts>(false, words, bytes);
  static const bool with_vnni = has_vnni(), with_avx_vnni = has_avx_vnni();
  if (isa == Isa::avx512 && with_vnni) return vnni;
  if (isa == Isa::avx2 && with_avx_vnni) return avx_vnni;
  if (isa != Isa::portable) return avx2;
#endif
  (void)isa;
  return portable;
}

}  // namespace weir::quantized
