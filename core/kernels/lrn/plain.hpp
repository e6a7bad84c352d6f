/// Local response normalisation across channels.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/tensor.hpp>

namespace weir::kernels {

/// size: channels that are summed; scale: factor of the sum of squares (ONNX's alpha / size).
struct LrnParams {
  std::int64_t size = 5;
  float scale = 1e-4F / 5, beta = 0.75F, bias = 1;
};

/// s = s^-0.75 for normal positive s, 0 for infinity and NaN for NaN: a guess from the exponent's bits, then three
/// Newton steps for s^-0.25, each of which squares the error (from below 4 % to rounding).
template <int W>
[[gnu::always_inline]] inline void power_minus_three_quarters(simd::Floats<W>& s) {
  using F = simd::Floats<W>;
  simd::Ints<W> bits;
  std::memcpy(&bits, &s, sizeof bits);
  bits = 0x4F58CAE5 - (bits >> 2);
  F y, quarter = s * 0.25F;
  std::memcpy(&y, &bits, sizeof y);
  for (int step = 0; step < 3; ++step) {
    const F square = y * y;
    y = y * (1.25F - quarter * (square * square));
  }
  const F finite{};
  s = s > finite + std::numeric_limits<float>::max() ? finite : y * y * y;
}

struct LrnBeta075 {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, simd::Floats<W>& s, float) {
    power_minus_three_quarters<W>(s);
    x = x * s;
  }
};
struct LrnBeta1 {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, simd::Floats<W>& s, float) {
    x = x / s;
  }
};
struct LrnAnyBeta {
  template <int W>
  [[gnu::always_inline]] static void apply(simd::Floats<W>& x, simd::Floats<W>& s, float beta) {
    for (int i = 0; i < W; ++i) x[i] = x[i] / std::pow(s[i], beta);
  }
};

/// Pixels first..last-1 of one image [C, pixels]. The squares of a few pixels over all channels stay in the cache.
template <class Power>
struct LrnKernel {
  template <int W>
  [[gnu::always_inline]] static void run(const float* x, float* y, std::int64_t C, std::int64_t pixels,
                                         std::int64_t first, std::int64_t last, const LrnParams& p) {
    using F = simd::Floats<W>;
    const std::int64_t below = (p.size - 1) / 2, above = p.size - 1 - below;
    for (std::int64_t i = first; i < last; i += W) {
      const std::int64_t n = last - i < W ? last - i : W;
      for (std::int64_t c = 0; c < C; ++c) {
        const std::int64_t from = c < below ? 0 : c - below, to = C - c <= above ? C - 1 : c + above;
        F sum{}, v;
        for (std::int64_t k = from; k <= to; ++k) {
          const float* at = x + k * pixels + i;
          if (n == W)
            simd::load(v, at);
          else
            simd::load_part(v, at, n);
          sum = sum + v * v;
        }
        sum = sum * p.scale + p.bias;
        if (n == W)
          simd::load(v, x + c * pixels + i);
        else
          simd::load_part(v, x + c * pixels + i, n);
        Power::template apply<W>(v, sum, p.beta);
        if (n == W)
          simd::store(v, y + c * pixels + i);
        else
          simd::store_part(v, y + c * pixels + i, n);
      }
    }
  }
};

using LrnFunction =
    simd::Function<const float*, float*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, LrnParams>;
template <class Power>
LrnFunction lrn_function(Isa isa) {
  return simd::function<LrnKernel<Power>, const float*, float*, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                        LrnParams>(isa);
}

inline void lrn(const Context& context, const LrnParams& p, ConstView x, View y, LrnFunction kernel) {
  const std::int64_t N = x.shape[0], C = x.shape[1], pixels = x.shape.product(2, x.shape.rank());
  constexpr std::int64_t grain = 64;  // pixels, whole vectors of any instruction set
  const std::int64_t blocks = (pixels + grain - 1) / grain;
  const std::int64_t worth = (1 << 13) / (grain * std::max<std::int64_t>(C, 1)) + 1;
  context.pool().split(N * blocks, worth, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t image = b / blocks * C * pixels, first = b % blocks * grain;
      kernel(x.data + image, y.data + image, C, pixels, first, std::min(pixels, first + grain), p);
    }
  });
}

/// f.operator()<Power>() with the power for these parameters. The fast one is for sums that are normal numbers,
/// which a bias from 2^-100 on makes sure of.
template <class F>
auto with_power(const LrnParams& p, const F& f) {
  if (p.beta == 0.75F && p.bias > 1e-30F && p.scale >= 0) return f.template operator()<LrnBeta075>();
  if (p.beta == 1.0F) return f.template operator()<LrnBeta1>();
  return f.template operator()<LrnAnyBeta>();
}

/// y[n, c, i] = x[n, c, i] / (bias + scale * sum of x[n, k, i]^2)^beta, the sum over k = c - floor((size-1)/2) .. c +
/// ceil((size-1)/2) within the channels; x [N, C, ...], y not x. beta 0.75 and 1 are fast, any other calls pow for each
/// element. Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NIPS
/// 2012.
inline void lrn(const Context& context, const LrnParams& p, ConstView x, View y) {
  lrn(context, p, x, y, with_power(p, [&]<class Power>() { return lrn_function<Power>(context.isa()); }));
}

}  // namespace weir::kernels
