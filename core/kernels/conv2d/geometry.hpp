/// Geometry: how a convolution's image is staged so that every output pixel sees its inputs at the same offsets.
#pragma once
#include <algorithm>
#include <cstring>
#include <limits>
#include <weir/core/kernels/conv2d/params.hpp>
#include <weir/core/kernels/micro/conv_tile.hpp>
#include <weir/core/kernels/micro/simd.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/rows.hpp>

namespace weir::kernels {

/// to[j] = from[j * stride], 0 <= j < n.
struct TakeEvery {
  template <int W>
  [[gnu::always_inline]] static void run(const float* from, std::int64_t stride, float* to, std::int64_t n) {
    std::int64_t j = 0;
    for (; stride == 2 && j + W < n; j += W) {
      simd::Floats<W> v, next;
      simd::load(v, from + 2 * j);
      simd::load(next, from + 2 * j + W);
      simd::take_even(v, next);
      simd::store(v, to + j);
    }
    for (; j < n; ++j) to[j] = from[j * stride];
  }
};

/// An image as the tiles read it, one plane for each channel (plain input) or block of channels (blocked), a pixel
/// being `pixel_floats` floats:
///   as it is   where there are no pads and the step from pixel to pixel has a kernel: x itself;
///   padded     else, its columns sorted by their remainder modulo the stride if that step has no kernel;
///   dense      if asked for, or the stride is longer than the kernel: of each column of the kernel the pixels that it
///              sees, rows sorted by their remainder modulo the stride (or for each row of the kernel by itself), so
///              that y's rows follow each other without gaps. kernel_w times as large, for images whose rows are too
///              short for good tiles.
/// In all of them output pixel (i, j) needs, for weight (r, s) of plane p, the pixel at
///
///     p*plane_floats + first_of(i, j) + tap_of(r, s)
class Geometry {
 public:
  std::int64_t pixel_floats, planes, H, W, OH, OW;
  std::int64_t plane_floats = 0;  ///< of the staged image, or of x where it is read as it is
  bool staged = false;

  /// x [N, C, H, W], plain or blocked. Throws ShapeError if x does not fit, or an image has 2^31 floats or more.
  Geometry(const Conv2dParams& p, const Shape& x, Layout layout, Isa isa, bool dense = false)
      : pixel_floats(layout == Layout::plain ? 1 : lanes(isa)),
        planes(layout == Layout::plain ? x[1] : round_up(x[1], pixel_floats) / pixel_floats),
        H(x[2]),
        W(x[3]),
        params_(p),
        isa_(isa) {
    const Shape y = p.output_shape(x);
    OH = y[2], OW = y[3];
    const std::int64_t most = layout == Layout::plain ? 1 : 2;  // the longest step that has a kernel
    dense_ = dense || p.stride_w > std::max(most, p.kernel_w);
    staged = dense_ || p.padded() || p.stride_w > most;
    const std::int64_t width = (OW - 1) * p.stride_w + p.extent_w(), height = (OH - 1) * p.stride_h + p.extent_h();
    if (dense_) {
      copies_ = p.kernel_w, pitch_ = OW;
      apart_ = p.stride_h > p.kernel_h;
      row_phases_ = apart_ ? p.kernel_h : p.stride_h;
      rows_ = apart_ ? OH : OH + (p.extent_h() - 1) / p.stride_h;
    } else {
      copies_ = phases_ = p.stride_w > most ? p.stride_w : 1;
      pitch_ = staged ? (width + phases_ - 1) / phases_ : W;
      rows_ = staged ? height : H;
    }
    plane_floats = Shape{copies_, row_phases_, rows_, pitch_, pixel_floats}.numel();
    if (Shape{planes, plane_floats}.numel() > std::numeric_limits<std::int32_t>::max())
      throw ShapeError(detail::message({"convolution: an image of ", x.to_string(), " is too large"}));
  }

