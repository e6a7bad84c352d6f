/// Winograd's convolutions F(YxY, KxK), of stride 1 or 2: a convolution with fewer multiplications.
#pragma once
#include <limits>
#include <vector>
#include <weir/core/kernels/conv2d/plain_loops.hpp>
#include <weir/core/kernels/conv2d/winograd_phases.hpp>
#include <weir/core/kernels/conv2d/winograd_sizes.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// y is cut into tiles of Y x Y pixels. What each of them sees of x is transformed to N^2 numbers per channel, V; the
/// weights likewise when they are packed, U. Then for each position p of the N^2 one matrix product over the channels c
///
///     S[p][tile][m] = sum over c of V[p][c][tile] * U[p][c][m]
///
/// and the transform of S back is the Y x Y pixels. x and y are blocked, so every step works on vectors of channels; of
/// a plain x, the first of a network, that has few channels, V is made for vectors of tiles.
/// Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
///
/// Of stride S = 2 the sums go over the channels of all phases (see Phases).
///
///     multiplications of the formula that are left:   K = 3, S = 1:  (Y+2)^2 / 9Y^2    1/4,  4/9   with Y = 4, 2
///                                                     K = 3, S = 2:  (2Y+1)^2 / 9Y^2   0.56, 0.69       Y = 4, 2
///                                                     K = 7, S = 2:  13^2 / (7Y)^2     0.22             Y = 4
///
/// Strips of tiles, of one image or of several, are computed one after the other, so that a strip's V stays in the
/// second-level cache. The transforms cost the more the fewer channels there are, and U is (Y+2)^2 / 9 or (2Y+1)^2 / 9
/// times as large as the weights: cost() weighs that. Where an image has few pixels and many channels (7x7 by 512), U
/// comes from memory for a handful of tiles, and a smaller Y is faster.
///
/// RMS error of y in units of its RMS, for x and weights uniform in [-1, 1], against a sum in double (the direct
/// algorithms in brackets), Y = 4, S = 1: 64 channels 7.8e-7 (4.3e-7), 128 1.1e-6 (6.1e-7), 256 1.6e-6 (8.4e-7), 512
/// 2.0e-6 (1.1e-6); the largest error of any output 1.2e-5 (8.0e-6). With K = 7, 3 channels:
/// 9.4e-7 (2.2e-7).
///
/// Weights must be finite. A NaN or infinity in x would reach all pixels of a tile that sees it, so the pixels of such
/// a tile are computed by plain loops; so are those of a tile that overflows on the way.
template <int Y, int S, int K = 3, Layout layout = Layout::blocked>
class Winograd : public WinogradSizes {
  using P = winograd::Phases<Y, S, K>;
  static constexpr int N = P::N, positions = P::positions, phases = P::phases, products = P::products;
  static constexpr bool plain = layout == Layout::plain;

 public:
  Winograd(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : WinogradSizes({Y, S, positions, products, plain}, p, x, micro) {
    if (Shape{phases, planes_, pitch_, pixel_floats_}.numel() > std::numeric_limits<std::int32_t>::max())
      throw ShapeError(detail::message({"convolution: an image of ", x.to_string(), " is too large"}));
    for (int kind = 0; kind < phases; ++kind)
      for (int f = 0; f < phases; ++f) {
        if (!P::has_part(f, kind)) continue;
        for (std::int64_t q = 0; q < planes_; ++q)
          taps_[kind].push_back({static_cast<std::int32_t>((f * planes_ + q) * pitch_ * pixel_floats_),
                                 static_cast<std::int32_t>(std::min(pixel_floats_, C_ - q * pixel_floats_))});
      }
  }

  /// Groups must be whole blocks of channels.
  static bool fits(const Conv2dParams& p, const Microkernels& micro) {
    return p.kernel_h == K && p.kernel_w == K && p.stride_h == S && p.stride_w == S && p.dilation_h == 1 &&
           p.dilation_w == 1 &&
           (p.groups == 1 ||
            (!plain && p.in_channels / p.groups % micro.lanes == 0 && p.out_channels / p.groups % micro.lanes == 0));
  }

  std::string_view name() const override { return Y == 4 ? "winograd4x4" : "winograd2x2"; }
  void pack(std::span<const float> weights) override {
    kernel_ = weights.data();
    const std::int64_t width = micro_->width();
    const auto floats = static_cast<std::size_t>(params_.groups * blocks_ * products * C_ * width);
    std::fill_n(weights_.reserve(floats), floats, 0.0F);
    // Channels of the output innermost, as the lines lie that one transform writes to.
    for (std::int64_t g = 0; g < params_.groups; ++g)
      for (std::int64_t b = 0; b < blocks_; ++b)
        for (std::int64_t c = 0; c < C_; ++c)
          for (std::int64_t lane = 0; lane < std::min(width, M_ - b * width); ++lane)
            pack_kernel(weights.data() + ((g * M_ + b * width + lane) * C_ + c) * K * K, g, b, c, lane);
  }

  std::size_t workspace_floats(std::int64_t threads) const override {
    return workspaces_floats(threads, piece_floats());
  }

  void run(const detail::ThreadPool& pool, const Conv2dImages& images, const float* bias,
           float* workspace) const override {
    const std::int64_t tiles = images.count * down_ * across_;
    const double operations = operations_ * static_cast<double>(images.count);
    const Grid grid = share_out(tiles, pieces_of(pool, tiles * blocks_, operations));
    const Work work = work_of(images, bias, grid.channels > 1);
    share(pool, grid.tiles * grid.channels, operations, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
      for (; first < last; ++first) {
        const std::int64_t row = first / grid.channels, column = first % grid.channels;
        const std::int64_t begin = tiles * row / grid.tiles, end = tiles * (row + 1) / grid.tiles;
        compute_range(work, begin, end, column, grid.channels, own(workspace, piece));
      }
    });
  }

