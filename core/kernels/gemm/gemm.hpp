/// Matrix product of two operands that are both known only at run time.
#pragma once
#include <weir/core/context.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/kernels/micro/list.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// Up to this number of columns that fill no vector are dot products: as parts of a vector they would take longer.
constexpr std::int64_t gemm_dot_columns(std::int64_t lanes) { return 3 * lanes / 8; }
/// Of rows that lie a multiple of gemm_aliased floats apart, at most this number is read at once.
inline constexpr std::int64_t gemm_aliased_rows = 10;

/// C[M, N] = A[M, K] B[K, N] by one thread. K is cut into blocks. Two orders:
///  - many panels of B: blocks of A are packed and run over one panel after the other (Goto and van de Geijn, "Anatomy
///    of high-performance matrix multiplication", ACM TOMS 2008); the first tile packs the panel as it reads it, for
///    all blocks of A;
///  - few panels: packing A, which is then used only for these, would take too long. Its rows are read as they lie,
///    tile by tile over all panels, which the first tile has packed.
/// Columns that fill no vector are dot products or a panel filled up with zeros.
class GemmPiece {
 public:
  /// columns: of the whole product, of which this is a part.
  GemmPiece(const Microkernels& micro, std::int64_t M, std::int64_t N, std::int64_t K, std::int64_t columns)
      : micro_(micro), M_(M), K_(K), dots_(N % micro.lanes) {
    const std::int64_t most_dots = gemm_dot_columns(micro.lanes);
    if (dots_ > most_dots) dots_ = 0;
    // Only dot products read rows as they come.
    pieces_ = columns <= most_dots ? std::min<std::int64_t>(K, 1) : (K + gemm_depth - 1) / gemm_depth;
    N_ = N - dots_;
    depth_ = pieces_ > 0 ? (K + pieces_ - 1) / pieces_ : 0;
    panels_ = (N_ + micro.width() - 1) / micro.width();
    few_ = panels_ <= (M > detail::machine_costs.gemm_few_tiles * micro.max_rows
                           ? detail::machine_costs.gemm_few_panels
                           : detail::machine_costs.gemm_very_few_panels) &&
           panels_ * depth_ <= detail::machine_costs.gemm_few_rows && M > micro.max_rows;
    // Where no second block of A follows, no packed panel would be read again.
    slots_ = few_                                          ? panels_
             : tiles(M) > detail::machine_costs.gemm_tiles ? std::min(panels_, detail::machine_costs.gemm_panels)
                                                           : 1;
  }

  /// Scratch memory for run().
  std::size_t workspace_floats() const {
    const std::int64_t rows = few_ ? 0 : std::min(M_, detail::machine_costs.gemm_tiles * micro_.max_rows);
    return static_cast<std::size_t>((slots_ * micro_.width() + rows) * depth_ + dots_ * dot_stride());
  }

  void run(const float* A, std::int64_t lda, const float* B, std::int64_t ldb, float* C, std::int64_t ldc,
           float* workspace) const {
    float* const dot_columns = workspace;
    float* const packed_b = workspace + dots_ * dot_stride();
    float* const packed_a = packed_b + slots_ * micro_.width() * depth_;
    if (K_ == 0)
      for (std::int64_t i = 0; i < M_; ++i) std::fill_n(C + i * ldc, N_ + dots_, 0.0F);
    const std::int64_t tile = few_ && lda % gemm_aliased == 0 ? gemm_aliased_rows : micro_.max_rows;
    const Blocks blocks(M_, std::min<std::int64_t>(tile, micro_.max_rows),
                        panels_ == 0 ? tiles(M_)
                        : few_       ? 1
                                     : detail::machine_costs.gemm_tiles);
    const std::int64_t window = slots_ > 1 ? slots_ : std::max<std::int64_t>(panels_, 1);
    for (std::int64_t first = 0; first < std::max<std::int64_t>(panels_, 1); first += window)
      for (std::int64_t piece = 0; piece < pieces_; ++piece) {
        const std::int64_t k = K_ * piece / pieces_, size = K_ * (piece + 1) / pieces_ - k;
        const std::int64_t last = std::min(panels_, first + window);
        for (std::int64_t b = 0; b < blocks.count; ++b) {
          const Rows rows = blocks.rows(b);
          const float* a = A + rows.first * lda + k;
          if (first == 0)
            dot_products(a, lda, {B + k * ldb, ldb, dot_columns, C + rows.first * ldc, ldc}, rows.count(), size, b == 0,
                         k > 0);
          if (!few_ && panels_ > 0) pack_rows(a, lda, rows.count(), size, packed_a);
          for (std::int64_t p = first; p < last; ++p) {
            const std::int64_t j = p * micro_.width();
            float* const panel = packed_b + (slots_ > 1 ? (p - first) * micro_.width() * depth_ : 0);
            const float* next = p == first && b + 1 < blocks.count ? a + rows.count() * lda : a;
            run_panel({few_ ? a : packed_a, lda, next, B + k * ldb + j, ldb, panel, C + rows.first * ldc + j, ldc},
                      rows.count(), size, std::min(micro_.width(), N_ - j), b == 0, k > 0);
          }
        }
      }
  }

