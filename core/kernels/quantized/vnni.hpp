/// The tile for processors whose AVX-512 VNNI multiplies and adds pairs of 16 bits in one instruction.
#pragma once
#if defined(__x86_64__)
#include <weir/core/kernels/quantized/avx2.hpp>

namespace weir::quantized {

/// MultiplyAdd in one instruction, vpdpwssd on 256 bits, to the same bits: it adds in 32 bits and does not saturate. In
/// words, because an intrinsic could not be inlined into a body that is compiled for AVX2 too.
struct VnniMultiplyAdd {
  [[gnu::always_inline, gnu::target("avx2")]] static inline void add(__m256i& sum, __m256i x, __m256i w) {
    asm("vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
  }
};

inline bool has_vnni() { return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"); }

template <int R>
[[gnu::target("avx2")]] inline void tile_vnni(const Tile& t) {
  tile_body_256<R, VnniMultiplyAdd>(t);
}

}  // namespace weir::quantized
#endif