  /// Pixels from one column of y to the next.
  std::int64_t step() const { return dense_ || phases_ > 1 ? 1 : params_.stride_w; }
  PixelStride pixel_stride() const {
    return pixel_floats == 1 ? PixelStride::one : step() == 1 ? PixelStride::vector : PixelStride::two_vectors;
  }
  std::int64_t first_of(std::int64_t i, std::int64_t j) const {
    return (i * (dense_ ? 1 : params_.stride_h) * pitch_ + j * step()) * pixel_floats;
  }
  std::int64_t tap_of(std::int64_t r, std::int64_t s) const {
    const std::int64_t row = r * params_.dilation_h, column = s * params_.dilation_w;
    const std::int64_t copy = dense_ ? s : column % phases_, at = dense_ ? 0 : column / phases_;
    const std::int64_t phase = apart_ ? r : row % row_phases_, in_phase = apart_ ? 0 : row / row_phases_;
    return (((copy * row_phases_ + phase) * rows_ + in_phase) * pitch_ + at) * pixel_floats;
  }
  /// True if a row of y goes on where the one above it ended.
  bool is_line() const { return first_of(1, 0) == first_of(0, OW); }
  /// True if the staged image is the padded one, row by row, each of row_floats().
  bool in_rows() const { return !dense_ && phases_ == 1; }
  std::int64_t row_floats() const { return pitch_ * pixel_floats; }
  /// Rows of the staged image in each of its copies and phases.
  std::int64_t staged_rows() const { return rows_; }
  /// True if row i of y sees rows i*stride_h and following of the staged image, or only row i*stride_h of x where it
  /// is read as it is.
  bool keeps_rows() const { return !dense_ && (staged || params_.kernel_h == 1); }
  /// Floats of the staged image, 0 if x is read where it is.
  std::int64_t staged_floats() const { return staged ? planes * plane_floats : 0; }

  /// A plane of x [H, W] to its staged form.
  void stage(const float* x, float* to) const { stage(x, to, 0, rows_); }

  /// Of that, rows first .. last-1 of staged_rows().
  void stage(const float* x, float* to, std::int64_t first, std::int64_t last) const {
    stage(whole(x), 0, to, first, last);
  }
  /// As above, for plane p of an x that holds only the rows that are read.
  void stage(const RowsView& x, std::int64_t p, float* to, std::int64_t first, std::int64_t last) const {
    const std::int64_t phases = dense_ ? row_phases_ : phases_;
    for (std::int64_t copy = 0; copy < (dense_ ? copies_ : 1); ++copy)
      for (std::int64_t q = 0; q < phases; ++q)
        for (std::int64_t row = first; row < last; ++row) {
          float* line = to + ((copy * phases + q) * rows_ + row) * row_floats();
          if (dense_)
            stage_row(
                x, p,
                (apart_ ? row * params_.stride_h + q * params_.dilation_h : row * row_phases_ + q) - params_.pad_top,
                copy * params_.dilation_w - params_.pad_left, params_.stride_w, line);
          else
            stage_row(x, p, row - params_.pad_top, q - params_.pad_left, phases_, line);
        }
  }

  /// Only rows first .. last-1 of the padded image, if it is in_rows().
  void stage_rows(const float* x, float* to, std::int64_t first, std::int64_t last) const {
    for (std::int64_t q = 0; q < phases_; ++q)
      for (std::int64_t row = first; row < last; ++row, to += row_floats())
        stage_row(whole(x), 0, row - params_.pad_top, q - params_.pad_left, phases_, to);
  }

 private:
  RowsView whole(const float* x) const { return {const_cast<float*>(x), H, W * pixel_floats, H * W * pixel_floats}; }

  /// to[j] = pixel (i, from + j*step) of plane p of x, 0 outside, 0 <= j < pitch_.
  void stage_row(const RowsView& x, std::int64_t p, std::int64_t i, std::int64_t from, std::int64_t step,
                 float* to) const {
    const auto reach = [&](std::int64_t n) {
      return std::clamp<std::int64_t>((n - from + step - 1) / step, 0, pitch_);
    };
    const std::int64_t begin = from >= 0 ? 0 : reach(0), end = from >= W ? 0 : reach(W);
    if (i < 0 || i >= H || begin >= end) {
      std::fill_n(to, pitch_ * pixel_floats, 0.0F);
      return;
    }
    std::fill_n(to, begin * pixel_floats, 0.0F);
    const float* at = x.row(p, i) + (begin * step + from) * pixel_floats;
    const auto bytes = [&](std::int64_t pixels) {
      return static_cast<std::size_t>(pixels * pixel_floats) * sizeof(float);
    };
    if (step == 1)
      std::memcpy(to + begin * pixel_floats, at, bytes(end - begin));
    else if (pixel_floats == 1)
      simd::simd_call<TakeEvery>(isa_, at, step, to + begin, end - begin);
    else
      for (std::int64_t c = begin; c < end; ++c)
        std::memcpy(to + c * pixel_floats, at + (c - begin) * step * pixel_floats, bytes(1));
    std::fill_n(to + end * pixel_floats, (pitch_ - end) * pixel_floats, 0.0F);
  }

  Conv2dParams params_;
  Isa isa_;
  bool dense_ = false, apart_ = false;        ///< apart: each row of the kernel has its own rows of the image
  std::int64_t pitch_ = 0, rows_ = 0;         ///< pixels of a row, rows
  std::int64_t copies_ = 1, row_phases_ = 1;  ///< a plane is [copies, row_phases, rows, pitch, pixel_floats]
  std::int64_t phases_ = 1;                   ///< remainders that columns are sorted by
};

}  // namespace weir::kernels
