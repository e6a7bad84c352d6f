/// Vectors of L floats in the compiler's own extension: the same source for every instruction set.
#pragma once
#include <cstdint>

namespace weir::kernels {

/// Vec<L>::type is a register's worth of floats; Vec<L>::loose the same in memory, at any address.
template <int L>
struct Vec {
  typedef float type __attribute__((vector_size(L * sizeof(float))));
  typedef float loose __attribute__((vector_size(L * sizeof(float)), aligned(4), may_alias));
};

/// sum += a * b, in tiles of all sizes with the same rounding: fused for L >= 8 (whose kernels need FMA instructions)
/// and wherever else the compiler's flags allow FMA. g++ by itself fuses some chains and not others, as -mtune has it.
template <int L>
[[gnu::always_inline]] inline void multiply_add(typename Vec<L>::type& sum, const typename Vec<L>::type& a,
                                                const typename Vec<L>::type& b) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#if defined(__FMA__)
  constexpr bool fused = true;
#else
  constexpr bool fused = L >= 8;
#endif
  if constexpr (fused) {
    asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return;
  }
#endif
  sum += a * b;
}
template <int L>
[[gnu::always_inline]] inline void multiply_add(typename Vec<L>::type& sum, const typename Vec<L>::type& a, float b) {
  const typename Vec<L>::type all = b - typename Vec<L>::type{};
  multiply_add<L>(sum, a, all);
}

}  // namespace weir::kernels
