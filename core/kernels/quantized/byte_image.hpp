/// ByteImage: where tiles of bytes read an image, in place or from a copy with padding around it.
#pragma once
#include <cstring>
#include <weir/core/kernels/quantized/conv_algorithm.hpp>
#include <weir/core/machine_costs.hpp>

namespace weir::quantized {

/// Tiles of bytes read uint8, eight channels of a pixel side by side. So a blocked uint8 image is read where it lies if
/// the kernel is one row high and nothing is padded, and so are rows of channels that are a multiple of eight long.
/// Otherwise some rows are copied first, the padding being the zero point, and int8 becoming uint8 by 128 more:
///
///     [planes][rows of the chunk][padded width][L]        or [pixels][channels rounded up to 8]
///
/// A plain image of up to four channels becomes [rows of the chunk][padded width][4]: eight bytes are two pixels then.
class ByteImage {
 public:
  ByteImage(const ConvGeometry& g, std::int32_t zero)
      : g_(g),
        rows_of_channels_(g.source == Source::rows),
        few_(g.source == Source::plain),
        flip_(g.x_element == Element::int8 ? 0x80 : 0),
        zero_(static_cast<std::uint8_t>(zero ^ flip_)),
        pixel_bytes_(rows_of_channels_ ? round_up(g.p.in_channels, 8)
                     : few_            ? 4
                                       : g.L),
        planes_(rows_of_channels_ || few_ ? 1 : round_up(g.p.in_channels, g.L) / g.L),
        width_(g.W + g.p.pad_left + g.p.pad_right),
        copies_(few_ || flip_ != 0 || g.p.padded() || g.p.kernel_h > 1 ||
                (rows_of_channels_ && g.p.in_channels % 8 != 0)),
        joins_rows_(!copies_ && g.p.kernel_w == 1 && g.p.stride_h == 1 && g.p.stride_w == 1),
        chunk_(g.OH) {
    while (chunk_ > 1 && bytes_of_chunk() > detail::machine_costs.int8_image_bytes) chunk_ = (chunk_ + 1) / 2;
  }

  /// Plain images of few channels, whose pixels lie side by side for the kernel, are read too.
  static bool fits(const ConvGeometry& g) {
    return g.source != Source::plain || (g.p.in_channels <= 4 && g.p.dilation_w == 1);
  }

  /// What uint8 stands for zero.
  std::int32_t zero() const { return zero_; }
  std::int64_t pixel_bytes() const { return pixel_bytes_; }
  /// Columns of the kernel that are a tap each: of few channels, a row of the kernel is one.
  std::int64_t columns() const { return few_ ? 1 : g_.p.kernel_w; }
  /// Groups of eight channels of a plane's pixel; for rows of channels they count as blocks. Of few channels, pairs of
  /// columns.
  std::int64_t eights() const { return rows_of_channels_ ? 1 : few_ ? (g_.p.kernel_w + 1) / 2 : g_.L / 8; }
  std::int64_t blocks() const { return rows_of_channels_ ? pixel_bytes_ / 8 : planes_; }
  /// Rows of output that pass together.
  std::int64_t chunk() const { return chunk_; }
  /// From kernel position (0, 0) to (h, w) and to the e-th eight channels of a pixel.
  std::int64_t tap(std::int64_t h, std::int64_t w, std::int64_t e) const {
    return (h * g_.p.dilation_h * width_ + w * g_.p.dilation_w) * pixel_bytes_ + 8 * e;
  }
  /// The weight [channel][kernel_h][kernel_w] that byte i of the e-th eight of a block meets at kernel position (h, w);
  /// -1 for none.
  std::int64_t weight_at(std::int64_t h, std::int64_t w, std::int64_t block, std::int64_t e, std::int64_t i) const {
    const std::int64_t column = few_ ? 2 * e + i / 4 : w, c = few_ ? i % 4 : 8 * (block * eights() + e) + i;
    if (column >= g_.p.kernel_w || c >= g_.group_in) return -1;
    return (c * g_.p.kernel_h + h) * g_.p.kernel_w + column;
  }
  std::int64_t workspace_floats() const { return copies_ ? bytes_of_chunk() / 4 + 16 : 16; }

