/// Direct convolution: every multiplication that the formula names.
#pragma once
#include <vector>
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// A tile is up to max_rows neighbouring pixels of y by one or two blocks of output channels. Each weight vector is
/// loaded once for all pixels, the pixels are broadcast straight from the (staged) image: no im2col. Weights are packed
/// [columns][k][lane], columns being those one or two blocks. y is blocked, x blocked or, for few channels, plain.
///
/// Tiles lie within one row of y, or, where the image is one line (see Geometry), anywhere on it. Of a grouped
/// convolution the columns take in the channels of all groups that they belong to, with zero weights between groups; so
/// a NaN or infinity in x may reach other groups' channels of the same blocks.
///
/// After Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD architectures", SC 2018.
class Direct : public Conv2dAlgorithm {
 public:
  Direct(const Conv2dParams& p, const Shape& x, Layout layout, const Microkernels& micro)
      : params_(p), micro_(&micro), geometry_(p, x, layout, micro.isa), pixels_(geometry_.OH * geometry_.OW) {
    tiles_ = cut(geometry_);
    if (!geometry_.is_line()) {
      const Geometry dense(p, x, layout, micro.isa, true);
      std::vector<Tile> tiles = cut(dense);
      const double columns = static_cast<double>(p.out_channels) / static_cast<double>(micro.width());
      const auto all_cycles = [&](const Geometry& g, const std::vector<Tile>& all) {
        double cycles = 0;
        for (const Tile& t : all)
          cycles += columns * conv_tile_cycles(p.depth(), t.pixels, 2) + detail::machine_costs.tile_start +
                    detail::machine_costs.tile_pair * columns;
        // Penalty: one load of the weights from the first-level cache for each tile is not hidden.
        cycles += columns * static_cast<double>(p.depth()) * static_cast<double>(all.size());
        return cycles + static_cast<double>(g.staged_floats()) / detail::machine_costs.staged_floats;
      };
      if (all_cycles(dense, tiles) < all_cycles(geometry_, tiles_)) {
        geometry_ = dense;
        tiles_ = std::move(tiles);
      }
    }
    cut_columns();
    // What tiles read of the image while weights pass by should stay in the second-level cache.
    const std::int64_t row_floats = micro.max_rows * p.in_channels * std::min(p.kernel_h, p.stride_h);
    chunk_ = std::clamp<std::int64_t>(detail::machine_costs.conv_input_floats / row_floats, 4, 1 << 20);
    together_ = std::clamp<std::int64_t>(chunk_ / static_cast<std::int64_t>(tiles_.size()), 1, 64);
  }

  std::string_view name() const override { return "direct"; }
  std::string tile() const override {
    std::int64_t rows = 0, vectors = 0;
    for (const Tile& t : tiles_) rows = std::max(rows, t.pixels);
    for (const Columns& c : columns_) vectors = std::max(vectors, c.vectors);
    return std::to_string(rows) + "x" + std::to_string(vectors * micro_->lanes);
  }

  double cost() const override {
    double cycles = static_cast<double>(geometry_.staged_floats()) / detail::machine_costs.staged_floats, weights = 0;
    for (const Columns& c : columns_) {
      for (const Tile& t : tiles_) cycles += tile_cycles(c, t.pixels);
      weights += static_cast<double>(c.K * c.vectors * micro_->lanes);
    }
    return cycles_with_weights(cycles, weights);
  }

  void pack(std::span<const float> weights) override {
    const Columns& last = columns_.back();
    const std::int64_t L = micro_->lanes, group_in = params_.in_channels / params_.groups;
    const std::int64_t group_out = params_.out_channels / params_.groups;
    float* to = weights_.reserve(static_cast<std::size_t>(last.weights + last.K * last.vectors * L));
    for (const Columns& c : columns_)
      for_each_weight(c, [&](std::int64_t channel, std::int64_t r, std::int64_t s) {
        for (std::int64_t m = c.first; m < c.first + c.vectors * L; ++m, ++to) {
          const bool there = m < params_.out_channels && channel / group_in == m / group_out;
          const std::int64_t k = (channel % group_in * params_.kernel_h + r) * params_.kernel_w + s;
          *to = there ? weights[static_cast<std::size_t>(m * params_.depth() + k)] : 0.0F;
        }
      });
  }

