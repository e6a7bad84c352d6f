/// Instruction sets that kernels are written for, found at run time.
#pragma once
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <weir/core/error.hpp>

namespace weir {

/// Ordered: a later one includes the earlier. portable is plain C++ in the user's compiler flags.
enum class Isa { portable, avx2, avx512 };

inline constexpr std::array<std::string_view, 3> isa_names = {"portable", "avx2", "avx512"};
inline std::string_view to_string(Isa isa) { return isa_names[static_cast<std::size_t>(isa)]; }

/// True if this CPU and operating system run it.
inline bool supported(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
  if (isa == Isa::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return isa == Isa::portable;
}

/// The instruction set called name. Throws ArgumentError where the name is unknown or this CPU lacks it.
inline Isa isa_by_name(std::string_view name) {
  for (std::size_t i = 0; i < isa_names.size(); ++i)
    if (isa_names[i] == name) {
      if (supported(static_cast<Isa>(i))) return static_cast<Isa>(i);
      throw ArgumentError(detail::message({"instruction set '", name, "': this CPU does not have it"}));
    }
  throw ArgumentError(detail::message({"instruction set '", name, "' is unknown: portable, avx2, avx512"}));
}

/// The best that this CPU has, or what the environment variable WEIR_ISA names.
inline Isa default_isa() {
  if (const char* forced = std::getenv("WEIR_ISA"); forced && *forced) return isa_by_name(forced);
  return supported(Isa::avx512) ? Isa::avx512 : supported(Isa::avx2) ? Isa::avx2 : Isa::portable;
}

}  // namespace weir
