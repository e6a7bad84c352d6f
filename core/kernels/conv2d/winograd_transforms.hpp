/// The transforms of Winograd's convolutions as fast kernels: of a row of tiles on its way in, of a tile on its way
/// out.
#pragma once
#include <weir/core/kernels/clamp.hpp>
#include <weir/core/kernels/conv2d/winograd_matrices.hpp>
#include <weir/core/kernels/simd.hpp>

namespace weir::kernels::winograd {

/// Of the algorithms with two pairs of points, +-a and +-b.
template <int N>
struct Powers {
  static constexpr double p = points<N>[N - 5], q = points<N>[N - 3];
  static constexpr auto a = static_cast<float>(p), aa = static_cast<float>(p * p), aaa = static_cast<float>(p * p * p);
  static constexpr auto b = static_cast<float>(q), bb = static_cast<float>(q * q), bbb = static_cast<float>(q * q * q);
  static constexpr auto sum = static_cast<float>(p * p + q * q), product = static_cast<float>(p * p * q * q);
};

/// d = B^T d, each lane for itself. Pairs of points +-p share what is even and what is odd in p.
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[3]) {
  const V even = d[1], odd = d[0];
  d[2] = d[2] - odd;
  d[0] = even + odd;
  d[1] = even - odd;
}
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[4]) {
  const V odd = d[1], even = d[2];
  d[0] = even - d[0];
  d[1] = even + odd;
  d[2] = even - odd;
  d[3] = d[3] - odd;
}
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[5]) {
  using P = Powers<5>;
  const V even_a = d[3] - P::bb * d[1], odd_a = d[2] - P::bb * d[0];
  const V even_b = d[3] - P::aa * d[1], odd_b = d[2] - P::aa * d[0];
  d[4] = (d[4] - P::sum * d[2]) + P::product * d[0];
  d[0] = even_a + P::a * odd_a;
  d[1] = even_a - P::a * odd_a;
  d[2] = even_b + P::b * odd_b;
  d[3] = even_b - P::b * odd_b;
}
template <class V>
[[gnu::always_inline]] inline void transform_input(V (&d)[6]) {
  using P = Powers<6>;  // of which the product is 1
  const V even_a = d[4] - P::bb * d[2], odd_a = d[3] - P::bb * d[1];
  const V even_b = d[4] - P::aa * d[2], odd_b = d[3] - P::aa * d[1];
  d[0] = (d[0] + d[4]) - P::sum * d[2];
  d[5] = (d[5] + d[1]) - P::sum * d[3];
  d[1] = even_a + P::a * odd_a;
  d[2] = even_a - P::a * odd_a;
  d[3] = even_b + P::b * odd_b;
  d[4] = even_b - P::b * odd_b;
}

/// y = A^T m, each lane for itself.
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[3], V (&y)[2]) {
  y[0] = m[0] + m[1];
  y[1] = (m[0] - m[1]) + m[2];
}
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[4], V (&y)[2]) {
  y[0] = m[0] + (m[1] + m[2]);
  y[1] = m[3] + (m[1] - m[2]);
}
/// What two pairs of sums m[0 .. 3], and that of infinity, m[4], give.
template <int N, class V>
[[gnu::always_inline]] inline void transform_pairs(const V* m, V (&y)[4]) {
  using P = Powers<N>;
  const V even_a = m[0] + m[1], odd_a = m[0] - m[1], even_b = m[2] + m[3], odd_b = m[2] - m[3];
  y[0] = even_a + even_b;
  y[1] = P::a * odd_a + P::b * odd_b;
  y[2] = P::aa * even_a + P::bb * even_b;
  y[3] = (m[4] + P::aaa * odd_a) + P::bbb * odd_b;
}
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[5], V (&y)[4]) {
  transform_pairs<5>(m, y);
}
template <class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[6], V (&y)[4]) {
  transform_pairs<6>(m + 1, y);
  y[0] = m[0] + y[0];
}

/// Where a row of tiles lies in a plane x [H, W, lanes] of a blocked image, and where its transform goes.
struct InputRow {
  const float* x;
  std::int64_t H, W;
  std::int64_t top, left;   ///< of the first tile's pixels, in x; may lie in the padding, which is zero
  float* to;                ///< of the first tile's first position
  std::int64_t step;        ///< from one position of V to the next
  std::int64_t phase_step;  ///< and from one phase to the next
};