  std::size_t workspace_floats(std::int64_t) const override {
    const std::size_t staged = static_cast<std::size_t>(together_ * geometry_.staged_floats());
    return std::max(staged, by_rows() ? taps_.size() * sizeof(ConvTap) / sizeof(float) : 0);
  }

  void run(const detail::ThreadPool& pool, const Conv2dImages& images, const float* bias,
           float* workspace) const override {
    for (std::int64_t n = 0; n < images.count; n += together_)
      run_together(pool, images, n, std::min(together_, images.count - n), bias, workspace);
  }

  bool by_rows() const override { return geometry_.keeps_rows() && params_.groups == 1; }
  /// Where a register tile spans channels of several groups, it multiplies those of the others by zero.
  bool wants_finite() const override {
    const std::int64_t group_in = params_.in_channels / params_.groups;
    return std::any_of(columns_.begin(), columns_.end(),
                       [&](const Columns& c) { return c.channels_end - c.channels_begin > group_in; });
  }

  void run_rows(const Conv2dRows& work, const float* bias, float* workspace) const override {
    const Geometry& g = geometry_;
    RowsView x = work.x;
    const ConvTap* taps = taps_.data();
    if (g.staged) {
      const RowWindow window{params_.stride_h, params_.extent_h(), 0};
      RowRange seen = window.of(work.rows);
      if (work.goes_on) seen.first = std::max(seen.first, window.of({0, work.rows.first}).last);
      for (std::int64_t p = 0; p < g.planes; ++p)
        g.stage(work.x, p, workspace + p * g.plane_floats, seen.first, seen.last);
      x = {workspace, g.staged_rows(), g.row_floats(), g.plane_floats};
    } else if (work.x.plane_floats != g.plane_floats) {
      taps = work.goes_on ? reinterpret_cast<const ConvTap*>(workspace) : taps_at(work.x.plane_floats, workspace);
    }
    // Rows that lie one behind the other everywhere go together, so that a line may go on from row to row.
    for (std::int64_t i = work.rows.first, rows = 0; i < work.rows.last; i += rows) {
      rows = std::min(work.rows.last - i, work.y.contiguous(i));
      if (work.residual.data) rows = std::min(rows, work.residual.contiguous(i));
      rows = std::min(rows, (x.contiguous(i * params_.stride_h) - 1) / params_.stride_h + 1);
      run_rows_together(work, x.row(0, i * params_.stride_h), taps, {i, i + rows}, bias);
    }
  }

 private:
  struct Tile {
    std::int64_t x, y, pixels;  ///< where its first pixel's image begins; which pixel of y that is
  };
  /// One or two blocks of output channels, of which `first` is the first, and what they take in.
  struct Columns {
    std::int64_t first, vectors;
    std::int64_t channels_begin, channels_end;
    std::size_t taps_begin, taps_end;
    std::int64_t K, weights;  ///< K: terms of the sum; weights: where they begin
  };

  std::vector<Tile> cut(const Geometry& g) const {
    const std::int64_t lines = g.is_line() ? 1 : g.OH, length = g.is_line() ? pixels_ : g.OW;
    const EvenParts parts(length, micro_->max_rows);
    std::vector<Tile> tiles;
    for (std::int64_t i = 0; i < lines; ++i)
      for (std::int64_t part = 0; part < parts.count; ++part)
        tiles.push_back({g.first_of(i, parts.first(part)), i * length + parts.first(part), parts.size(part)});
    return tiles;
  }

