/// PackedConv: a convolution or matrix product of 8-bit integers, with weights packed once.
#pragma once
#include <memory>
#include <weir/core/context.hpp>
#include <weir/core/kernels/quantized/byte_conv.hpp>
#include <weir/core/kernels/quantized/depthwise_bytes.hpp>
#include <weir/core/kernels/quantized/depthwise_conv.hpp>
#include <weir/core/kernels/quantized/winograd.hpp>
#include <weir/core/kernels/quantized/word_conv.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>

namespace weir::quantized {

/// A convolution for images of one size, packed for an instruction set by the fastest ConvAlgorithm that can. y is
/// blocked, or rows of channels where x is.
class PackedConv {
 public:
  /// x [N, C, H, W], of which N does not matter; for rows [1, C, 1, pixels that pass together]. No sum overflows.
  /// zero_later: run_sums() is given another x.zero each time. sum: another image is added to the result, of blocked x
  /// and not of a depthwise convolution.
  PackedConv(const kernels::Conv2dParams& params, const ConvNumbers& numbers, Isa isa, const Shape& x, Source source,
             bool zero_later = false, const std::optional<PairNumbers>& sum = std::nullopt)
      : g_(params, numbers, isa, x, source, sum),
        x_zero_(numbers.x.zero),
        algorithm_(chosen(g_, numbers, zero_later)) {}

  const kernels::Conv2dParams& params() const { return g_.p; }
  const char* name() const { return algorithm_->name(); }
  double weights_floats() const { return static_cast<double>(algorithm_->weights().size()); }

  /// Of one thread, in floats.
  std::int64_t workspace_floats() const { return algorithm_->workspace_floats(); }

  RowWindow row_window() const { return {g_.p.stride_h, g_.p.extent_h(), g_.p.pad_top, algorithm_->row_multiple()}; }

  /// All of N images, or of N rows of channels. other: the images that are added, if the result is a sum; may be y.
  void run(const Context& context, const void* x, const void* other, void* y, std::int64_t N, float* workspace) const {
    if (g_.source == Source::rows) return run_matrix(context, x, y, nullptr, x_zero_, N, workspace);
    const double operations = g_.p.flops(Shape{N, g_.p.in_channels, g_.H, g_.W});
    const std::int64_t apart = kernels::workspaces_apart(workspace_floats());
    const std::int64_t threads = context.threads(), tiles = algorithm_->output_tiles();
    const auto part = [&](std::int64_t n, RowRange rows, RowRange some, std::int64_t piece) {
      algorithm_->run({g_.input(x, n), g_.output(other, n), g_.output(y, n), nullptr, rows, some, g_.OW, x_zero_},
                      workspace + piece * apart);
    };
    if (threads > 1 && N >= 2 * threads) {
      kernels::share(context.pool(), N, operations, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
        for (std::int64_t n = first; n < last; ++n) part(n, {0, g_.OH}, {0, tiles}, piece);
      });
      return;
    }
    const std::int64_t multiple = algorithm_->row_multiple(), strips = (g_.OH + multiple - 1) / multiple;
    const bool by_rows = strips >= 7 * threads;
    for (std::int64_t n = 0; n < N; ++n)
      kernels::share(context.pool(), by_rows ? strips : tiles, operations / static_cast<double>(N),
                     [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
                       if (by_rows)
                         part(n, {first * multiple, std::min(last * multiple, g_.OH)}, {0, tiles}, piece);
                       else
                         part(n, {0, g_.OH}, {first, last}, piece);
                     });
  }
  /// Rows y of one image, by the calling thread.
  void run_rows(const Image& x, const Image& other, const Image& y, RowRange rows, float* workspace) const {
    algorithm_->run({x, other, y, nullptr, rows, {0, algorithm_->output_tiles()}, g_.OW, x_zero_}, workspace);
  }
  /// The sums of N images of plain x instead, [N, M, OH, OW], or [N, M] for rows; x.zero is given now.
  void run_sums(const Context& context, const void* x, std::int64_t N, std::int32_t x_zero, std::int32_t* sums,
                float* workspace) const {
    if (g_.source == Source::rows) return run_matrix(context, x, nullptr, sums, x_zero, N, workspace);
    const std::int64_t apart = kernels::workspaces_apart(workspace_floats());
    for (std::int64_t n = 0; n < N; ++n)
      kernels::share(context.pool(), algorithm_->output_tiles(), g_.p.flops(Shape{1, g_.p.in_channels, g_.H, g_.W}),
                     [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
                       algorithm_->run({g_.input(x, n),
                                        {},
                                        {},
                                        sums + n * g_.p.out_channels * g_.OH * g_.OW,
                                        {0, g_.OH},
                                        {first, last},
                                        g_.OW,
                                        x_zero},
                                       workspace + piece * apart);
                     });
  }