  /// Where pixels of a chunk of n output rows from `first` on lie.
  struct View {
    const std::uint8_t* data;  ///< kernel position (0, 0) of the chunk's first pixel
    std::int64_t row, plane;   ///< bytes from one row, one plane to the next
    std::int64_t rows;         ///< of output that lie one behind the other there, of x, y and what is added
  };
  View view(const ConvPart& part, std::int64_t first, std::int64_t n, float* workspace) const {
    const Image& x = part.x;
    if (!copies_) {
      const bool joins =
          joins_rows_ && joined(x, first, n) && joined(part.y, first, n) && (!g_.sum || joined(part.other, first, n));
      return {nullptr, x.row_bytes, rows_of_channels_ ? 8 : x.plane_bytes, joins ? n : 1};
    }
    auto* to = reinterpret_cast<std::uint8_t*>(workspace);
    if (rows_of_channels_) {
      for (std::int64_t i = 0; i < part.pixels; ++i) {
        copy(x.data + i * g_.p.in_channels, g_.p.in_channels, to + i * pixel_bytes_);
        std::fill(to + i * pixel_bytes_ + g_.p.in_channels, to + (i + 1) * pixel_bytes_, std::uint8_t{0});
      }
      return {to, 0, 8, 1};
    }
    const std::int64_t need = rows_needed(n), row = width_ * pixel_bytes_, top = first * g_.p.stride_h - g_.p.pad_top;
    const std::int64_t plane = rows_needed(chunk_) * row;
    for (std::int64_t p = 0; p < planes_; ++p)
      for (std::int64_t i = 0; i < need; ++i) {
        std::uint8_t* out = to + p * plane + i * row;
        if (top + i < 0 || top + i >= g_.H) {
          fill(out, width_);
          continue;
        }
        fill(out, g_.p.pad_left);
        out += g_.p.pad_left * pixel_bytes_;
        if (few_)
          for (std::int64_t c = 0; c < g_.p.in_channels; ++c) scatter(x.row(c, top + i), out + c);
        else
          copy(x.row(p, top + i), g_.W * g_.L, out);
        fill(out + g_.W * pixel_bytes_, g_.p.pad_right);
      }
    return {to, row, plane, 1};
  }
  /// Of output pixel (first + r, w), or of pixel w of all rows joined, the byte at kernel position (0, 0).
  const std::uint8_t* pixel(const View& v, const ConvPart& part, std::int64_t first, std::int64_t r,
                            std::int64_t w) const {
    if (v.data != nullptr) return v.data + r * g_.p.stride_h * v.row + w * g_.p.stride_w * pixel_bytes_;
    return part.x.row(0, (first + r) * g_.p.stride_h) + w * g_.p.stride_w * pixel_bytes_;
  }

 private:
  std::int64_t rows_needed(std::int64_t n) const { return (n - 1) * g_.p.stride_h + g_.p.extent_h(); }
  std::int64_t bytes_of_chunk() const {
    const std::int64_t pixels = rows_of_channels_ ? g_.W : planes_ * rows_needed(chunk_) * width_;
    return round_up(pixels * pixel_bytes_ + 8, 64);  // of few channels, a pair may reach behind the last pixel
  }
  bool joined(const Image& i, std::int64_t first, std::int64_t n) const {
    return i.row_bytes == g_.W * g_.L && first % i.rows + n <= i.rows;
  }
  void fill(std::uint8_t* to, std::int64_t pixels) const {
    std::memset(to, zero_, static_cast<std::size_t>(pixels * pixel_bytes_));
  }
  /// A row of a plain channel, a byte for each pixel.
  void scatter(const std::uint8_t* from, std::uint8_t* to) const {
    for (std::int64_t w = 0; w < g_.W; ++w) to[4 * w] = static_cast<std::uint8_t>(from[w] ^ flip_);
  }
  void copy(const std::uint8_t* from, std::int64_t n, std::uint8_t* to) const {
    if (flip_ == 0)
      std::memcpy(to, from, static_cast<std::size_t>(n));
    else
      for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<std::uint8_t>(from[i] ^ flip_);
  }

  ConvGeometry g_;
  bool rows_of_channels_, few_;
  int flip_;
  std::uint8_t zero_;
  std::int64_t pixel_bytes_, planes_, width_;
  bool copies_, joins_rows_;
  std::int64_t chunk_;
};

}  // namespace weir::quantized
