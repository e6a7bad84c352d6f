/// The transforms of Winograd's convolution F(4x4, 3x3): as matrices, and as fast kernels.
#pragma once
#include <array>
#include <weir/core/kernels/simd.hpp>

namespace weir::kernels::winograd {

/// A correlation of 6 numbers d with 3 weights g has 4 outputs and here takes 6 multiplications instead of 12:
///
///     y = A^T ((G g) * (B^T d))           in two dimensions  Y = A^T ((G g G^T) * (B^T d B)) A
///
/// by the Toom-Cook algorithm with the interpolation points 0, +-a, +-b and infinity. With the points of Lavin and Gray
/// ("Fast algorithms for convolutional neural networks", CVPR 2016), a = 1 and b = 2, the error is twice as large (RMS;
/// the largest, four times): the powers of these stay closer to 1, and ab = 1 saves multiplications. (Barabasz et al.,
/// "Error analysis and improving the accuracy of Winograd convolution for deep neural networks", ACM TOMS 2020, on how
/// the points decide the error.)
inline constexpr double a = 0.70710678118654752, b = 1.41421356237309505, aa = 0.5, bb = 2;

inline constexpr std::array<std::array<double, 6>, 6> input_matrix = {{{1, 0, -(aa + bb), 0, 1, 0},
                                                                       {0, -a* bb, -bb, a, 1, 0},
                                                                       {0, a* bb, -bb, -a, 1, 0},
                                                                       {0, -b* aa, -aa, b, 1, 0},
                                                                       {0, b* aa, -aa, -b, 1, 0},
                                                                       {0, 1, 0, -(aa + bb), 0, 1}}};
inline constexpr double at_a = 2 * aa * (aa - bb), at_b = 2 * bb * (bb - aa);
inline constexpr std::array<std::array<double, 3>, 6> weight_matrix = {{{1, 0, 0},
                                                                        {1 / at_a, a / at_a, aa / at_a},
                                                                        {1 / at_a, -a / at_a, aa / at_a},
                                                                        {1 / at_b, b / at_b, bb / at_b},
                                                                        {1 / at_b, -b / at_b, bb / at_b},
                                                                        {0, 0, 1}}};
inline constexpr std::array<std::array<double, 6>, 4> output_matrix = {
    {{1, 1, 1, 1, 1, 0}, {0, a, -a, b, -b, 0}, {0, aa, aa, bb, bb, 0}, {0, a* aa, -a* aa, b* bb, -b* bb, 1}}};

/// d = B^T d, each lane for itself.
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[6]) {
  constexpr auto p = static_cast<float>(a), q = static_cast<float>(b), pp = static_cast<float>(aa);
  constexpr auto qq = static_cast<float>(bb), sum = static_cast<float>(aa + bb);
  const V even_a = d[4] - qq * d[2], odd_a = d[3] - qq * d[1];
  const V even_b = d[4] - pp * d[2], odd_b = d[3] - pp * d[1];
  d[0] = (d[0] + d[4]) - sum * d[2];
  d[5] = (d[5] + d[1]) - sum * d[3];
  d[1] = even_a + p * odd_a;
  d[2] = even_a - p * odd_a;
  d[3] = even_b + q * odd_b;
  d[4] = even_b - q * odd_b;
}

/// y = A^T m, each lane for itself.
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[6], V (&y)[4]) {
  constexpr auto p = static_cast<float>(a), q = static_cast<float>(b), pp = static_cast<float>(aa);
  constexpr auto qq = static_cast<float>(bb), ppp = static_cast<float>(a * aa), qqq = static_cast<float>(b * bb);
  const V even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
  y[0] = m[0] + (even_a + even_b);
  y[1] = p * odd_a + q * odd_b;
  y[2] = pp * even_a + qq * even_b;
  y[3] = (m[5] + ppp * odd_a) + qqq * odd_b;
}

/// u [36] = G g G^T of weights g [3, 3].
inline std::array<float, 36> transform_weights(const float* g) {
  std::array<float, 36> u{};
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 6; ++j) {
      double sum = 0;
      for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t s = 0; s < 3; ++s) sum += weight_matrix[i][r] * double{g[3 * r + s]} * weight_matrix[j][s];
      u[6 * i + j] = static_cast<float>(sum);
    }
  return u;
}

