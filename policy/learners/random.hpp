/// Random numbers that are a function of a seed and a counter.
#pragma once
#include <cstdint>

namespace weir::detail {

/// Uniform in [0, 1) from a seed and a counter: the same on every machine and in any order (the finaliser of
/// SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
inline double counter_uniform(std::uint64_t seed, std::uint64_t counter) {
  const auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  };
  const std::uint64_t key = mix(seed + 0x9e3779b97f4a7c15ULL);
  return static_cast<double>(mix(key + counter * 0x9e3779b97f4a7c15ULL) >> 11U) * 0x1p-53;
}

}  // namespace weir::detail