 private:
  /// By sizes, weights and instruction set only.
  static std::shared_ptr<const ConvAlgorithm> chosen(const ConvGeometry& g, const ConvNumbers& n, bool zero_later) {
    if (DepthwiseConv::fits(g)) {
      if (DepthwiseBytes::fits(g, n)) return std::make_shared<DepthwiseBytes>(g, n);
      return std::make_shared<DepthwiseConv>(g, n);
    }
    const bool winograd = Winograd::fits(g, n);
    if (winograd && Winograd::pays(g, true)) return std::make_shared<Winograd>(g, n);
    if (ByteConv::fits(g) && !zero_later)
      if (auto bytes = std::make_shared<ByteConv>(g, n); bytes->steps() <= most_steps(g)) return bytes;
    if (winograd && Winograd::pays(g, false)) return std::make_shared<Winograd>(g, n);
    return std::make_shared<WordConv>(g, n);
  }
  /// The most steps (see ByteConv::steps()) with which ByteConv is as fast as WordConv. Eight products of bytes take 10
  /// instructions without VNNI, four pairs of 16 bits take 16, and a pixel of bytes some 12 more, whatever the depth
  /// is; with VNNI 2 and 4. A plain image of few channels fills its steps in part only.
  static double most_steps(const ConvGeometry& g) {
    const bool plain = g.source == Source::plain;
    const std::int64_t pairs = (g.p.kernel_w + 1) / 2;  // of columns
    const std::int64_t eights = g.p.kernel_h * (plain ? pairs : g.p.kernel_w * (round_up(g.group_in, 8) / 8));
    const auto numbers = static_cast<double>(g.p.kernel_w * round_up(g.group_in, 2));
    const double filled = plain ? numbers / static_cast<double>(8 * pairs) : 1;
    return tiles(g.isa).adds_words ? 1.6 * filled - 1.2 / static_cast<double>(eights) : 2 * filled;
  }

  /// Rows of channels, as many at a time as W.
  void run_matrix(const Context& context, const void* x, void* y, std::int32_t* sums, std::int32_t x_zero,
                  std::int64_t N, float* workspace) const {
    const std::int64_t apart = kernels::workspaces_apart(workspace_floats()), M = g_.p.out_channels;
    for (std::int64_t n = 0; n < N; n += g_.W) {
      const Image in{static_cast<const std::uint8_t*>(x) + n * g_.p.in_channels, 1, 0, 0};
      const Image out{static_cast<const std::uint8_t*>(y) + (y == nullptr ? 0 : n * M), 1, 0, 0};
      const std::int64_t pixels = std::min(g_.W, N - n);
      kernels::share(
          context.pool(), algorithm_->output_tiles(), 2.0 * static_cast<double>(pixels * M * g_.p.in_channels),
          [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
            algorithm_->run(
                {in, {}, out, sums == nullptr ? nullptr : sums + n * M, {0, 1}, {first, last}, pixels, x_zero},
                workspace + piece * apart);
          });
    }
  }

  ConvGeometry g_;
  std::int32_t x_zero_;
  std::shared_ptr<const ConvAlgorithm> algorithm_;
};

}  // namespace weir::quantized
