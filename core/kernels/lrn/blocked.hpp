/// Local response normalisation of blocked tensors.
#pragma once
#include <weir/core/kernels/lrn/plain.hpp>
#include <weir/core/kernels/reorder.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// Pixels first..last-1 of one image [ceil(C / L), pixels, L]. For a few pixels at a time the squares of all channels
/// are written to a line, with zeros on both sides, so that a channel's window is a few unaligned loads. Several lines
/// are used in turn, because loads would have to wait for stores just made to the same line.
inline constexpr std::int64_t lrn_lines = 8;
template <class Power>
struct BlockedLrnKernel {
  static constexpr std::int64_t lines = lrn_lines;
  template <int L>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t C, std::int64_t pixels,
                                         std::int64_t first, std::int64_t last, const LrnParams& p, float* squares,
                                         std::int64_t line) {
    using F = simd::Floats<L>;
    const std::int64_t below = (p.size - 1) / 2;
    F v, s;
    for (std::int64_t i = first; i < last; i += lines) {
      const std::int64_t n = last - i < lines ? last - i : lines;
      for (std::int64_t c = 0; c < C; c += L)
        for (std::int64_t k = 0; k < n; ++k) {
          simd::load(v, x + (c * pixels + (i + k) * L));
          v = v * v;
          if (C - c < L)
            simd::store_part(v, squares + k * line + below + c, C - c);
          else
            simd::store(v, squares + k * line + below + c);
        }
      for (std::int64_t c = 0; c < C; c += L)
        for (std::int64_t k = 0; k < n; ++k) {
          F sum{};
          for (std::int64_t w = 0; w < p.size; ++w) {
            simd::load(s, squares + k * line + c + w);
            sum = sum + s;
          }
          sum = sum * p.scale + p.bias;
          simd::load(v, x + (c * pixels + (i + k) * L));
          Power::template apply<L>(v, sum, p.beta);
          simd::store(v, y + (c * pixels + (i + k) * L));
        }
    }
  }
};

inline std::int64_t lrn_line_floats(const LrnParams& p, std::int64_t C) { return round_up(C + p.size, 16) + 32; }

using BlockedLrnFunction = simd::Function<const float*, float*, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                          LrnParams, float*, std::int64_t>;
template <class Power>
BlockedLrnFunction blocked_lrn_function(Isa isa) {
  return simd::function<BlockedLrnKernel<Power>, const float*, float*, std::int64_t, std::int64_t, std::int64_t,
                        std::int64_t, LrnParams, float*, std::int64_t>(isa);
}

inline void blocked_lrn(const Context& context, const LrnParams& p, ConstView x, float* y, float* workspace,
                        BlockedLrnFunction kernel) {
  const std::int64_t N = x.shape[0], C = x.shape[1], pixels = x.shape.product(2, x.shape.rank());
  const std::int64_t image = floats_of(x.shape.with(0, 1), Layout::blocked, context.isa());
  const std::int64_t line = lrn_line_floats(p, C), floats = lrn_lines * line;
  constexpr std::int64_t grain = 64;
  const std::int64_t blocks = (pixels + grain - 1) / grain, all = N * blocks;
  const std::int64_t pieces = std::min<std::int64_t>({context.threads(), all, N * C * pixels / (1 << 13) + 1});
  context.pool().split(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      float* squares = workspace + t * floats;
      std::fill_n(squares, floats, 0.0F);
      for (std::int64_t b = all * t / pieces; b < all * (t + 1) / pieces; ++b) {
        const std::int64_t at = b / blocks * image, first = b % blocks * grain;
        kernel(x.data + at, y + at, C, pixels, first, std::min(pixels, first + grain), p, squares, line);
      }
    }
  });
}

inline std::size_t blocked_lrn_workspace_floats(const Context& context, const LrnParams& p, const Shape& x) {
  return static_cast<std::size_t>(context.threads() * lrn_lines * lrn_line_floats(p, x[1]));
}

/// As lrn() for blocked x and y.
inline void blocked_lrn(const Context& context, const LrnParams& p, ConstView x, float* y, float* workspace) {
  blocked_lrn(context, p, x, y, workspace,
              with_power(p, [&]<class Power>() { return blocked_lrn_function<Power>(context.isa()); }));
}

}  // namespace weir::kernels
