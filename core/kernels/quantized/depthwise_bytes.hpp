/// DepthwiseBytes: depthwise convolutions of 8-bit integers by products of bytes, four columns of the kernel at a time.
#pragma once
#include <cstring>
#include <vector>
#include <weir/core/kernels/quantized/conv_algorithm.hpp>
#include <weir/core/kernels/quantized/tiles.hpp>
#include <weir/core/machine_costs.hpp>

namespace weir::quantized {

/// Some rows of the image are copied, padding (the zero point) around them, int8 as uint8 by 128 more, and with a
/// stride of s columns each s-th column beside its like: then four neighbouring pixels of y read contiguous bytes for
/// each column of the kernel.
///
///     [rows of the chunk][column % stride_w][column / stride_w][L]
///
/// The zero point is a part of the bias, as in ByteConv.
class DepthwiseBytes final : public ConvAlgorithm {
 public:
  DepthwiseBytes(const ConvGeometry& g, const ConvNumbers& n)
      : g_(g),
        flip_(g.x_element == Element::int8 ? 0x80 : 0),
        zero_(static_cast<std::uint8_t>(n.x.zero ^ flip_)),
        planes_(round_up(g.p.in_channels, g.L) / g.L),
        width_(g.W + g.p.pad_left + g.p.pad_right),
        phase_((width_ + g.p.stride_w - 1) / g.p.stride_w + strip_pixels),
        chunk_(g.OH),
        numbers_(n, planes_ * g.L, [&](std::int64_t m) { return m < g.p.out_channels ? m : -1; }) {
    while (chunk_ > 1 && rows_needed(chunk_) * row_bytes() > detail::machine_costs.int8_depthwise_bytes)
      chunk_ = (chunk_ + 1) / 2;
    for (std::int64_t h = 0; h < g.p.kernel_h; ++h)
      for (std::int64_t w = 0; w < round_up(g.p.kernel_w, 4); ++w)
        offsets_.push_back(h * g.p.dilation_h * row_bytes() + column(std::min(w, g.p.kernel_w - 1) * g.p.dilation_w));
    pack(n);
    for (std::int64_t m = 0; m < g.p.out_channels; ++m) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < g.p.depth(); ++k) sum += n.weight(m, k, g.p.depth());
      auto& bias = numbers_.bias[static_cast<std::size_t>(m)];  // its lowest 32 bits count
      bias = static_cast<std::int32_t>(static_cast<std::uint32_t>(bias - zero_ * sum));
    }
  }

  /// Whether there are strips, and the weights are such that no sum saturates. Wide kernels are faster by words.
  static bool fits(const ConvGeometry& g, const ConvNumbers& n) {
    const Tiles& kernels = tiles(g.isa);
    if (kernels.strip == nullptr || g.p.kernel_w > 4) return false;
    const std::int64_t depth = g.p.depth(), KW = g.p.kernel_w;
    for (std::int64_t m = 0; m < g.p.out_channels; ++m)
      for (std::int64_t k = 0; k < depth; ++k) {
        const std::int32_t w = n.weight(m, k, depth);
        if (w < -128 || w > 127) return false;
        const std::int32_t next = k % KW % 2 == 0 && k % KW + 1 < KW ? n.weight(m, k + 1, depth) : 0;
        if (kernels.adds_words && (std::max(w, 0) + std::max(next, 0) > most_of_four_weights ||
                                   std::min(w, 0) + std::min(next, 0) < -most_of_four_weights))
          return false;
      }
    return true;
  }

  const char* name() const override { return "int8 depthwise bytes"; }
  std::int64_t output_tiles() const override { return planes_; }
  const detail::PackedWeights& weights() const override { return weights_; }
  std::int64_t workspace_floats() const override { return (rows_needed(chunk_) * row_bytes() + slack) / 4; }

  void run(const ConvPart& part, float* workspace) const override {
    auto* staged = reinterpret_cast<std::uint8_t*>(workspace);
    for (std::int64_t plane = part.tiles.first; plane < part.tiles.last; ++plane)
      for (std::int64_t first = part.rows.first; first < part.rows.last; first += chunk_) {
        const std::int64_t n = std::min(chunk_, part.rows.last - first);
        stage(part, plane, first, n, staged);
        rows(staged, part.y, plane, first, n);
      }
  }

 private:
  static constexpr std::int64_t slack = 128;  ///< bytes that a strip of which few pixels count may read behind

  std::int64_t row_bytes() const { return g_.p.stride_w * phase_ * g_.L; }
  std::int64_t rows_needed(std::int64_t n) const { return (n - 1) * g_.p.stride_h + g_.p.extent_h(); }
  /// Where column w of the padded image lies in a row.
  std::int64_t column(std::int64_t w) const { return (w % g_.p.stride_w * phase_ + w / g_.p.stride_w) * g_.L; }

  void pack(const ConvNumbers& n) {
    const std::int64_t KH = g_.p.kernel_h, KW = g_.p.kernel_w, quads = (KW + 3) / 4, L = g_.L;
    const std::int64_t bytes = planes_ * KH * quads * L * L;  // L / 4 registers of 4 L bytes
    auto* out = reinterpret_cast<std::int8_t*>(weights_.reserve(static_cast<std::size_t>(bytes / 4)));
    for (std::int64_t plane = 0; plane < planes_; ++plane)
      for (std::int64_t t = 0; t < KH * quads; ++t)
        for (std::int64_t four = 0; four < L / 4; ++four)
          for (std::int64_t i = 0; i < 4 * L; ++i) {
            const std::int64_t m = plane * L + 4 * four + i % 16 / 4, w = t % quads * 4 + i % 4;
            const bool there = m < g_.p.out_channels && w < KW;
            *out++ = static_cast<std::int8_t>(there ? n.weight(m, t / quads * KW + w, KH * KW) : 0);
          }
  }

  /// The rows that n rows of y from `first` on need.
  void stage(const ConvPart& part, std::int64_t plane, std::int64_t first, std::int64_t n, std::uint8_t* to) const {
    const std::int64_t top = first * g_.p.stride_h - g_.p.pad_top, L = g_.L;
    for (std::int64_t i = 0; i < rows_needed(n); ++i, to += row_bytes()) {
      const std::int64_t r = top + i;
      if (r < 0 || r >= g_.H) {
        std::memset(to, zero_, static_cast<std::size_t>(row_bytes()));
        continue;
      }
      const std::uint8_t* in = part.x.row(plane, r);
      if (g_.p.stride_w == 1) {
        fill(to, g_.p.pad_left);
        copy(in, g_.W * L, to + g_.p.pad_left * L);
        fill(to + (g_.p.pad_left + g_.W) * L, g_.p.pad_right);
        continue;
      }
      for (std::int64_t w = 0; w < g_.p.pad_left; ++w) fill(to + column(w), 1);
      for (std::int64_t w = g_.p.pad_left + g_.W; w < width_; ++w) fill(to + column(w), 1);
      copy_columns(in, to);
    }
  }
  void fill(std::uint8_t* to, std::int64_t pixels) const {
    std::memset(to, zero_, static_cast<std::size_t>(pixels * g_.L));
  }
  void copy(const std::uint8_t* from, std::int64_t n, std::uint8_t* to) const {
    if (flip_ == 0)
      std::memcpy(to, from, static_cast<std::size_t>(n));
    else
      for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<std::uint8_t>(from[i] ^ flip_);
  }
  /// Each column to those that are as many strides away.
  void copy_columns(const std::uint8_t* from, std::uint8_t* to) const {
    const std::int64_t L = g_.L, pad = g_.p.pad_left;
    std::int64_t w = 0;
#if defined(__x86_64__)
    if (g_.p.stride_w == 2)
      w = split_columns_avx2(from, g_.W, L, static_cast<std::uint8_t>(flip_), to + column(pad), to + column(pad + 1));
#endif
    for (; w < g_.W; ++w) copy(from + w * L, L, to + column(pad + w));
  }

  /// n rows of y from `first` on, of those that are staged.
  void rows(const std::uint8_t* staged, const Image& y, std::int64_t plane, std::int64_t first, std::int64_t n) const {
    const Tiles& kernels = tiles(g_.isa);
    const bool by_strips = g_.p.kernel_h == 3 && g_.p.stride_h == 1 && g_.p.dilation_h == 1 && g_.p.kernel_w <= 4;
    DepthwiseStrip s{.x = nullptr,
                     .offsets = offsets_.data(),
                     .offsets_end = offsets_.data() + offsets_.size(),
                     .row = row_bytes(),
                     .weights = reinterpret_cast<const std::int8_t*>(weights_.data()) +
                                plane * static_cast<std::int64_t>(offsets_.size()) / 4 * g_.L * g_.L,
                     .bias = numbers_.bias.data() + plane * g_.L,
                     .scale = numbers_.scale.data() + plane * g_.L,
                     .rounding = g_.rounding,
                     .is_signed = g_.is_signed,
                     .y = nullptr,
                     .y_row = 0};
    for (std::int64_t r = 0; r < n;) {
      // Rows that lie one behind the other, which those of a ring of rows do until its end.
      std::int64_t R = by_strips ? std::min<std::int64_t>(kernels.strip_rows, n - r) : 1;
      R = std::min(R, y.rows - (first + r) % y.rows);
      s.y_row = y.row_bytes;
      const DepthwiseStripKernel kernel = by_strips ? kernels.strips[static_cast<std::size_t>(R - 1)] : kernels.strip;
      const std::uint8_t* x = staged + r * g_.p.stride_h * row_bytes();
      auto* out = const_cast<std::uint8_t*>(y.row(plane, first + r));
      strips(s, kernel, R, x, out);
      r += R;
    }
  }
  /// R rows, four columns at a time; the last ones perhaps again.
  void strips(DepthwiseStrip& s, DepthwiseStripKernel kernel, std::int64_t R, const std::uint8_t* x,
              std::uint8_t* y) const {
    const std::int64_t L = g_.L;
    if (g_.OW < strip_pixels) {
      std::array<std::uint8_t, most_strip_rows * strip_pixels * 16> bytes;
      const std::int64_t row = s.y_row;
      s.x = x, s.y = bytes.data(), s.y_row = strip_pixels * L;
      kernel(s);
      for (std::int64_t r = 0; r < R; ++r)
        std::memcpy(y + r * row, bytes.data() + r * strip_pixels * L, static_cast<std::size_t>(g_.OW * L));
      return;
    }
    for (std::int64_t w = 0; w < g_.OW; w += strip_pixels) {
      const std::int64_t at = std::min(w, g_.OW - strip_pixels) * L;
      s.x = x + at, s.y = y + at;
      kernel(s);
    }
  }

  ConvGeometry g_;
  int flip_;
  std::uint8_t zero_;
  std::int64_t planes_, width_, phase_, chunk_;
  ChannelNumbers numbers_;
  std::vector<std::int64_t> offsets_;  ///< four for each quad
  detail::PackedWeights weights_;
};

}  // namespace weir::quantized
