/// Convolutions and matrix products of 8-bit integers, with weights packed once.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/conv2d/params.hpp>
#include <weir/core/kernels/quantized/tiles.hpp>
#include <weir/core/kernels/share.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/memory/packed_weights.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/rows.hpp>

namespace weir::quantized {

/// What a convolution of integers is beside its sizes. With x and weights as stored, x[..] being x.zero in the padding:
///
///     sum = bias[m] + sum over c, r, s of (weights[m, c, r, s] - weights_zero[m]) * (x[..] - x.zero)
///     y   = saturate(round(sum * (x.scale * weights_scale[m] / y.scale)) + y.zero)
///
/// with the indices of Conv2dParams; after ONNX, QLinearConv. `low`: y is at least that (a ReLU: y.zero).
struct ConvNumbers {
  Quantization x, y;
  std::vector<std::int32_t> weights;             ///< [M, C/groups, kernel_h, kernel_w]
  std::vector<std::int32_t> weights_zero, bias;  ///< one or M; none or M
  std::vector<float> weights_scale;              ///< one or M
  std::int32_t low = std::numeric_limits<std::int32_t>::min();

  std::int32_t weight(std::int64_t m, std::int64_t i, std::int64_t depth) const {
    const std::int32_t zero = weights_zero.empty()       ? 0
                              : weights_zero.size() == 1 ? weights_zero[0]
                                                         : weights_zero[static_cast<std::size_t>(m)];
    return weights[static_cast<std::size_t>(m * depth + i)] - zero;
  }
  /// An output channel whose sum may not fit into 32 bits, for the worst x; `depth` terms each, after M channels.
  std::optional<std::int64_t> overflowing(std::int64_t M, std::int64_t depth) const {
    const std::int64_t most = std::max(std::abs(lowest(x.element) - x.zero), std::abs(highest(x.element) - x.zero));
    for (std::int64_t m = 0; m < M; ++m) {
      std::int64_t sum = std::abs(std::int64_t{bias_of(m)});
      for (std::int64_t i = 0; i < depth; ++i) sum += most * std::abs(weight(m, i, depth));
      if (sum > std::numeric_limits<std::int32_t>::max()) return m;
    }
    return std::nullopt;
  }
  std::int32_t bias_of(std::int64_t m) const { return bias.empty() ? 0 : bias[static_cast<std::size_t>(m)]; }
  float scale(std::int64_t m) const {
    const float w = weights_scale[weights_scale.size() == 1 ? 0 : static_cast<std::size_t>(m)];
    float product = x.scale * w;
    rounded(product);
    return product / y.scale;
  }
};

/// How the input lies: an image, plain or blocked, or rows of channels, one for each pixel (a matrix [pixels, C]).
enum class Source { plain, blocked, rows };

/// A convolution for images of one size, packed for an instruction set. The image is first copied as 16-bit numbers
/// with the zero point taken off and zeros around it, some rows at a time; from that copy the tiles read. y is blocked,
/// or rows of channels where x is.
class PackedConv {
 public:
  /// x [N, C, H, W], of which N does not matter; for rows [1, C, 1, pixels that pass together]. No sum overflows.
  PackedConv(const Conv2dParams& params, const ConvNumbers& numbers, Isa isa, const Shape& x, Source source)
      : p_(params),
        x_zero_(numbers.x.zero),
        x_element_(numbers.x.element),
        source_(source),
        isa_(isa),
        rounding_(numbers.y),
        is_signed_(numbers.y.element == Element::int8) {
    const Shape y = params.output_shape(x);
    H_ = x[2], W_ = x[3], OH_ = y[2], OW_ = y[3], L_ = lanes(isa);
    rounding_.low = std::max(rounding_.low, static_cast<float>(std::max(numbers.low, -1024) - numbers.y.zero));
    depthwise_ =
        p_.groups == p_.in_channels && p_.groups == p_.out_channels && p_.groups > 1 && source_ == Source::blocked;
    group_in_ = p_.in_channels / p_.groups, group_out_ = p_.out_channels / p_.groups;
    as_blocks_ = depthwise_ || (source_ == Source::blocked && p_.groups == 1);
    S_ = as_blocks_ ? L_ : round_up(group_in_, 2);
    planes_ = as_blocks_ ? round_up(p_.in_channels, L_) / L_ : 1;
    skips_rows_ = p_.kernel_h == 1;
    padded_width_ = W_ + p_.pad_left + p_.pad_right;
    chunk_rows_ = OH_;
    while (chunk_rows_ > 1 && staged_numbers(chunk_rows_) > stage_limit) chunk_rows_ = (chunk_rows_ + 1) / 2;
    staged_rows_ = rows_needed(chunk_rows_);
    if (depthwise_)
      pack_depthwise(numbers);
    else
      pack(numbers);
  }