 private:
  struct Rows {
    std::int64_t first, last;
    std::int64_t count() const { return last - first; }
  };
  /// M rows in tiles as even as can be, and these in blocks.
  struct Blocks {
    std::int64_t M, tiles, count;
    Blocks(std::int64_t rows, std::int64_t tile, std::int64_t tiles_of_block)
        : M(rows), tiles((rows + tile - 1) / tile), count((tiles + tiles_of_block - 1) / tiles_of_block) {}
    Rows rows(std::int64_t b) const { return {M * (tiles * b / count) / tiles, M * (tiles * (b + 1) / count) / tiles}; }
  };
  struct Panel {
    const float* a;  // rows, or packed
    std::int64_t lda;
    const float* next;  // rows that follow
    const float* b;
    std::int64_t ldb;
    float *panel, *c;
    std::int64_t ldc;
  };

  struct DotColumns {
    const float* b;
    std::int64_t ldb;
    float *columns, *c;
    std::int64_t ldc;
  };

  /// The last columns of some rows. pack: those of b have not been packed yet.
  void dot_products(const float* a, std::int64_t lda, const DotColumns& p, std::int64_t rows, std::int64_t size,
                    bool pack, bool add) const {
    const std::int64_t L = micro_.lanes;
    for (std::int64_t k = 0; pack && dots_ > 0 && k < size; k += L)
      micro_.transpose(p.b + k * p.ldb + N_, p.ldb, std::min(L, size - k), dots_, p.columns + k, dot_stride());
    float sums[most_dot_rows * most_dot_outputs];
    for (std::int64_t j = 0; j < dots_; j += micro_.max_dot_rows) {
      const std::int64_t columns = std::min(dots_ - j, std::int64_t{micro_.max_dot_rows});
      const std::int64_t group = dot_outputs(columns);
      for (std::int64_t i = 0; i < rows; i += group) {
        const std::int64_t outputs = std::min(group, rows - i);
        micro_.dot_tile[static_cast<std::size_t>(columns - 1)]({.K = size,
                                                                .x = p.columns + j * dot_stride(),
                                                                .ldx = dot_stride(),
                                                                .weights = a + i * lda,
                                                                .ldw = lda,
                                                                .outputs = outputs,
                                                                .sums = sums});
        for (std::int64_t n = 0; n < columns; ++n)
          for (std::int64_t r = 0; r < outputs; ++r) {
            float& c = p.c[(i + r) * p.ldc + N_ + j + n];
            c = add ? c + sums[n * group + r] : sums[n * group + r];
          }
      }
    }
  }

  /// Floats from one column of dot products to the next; a line more than needed, or all of them would fall on one set
  /// of the cache.
  std::int64_t dot_stride() const { return depth_ + 16; }

  std::int64_t tiles(std::int64_t rows) const { return (rows + micro_.max_rows - 1) / micro_.max_rows; }

  void pack_rows(const float* a, std::int64_t lda, std::int64_t rows, std::int64_t size, float* to) const {
    const std::int64_t n = tiles(rows);
    for (std::int64_t t = 0; t < n; ++t) {
      const Rows tile{rows * t / n, rows * (t + 1) / n};
      micro_.transpose(a + tile.first * lda, lda, tile.count(), size, to + tile.first * size, tile.count());
    }
  }