  void cut_columns() {
    const std::int64_t L = micro_->lanes, M = params_.out_channels;
    std::int64_t weights = 0;
    for (std::int64_t m = 0; m < M;) {
      Columns one = columns(m, 1), two = columns(m, M - m > L ? 2 : 1);
      // Two blocks at once, unless that costs more than one by one: then they have no groups in common.
      const std::int64_t rows = tiles_.front().pixels;
      if (two.vectors == 2 && tile_cycles(two, rows) > detail::machine_costs.two_blocks * tile_cycles(one, rows))
        two = one;
      if (!columns_.empty() && columns_.back().channels_begin == two.channels_begin &&
          columns_.back().channels_end == two.channels_end) {
        two.taps_begin = columns_.back().taps_begin, two.taps_end = columns_.back().taps_end;
      } else {
        two.taps_begin = taps_.size();
        add_taps(two);
        two.taps_end = taps_.size();
      }
      two.weights = weights;
      weights += two.K * two.vectors * L;
      m += two.vectors * L;
      columns_.push_back(two);
    }
  }

  Columns columns(std::int64_t first, std::int64_t vectors) const {
    const std::int64_t group_in = params_.in_channels / params_.groups,
                       group_out = params_.out_channels / params_.groups;
    const std::int64_t last = std::min(first + vectors * micro_->lanes, params_.out_channels) - 1;
    Columns c{first, vectors, first / group_out * group_in, (last / group_out + 1) * group_in, 0, 0, 0, 0};
    c.K = (c.channels_end - c.channels_begin) * params_.kernel_h * params_.kernel_w;
    return c;
  }

  /// The order of the sum: planes, then the kernel's rows and columns, then the plane's channels.
  void add_taps(const Columns& c) {
    const std::int64_t pixel_floats = geometry_.pixel_floats;
    for (std::int64_t channel = c.channels_begin; channel < c.channels_end;) {
      const std::int64_t stop = std::min(c.channels_end, (channel / pixel_floats + 1) * pixel_floats);
      for (std::int64_t r = 0; r < params_.kernel_h; ++r)
        for (std::int64_t s = 0; s < params_.kernel_w; ++s)
          taps_.push_back({static_cast<std::int32_t>(channel / pixel_floats * geometry_.plane_floats +
                                                     geometry_.tap_of(r, s) + channel % pixel_floats),
                           static_cast<std::int32_t>(stop - channel)});
      channel = stop;
    }
  }

  /// Rows that lie one behind the other, x pointing at what the first of them sees.
  void run_rows_together(const Conv2dRows& work, const float* x, const ConvTap* taps, RowRange rows,
                         const float* bias) const {
    const Geometry& g = geometry_;
    const std::int64_t L = micro_->lanes, lines = g.is_line() ? 1 : rows.size();
    const EvenParts parts(g.is_line() ? rows.size() * g.OW : g.OW, micro_->max_rows);
    const std::int64_t tiles = lines * parts.count;
    for (const Columns& c : columns_) {
      const std::int64_t block = c.first / L;
      ConvTile tile = tile_of(c, taps, bias, work.clamp);
      tile.block_stride = work.y.plane_floats, tile.residual_stride = work.residual.plane_floats;
      tile.ahead_stride = ahead_stride(c.vectors * L, tiles);
      for (std::int64_t row = rows.first; row < rows.first + lines; ++row) {
        const float* residual = work.residual.data ? work.residual.row(block, row) : nullptr;
        const float* first_x = x + g.first_of(row - rows.first, 0);
        float* y = work.y.row(block, row);
        parts.for_each(0, parts.count, [&](std::int64_t first, std::int64_t pixels) {
          tile.x = first_x + g.first_of(0, first);
          tile.residual = residual ? residual + first * L : nullptr;
          tile.y = y + first * L;
          micro_->conv_tile(g.pixel_stride(), pixels, c.vectors)(tile);
          tile.ahead += c.K * tile.ahead_stride;
        });
      }
    }
  }

