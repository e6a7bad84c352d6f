/// The transforms of Winograd's convolutions as fast kernels: of a row of tiles on its way in, of a tile on its way
/// out.
#pragma once
#include <limits>
#include <weir/core/kernels/micro/clamp.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/kernels/micro/winograd_transforms.hpp>

namespace weir::kernels::winograd {

/// Where a row of tiles lies in a plane of an image, x [H, W, lanes] of a blocked one or x [H, W] of a plain one, and
/// where its transform goes.
struct InputRow {
  const float* x;  ///< row r of the plane lies at r mod rows
  std::int64_t H, W, rows;
  std::int64_t top, left;        ///< of the first tile's pixels, in x; may lie in the padding, which is zero
  float* to;                     ///< of the first tile's first position
  std::int64_t position_stride;  ///< from one position of V to the next
  std::int64_t phase_stride;     ///< and from one phase to the next
};

/// to[p*position_stride + f*phase_stride + t*pixel_floats] = element p of B^T d B for the tiles t = 0 .. across - 1,
/// which lie S*Y pixels apart; pixel_floats is a vector (blocked) or one float (plain). d are the N x N pixels of x
/// that lie S apart, from pixel (f / S, f % S) of the tile on. Of phases f whose row or column is odd, the last element
/// of each column or row is not written.
template <int Y, int N, int S, bool plain>
struct TransformInput {
  static constexpr int extent = S * (N - 1) + 1;

  template <int L>
  [[gnu::always_inline]] static void run(const InputRow& row, std::int64_t across) {
    if constexpr (plain)
      run_plain<L>(row, across);
    else
      run_blocked<L>(row, across);
  }

 private:
  /// Of a blocked image that is there as a whole: each lane is a channel.
  template <int L>
  [[gnu::always_inline]] static void run_blocked(const InputRow& row, std::int64_t across) {
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
      all_phases<L>(inside ? row.x + (row.top * row.W + left) * L : padded, inside ? row.W * L : extent * L,
                    row.position_stride, row.phase_stride, row.to + t * L);
    }
  }

  /// Of a plain image: each lane is a tile. L tiles at a time are laid out as a blocked image would be; the last of
  /// them begin where L tiles are left, so that some are computed twice.
  template <int L>
  [[gnu::always_inline]] static void run_plain(const InputRow& row, std::int64_t across) {
    static_assert(S * Y == 8 && extent <= 16);
    float pixels[extent * extent * L], few[S * S * N * N * L];
    for (std::int64_t t = 0; t < across; t += L) {
      const std::int64_t first = across < L ? 0 : t + L <= across ? t : across - L;
      for (std::int64_t i = 0; i < extent; ++i)
        spread<L>(row, row.top + i, row.left + 8 * first, pixels + i * extent * L);
      // One copy of this much code, wherever it writes to.
      const bool whole = across >= L;
      all_phases<L>(pixels, extent * L, whole ? row.position_stride : S * S * L, whole ? row.phase_stride : L,
                    whole ? row.to + first : few);
      if (whole) continue;
      for (int f = 0; f < S * S; ++f)
        for (int p = 0; p < N * N; ++p) {
          if ((f / S == 1 && p / N == N - 1) || (f % S == 1 && p % N == N - 1)) continue;
          for (std::int64_t k = 0; k < across; ++k)
            row.to[p * row.position_stride + f * row.phase_stride + k] = few[(p * S * S + f) * L + k];
        }
    }
  }