  const Conv2dParams& params() const { return p_; }

  /// Of one thread, in floats.
  std::int64_t workspace_floats() const { return staged_numbers(chunk_rows_) / 2 + 16; }

  RowWindow row_window() const { return {p_.stride_h, p_.extent_h(), p_.pad_top, 1}; }

  /// Where an image's rows lie; data of a RowsView counts as bytes, its distances as floats.
  struct Image {
    const std::uint8_t* data;
    std::int64_t rows, row_bytes, plane_bytes;
    const std::uint8_t* row(std::int64_t plane, std::int64_t r) const {
      return data + plane * plane_bytes + r % rows * row_bytes;
    }
  };
  static Image image(const RowsView& v) {
    constexpr auto size = static_cast<std::int64_t>(sizeof(float));
    return {reinterpret_cast<const std::uint8_t*>(v.data), v.rows, v.row_floats * size, v.plane_floats * size};
  }
  /// Example n of whole tensors.
  Image input(const void* x, std::int64_t n) const {
    const std::int64_t row = source_ == Source::blocked ? W_ * L_ : source_ == Source::plain ? W_ : W_ * p_.in_channels;
    const std::int64_t all = source_ == Source::blocked ? round_up(p_.in_channels, L_) / L_
                             : source_ == Source::plain ? p_.in_channels
                                                        : 1;
    return {static_cast<const std::uint8_t*>(x) + n * all * H_ * row, H_, row, H_ * row};
  }
  Image output(void* y, std::int64_t n) const {
    const bool rows = source_ == Source::rows;
    const std::int64_t row = rows ? OW_ * p_.out_channels : OW_ * L_;
    const std::int64_t all = rows ? 1 : round_up(p_.out_channels, L_) / L_;
    return {static_cast<const std::uint8_t*>(y) + n * all * OH_ * row, OH_, row, OH_ * row};
  }

  /// All of N images, or of N rows of channels.
  void run(const Context& context, const void* x, void* y, std::int64_t N, float* workspace) const {
    if (source_ == Source::rows) return run_matrix(context, x, y, nullptr, x_zero_, N, workspace);
    const double operations = p_.flops(Shape{N, p_.in_channels, H_, W_});
    const std::int64_t apart = kernels::workspaces_apart(workspace_floats());
    const std::int64_t threads = context.threads();
    const auto space = [&](std::int64_t piece) { return workspace + piece * apart; };
    if (threads > 1 && N >= 2 * threads) {
      kernels::share(context.pool(), N, operations, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
        for (std::int64_t n = first; n < last; ++n)
          run_part(input(x, n), output(y, n), nullptr, {0, OH_}, {0, units()}, x_zero_, space(piece), OW_);
      });
      return;
    }
    const bool by_rows = OH_ >= 7 * threads;
    for (std::int64_t n = 0; n < N; ++n)
      kernels::share(context.pool(), by_rows ? OH_ : units(), operations / static_cast<double>(N),
                     [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
                       const RowRange part{first, last};
                       run_part(input(x, n), output(y, n), nullptr, by_rows ? part : RowRange{0, OH_},
                                by_rows ? RowRange{0, units()} : part, x_zero_, space(piece), OW_);
                     });
  }
  /// Rows y of one image, by the calling thread.
  void run_rows(const Image& x, const Image& y, RowRange rows, float* workspace) const {
    run_part(x, y, nullptr, rows, {0, units()}, x_zero_, workspace, OW_);
  }
  /// The sums of N images of plain x instead, [N, M, OH, OW], or [N, M] for rows; x.zero is given now.
  void run_sums(const Context& context, const void* x, std::int64_t N, std::int32_t x_zero, std::int32_t* sums,
                float* workspace) const {
    if (source_ == Source::rows) return run_matrix(context, x, nullptr, sums, x_zero, N, workspace);
    const std::int64_t apart = kernels::workspaces_apart(workspace_floats());
    for (std::int64_t n = 0; n < N; ++n)
      kernels::share(context.pool(), units(), p_.flops(Shape{1, p_.in_channels, H_, W_}),
                     [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
                       run_part(input(x, n), Image{}, sums + n * p_.out_channels * OH_ * OW_, {0, OH_}, {first, last},
                                x_zero, workspace + piece * apart, OW_);
                     });
  }