  /// What all tiles of these columns have in common; only the weights of the next columns are fetched ahead.
  ConvTile tile_of(const Columns& c, const ConvTap* taps, const float* bias, const Clamp& clamp) const {
    const float* weights = weights_.data() + c.weights;
    return {.x = nullptr,
            .taps = taps + c.taps_begin,
            .taps_end = taps + c.taps_end,
            .weights = weights,
            .ahead = weights + c.K * c.vectors * micro_->lanes,
            .ahead_stride = 0,
            .bias = bias + c.first,
            .residual = nullptr,
            .y = nullptr,
            .block_stride = 0,
            .residual_stride = 0,
            .clamp = clamp};
  }

  /// The taps of an x whose planes lie `plane_floats` apart, which is not grouped and not staged.
  const ConvTap* taps_at(std::int64_t plane_floats, float* workspace) const {
    auto* moved = reinterpret_cast<ConvTap*>(workspace);
    const auto of_plane = static_cast<std::size_t>(params_.kernel_h * params_.kernel_w);
    for (std::size_t t = 0; t < taps_.size(); ++t) {
      const std::int64_t farther = static_cast<std::int64_t>(t / of_plane) * (plane_floats - geometry_.plane_floats);
      moved[t] = {static_cast<std::int32_t>(taps_[t].offset + farther), taps_[t].count};
    }
    return moved;
  }

  /// Calls f(channel of x, r, s) in the order of the taps.
  template <class F>
  void for_each_weight(const Columns& c, const F& f) const {
    for (std::int64_t channel = c.channels_begin; channel < c.channels_end;) {
      const std::int64_t stop =
          std::min(c.channels_end, (channel / geometry_.pixel_floats + 1) * geometry_.pixel_floats);
      for (std::int64_t r = 0; r < params_.kernel_h; ++r)
        for (std::int64_t s = 0; s < params_.kernel_w; ++s)
          for (std::int64_t each = channel; each < stop; ++each) f(each, r, s);
      channel = stop;
    }
  }

  double tile_cycles(const Columns& c, std::int64_t pixels) const {
    return conv_tile_cycles(c.K, pixels, c.vectors) + detail::machine_costs.tile_start +
           detail::machine_costs.tile_vector * static_cast<double>(pixels * c.vectors);
  }

