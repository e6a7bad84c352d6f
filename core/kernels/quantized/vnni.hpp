/// Which of VNNI's encodings this processor has.
#pragma once
#if defined(__x86_64__)
#include <cpuid.h>

namespace weir::quantized {

inline bool has_vnni() {
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}

/// CPUID leaf 7, subleaf 1, bit 4 of EAX; that the system saves 256-bit registers, AVX2's test has asked.
inline bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1U << 4)) != 0;
}

}  // namespace weir::quantized
#endif