  /// to[j*L + t] = pixel (y, left + 8t + j), 0 <= j < extent, 0 <= t < L.
  template <int L>
  [[gnu::always_inline]] static void spread(const InputRow& row, std::int64_t y, std::int64_t left, float* to) {
    simd::Floats<L> v[8], odd[8];
    if (y < 0 || y >= row.H) {
      for (std::int64_t j = 0; j < extent; ++j) simd::store(simd::Floats<L>{}, to + j * L);
      return;
    }
    const float* x = row.x + y % row.rows * row.W + left;
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      const std::int64_t begin = left + k * L;
      if (begin >= 0 && begin + L <= row.W) {
        simd::load(v[k], x + k * L);
        continue;
      }
      float edge[L] = {};
      const std::int64_t end = row.W - begin < L ? row.W - begin : L;
#pragma GCC unroll 1
      for (std::int64_t q = begin < 0 ? -begin : 0; q < end; ++q) edge[q] = x[k * L + q];
      simd::load(v[k], edge);
    }
    // Three times even ones from odd ones: v[j] are then the pixels at 8t + the bits of j in reverse order.
#pragma GCC unroll 3
    for (int half = 4; half > 0; half /= 2) {
#pragma GCC unroll 8
      for (int k = 0; k < 8; k += 2 * half) {
#pragma GCC unroll 4
        for (int i = 0; i < half; ++i) {
          odd[i] = v[k + 2 * i];
          simd::take_odd(odd[i], v[k + 2 * i + 1]);
          simd::take_even(v[k + 2 * i], v[k + 2 * i + 1]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < half; ++i) {
          v[k + i] = v[k + 2 * i];
        }
#pragma GCC unroll 4
        for (int i = 0; i < half; ++i) {
          v[k + half + i] = odd[i];
        }
      }
    }
    constexpr int reversed[8] = {0, 4, 2, 6, 1, 5, 3, 7};
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      simd::store(v[reversed[j]], to + j * L);
      if (j + 8 >= extent) continue;
      // The same of the next tiles.
      const std::int64_t next = left + 8 * L + j;
      simd::take_next(v[reversed[j]], next >= 0 && next < row.W ? x[8 * L + j] : 0);
      simd::store(v[reversed[j]], to + (j + 8) * L);
    }
  }

  template <int L>
  [[gnu::always_inline]] static void all_phases(const float* from, std::int64_t pitch, std::int64_t position_stride,
                                                std::int64_t phase_stride, float* to) {
    phase<L, 0, 0>(from, pitch, position_stride, to);
    if constexpr (S == 2) {
      phase<L, 0, 1>(from + L, pitch, position_stride, to + phase_stride);
      phase<L, 1, 0>(from + pitch, pitch, position_stride, to + 2 * phase_stride);
      phase<L, 1, 1>(from + pitch + L, pitch, position_stride, to + 3 * phase_stride);
    }
  }

  /// Of the pixels of odd rows or columns, the last does not matter to what is written.
  template <int L, int odd_row, int odd_column>
  [[gnu::always_inline]] static void phase(const float* from, std::int64_t pitch, std::int64_t position_stride,
                                           float* to) {
    constexpr int rows = N - odd_row, columns = N - odd_column;
    simd::Floats<L> half[N][N];
#pragma GCC unroll 7
    for (int j = 0; j < columns; ++j) {
      simd::Floats<L> d[N];
      d[N - 1] = simd::Floats<L>{};
#pragma GCC unroll 7
      for (int i = 0; i < rows; ++i) {
        simd::load(d[i], from + i * S * pitch + j * S * L);
      }
      transform_input(d);
#pragma GCC unroll 7
      for (int i = 0; i < rows; ++i) {
        half[i][j] = d[i];
      }
    }
#pragma GCC unroll 7
    for (int i = 0; i < rows; ++i) {
      if constexpr (odd_column) half[i][N - 1] = simd::Floats<L>{};
      transform_input(half[i]);
#pragma GCC unroll 7
      for (int j = 0; j < columns; ++j) {
        simd::store(half[i][j], to + (N * i + j) * position_stride);
      }
    }
  }
};

/// One tile of one block of channels on its way out: what TransformOutput does with A^T m A.
struct OutputTile {
  const float* sums;  ///< element p of m at sums + p*position_stride
  std::int64_t position_stride;
  const float* bias;
  const float* residual;       ///< lies as y does; may be y, may be nullptr
  float* y;                    ///< of the tile's first pixel
  std::int64_t pitch;          ///< floats from one row of y to the next
  std::int64_t rows, columns;  ///< pixels of the tile that lie in y, 1 to Y
  Clamp clamp;
};

/// y = clamp(A^T m A + bias + residual). Returns false, and leaves y as it is, where one of A^T m is NaN, infinite or
/// so large that its square is (1.8e19 and more): what was finite in x may have overflowed on the way.
template <int Y, int N>
struct TransformOutput {
  template <int L>
  [[gnu::always_inline]] static bool run(const OutputTile& tile) {
    const OutputTile t = tile;  // which no store can change: what lies in it is loaded once
    simd::Floats<L> half[Y][N], bias, squares{};
#pragma GCC unroll 7
    for (int j = 0; j < N; ++j) {
      simd::Floats<L> m[N], y[Y];
#pragma GCC unroll 7
      for (int i = 0; i < N; ++i) {
        simd::load(m[i], t.sums + (N * i + j) * t.position_stride);
      }
      transform_output(m, y);
#pragma GCC unroll 4
      for (int i = 0; i < Y; ++i) {
        half[i][j] = y[i];
        squares = squares + y[i] * y[i];
      }
      if constexpr (N < 7) simd::compiler_barrier();
    }
    if constexpr (N == 7) simd::keep_in_memory(half);  // more than there are registers for
    if (!(simd::sum<L>(squares) < std::numeric_limits<float>::infinity())) return false;
    simd::load(bias, t.bias);
    const simd::Floats<L> lo = simd::Floats<L>{} + t.clamp.lo, hi = simd::Floats<L>{} + t.clamp.hi;
#pragma GCC unroll 4
    for (int i = 0; i < Y; ++i) {
      if (i >= t.rows) return true;
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
        clamp_lanes(v, lo, hi);
        simd::store(v, t.y + i * t.pitch + j * L);
      }
    }
    return true;
  }
};

}  // namespace weir::kernels::winograd
