/// The list of micro-kernels: one line for each instruction set.
#pragma once
#include <weir/core/isa.hpp>
#include <weir/core/kernels/gemm/portable.hpp>
#if defined(__x86_64__)
#include <weir/core/kernels/gemm/avx2.hpp>
#include <weir/core/kernels/gemm/avx512.hpp>
#endif

namespace weir::kernels {

template <typename T, Walk walk, int V, int... R>
constexpr void fill_tiles(Microkernels& table, std::integer_sequence<int, R...>) {
  ((table.tiles[static_cast<std::size_t>(walk)][V - 1][R] = &T::template tile<R + 1, V, walk>), ...);
}

template <typename T, Walk walk>
constexpr void fill_walk(Microkernels& table) {
  fill_tiles<T, walk, 1>(table, std::make_integer_sequence<int, T::max_rows>{});
  fill_tiles<T, walk, 2>(table, std::make_integer_sequence<int, T::max_rows>{});
}

template <typename T, Isa isa>
constexpr Microkernels make_table() {
  Microkernels table;
  table.isa = isa;
  table.lanes = T::lanes;
  table.max_rows = T::max_rows;
  fill_walk<T, Walk::packed>(table);
  fill_walk<T, Walk::image_a>(table);
  fill_walk<T, Walk::image_b>(table);
  table.store_rows = &T::store_rows;
  table.store_columns = &T::store_columns;
  table.line = &T::line;
  table.pad_rows = {&T::template pad_rows<1>, &T::template pad_rows<2>};
  table.depthwise = {{{&T::template depthwise<3, 1>, &T::template depthwise<3, 2>},
                      {&T::template depthwise<5, 1>, &T::template depthwise<5, 2>}}};
  table.dot = &T::dot;
  return table;
}

template <typename T, Isa isa>
inline constexpr Microkernels table_of = make_table<T, isa>();

/// The micro-kernels of an instruction set that this CPU supports.
inline const Microkernels& microkernels(Isa isa) {
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
