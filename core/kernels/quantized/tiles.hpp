/// The tiles of an instruction set.
#pragma once
#include <array>
#include <utility>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/quantized/avx2.hpp>
#include <weir/core/kernels/quantized/tile.hpp>
#include <weir/core/kernels/quantized/vnni.hpp>

namespace weir::quantized {

/// By pixels - 1.
struct Tiles {
  std::array<TileKernel, tile_pixels> tile{};
  std::array<DepthwiseTileKernel, tile_pixels> depthwise{};
  int depthwise_channels = 8;  ///< of a depthwise tile
};

template <int... R>
constexpr Tiles portable_tiles(std::integer_sequence<int, R...>) {
  return {{&tile_portable<R + 1>...}, {&depthwise_tile_portable<R + 1, 4>...}, 4};
}

#if defined(__x86_64__)
template <int... R>
constexpr Tiles avx2_tiles(std::integer_sequence<int, R...>) {
  return {{&tile_avx2<R + 1>...}, {&depthwise_tile_avx2<R + 1>...}, 8};
}
template <int... R>
constexpr Tiles vnni_tiles(std::integer_sequence<int, R...>) {
  return {{&tile_vnni<R + 1>...}, {&depthwise_tile_avx2<R + 1>...}, 8};
}
#endif

/// AVX-512 runs those of AVX2, with VNNI's instruction where the processor has it.
inline const Tiles& tiles(Isa isa) {
  static constexpr Tiles portable = portable_tiles(std::make_integer_sequence<int, tile_pixels>{});
#if defined(__x86_64__)
  static constexpr Tiles avx2 = avx2_tiles(std::make_integer_sequence<int, tile_pixels>{});
  static constexpr Tiles vnni = vnni_tiles(std::make_integer_sequence<int, tile_pixels>{});
  static const bool with_vnni = has_vnni();
  if (isa == Isa::avx512 && with_vnni) return vnni;
  if (isa != Isa::portable) return avx2;
#endif
  (void)isa;
  return portable;
}

}  // namespace weir::quantized
