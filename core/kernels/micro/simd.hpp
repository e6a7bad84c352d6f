/// Vectors of floats in plain C++, and the call of a kernel for an instruction set.
///
/// A kernel is a struct with `template <int W> [[gnu::always_inline]] static void run(arguments...)`, written once for
/// vectors of W floats; simd_call<Kernel>(isa, arguments...) runs it with the widest W of the instruction set. Inside,
/// no lambdas and no helpers of our own that are not always_inline: they would not inherit the instruction set. Vectors
/// are passed by reference, because their calling convention depends on it too.
#pragma once
#include <cstdint>
#include <cstring>
#include <weir/core/isa.hpp>

namespace weir::simd {

template <int W>
struct Lanes {
  using Floats [[gnu::vector_size(W * 4)]] = float;
  using Ints [[gnu::vector_size(W * 4)]] = std::int32_t;
};
template <int W>
using Floats = typename Lanes<W>::Floats;
template <int W>
using Ints = typename Lanes<W>::Ints;

template <class V>
[[gnu::always_inline]] inline void load(V& v, const float* from) {
  std::memcpy(&v, from, sizeof v);
}
template <class V>
[[gnu::always_inline]] inline void store(const V& v, float* to) {
  std::memcpy(to, &v, sizeof v);
}
/// Compiler barrier: loads after it are not moved before it (clang++ would load everything at once and run out of
/// registers).
[[gnu::always_inline]] inline void compiler_barrier() {
#if defined(__GNUC__)
  asm volatile("" ::: "memory");
#endif
}
/// From here on clang++ keeps these values in memory; by itself it would spill and reload each of them several times.
template <class T>
[[gnu::always_inline]] inline void keep_in_memory([[maybe_unused]] T& values) {
#if defined(__clang__)
  asm volatile("" : : "r"(&values) : "memory");
#endif
}
/// The first n lanes; the others become 0.
template <class V>
[[gnu::always_inline]] inline void load_part(V& v, const float* from, std::int64_t n) {
  v = V{};
  std::memcpy(&v, from, static_cast<std::size_t>(n) * sizeof(float));
}
template <class V>
[[gnu::always_inline]] inline void store_part(const V& v, float* to, std::int64_t n) {
  std::memcpy(to, &v, static_cast<std::size_t>(n) * sizeof(float));
}
/// All lanes c, with its sign if it is zero (0 + -0 is 0).
template <class V>
[[gnu::always_inline]] inline void fill(V& v, float c) {
  v = (V{} + 1.0F) * c;
}
/// a = the larger of a and b in each lane; NaN where either is. The sum is that NaN: with `? b :`, g++ would join the
/// two conditions, which it can only do lane by lane for the masks of AVX-512.
template <class V>
[[gnu::always_inline]] inline void take_max(V& a, const V& b) {
  a = b > a ? b : a;
  a = b != b ? a + b : a;
}
template <class V>
[[gnu::always_inline]] inline void take_min(V& a, const V& b) {
  a = b < a ? b : a;
  a = b != b ? a + b : a;
}

/// a = every second lane of a, then of b.
[[gnu::always_inline]] inline void take_even(Floats<4>& a, const Floats<4>& b) {
  a = __builtin_shufflevector(a, b, 0, 2, 4, 6);
}
[[gnu::always_inline]] inline void take_even(Floats<8>& a, const Floats<8>& b) {
  a = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}
[[gnu::always_inline]] inline void take_even(Floats<16>& a, const Floats<16>& b) {
  a = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
/// a = the other lanes of a, then of b.
[[gnu::always_inline]] inline void take_odd(Floats<4>& a, const Floats<4>& b) {
  a = __builtin_shufflevector(a, b, 1, 3, 5, 7);
}
[[gnu::always_inline]] inline void take_odd(Floats<8>& a, const Floats<8>& b) {
  a = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}
[[gnu::always_inline]] inline void take_odd(Floats<16>& a, const Floats<16>& b) {
  a = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
/// a = the lanes of a but the first, then b.
[[gnu::always_inline]] inline void take_next(Floats<4>& a, float b) {
  a = __builtin_shufflevector(a, b - Floats<4>{}, 1, 2, 3, 4);
}
[[gnu::always_inline]] inline void take_next(Floats<8>& a, float b) {
  a = __builtin_shufflevector(a, b - Floats<8>{}, 1, 2, 3, 4, 5, 6, 7, 8);
}
[[gnu::always_inline]] inline void take_next(Floats<16>& a, float b) {
  a = __builtin_shufflevector(a, b - Floats<16>{}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
}
/// Sum of all lanes, halves first.
[[gnu::always_inline]] inline float sum_of_lanes(const Floats<4>& v) { return (v[0] + v[2]) + (v[1] + v[3]); }
[[gnu::always_inline]] inline float sum_of_lanes(const Floats<8>& v) {
  return sum_of_lanes(__builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7));
}
[[gnu::always_inline]] inline float sum_of_lanes(const Floats<16>& v) {
  return sum_of_lanes(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                      __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
}
template <int W>
[[gnu::always_inline]] inline float sum(const Floats<W>& v) {
  return sum_of_lanes(v);
}
template <int W>
[[gnu::always_inline]] inline float max(const Floats<W>& v) {
  float best = v[0];
  for (int i = 1; i < W; ++i) best = v[i] > best || v[i] != v[i] ? v[i] : best;
  return best;
}

#if defined(__x86_64__)
template <class Kernel, class... A>
[[gnu::target("avx512f,avx512vl,avx2,fma")]] void call_avx512(const A&... a) {
  Kernel::template run<16>(a...);
}
template <class Kernel, class... A>
[[gnu::target("avx2,fma")]] void call_avx2(const A&... a) {
  Kernel::template run<8>(a...);
}
#endif

template <class Kernel, class... A>
void call_portable(const A&... a) {
  Kernel::template run<4>(a...);
}

template <class Kernel, class... A>
inline void simd_call(Isa isa, const A&... a) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return call_avx512<Kernel>(a...);
  if (isa == Isa::avx2) return call_avx2<Kernel>(a...);
#endif
  (void)isa;
  call_portable<Kernel>(a...);
}

/// True of what calls a scalar function for each lane (and says so in a member by_lanes): vectors of 16 would gain
/// nothing, so with AVX-512 it runs as with AVX2.
template <class T>
inline constexpr bool by_lanes = requires {
  requires T::by_lanes;
};

/// A pointer to a kernel for one instruction set: its caller is compiled once for all kernels with these arguments.
template <class... A>
using Function = void (*)(const A&...);

template <class Kernel, class... A>
Function<A...> function(Isa isa) {
#if defined(__x86_64__)
  if constexpr (!by_lanes<Kernel>)
    if (isa == Isa::avx512) return &call_avx512<Kernel, A...>;
  if (isa != Isa::portable) return &call_avx2<Kernel, A...>;
#endif
  (void)isa;
  return &call_portable<Kernel, A...>;
}

}  // namespace weir::simd