/// to[p*step + f*phase_step + t*lanes] = element p of B^T d B for the tiles t = 0 .. across - 1, which lie S*Y pixels
/// apart. d are the N x N pixels of x that lie S apart, from pixel (f / S, f % S) of the tile on. Of phases f whose row
/// or column is odd, the last element of each column or row is not written.
template <int Y, int N, int S>
struct TransformInput {
  static constexpr int extent = S * (N - 1) + 1;
  template <int L>
  [[gnu::always_inline]] static void run(const InputRow& row, std::int64_t across) {
    float padded[extent * extent * L];
    for (std::int64_t t = 0; t < across; ++t) {
      const std::int64_t left = row.left + S * Y * t;
      const bool inside = row.top >= 0 && row.top + extent <= row.H && left >= 0 && left + extent <= row.W;
      if (!inside)
        for (std::int64_t i = 0; i < extent; ++i)
          for (std::int64_t j = 0; j < extent; ++j) {
            const std::int64_t y = row.top + i, x = left + j;
            simd::Floats<L> v{};
            if (y >= 0 && y < row.H && x >= 0 && x < row.W) simd::load(v, row.x + (y * row.W + x) * L);
            simd::store(v, padded + (i * extent + j) * L);
          }
      const float* from = inside ? row.x + (row.top * row.W + left) * L : padded;
      const std::int64_t pitch = inside ? row.W * L : extent * L;
      float* to = row.to + t * L;
      phase<L, 0, 0>(from, pitch, row.step, to);
      if constexpr (S == 2) {
        phase<L, 0, 1>(from + L, pitch, row.step, to + row.phase_step);
        phase<L, 1, 0>(from + pitch, pitch, row.step, to + 2 * row.phase_step);
        phase<L, 1, 1>(from + pitch + L, pitch, row.step, to + 3 * row.phase_step);
      }
    }
  }

 private:
  /// Of the pixels of odd rows or columns, the last does not matter to what is written.
  template <int L, int odd_row, int odd_column>
  [[gnu::always_inline]] static void phase(const float* from, std::int64_t pitch, std::int64_t step, float* to) {
    constexpr int rows = N - odd_row, columns = N - odd_column;
    simd::Floats<L> half[N][N];
#pragma GCC unroll 6
    for (int j = 0; j < columns; ++j) {
      simd::Floats<L> d[N];
      d[N - 1] = simd::Floats<L>{};
#pragma GCC unroll 6
      for (int i = 0; i < rows; ++i) {
        simd::load(d[i], from + i * S * pitch + j * S * L);
      }
      transform_input(d);
#pragma GCC unroll 6
      for (int i = 0; i < rows; ++i) {
        half[i][j] = d[i];
      }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; ++i) {
      if constexpr (odd_column) half[i][N - 1] = simd::Floats<L>{};
      transform_input(half[i]);
#pragma GCC unroll 6
      for (int j = 0; j < columns; ++j) {
        simd::store(half[i][j], to + (N * i + j) * step);
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
  std::int64_t rows, columns;  ///< pixels of the tile that lie in y, 1 to Y
  Clamp clamp;
};

/// y = clamp(A^T m A + bias + residual).
template <int Y, int N>
struct TransformOutput {
  template <int L>
  [[gnu::always_inline]] static void run(const OutputTile& t) {
    simd::Floats<L> half[Y][N], bias;
#pragma GCC unroll 6
    for (int j = 0; j < N; ++j) {
      simd::Floats<L> m[N], y[Y];
#pragma GCC unroll 6
      for (int i = 0; i < N; ++i) {
        simd::load(m[i], t.sums + (N * i + j) * t.step);
      }
      transform_output(m, y);
#pragma GCC unroll 4
      for (int i = 0; i < Y; ++i) {
        half[i][j] = y[i];
      }
    }
    simd::load(bias, t.bias);
    const simd::Floats<L> lo = simd::Floats<L>{} + t.clamp.lo, hi = simd::Floats<L>{} + t.clamp.hi;
#pragma GCC unroll 4
    for (int i = 0; i < Y; ++i) {
      if (i >= t.rows) return;
      simd::Floats<L> y[Y];
      transform_output(half[i], y);
#pragma GCC unroll 4
      for (int j = 0; j < Y; ++j) {
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