/// Rows of an image (`pitch` floats from one to the next, of which 4*across + 4 count) to the planes in which
/// neighbouring tiles lie side by side:
///
///     planes[(a*6 + b)*plane + i*across + j] = image[(4*i + a)*pitch + 4*j + b]     0 <= a < 4, 0 <= b < 6, j < across
///
/// Reads up to 16 floats behind the last row; writes up to 3 behind the last element of a plane.
struct SplitImage {
  template <int W>
  [[gnu::always_inline]] static void run(const float* image, std::int64_t pitch, std::int64_t rows, std::int64_t across,
                                         float* planes, std::int64_t plane) {
    using Four = simd::Floats<4>;
    for (std::int64_t y = 0; y < rows; ++y, image += pitch) {
      float* to = planes + y % 4 * 6 * plane + y / 4 * across;
      for (std::int64_t j = 0; j < across; j += 4) {
        Four tile[5];
#pragma GCC unroll 5
        for (int t = 0; t < 5; ++t) {
          simd::load(tile[t], image + 4 * (j + t));
        }
        // Columns 0 and 1 of neighbouring tiles in pairs, and columns 2 and 3.
        Four left[4], right[3];
#pragma GCC unroll 4
        for (int t = 0; t < 4; ++t) {
          left[t] = __builtin_shufflevector(tile[t], tile[t + 1], 0, 4, 1, 5);
        }
#pragma GCC unroll 3
        for (int t = 0; t < 3; t += 2) {
          right[t] = __builtin_shufflevector(tile[t], tile[t + 1], 2, 6, 3, 7);
        }
        simd::store(Four(__builtin_shufflevector(left[0], left[2], 0, 1, 4, 5)), to + j);
        simd::store(Four(__builtin_shufflevector(left[0], left[2], 2, 3, 6, 7)), to + plane + j);
        simd::store(Four(__builtin_shufflevector(right[0], right[2], 0, 1, 4, 5)), to + 2 * plane + j);
        simd::store(Four(__builtin_shufflevector(right[0], right[2], 2, 3, 6, 7)), to + 3 * plane + j);
        simd::store(Four(__builtin_shufflevector(left[1], left[3], 0, 1, 4, 5)), to + 4 * plane + j);
        simd::store(Four(__builtin_shufflevector(left[1], left[3], 2, 3, 6, 7)), to + 5 * plane + j);
      }
    }
  }
};

template <int W>
[[gnu::always_inline]] inline void transform_tiles(const float* planes, std::int64_t plane, std::int64_t across,
                                                   float* to, std::int64_t step) {
  simd::Floats<W> t[6][6];
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    simd::Floats<W> d[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
      simd::load(d[i], planes + (i % 4 * 6 + j) * plane + i / 4 * across);
    }
    transform_input(d);
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
      t[i][j] = d[i];
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    transform_input(t[i]);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) {
      simd::store(t[i][j], to + (6 * i + j) * step);
    }
  }
}

/// to[p*step + t] = element p of B^T d B for the tiles t = 0 .. n - 1, n rounded up to 4, of SplitImage's planes.
struct TransformInput {
  template <int W>
  [[gnu::always_inline]] static void run(const float* planes, std::int64_t plane, std::int64_t across, std::int64_t n,
                                         float* to, std::int64_t step) {
    std::int64_t t = 0;
    for (; t + W <= n; t += W) transform_tiles<W>(planes + t, plane, across, to + t, step);
    if constexpr (W == 16)
      for (; t + 8 <= n; t += 8) transform_tiles<8>(planes + t, plane, across, to + t, step);
    for (; t < n; t += 4) transform_tiles<4>(planes + t, plane, across, to + t, step);
  }
};

/// A^T m A of n tiles in a row, `vectors` vectors of channels each, with m element p at sums + p*step + t*vectors*W:
/// pixel (i, 4*t + j) goes to pixels + (i*pitch + 4*t + j)*vectors*W.
struct TransformOutput {
  template <int W>
  [[gnu::always_inline]] static void run(const float* sums, std::int64_t step, std::int64_t n, std::int64_t vectors,
                                         float* pixels, std::int64_t pitch) {
    const std::int64_t width = vectors * W;
    for (std::int64_t t = 0; t < n; ++t)
      for (std::int64_t v = 0; v < width; v += W) {
        simd::Floats<W> half[4][6];
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) {
          simd::Floats<W> m[6], y[4];
#pragma GCC unroll 6
          for (int i = 0; i < 6; ++i) {
            simd::load(m[i], sums + (6 * i + j) * step + t * width + v);
          }
          transform_output(m, y);
#pragma GCC unroll 4
          for (int i = 0; i < 4; ++i) {
            half[i][j] = y[i];
          }
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          simd::Floats<W> y[4];
          transform_output(half[i], y);
#pragma GCC unroll 4
          for (int j = 0; j < 4; ++j) {
            simd::store(y[j], pixels + (i * pitch + 4 * t + j) * width + v);
          }
        }
      }
  }
};

}  // namespace weir::kernels::winograd