  void run_together(const detail::ThreadPool& pool, const Conv2dImages& images, std::int64_t n, std::int64_t count,
                    const float* bias, float* workspace) const {
    const Geometry& g = geometry_;
    const std::int64_t plain = g.planes * g.H * g.W * g.pixel_floats,
                       image = g.staged ? g.planes * g.plane_floats : plain;
    const float* x = images.x + n * plain;
    if (g.staged) {
      const double operations = detail::machine_costs.copy_operations * static_cast<double>(count * g.staged_floats());
      // Threads share the rows of one image: most rows are then read by the thread that staged them.
      if (count == 1)
        share(pool, g.staged_rows(), operations, [&](std::int64_t, std::int64_t first, std::int64_t last) {
          for (std::int64_t p = 0; p < g.planes; ++p)
            g.stage(x + p * g.H * g.W * g.pixel_floats, workspace + p * g.plane_floats, first, last);
        });
      else
        share(pool, count * g.planes, operations, [&](std::int64_t, std::int64_t first, std::int64_t last) {
          for (std::int64_t p = first; p < last; ++p)
            g.stage(x + p * g.H * g.W * g.pixel_floats, workspace + p * g.plane_floats);
        });
      x = workspace;
    }
    const auto each = static_cast<std::int64_t>(tiles_.size()), blocks = static_cast<std::int64_t>(columns_.size());
    const std::int64_t tiles = count * each, chunk = std::min(chunk_, tiles), chunks = (tiles + chunk - 1) / chunk;
    const double flops = 2 * static_cast<double>(params_.out_channels * params_.depth() * pixels_ * count);
    const bool shared = pieces_of(pool, tiles, flops) > 1;
    const auto weights = static_cast<std::int64_t>(weights_.size());
    const std::int64_t floats = count * (plain + round_up(params_.out_channels, micro_->lanes) * pixels_);
    if (weights <= std::min(detail::machine_costs.most_shared_weights, 2 * floats) && tiles >= 2 * pool.threads()) {
      // Threads take pixels: what one wrote of this layer, it finds in its own cache in the next.
      share(pool, tiles, flops, [&](std::int64_t, std::int64_t first, std::int64_t last) {
        const Work work{images, n, x, image, bias, std::min(chunk, last - first), shared};
        for (std::int64_t begin = first; begin < last; begin += chunk)
          for (const Columns& c : columns_) compute(work, c, begin, std::min(last, begin + chunk), 0);
      });
      return;
    }
    const Work work{images, n, x, image, bias, chunk, shared};
    share(pool, chunks * blocks * chunk, flops, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t u = first; u < last;) {
        // Up to where the columns or the chunk of tiles end.
        const std::int64_t in_chunk = u % chunk, some = std::min(last - u, chunk - in_chunk);
        const std::int64_t begin = u / (blocks * chunk) * chunk + in_chunk;
        compute(work, columns_[static_cast<std::size_t>(u / chunk % blocks)], begin, std::min(tiles, begin + some),
                in_chunk);
        u += some;
      }
    });
  }

  /// Images n, n + 1, ..., the first of them (staged or not) at x and each `image` floats long.
  struct Work {
    const Conv2dImages& images;
    std::int64_t n;
    const float* x;
    std::int64_t image;
    const float* bias;
    std::int64_t chunk;
    bool shared;  ///< other threads compute too
  };

  /// Tiles first .. last-1, counted over all images, of which the first is number `in_chunk` to pass under the same
  /// columns. What all tiles have in common is computed once: a tile of few channels takes no longer than some
  /// divisions do.
  void compute(const Work& work, const Columns& c, std::int64_t first, std::int64_t last, std::int64_t in_chunk) const {
    const auto each = static_cast<std::int64_t>(tiles_.size()), L = std::int64_t{micro_->lanes};
    const std::int64_t y_floats = round_up(params_.out_channels, L) * pixels_;
    ConvTile tile = tile_of(c, taps_.data(), work.bias, work.images.clamp);
    tile.block_stride = tile.residual_stride = pixels_ * L;
    // Each tile fetches a part of what the next columns need.
    tile.ahead_stride = ahead_stride(c.vectors * L, work.chunk);
    tile.ahead += in_chunk * c.K * tile.ahead_stride;
    for (std::int64_t t = first; t < last;) {
      const std::int64_t image = t / each, begin = image * each, end = std::min(last, begin + each);
      const float* x = work.x + image * work.image;
      const std::int64_t y = (work.n + image) * y_floats + c.first * pixels_;
      for (; t < end; ++t) {
        const Tile& at = tiles_[static_cast<std::size_t>(t - begin)];
        tile.x = x + at.x;
        tile.y = work.images.y + y + at.y * L;
        if (work.images.residual) tile.residual = work.images.residual + y + at.y * L;
        for (std::int64_t v = 0; work.shared && v < c.vectors; ++v)
          prefetch_for_write(tile.y + v * pixels_ * L, (at.pixels * L + 15) / 16);
        micro_->conv_tile(geometry_.pixel_stride(), at.pixels, c.vectors)(tile);
        tile.ahead += c.K * tile.ahead_stride;
      }
    }
  }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  std::int64_t pixels_;  ///< of y
  std::vector<Tile> tiles_;
  std::vector<Columns> columns_;
  std::vector<ConvTap> taps_;
  std::int64_t chunk_ = 0, together_ = 0;  ///< tiles that pass under the same weights; images at a time
  detail::PackedWeights weights_;
};

}  // namespace weir::kernels