  /// A blocked image is computed as a whole: it is in the caches, and where bands meet V would be computed twice.
  bool by_rows() const override { return plain; }
  bool transforms() const override { return true; }
  std::int64_t row_multiple() const override { return Y; }

  void run_rows(const Conv2dRows& rows, const float* bias, float* workspace) const override {
    const Work work{rows.x, rows.residual, rows.y, 0, 0, rows.rows, bias, rows.clamp, false};
    const std::int64_t first = rows.rows.first / Y, last = (rows.rows.last + Y - 1) / Y;
    compute_range(work, first * across_, last * across_, 0, 1, workspace);
  }

 private:
  /// Where the first image lies, the distance to the next ones, and which rows are computed of each.
  struct Work {
    RowsView x, residual, y;  ///< residual.data may be nullptr, or y.data
    std::int64_t x_image, y_image;
    RowRange rows;
    const float* bias;
    Clamp clamp;
    bool in_other_cache;  ///< x may lie in another core's cache
  };
  Work work_of(const Conv2dImages& images, const float* bias, bool in_other_cache) const {
    const std::int64_t x_plane = H_ * W_ * pixel_floats_, y_plane = OH_ * OW_ * micro_->lanes;
    const RowsView x{const_cast<float*>(images.x), H_, W_ * pixel_floats_, x_plane};
    RowsView residual{const_cast<float*>(images.residual), OH_, OW_ * micro_->lanes, y_plane}, y = residual;
    y.data = images.y;
    return {x,
            residual,
            y,
            round_up(params_.in_channels, pixel_floats_) / pixel_floats_ * x_plane,
            round_up(params_.out_channels, micro_->lanes) / micro_->lanes * y_plane,
            {0, OH_},
            bias,
            images.clamp,
            in_other_cache};
  }

  /// Parts whose sums are held at a time.
  static constexpr std::int64_t most_parts = plain ? 1 : 4;
  static constexpr std::int64_t most_lanes = max_tile_width / 2;

  /// y of the tiles first .. last-1, for part `column` of the `columns` parts that the output channels are divided
  /// into. A part may end within a block of channels: if two threads took whole blocks only, nine would take as long as
  /// ten.
  void compute_range(const Work& work, std::int64_t first, std::int64_t last, std::int64_t column, std::int64_t columns,
                     float* workspace) const {
    for_strips(first, last, [&](std::int64_t g, std::int64_t begin, std::int64_t end) {
      const std::int64_t items = blocks_ * parts_of(end - begin);
      transform(work, g, begin, end, workspace);
      compute(work, g, begin, end, items * column / columns, items * (column + 1) / columns, workspace);
    });
  }

  /// V of a strip of tiles.
  void transform(const Work& work, std::int64_t g, std::int64_t begin, std::int64_t end, float* V) const {
    const std::int64_t top = begin / across_, bottom = (end - 1) / across_ + 1;
    for (std::int64_t plane = 0; plane < planes_; ++plane)
      for (std::int64_t row = top; row < bottom; ++row) {
        const std::int64_t from = std::max(begin, row * across_), to = std::min(end, (row + 1) * across_);
        if (work.in_other_cache && plane + 1 < planes_) ask_for(work, g * planes_ + plane + 1, row);
        transform_row(work, g * planes_ + plane, row, from % across_, to - from,
                      V + (plane * pitch_ + from - begin) * pixel_floats_);
      }
  }