 private:
  /// Rows of channels, as many at a time as W_.
  void run_matrix(const Context& context, const void* x, void* y, std::int32_t* sums, std::int32_t x_zero,
                  std::int64_t N, float* workspace) const {
    const std::int64_t apart = kernels::workspaces_apart(workspace_floats()), M = p_.out_channels;
    for (std::int64_t n = 0; n < N; n += W_) {
      const Image in{static_cast<const std::uint8_t*>(x) + n * p_.in_channels, 1, 0, 0};
      const Image out{static_cast<const std::uint8_t*>(y) + (y == nullptr ? 0 : n * M), 1, 0, 0};
      const std::int64_t pixels = std::min(W_, N - n);
      kernels::share(context.pool(), units(), 2.0 * static_cast<double>(pixels * M * p_.in_channels),
                     [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
                       run_part(in, out, sums == nullptr ? nullptr : sums + n * M, {0, 1}, {first, last}, x_zero,
                                workspace + piece * apart, pixels);
                     });
    }
  }

  static constexpr std::int64_t stage_limit = 96 << 10;  ///< 16-bit numbers: well within a second-level cache

  std::int64_t rows_needed(std::int64_t rows) const {
    return skips_rows_ ? rows : (rows - 1) * p_.stride_h + p_.extent_h();
  }
  std::int64_t staged_numbers(std::int64_t rows) const { return planes_ * rows_needed(rows) * padded_width_ * S_ + 32; }

  /// What may be shared among threads: tiles of output channels, or blocks of depthwise ones.
  std::int64_t units() const { return depthwise_ ? planes_ : p_.groups * tiles_of_group(); }
  std::int64_t tiles_of_group() const { return (group_out_ + tile_channels - 1) / tile_channels; }

  void pack_numbers(const ConvNumbers& n, std::int64_t padded, const auto& channel_at) {
    bias_.assign(static_cast<std::size_t>(padded), 0);
    scale_.assign(static_cast<std::size_t>(padded), 0.0F);
    for (std::int64_t i = 0; i < padded; ++i)
      if (const std::int64_t m = channel_at(i); m >= 0) {
        bias_[static_cast<std::size_t>(i)] = n.bias_of(m);
        scale_[static_cast<std::size_t>(i)] = n.scale(m);
      }
  }

  /// For each tile of output channels of each group, in the order of the taps: 16 pairs for each.
  void pack(const ConvNumbers& n) {
    const std::int64_t KH = p_.kernel_h, KW = p_.kernel_w;
    // A row of the kernel is one tap.
    const bool joined = planes_ == 1 && p_.dilation_w == 1 && round_up(group_in_, 2) == S_;
    struct Term {
      std::int64_t channel, h, w;
    };
    std::vector<Term> terms;  // of a pair's first number
    for (std::int64_t plane = 0; plane < planes_; ++plane) {
      const std::int64_t used = round_up(std::min(S_, group_in_ - plane * S_), 2);
      for (std::int64_t h = 0; h < KH; ++h)
        for (std::int64_t w = 0; w < KW; ++w) {
          const std::int64_t offset =
              ((plane * staged_rows_ + h * p_.dilation_h) * padded_width_ + w * p_.dilation_w) * S_;
          if (joined && w > 0)
            taps_.back().pairs += used / 2;
          else
            taps_.push_back({offset, used / 2});
          for (std::int64_t c = 0; c < used; c += 2) terms.push_back({plane * S_ + c, h, w});
        }
    }
    const std::int64_t tiles = p_.groups * tiles_of_group(), pairs = static_cast<std::int64_t>(terms.size());
    tile_weights_ = pairs * 2 * tile_channels;
    auto* out = reinterpret_cast<std::int16_t*>(weights_.reserve(static_cast<std::size_t>(tiles * tile_weights_ / 2)));
    const auto channel_at = [&](std::int64_t i) {
      const std::int64_t tile = i / tile_channels, group = tile / tiles_of_group();
      const std::int64_t m = tile % tiles_of_group() * tile_channels + i % tile_channels;
      return m < group_out_ ? group * group_out_ + m : -1;
    };
    for (std::int64_t tile = 0; tile < tiles; ++tile)
      for (const Term& t : terms)
        for (std::int64_t m = 0; m < tile_channels; ++m)
          for (std::int64_t k = 0; k < 2; ++k) {
            const std::int64_t channel = channel_at(tile * tile_channels + m), c = t.channel + k;
            const bool there = channel >= 0 && c < group_in_;
            *out++ = static_cast<std::int16_t>(there ? n.weight(channel, (c * KH + t.h) * KW + t.w, group_in_ * KH * KW)
                                                     : 0);
          }
    pack_numbers(n, tiles * tile_channels, channel_at);
  }

