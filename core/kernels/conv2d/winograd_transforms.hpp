/// The transforms of Winograd's convolution F(4x4, 3x3): as matrices, and as fast kernels.
#pragma once
#include <array>
#include <weir/core/kernels/clamp.hpp>
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
  for (std::size_t i = 0; i < 6; ++i) {
    double row[3] = {};
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t s = 0; s < 3; ++s) row[s] += weight_matrix[i][r] * double{g[3 * r + s]};
    for (std::size_t j = 0; j < 6; ++j) {
      double sum = 0;
      for (std::size_t s = 0; s < 3; ++s) sum += row[s] * weight_matrix[j][s];
      u[6 * i + j] = static_cast<float>(sum);
    }
  }
  return u;
}

/// Where a row of tiles lies in a plane x [H, W, lanes] of a blocked image, and where its transform goes.
struct InputRow {
  const float* x;
  std::int64_t H, W;
  std::int64_t top, left;  ///< of the first tile's 6x6 pixels, in x; may lie in the padding, which is zero
  float* to;               ///< of the first tile's first position
  std::int64_t step;       ///< from one of the 36 positions to the next
};

/// to[p*step + t*W] = element p of B^T d B for the tiles t = 0 .. across - 1, four pixels apart.
struct TransformInput {
  template <int L>
  [[gnu::always_inline]] static void run(const InputRow& row, std::int64_t across) {
    float padded[36 * L];
    for (std::int64_t t = 0; t < across; ++t) {
      const std::int64_t left = row.left + 4 * t;
      const bool inside = row.top >= 0 && row.top + 6 <= row.H && left >= 0 && left + 6 <= row.W;
      if (!inside)
        for (std::int64_t i = 0; i < 6; ++i)
          for (std::int64_t j = 0; j < 6; ++j) {
            const std::int64_t y = row.top + i, x = left + j;
            simd::Floats<L> v{};
            if (y >= 0 && y < row.H && x >= 0 && x < row.W) simd::load(v, row.x + (y * row.W + x) * L);
            simd::store(v, padded + (i * 6 + j) * L);
          }
      const float* from = inside ? row.x + (row.top * row.W + left) * L : padded;
      const std::int64_t pitch = inside ? row.W * L : 6 * L;
      simd::Floats<L> half[6][6];
#pragma GCC unroll 6
      for (int j = 0; j < 6; ++j) {
        simd::Floats<L> d[6];
#pragma GCC unroll 6
        for (int i = 0; i < 6; ++i) {
          simd::load(d[i], from + i * pitch + j * L);
        }
        transform_input(d);
#pragma GCC unroll 6
        for (int i = 0; i < 6; ++i) {
          half[i][j] = d[i];
        }
      }
      float* to = row.to + t * L;
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) {
        transform_input(half[i]);
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) {
          simd::store(half[i][j], to + (6 * i + j) * row.step);
        }
      }
    }
  }
};

/// One tile of one block of channels on its way out: what TransformOutput does with A^T m A.
struct OutputTile {
  const float* sums;  ///< element p of m at sums + p*step
  std::int64_t step;
  const float* bias;
  const float* residual;       ///< lies as y does; may be y, may be nullptr
  float* y;                    ///< of the tile's first pixel
  std::int64_t pitch;          ///< floats from one row of y to the next
  std::int64_t rows, columns;  ///< pixels of the tile that lie in y, 1 to 4
  Clamp clamp;
};

/// y = clamp(A^T m A + bias + residual).
struct TransformOutput {
  template <int L>
  [[gnu::always_inline]] static void run(const OutputTile& t) {
    simd::Floats<L> half[4][6], bias;
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) {
      simd::Floats<L> m[6], y[4];
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) {
        simd::load(m[i], t.sums + (6 * i + j) * t.step);
      }
      transform_output(m, y);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        half[i][j] = y[i];
      }
    }
    simd::load(bias, t.bias);
    const simd::Floats<L> lo = simd::Floats<L>{} + t.clamp.lo, hi = simd::Floats<L>{} + t.clamp.hi;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      if (i >= t.rows) return;
      simd::Floats<L> y[4];
      transform_output(half[i], y);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        if (j >= t.columns) break;
        simd::Floats<L> v = y[j] + bias, also;
        if (t.residual != nullptr) {
          simd::load(also, t.residual + i * t.pitch + j * L);
          v = v + also;
        }
        v = lo > v ? lo : v;
        v = hi < v ? hi : v;
        simd::store(v, t.y + i * t.pitch + j * L);
      }
    }
  }
};

}  // namespace weir::kernels::winograd
