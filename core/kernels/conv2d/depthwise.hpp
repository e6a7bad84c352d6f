/// Depthwise convolution: one input channel for each output channel.
#pragma once
#include <utility>
#include <vector>
#include <weir/core/kernels/conv2d/depthwise_staged.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// groups == in_channels == out_channels; x and y are blocked, so a vector is one pixel of as many channels as it has
/// floats. For kernels 3 or 5 columns wide, the usual ones: tiles of a few neighbouring pixels read the image where it
/// is, and what lies outside it is left out of the sum. DepthwiseStaged has all others.
class Depthwise : public Conv2dAlgorithm {
 public:
  Depthwise(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p), micro_(&micro), H_(x[2]), W_(x[3]), planes_(round_up(p.in_channels, micro.lanes) / micro.lanes) {
    const Shape y = p.output_shape(x);
    OH_ = y[2], OW_ = y[3];
    band_ = std::clamp<std::int64_t>(detail::machine_costs.depthwise_input_floats / (W_ * micro.lanes * p.stride_h), 1,
                                     OH_);
    cut_row();
  }

  static bool fits(const Conv2dParams& p) {
    return DepthwiseStaged::fits(p) && (p.kernel_w == 3 || p.kernel_w == 5) && p.stride_w <= 2 && p.dilation_w == 1 &&
           p.pad_left < p.kernel_w && p.pad_right < p.kernel_w;
  }

  std::string_view name() const override { return "depthwise"; }
  std::string tile() const override {
    return std::to_string(runs_.front().pixels) + "x" + std::to_string(micro_->lanes);
  }
  double cost() const override {
    const auto vectors = static_cast<double>(planes_ * OH_ * OW_);
    return vectors * (detail::machine_costs.depthwise_term * static_cast<double>(params_.depth()) +
                      detail::machine_costs.depthwise_vector);
  }
  void pack(std::span<const float> weights) override { pack_depthwise(params_, micro_->lanes, weights, weights_); }
  std::size_t workspace_floats(std::int64_t) const override { return 0; }