  void pack_depthwise(const ConvNumbers& n) {
    const std::int64_t KH = p_.kernel_h, KW = p_.kernel_w, channels = planes_ * L_;
    const std::int64_t width = tiles(isa_).depthwise_channels;
    for (std::int64_t h = 0; h < KH; ++h)
      for (std::int64_t w = 0; w < KW; ++w)
        offsets_.push_back((h * p_.dilation_h * padded_width_ + w * p_.dilation_w) * S_);
    auto* out = reinterpret_cast<std::int32_t*>(weights_.reserve(static_cast<std::size_t>(channels * KH * KW)));
    for (std::int64_t first = 0; first < channels; first += width)
      for (std::int64_t i = 0; i < KH * KW; ++i)
        for (std::int64_t m = first; m < first + width; ++m) *out++ = m < p_.out_channels ? n.weight(m, i, KH * KW) : 0;
    pack_numbers(n, channels, [&](std::int64_t m) { return m < p_.out_channels ? m : -1; });
  }

  /// Copies rows of the image that `rows` outputs from row y on need, of the planes [first, last) or of one group.
  void stage(const Image& x, std::int64_t y, std::int64_t rows, std::int64_t first, std::int64_t last,
             std::int32_t x_zero, std::int16_t* to, std::int64_t pixels) const {
    const std::int64_t W = source_ == Source::rows ? pixels : W_;
    const std::int64_t need = rows_needed(rows);
    for (std::int64_t plane = first; plane < last; ++plane)
      for (std::int64_t i = 0; i < need; ++i) {
        const std::int64_t r = skips_rows_ ? (y + i) * p_.stride_h - p_.pad_top : y * p_.stride_h - p_.pad_top + i;
        std::int16_t* out = to + (((as_blocks_ ? plane : 0) * staged_rows_ + i) * padded_width_) * S_;
        if (r < 0 || r >= H_) {
          std::memset(out, 0, static_cast<std::size_t>(padded_width_ * S_) * sizeof *out);
          continue;
        }
        std::memset(out, 0, static_cast<std::size_t>(p_.pad_left * S_) * sizeof *out);
        out += p_.pad_left * S_;
        if (as_blocks_) {
          widen(x.row(plane, r), W * L_, x_zero, out);
        } else {
          if (group_in_ < S_) std::memset(out, 0, static_cast<std::size_t>(W * S_) * sizeof *out);
          if (source_ == Source::rows)
            for (std::int64_t w = 0; w < W; ++w)
              widen(x.data + w * p_.in_channels + plane * group_in_, group_in_, x_zero, out + w * S_);
          else
            for (std::int64_t c = 0; c < group_in_; ++c) stage_channel(x, plane * group_in_ + c, r, x_zero, out + c);
        }
        std::memset(out + W * S_, 0, static_cast<std::size_t>(p_.pad_right * S_) * sizeof *out);
      }
  }
  void stage_channel(const Image& x, std::int64_t c, std::int64_t r, std::int32_t x_zero, std::int16_t* out) const {
    const std::int64_t step = source_ == Source::plain ? 1 : L_;
    const std::uint8_t* in = source_ == Source::plain ? x.row(c, r) : x.row(c / L_, r) + c % L_;
    if (x_element_ == Element::int8)
      for (std::int64_t w = 0; w < W_; ++w)
        out[w * S_] = static_cast<std::int16_t>(static_cast<std::int8_t>(in[w * step]) - x_zero);
    else
      for (std::int64_t w = 0; w < W_; ++w) out[w * S_] = static_cast<std::int16_t>(in[w * step] - x_zero);
  }
  void widen(const std::uint8_t* in, std::int64_t n, std::int32_t x_zero, std::int16_t* out) const {
#if defined(__x86_64__)
    if (isa_ != Isa::portable) return widen_avx2(in, n, x_zero, x_element_ == Element::int8, out);
#endif
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<std::int16_t>(byte_at(in, i, x_element_) - x_zero);
  }
#if defined(__x86_64__)
  [[gnu::target("avx2")]] static void widen_avx2(const std::uint8_t* in, std::int64_t n, std::int32_t x_zero,
                                                 bool is_signed, std::int16_t* out) {
    const __m128i zero = _mm_set1_epi16(static_cast<std::int16_t>(x_zero));
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in + i));
      const __m128i words = is_signed ? _mm_cvtepi8_epi16(bytes) : _mm_cvtepu8_epi16(bytes);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_sub_epi16(words, zero));
    }
    for (; i < n; ++i)
      out[i] = static_cast<std::int16_t>((is_signed ? static_cast<std::int8_t>(in[i]) : in[i]) - x_zero);
  }