  /// y of the work items first .. last-1 of a strip; an item is one register-tile part of one block of output channels,
  /// block by block.
  /// V is in the workspace; sums go behind it.
  void compute(const Work& work, std::int64_t g, std::int64_t begin, std::int64_t end, std::int64_t first,
               std::int64_t last, float* workspace) const {
    const EvenParts parts(end - begin, micro_->max_rows);
    float* sums = workspace + positions * input_stride();
    while (first < last) {
      const std::int64_t b = first / parts.count, part = first % parts.count;
      const std::int64_t n = std::min({last - first, parts.count - part, most_parts});
      multiply(workspace, g, b, parts, part, part + n, sums);
      transform_back(work, g, b, begin + parts.first(part), begin + parts.first(part + n), sums);
      first += n;
    }
  }

  /// U of one kernel.
  void pack_kernel(const float* weights, std::int64_t g, std::int64_t b, std::int64_t c, std::int64_t lane) {
    std::int64_t before[phases] = {};  // phases that have a part in positions of each kind
    for (int f = 0; f < phases; ++f) {
      const auto u = P::transform(weights, f);
      for (std::int64_t p = 0; p < positions; ++p) {
        const int kind = P::kind_of(p);
        if (P::has_part(f, kind))
          weights_.data()[packed_at(g, b, p) + (before[kind] * C_ + c) * vectors(b) * micro_->lanes + lane] =
              u[static_cast<std::size_t>(p)];
      }
      for (int kind = 0; kind < phases; ++kind) before[kind] += P::has_part(f, kind);
    }
  }

  std::int64_t packed_at(std::int64_t g, std::int64_t b, std::int64_t p) const {
    return (g * blocks_ + b) * products * C_ * micro_->width() +
           P::products_before(p) * C_ * vectors(b) * micro_->lanes;
  }

  // Floats from one position to the next. One cache line is added, because otherwise all positions would fall on one
  // set of the cache.
  std::int64_t input_stride() const { return phases * phase_stride() + 16; }
  std::int64_t phase_stride() const { return planes_ * pitch_ * pixel_floats_; }
  std::int64_t piece_floats() const { return positions * (input_stride() + sums_stride()); }
  float* own(float* workspace, std::int64_t piece) const {
    return workspace + piece * workspaces_apart(piece_floats());
  }
  std::int64_t sums_stride() const { return most_parts * micro_->max_rows * micro_->width() + 16; }

  /// V of one plane and of n tiles from `column` on in a row of tiles, counted over all images.
  void transform_row(const Work& work, std::int64_t plane, std::int64_t row, std::int64_t column, std::int64_t n,
                     float* to) const {
    const float* x = work.x.data + row / down_ * work.x_image + plane * work.x.plane_floats;
    micro_->winograd_row(N)({x, H_, W_, work.x.rows, S * Y * (row % down_) - params_.pad_top,
                             S * Y * column - params_.pad_left, to, input_stride(), phase_stride()},
                            n);
  }

  /// Prefetches the rows of x that no earlier row of tiles reads: the hardware does not look that far ahead.
  void ask_for(const Work& work, std::int64_t plane, std::int64_t row) const {
    const std::int64_t i = S * Y * (row % down_), end = std::min(i + S * Y, H_) * W_ * pixel_floats_;
    const float* x = work.x.data + row / down_ * work.x_image + plane * work.x.plane_floats;
    for (std::int64_t at = i * W_ * pixel_floats_; at < end; at += 16) __builtin_prefetch(x + at);
  }

  /// S of the tiles in parts first .. last-1, one block of channels behind the other.
  void multiply(const float* input, std::int64_t g, std::int64_t b, const EvenParts& parts, std::int64_t first,
                std::int64_t last, float* sums) const {
    const std::int64_t L = micro_->lanes, begin = parts.first(first), line = vectors(b) * L;
    const std::int64_t stride = ahead_stride(line, last - first), pixels = most_parts * micro_->max_rows;
    for (std::int64_t p = 0; p < positions; ++p) {
      const std::vector<ConvTap>& taps = taps_[P::kind_of(p)];
      const float *x = input + p * input_stride(), *weights = weights_.data() + packed_at(g, b, p);
      const std::int64_t depth = P::products_at(P::kind_of(p)) * C_;
      const float* ahead = weights + depth * line;
      parts.for_each(first, last, [&](std::int64_t at, std::int64_t tiles) {
        micro_->conv_tile(plain ? PixelStride::one : PixelStride::vector, tiles,
                          vectors(b))({.x = x + at * pixel_floats_,
                                       .taps = taps.data(),
                                       .taps_end = taps.data() + taps.size(),
                                       .weights = weights,
                                       .ahead = ahead,
                                       .ahead_stride = stride,
                                       .bias = nullptr,
                                       .residual = nullptr,
                                       .y = sums + p * sums_stride() + (at - begin) * L,
                                       .block_stride = pixels * L,
                                       .residual_stride = 0,
                                       .clamp = {}});
        ahead += depth * stride;
      });
    }
  }