  void run(const detail::ThreadPool& pool, const Conv2dImages& images, const float* bias, float*) const override {
    // Threads share a single large image by rows, and otherwise the planes of all images, as the layers before and
    // after do.
    const std::int64_t threads = pool.threads(), L = micro_->lanes;
    const bool in_rows = images.count == 1 && H_ * W_ > depthwise_smallest_in_rows;
    const std::int64_t part = in_rows ? (OH_ + threads - 1) / threads : OH_;
    const std::int64_t parts = (OH_ + part - 1) / part, planes = images.count * planes_;
    // Each operation takes as long as two of a direct convolution.
    const double flops = 4 * static_cast<double>(params_.out_channels * params_.depth() * OH_ * OW_ * images.count);
    const bool shared = pieces_of(pool, planes * parts, flops) > 1;
    share(pool, planes * parts, flops, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t u = first; u < last; ++u) {
        const std::int64_t begin = u / planes * part;
        // Images lie one behind the other, so their planes are numbered on.
        const RowsView x{const_cast<float*>(images.x), H_, W_ * L, H_ * W_ * L};
        const RowsView residual{const_cast<float*>(images.residual), OH_, OW_ * L, OH_ * OW_ * L};
        const RowsView y{images.y, OH_, OW_ * L, OH_ * OW_ * L};
        convolve({x, residual, y, {begin, std::min(OH_, begin + part)}, images.clamp}, u % planes, bias, shared);
      }
    });
  }

  bool by_rows() const override { return true; }
  void run_rows(const Conv2dRows& work, const float* bias, float*) const override {
    for (std::int64_t p = 0; p < planes_; ++p) convolve(work, p, bias, false);
  }

 private:
  static constexpr std::int64_t asked_ahead = 1 << 10;  ///< floats of y that lines are asked for ahead of the stores

  /// Neighbouring tiles of a row that one call of a kernel computes.
  struct Run {
    std::int64_t j, pixels, tiles;  ///< first pixel; pixels of each tile
    std::int64_t absent_left, absent_right;
  };

  /// Cuts a row into the fewest tiles, as equal as possible, larger ones first; a tile that reaches beyond the image is
  /// a run of its own.
  void cut_row() {
    const std::int64_t count = EvenParts(OW_, max_depthwise_rows).count, S = params_.stride_w;
    for (std::int64_t t = 0, j = 0; t < count; ++t) {
      const std::int64_t pixels = OW_ / count + (t < OW_ % count ? 1 : 0), at = j * S - params_.pad_left;
      const Run run{j, pixels, 1, std::max<std::int64_t>(0, -at),
                    std::max<std::int64_t>(0, at + (pixels - 1) * S + params_.kernel_w - W_)};
      const bool inside = run.absent_left == 0 && run.absent_right == 0;
      if (inside && !runs_.empty() && runs_.back().pixels == pixels && runs_.back().absent_left == 0)
        ++runs_.back().tiles;
      else
        runs_.push_back(run);
      j += pixels;
    }
  }

  /// Plane n, counted over all images, of y.
  void convolve(const Conv2dRows& work, std::int64_t n, const float* bias, bool shared) const {
    const std::int64_t L = micro_->lanes, plane = n % planes_, line = OW_ * L;
    const std::int64_t band = shared ? std::clamp<std::int64_t>(asked_ahead / line, 1, band_) : band_;
    for (std::int64_t i = work.rows.first; i < work.rows.last;) {
      // Rows that see the same rows of the kernel, and lie one behind the other, go together.
      const auto [k, k_end] = kernel_rows(i);
      std::int64_t most = std::min({work.rows.last, i + band, i + work.y.contiguous(i)}), end = i + 1;
      if (work.residual.data) most = std::min(most, i + work.residual.contiguous(i));
      while (end < most && kernel_rows(end) == std::pair(k, k_end)) ++end;
      // Prefetches one band ahead, so that its lines are in the cache when they are written.
      if (shared) ask(work, n, i == work.rows.first ? i : end, std::min(work.rows.last, end + band));
      for (const Run& run : runs_) {
        const std::int64_t top = k == k_end ? 0 : i * params_.stride_h - params_.pad_top + k * params_.dilation_h,
                           at = run.j * L, ring_row = top % work.x.rows;
        micro_->depthwise_rows_of(params_.kernel_w, params_.stride_w, run.pixels)(
            {.x = work.x.row(n, 0),
             .first = (ring_row * W_ + run.j * params_.stride_w - params_.pad_left) * L,
             .x_row = params_.stride_h * W_ * L,
             .kernel_row = params_.dilation_h * W_ * L,
             .y_row = line,
             .x_wrap = (work.x.rows - ring_row) * W_ * L,
             .x_ring = work.x.rows * W_ * L,
             .rows = end - i,
             .tiles = run.tiles,
             .kernel_rows = k_end - k,
             .absent_left = run.absent_left,
             .absent_right = run.absent_right,
             .weights = weights_.data() + (plane * params_.kernel_h + k) * params_.kernel_w * L,
             .bias = bias + plane * L,
             .residual = work.residual.data ? work.residual.row(n, i) + at : nullptr,
             .y = work.y.row(n, i) + at,
             .clamp = work.clamp});
      }
      i = end;
    }
  }

  /// Rows first .. last-1 of plane n of y will soon be written.
  static void ask(const Conv2dRows& work, std::int64_t n, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) prefetch_for_write(work.y.row(n, i), (work.y.row_floats + 15) / 16);
  }

  /// Rows of the kernel, [first, last), that lie within the image for row i of y; none: [0, 0).
  std::pair<std::int64_t, std::int64_t> kernel_rows(std::int64_t i) const {
    const std::int64_t top = i * params_.stride_h - params_.pad_top, d = params_.dilation_h;
    const auto reach = [&](std::int64_t row) {  // the first row of the kernel that is at `row` of x or below
      return std::clamp<std::int64_t>((row - top + d - 1) / d, 0, params_.kernel_h);
    };
    const std::int64_t first = top >= 0 ? 0 : reach(0), last = top >= H_ ? 0 : reach(H_);
    return first < last ? std::pair(first, last) : std::pair<std::int64_t, std::int64_t>(0, 0);
  }

  Conv2dParams params_;
  const Microkernels* micro_;
  std::int64_t H_, W_, planes_, OH_ = 0, OW_ = 0;
  std::int64_t band_ = 0;  ///< rows of y that a kernel computes of all columns before the next
  std::vector<Run> runs_;
  detail::PackedWeights weights_;
};

}  // namespace weir::kernels
