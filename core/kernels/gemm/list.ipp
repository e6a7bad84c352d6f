// What list.hpp declares: some hundred functions for each instruction set, the longest part of weir to compile.
#pragma once
#include <weir/core/kernels/gemm/list.hpp>
#include <weir/core/kernels/gemm/portable.hpp>
#if defined(__x86_64__)
#include <weir/core/kernels/gemm/avx2.hpp>
#include <weir/core/kernels/gemm/avx512.hpp>
#endif

namespace weir::kernels {

template <typename T, int V, int... R>
constexpr void fill_width(Microkernels& table, std::integer_sequence<int, R...>) {
  constexpr int L = T::lanes;
  ((table.gemm[0][V - 1][R] = &T::template gemm<R + 1, V, GemmTileKind::rows>), ...);
  ((table.gemm[1][V - 1][R] = &T::template gemm<R + 1, V, GemmTileKind::packed>), ...);
  ((table.gemm[2][V - 1][R] = &T::template gemm<R + 1, V, GemmTileKind::rows_packing>), ...);
  ((table.gemm[3][V - 1][R] = &T::template gemm<R + 1, V, GemmTileKind::packed_packing>), ...);
  ((table.conv[0][V - 1][R] = &T::template conv<R + 1, V, 1>), ...);
  ((table.conv[1][V - 1][R] = &T::template conv<R + 1, V, L>), ...);
  ((table.conv[2][V - 1][R] = &T::template conv<R + 1, V, 2 * L>), ...);
}

template <typename T, int... R>
constexpr void fill_depthwise(Microkernels& table, std::integer_sequence<int, R...>) {
  ((table.depthwise[0][R] = &T::template depthwise<R + 1, 1>), ...);
  ((table.depthwise[1][R] = &T::template depthwise<R + 1, 2>), ...);
  ((table.depthwise_rows[0][0][R] = &T::template depthwise_rows<R + 1, 1, 3>), ...);
  ((table.depthwise_rows[0][1][R] = &T::template depthwise_rows<R + 1, 2, 3>), ...);
  ((table.depthwise_rows[1][0][R] = &T::template depthwise_rows<R + 1, 1, 5>), ...);
  ((table.depthwise_rows[1][1][R] = &T::template depthwise_rows<R + 1, 2, 5>), ...);
}

template <typename T, int... R>
constexpr void fill_dot_tile(Microkernels& table, std::integer_sequence<int, R...>) {
  ((table.dot_tile[R] = &T::template dot_tile<R + 1>), ...);
}

/// Y, N and stride as in Winograd, whose x is blocked, or plain.
template <typename T, int Y, int N, int S, bool plain>
constexpr void fill_winograd(Microkernels& table) {
  table.winograd_rows[N - 3] = &T::template winograd_row<Y, N, S, plain>;
  table.winograd_tiles[N - 3] = &T::template winograd_tile<Y, N>;
}

template <typename T, Isa isa>
constexpr Microkernels make_table() {
  Microkernels table;
  table.isa = isa;
  table.lanes = T::lanes;
  table.max_rows = T::max_rows;
  fill_width<T, 1>(table, std::make_integer_sequence<int, T::max_rows>{});
  fill_width<T, 2>(table, std::make_integer_sequence<int, T::max_rows>{});
  fill_depthwise<T>(table, std::make_integer_sequence<int, max_depthwise_rows>{});
  table.max_dot_rows = T::max_dot_rows;
  fill_dot_tile<T>(table, std::make_integer_sequence<int, T::max_dot_rows>{});
  fill_winograd<T, 2, 4, 1, false>(table);
  fill_winograd<T, 2, 3, 2, false>(table);
  fill_winograd<T, 4, 6, 1, false>(table);
  fill_winograd<T, 4, 5, 2, false>(table);
  fill_winograd<T, 4, 7, 2, true>(table);
  table.store_rows = &T::store_rows;
  table.transpose = &T::transpose;
  return table;
}

template <typename T, Isa isa>
inline constexpr Microkernels table_of = make_table<T, isa>();

WEIR_INLINE const Microkernels& microkernels(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx512:
      return table_of<Avx512, Isa::avx512>;
    case Isa::avx2:
      return table_of<Avx2, Isa::avx2>;
#endif
    default:
      return table_of<Portable, Isa::portable>;
  }
}

}  // namespace weir::kernels
