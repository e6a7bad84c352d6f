/// Depthwise convolution of any kernel, stride and dilation: on staged bands of the image.
#pragma once
#include <vector>
#include <weir/core/kernels/conv2d/algorithm.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/parallel.hpp>

namespace weir::kernels {

/// Pixels of larger images are shared out by rows.
inline constexpr std::int64_t depthwise_smallest_in_rows = 64;

/// weights [C, 1, kernel_h, kernel_w] -> to [blocks of L channels][kernel_h * kernel_w][L], zeros behind C.
inline void pack_depthwise(const Conv2dParams& p, std::int64_t L, std::span<const float> weights,
                           detail::PackedWeights& to) {
  const std::int64_t K = p.depth();
  const auto floats = static_cast<std::size_t>(round_up(p.in_channels, L) * K);
  std::fill_n(to.reserve(floats), floats, 0.0F);
  for (std::int64_t c = 0; c < p.in_channels; ++c)
    for (std::int64_t k = 0; k < K; ++k)
      to.data()[(c / L * K + k) * L + c % L] = weights[static_cast<std::size_t>(c * K + k)];
}

/// groups == in_channels == out_channels; x and y are blocked, so a vector is one pixel of as many channels as it has
/// floats. Bands of rows of each block of channels are staged (padded, long strides split away) into the cache and then
/// convolved, a few neighbouring pixels at a time.
class DepthwiseStaged : public Conv2dAlgorithm {
 public:
  DepthwiseStaged(const Conv2dParams& p, const Shape& x, const Microkernels& micro)
      : params_(p),
        micro_(&micro),
        geometry_(p, x, Layout::blocked, micro.isa),
        across_(geometry_.OW, max_depthwise_rows) {
    band_ = geometry_.in_rows() ? std::clamp<std::int64_t>(detail::machine_costs.depthwise_staged_floats /
                                                               (geometry_.row_floats() * p.stride_h),
                                                           1, geometry_.OH)
                                : geometry_.OH;
    for (std::int64_t r = 0; r < p.kernel_h; ++r)
      for (std::int64_t s = 0; s < p.kernel_w; ++s)
        offset_.push_back(static_cast<std::int32_t>(geometry_.tap_of(r, s)));
  }

  static bool fits(const Conv2dParams& p) { return p.groups == p.in_channels && p.out_channels == p.in_channels; }

  std::string_view name() const override { return "depthwise_staged"; }
  std::string tile() const override {
    return std::to_string(across_.size(across_.count - 1)) + "x" + std::to_string(micro_->lanes);
  }
  double cost() const override {
    const auto vectors = static_cast<double>(geometry_.planes * geometry_.OH * geometry_.OW);
    return vectors * (detail::machine_costs.depthwise_term * static_cast<double>(params_.depth()) +
                      detail::machine_costs.depthwise_staged_vector) +
           static_cast<double>(geometry_.staged_floats()) / detail::machine_costs.staged_floats;
  }
  void pack(std::span<const float> weights) override { pack_depthwise(params_, micro_->lanes, weights, weights_); }
  std::size_t workspace_floats(std::int64_t threads) const override {
    return workspaces_floats(threads, piece_floats());
  }

  void run(const detail::ThreadPool& pool, const Conv2dImages& images, const float* bias,
           float* workspace) const override {
    const Geometry& g = geometry_;
    // Threads share a single large image by rows, and otherwise the planes of all images, as the layers before and
    // after do.
    const std::int64_t most = std::max<std::int64_t>(1, (g.OH + pool.threads() - 1) / pool.threads());
    const bool by_rows = g.in_rows() && images.count == 1 && g.H * g.W > depthwise_smallest_in_rows;
    const std::int64_t band = by_rows ? std::min(band_, most) : band_;
    const std::int64_t bands = (g.OH + band - 1) / band, planes = images.count * g.planes;
    // Each operation takes as long as four of a direct convolution.
    const double flops = 8 * static_cast<double>(params_.out_channels * params_.depth() * g.OH * g.OW * images.count);
    const bool shared = pieces_of(pool, planes * bands, flops) > 1;
    share(pool, planes * bands, flops, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
      for (std::int64_t u = first; u < last; ++u) {
        const std::int64_t n = u % planes, i = u / planes * band, end = std::min(g.OH, i + band);
        const float* x = images.x + n * g.H * g.W * g.pixel_floats;
        std::int64_t top = 0;  // row of the padded image that the kernels begin at
        if (g.staged) {
          float* staged = workspace + piece * workspaces_apart(piece_floats());
          if (g.in_rows()) {
            top = i * params_.stride_h;
            g.stage_rows(x, staged, top, (end - 1) * params_.stride_h + params_.extent_h());
          } else {
            g.stage(x, staged);
          }
          x = staged;
        }
        convolve(images, n, x, top, i, end, bias, shared);
      }
    });
  }

 private:
  static constexpr std::int64_t asked_ahead = 1 << 10;  ///< floats of y from where lines are asked for to the stores

  /// Rows first .. last-1 of plane n, counted over all images, of y; x begins with row `top`.
  void convolve(const Conv2dImages& images, std::int64_t n, const float* x, std::int64_t top, std::int64_t first,
                std::int64_t last, const float* bias, bool shared) const {
    const Geometry& g = geometry_;
    const std::int64_t L = micro_->lanes, plane = n % g.planes;
    const std::int64_t end = (n * g.OH + last) * g.OW * L;
    const auto ask = [&](std::int64_t y, std::int64_t floats) {
      if (y < end) prefetch_for_write(images.y + y, (std::min(floats, end - y) + 15) / 16);
    };
    if (shared) ask((n * g.OH + first) * g.OW * L, asked_ahead);
    for (std::int64_t i = first; i < last; ++i)
      for (std::int64_t part = 0; part < across_.count; ++part) {
        const std::int64_t j = across_.first(part), y = (n * g.OH * g.OW + i * g.OW + j) * L;
        if (shared) ask(y + asked_ahead, across_.size(part) * L);
        micro_->depthwise_tile(g.step(),
                               across_.size(part))({.x = x + g.first_of(i, j) - top * g.row_floats(),
                                                    .offset = offset_.data(),
                                                    .offset_end = offset_.data() + offset_.size(),
                                                    .weights = weights_.data() + plane * params_.depth() * L,
                                                    .bias = bias + plane * L,
                                                    .residual = images.residual ? images.residual + y : nullptr,
                                                    .y = images.y + y,
                                                    .clamp = images.clamp});
      }
  }

  std::int64_t piece_floats() const {
    if (!geometry_.staged) return 0;
    if (!geometry_.in_rows()) return round_up(geometry_.plane_floats, 16);
    return round_up(((band_ - 1) * params_.stride_h + params_.extent_h()) * geometry_.row_floats(), 16);
  }

  Conv2dParams params_;
  const Microkernels* micro_;
  Geometry geometry_;
  EvenParts across_;  ///< of a row of y
  std::int64_t band_ = 0;
  std::vector<std::int32_t> offset_;
  detail::PackedWeights weights_;
};

}  // namespace weir::kernels
