/// The limit that multiply-adds set, measured: what a machine does when nothing but registers is touched.
#pragma once
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/micro/vector.hpp>

namespace peak {

/// Independent sums: more than the latency (4 cycles) times the units (2) of any core we know.
inline constexpr int chains = 12;

/// n times chains multiply-adds of L floats. start, not known when this is compiled, and the result keep the compiler
/// from leaving them out.
template <int L>
[[gnu::always_inline]] inline float multiply_adds(std::int64_t n, float start) {
  typename weir::kernels::Vec<L>::type sum[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sum[i] = start + static_cast<float>(i) - typename weir::kernels::Vec<L>::type{};
#pragma GCC unroll 1
  for (std::int64_t k = 0; k < n; ++k) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) {
      // A product that changes with the sum, so that it cannot be taken out of the loop; the sum itself rounds to what
      // it was and stays a normal number.
      weir::kernels::multiply_add<L>(sum[i], sum[i], 1e-9F);
    }
  }
#pragma GCC unroll 12
  for (int i = 1; i < chains; ++i) sum[0] += sum[i];
  return sum[0][0];
}

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512vl,fma")]] inline float avx512(std::int64_t n, float start) {
  return multiply_adds<16>(n, start);
}
[[gnu::target("avx2,fma")]] inline float avx2(std::int64_t n, float start) { return multiply_adds<8>(n, start); }
#endif
inline float portable(std::int64_t n, float start) { return multiply_adds<4>(n, start); }

/// Floating-point operations a second (a multiply-add counts 2) of this number of threads at once: each repeats a run
/// of some 0.1 ms, which other programs rarely interrupt, for 0.1 s, and its best one counts.
inline double flops_per_second(weir::Isa isa, int threads) {
  float (*loop)(std::int64_t, float) = portable;
  double lanes = 4;
#if defined(__x86_64__)
  if (isa == weir::Isa::avx512) loop = avx512, lanes = 16;
  if (isa == weir::Isa::avx2) loop = avx2, lanes = 8;
#endif
  constexpr std::int64_t n = 20'000;
  const auto best_run_s = [loop] {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); };
    volatile float one = 1;
    double best_s = 1e30;
    for (const auto begin = Clock::now(); since(begin) < 0.1;) {
      const float from = one;
      const auto start = Clock::now();
      one = loop(n, from) * 0 + 1;  // used, and does not grow
      best_s = std::min(best_s, since(start));
    }
    return best_s;
  };
  std::vector<double> seconds(static_cast<std::size_t>(threads));
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < seconds.size(); ++i) others.emplace_back([&, i] { seconds[i] = best_run_s(); });
  seconds[0] = best_run_s();
  for (std::thread& t : others) t.join();
  double sum = 0;
  for (double s : seconds) sum += 2 * lanes * chains * static_cast<double>(n) / s;
  return sum;
}

}  // namespace peak