  /// One panel of B under all tiles of some rows. pack: b has not been packed yet.
  void run_panel(const Panel& p, std::int64_t rows, std::int64_t size, std::int64_t columns, bool pack,
                 bool add) const {
    alignas(64) float sums[max_tile_floats];
    const std::int64_t vectors = columns > micro_.lanes ? 2 : 1, width = vectors * micro_.lanes, n = tiles(rows);
    const bool whole = columns == width;
    for (std::int64_t r = 0; !whole && pack && r < size; ++r) {
      std::copy_n(p.b + r * p.ldb, columns, p.panel + r * width);
      std::fill(p.panel + r * width + columns, p.panel + (r + 1) * width, 0.0F);
    }
    Rows tile{0, 0};
    for (std::int64_t t = 0; t < n; ++t) {
      tile = {tile.last, rows * (t + 1) / n};
      const bool packed = !whole || !pack || t > 0;
      float* const c = p.c + tile.first * p.ldc;
      GemmTile call{.K = size,
                    .a = p.a + tile.first * (few_ ? p.lda : size),
                    .lda = p.lda,
                    .ahead = p.next,
                    .b = packed ? p.panel : p.b,
                    .ldb = packed ? width : p.ldb,
                    .panel = p.panel,
                    .c = c,
                    .ldc = p.ldc,
                    .add = add};
      GemmTileKind kind = packed ? GemmTileKind::packed : GemmTileKind::packed_packing;
      if (few_) kind = packed ? GemmTileKind::rows : GemmTileKind::rows_packing;
      const GemmTileKernel multiply = micro_.gemm_tile(kind, tile.count(), vectors);
      if (whole) {
        multiply(call);
        continue;
      }
      call.c = sums;
      call.ldc = width;
      for (std::int64_t r = 0; add && r < tile.count(); ++r) std::copy_n(c + r * p.ldc, columns, sums + r * width);
      multiply(call);
      for (std::int64_t r = 0; r < tile.count(); ++r) std::copy_n(sums + r * width, columns, c + r * p.ldc);
    }
  }

  const Microkernels& micro_;
  std::int64_t M_, N_ = 0, K_, pieces_ = 0, dots_;
  std::int64_t depth_ = 0;   ///< of the deepest piece
  std::int64_t panels_ = 0;  ///< of B
  std::int64_t slots_ = 0;   ///< packed panels that are kept
  bool few_ = false;
};

/// Scratch memory of one thread for gemm().
inline std::int64_t gemm_piece_floats(const Microkernels& micro, std::int64_t M, std::int64_t N, std::int64_t K) {
  // A piece of fewer columns can be one of few panels.
  const std::int64_t few =
      detail::machine_costs.gemm_few_rows * micro.width() + gemm_dot_columns(micro.lanes) * (K + 16);
  return std::max(static_cast<std::int64_t>(GemmPiece(micro, M, N, K, N).workspace_floats()), few);
}

/// Scratch memory for gemm().
inline std::size_t gemm_workspace_floats(const Context& context, std::int64_t M, std::int64_t N, std::int64_t K) {
  if (context.openblas()) return 0;
  const auto& micro = microkernels(context.isa());
  return workspaces_floats(context.threads(), gemm_piece_floats(micro, M, N, K));
}

/// C[M, N] = A[M, K] B[K, N], row-major with leading dimensions lda >= K, ldb >= N, ldc >= N; 2*M*N*K operations.
/// Row i of C depends neither on M nor on the number of threads, to the last bit (with OpenBLAS no such promise). C is
/// zero where K is 0. workspace: gemm_workspace_floats(context, M, N, K). Threads take rows, or columns where there are
/// few rows.
inline void gemm(const Context& context, std::int64_t M, std::int64_t N, std::int64_t K, const float* A,
                 std::int64_t lda, const float* B, std::int64_t ldb, float* C, std::int64_t ldc, float* workspace) {
  if (M < 1 || N < 1) return;
  if (context.openblas()) {
    openblas_gemm(context.threads(), false, M, N, K, A, lda, B, ldb, C, ldc);
    return;
  }
  const Microkernels& micro = microkernels(context.isa());
  const double flops = 2 * static_cast<double>(M) * static_cast<double>(N) * static_cast<double>(K);
  const std::int64_t threads = context.threads(), tiles = (M + micro.max_rows - 1) / micro.max_rows;
  const std::int64_t panels = (N + micro.width() - 1) / micro.width();
  const std::int64_t apart = workspaces_apart(gemm_piece_floats(micro, M, N, K));
  const auto scratch = [&](std::int64_t piece) { return workspace + piece * apart; };
  // Of rows, every thread reads all of B; of columns, all of A, which is better where A is small and B has many panels.
  const bool long_rows =
      panels > detail::machine_costs.gemm_long_panels * threads && M * K <= detail::machine_costs.gemm_shared_floats;
  if (tiles >= 4 * threads ? !long_rows : panels < tiles) {
    share(context.pool(), tiles, flops, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
      const std::int64_t i = M * first / tiles, rows = M * last / tiles - i;
      GemmPiece(micro, rows, N, K, N).run(A + i * lda, lda, B, ldb, C + i * ldc, ldc, scratch(piece));
    });
  } else {
    share(context.pool(), panels, flops, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
      const std::int64_t j = first * micro.width(), columns = std::min(N, last * micro.width()) - j;
      GemmPiece(micro, M, columns, K, N).run(A, lda, B + j, ldb, C + j, ldc, scratch(piece));
    });
  }
}

}  // namespace weir::kernels