  /// Transforms back the tiles first .. last-1, which are numbered row by row over all images.
  void transform_back(const Work& work, std::int64_t g, std::int64_t b, std::int64_t first, std::int64_t last,
                      const float* sums) const {
    for (std::int64_t t = first; t < last;) {
      const std::int64_t row = t / across_, column = t % across_, end = std::min(last, t + across_ - column);
      transform_back_row(work, g, b, row, {column, column + end - t}, sums + (t - first) * micro_->lanes);
      t = end;
    }
  }

  /// Transforms back the tiles `columns` of one row of tiles.
  void transform_back_row(const Work& work, std::int64_t g, std::int64_t b, std::int64_t row, RowRange columns,
                          const float* sums) const {
    const std::int64_t L = micro_->lanes, i = Y * (row % down_);
    const RowRange rows{i, std::min<std::int64_t>(i + Y, OH_)};
    const bool all = work.rows.first <= rows.first && rows.last <= work.rows.last &&
                     work.y.contiguous(i) >= rows.size() &&
                     (!work.residual.data || work.residual.contiguous(i) >= rows.size());
    for (std::int64_t v = 0; v < vectors(b); ++v) {
      const std::int64_t block = (g * M_ + b * micro_->width()) / L + v;
      std::int64_t at = row / down_ * work.y_image + Y * columns.first * L;
      winograd::OutputTile tile{sums + v * most_parts * micro_->max_rows * L,
                                sums_stride(),
                                work.bias + block * L,
                                work.residual.data ? work.residual.row(block, i) + at : nullptr,
                                work.y.row(block, i) + at,
                                OW_ * L,
                                rows.size(),
                                0,
                                work.clamp};
      for (std::int64_t column = columns.first; column < columns.last; ++column) {
        tile.columns = std::min<std::int64_t>(Y, OW_ - Y * column);
        if (!(all ? micro_->winograd_tile(N)(tile) : transform_back_rows(work, block, rows, at, tile)))
          compute_plainly(work, block, row, {Y * column, Y * column + tile.columns});
        tile.sums += L;
        tile.y += Y * L;
        if (tile.residual) tile.residual += Y * L;
        at += Y * L;
      }
    }
  }

  /// Transforms back the requested rows of one tile, which has the rows `rows` of y; they need not be contiguous.
  /// Returns what winograd_tile() returns.
  bool transform_back_rows(const Work& work, std::int64_t block, RowRange rows, std::int64_t at,
                           winograd::OutputTile tile) const {
    float y[Y * Y * most_lanes], residual[Y * Y * most_lanes] = {};
    const std::int64_t floats = tile.columns * micro_->lanes;
    tile.pitch = Y * micro_->lanes;
    tile.y = y;
    const RowRange wanted{std::max(rows.first, work.rows.first), std::min(rows.last, work.rows.last)};
    if (work.residual.data) {
      tile.residual = residual;
      for (std::int64_t r = wanted.first; r < wanted.last; ++r)
        std::copy_n(work.residual.row(block, r) + at, floats, residual + (r - rows.first) * tile.pitch);
    }
    if (!micro_->winograd_tile(N)(tile)) return false;
    for (std::int64_t r = wanted.first; r < wanted.last; ++r)
      std::copy_n(y + (r - rows.first) * tile.pitch, floats, work.y.row(block, r) + at);
    return true;
  }

  /// The requested rows of one tile, by plain loops: the tile at these columns of y, one block of channels.
  [[gnu::cold]] void compute_plainly(const Work& work, std::int64_t block, std::int64_t row, RowRange columns) const {
    const std::int64_t L = micro_->lanes, image = row / down_, i = Y * (row % down_);
    Conv2dRows part{work.x, work.residual, work.y, {}, work.clamp};
    part.rows = {std::max(i, work.rows.first), std::min(i + Y, work.rows.last)};
    part.x.data += image * work.x_image;
    part.y.data += image * work.y_image;
    if (part.residual.data) part.residual.data += image * work.y_image;
    PlainLoops{params_, kernel_, work.bias, H_, W_, pixel_floats_, L}.run(
        part, {block * L, std::min((block + 1) * L, params_.out_channels)}, columns);
  }

  std::vector<ConvTap> taps_[phases];  ///< of the positions of each kind
  detail::PackedWeights weights_;
  const float* kernel_ = nullptr;  ///< what they were packed from
};

}  // namespace weir::kernels