#endif

  /// Rows `rows`, `pixels` of each, of units `some`.
  void run_part(const Image& x, const Image& y, std::int32_t* sums, RowRange rows, RowRange some, std::int32_t x_zero,
                float* workspace, std::int64_t pixels) const {
    auto* staged = reinterpret_cast<std::int16_t*>(workspace);
    for (std::int64_t first = rows.first; first < rows.last; first += chunk_rows_) {
      const std::int64_t n = std::min(chunk_rows_, rows.last - first);
      if (depthwise_) {
        stage(x, first, n, some.first, some.last, x_zero, staged, pixels);
        for (std::int64_t plane = some.first; plane < some.last; ++plane)
          for (std::int64_t r = 0; r < n; ++r) depthwise_row(staged, y, plane, first, r);
        continue;
      }
      for (std::int64_t unit = some.first; unit < some.last;) {
        const std::int64_t group = unit / tiles_of_group();
        const std::int64_t end = std::min(some.last, (group + 1) * tiles_of_group());
        if (as_blocks_)
          stage(x, first, n, 0, planes_, x_zero, staged, pixels);
        else
          stage(x, first, n, group, group + 1, x_zero, staged, pixels);
        for (; unit < end; ++unit) tile_rows(staged, y, sums, unit, group, first, n, pixels);
      }
    }
  }

  std::int64_t staged_row(std::int64_t r) const { return skips_rows_ ? r : r * p_.stride_h; }

  void tile_rows(const std::int16_t* staged, const Image& y, std::int32_t* sums, std::int64_t unit, std::int64_t group,
                 std::int64_t first, std::int64_t n, std::int64_t width) const {
    const std::int64_t in_group = unit % tiles_of_group() * tile_channels;
    const std::int64_t channel = group * group_out_ + in_group,
                       used = std::min<std::int64_t>(tile_channels, group_out_ - in_group);
    const auto at = static_cast<std::size_t>(unit * tile_channels);
    Tile t{.x = nullptr,
           .x_step = p_.stride_w * S_,
           .taps = taps_.data(),
           .taps_end = taps_.data() + taps_.size(),
           .weights = reinterpret_cast<const std::int16_t*>(weights_.data()) + unit * tile_weights_,
           .bias = bias_.data() + at,
           .scale = scale_.data() + at,
           .rounding = rounding_,
           .is_signed = is_signed_,
           .low = nullptr,
           .high = nullptr,
           .y_step = tile_channels,
           .sums = nullptr};
    const bool blocked = source_ != Source::rows;
    const bool direct = sums == nullptr && used == tile_channels && (!blocked || (channel % L_ == 0 && L_ >= 8));
    std::array<std::uint8_t, tile_pixels * tile_channels> bytes;
    std::array<std::int32_t, tile_pixels * tile_channels> totals;
    const Tiles& kernels = tiles(isa_);
    const std::int64_t pieces = (width + tile_pixels - 1) / tile_pixels;
    for (std::int64_t r = 0; r < n; ++r)
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t from = width * piece / pieces, pixels = width * (piece + 1) / pieces - from;
        t.x = staged + (staged_row(r) * padded_width_ + from * p_.stride_w) * S_;
        if (direct && blocked) {
          t.low = const_cast<std::uint8_t*>(y.row(channel / L_, first + r)) + from * L_;
          t.high = L_ >= 16 ? t.low + 8 : const_cast<std::uint8_t*>(y.row(channel / L_ + 1, first + r)) + from * L_;
          t.y_step = L_;
        } else if (direct) {
          t.low = const_cast<std::uint8_t*>(y.row(0, first + r)) + from * p_.out_channels + channel;
          t.high = t.low + 8;
          t.y_step = p_.out_channels;
        } else {
          t.low = bytes.data(), t.high = bytes.data() + 8;
          t.sums = sums != nullptr ? totals.data() : nullptr;
        }
        kernels.tile[static_cast<std::size_t>(pixels - 1)](t);
        if (direct) continue;
        for (std::int64_t i = 0; i < pixels; ++i)
          for (std::int64_t m = 0; m < used; ++m) {
            const std::int64_t c = channel + m, w = from + i;
            const auto k = static_cast<std::size_t>(i * tile_channels + m);
            if (sums != nullptr)
              sums[blocked ? (c * OH_ + first + r) * OW_ + w : w * p_.out_channels + c] = totals[k];
            else if (blocked)
              const_cast<std::uint8_t*>(y.row(c / L_, first + r))[w * L_ + c % L_] = bytes[k];
            else
              const_cast<std::uint8_t*>(y.row(0, first + r))[w * p_.out_channels + c] = bytes[k];
          }
      }
  }

  void depthwise_row(const std::int16_t* staged, const Image& y, std::int64_t plane, std::int64_t first,
                     std::int64_t r) const {
    const Tiles& kernels = tiles(isa_);
    const std::int64_t width = kernels.depthwise_channels, pieces = (OW_ + tile_pixels - 1) / tile_pixels;
    const auto taps = static_cast<std::int64_t>(offsets_.size());
    for (std::int64_t lane = 0; lane < L_; lane += width) {
      const auto channel = plane * L_ + lane;
      const std::int16_t* x = staged + ((plane * staged_rows_ + staged_row(r)) * padded_width_) * S_ + lane;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t from = OW_ * piece / pieces, pixels = OW_ * (piece + 1) / pieces - from;
        kernels.depthwise[static_cast<std::size_t>(pixels - 1)](
            {.x = x + from * p_.stride_w * S_,
             .x_step = p_.stride_w * S_,
             .offsets = offsets_.data(),
             .offsets_end = offsets_.data() + offsets_.size(),
             .weights = reinterpret_cast<const std::int32_t*>(weights_.data()) + channel * taps,
             .bias = bias_.data() + channel,
             .scale = scale_.data() + channel,
             .rounding = rounding_,
             .is_signed = is_signed_,
             .y = const_cast<std::uint8_t*>(y.row(plane, first + r)) + from * L_ + lane,
             .y_step = L_});
      }
    }
  }

  Conv2dParams p_;
  std::int32_t x_zero_;
  Element x_element_;
  Source source_;
  Isa isa_;
  Rounding rounding_;
  bool is_signed_, depthwise_ = false, as_blocks_ = false, skips_rows_ = false;
  std::int64_t H_ = 0, W_ = 0, OH_ = 0, OW_ = 0, L_ = 1;
  std::int64_t group_in_ = 0, group_out_ = 0;
  std::int64_t S_ = 0, planes_ = 0;  ///< numbers of a staged pixel; planes of such pixels
  std::int64_t padded_width_ = 0, chunk_rows_ = 0, staged_rows_ = 0, tile_weights_ = 0;
  std::vector<Tap> taps_;
  std::vector<std::int64_t> offsets_;  ///< of depthwise taps
  std::vector<std::int32_t> bias_;
  std::vector<float> scale_;
  PackedWeights weights_;
};

}  // namespace weir::quantized
