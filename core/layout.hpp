/// Layout: how a tensor between layers lies in memory.
#pragma once
#include <cstdint>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>

namespace weir {

/// plain    [N, C, ...] row-major, as the model file has it; what hooks and callers see.
/// blocked  [N, ceil(C / L), pixels, L], L = lanes(isa): a pixel's channels lie side by side, L at a time, so that a
///          vector is one pixel of L channels. The channels behind C hold anything, and no layer looks at them.
///
/// A tensor keeps its logical shape [N, C, ...] in both; pixels is the product of what follows C. Blocked activations
/// after Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD architectures", SC 2018.
enum class Layout { plain, blocked };

/// Floats of a vector of an instruction set.
constexpr std::int64_t lanes(Isa isa) { return isa == Isa::avx512 ? 16 : isa == Isa::avx2 ? 8 : 4; }

/// n rounded up to a multiple of m.
constexpr std::int64_t round_up(std::int64_t n, std::int64_t m) { return (n + m - 1) / m * m; }

/// Floats that a tensor of this shape takes. Throws ShapeError where they are too many to count.
inline std::int64_t floats_of(const Shape& shape, Layout layout, Isa isa) {
  if (layout == Layout::plain) return shape.numel();
  return shape.with(1, round_up(shape[1], lanes(isa))).numel();
}

}  // namespace weir
