/// Rows of images: which of them a layer needs, and where they lie.
#pragma once
#include <algorithm>
#include <cstdint>

namespace weir {

/// Rows first .. last-1 of an image.
struct RowRange {
  std::int64_t first = 0, last = 0;
  std::int64_t size() const { return last - first; }
  bool empty() const { return last <= first; }
  friend bool operator==(const RowRange&, const RowRange&) = default;
};

}  // namespace weir

namespace weir::detail {

/// The last multiple of n that is not above i.
constexpr std::int64_t multiple_below(std::int64_t i, std::int64_t n) { return (i >= 0 ? i : i - n + 1) / n * n; }

}  // namespace weir::detail

namespace weir {

/// Row j of a layer's output depends on rows j*stride - pad .. j*stride - pad + extent - 1 of its input only; those
/// outside the image are none. Rows may be computed in groups of `row_multiple`, counted from row 0: then each row
/// depends on what any row of its group depends on, and a part of a group takes as long as all of it.
struct RowWindow {
  std::int64_t stride = 1, extent = 1, pad = 0, row_multiple = 1;

  /// The rows y of the output, extended to whole groups of row_multiple.
  RowRange whole(RowRange y) const {
    return {detail::multiple_below(y.first, row_multiple), -detail::multiple_below(-y.last, row_multiple)};
  }
  /// What rows y of the output depend on, beyond the image too.
  RowRange of(RowRange y) const {
    y = whole(y);
    return {y.first * stride - pad, (y.last - 1) * stride - pad + extent};
  }
  /// That within an image of H rows, at least one of them.
  RowRange of(RowRange y, std::int64_t H) const {
    const RowRange r = of(y);
    const std::int64_t first = std::clamp<std::int64_t>(r.first, 0, H - 1);
    return {first, std::clamp(r.last, first + 1, H)};
  }
};

/// Where rows of one example's tensor [C, H, W] lie: row r of plane p, a channel of a plain tensor or a block of them
/// of a blocked one, at data + p*plane_floats + r mod rows * row_floats. rows is H if the whole tensor is there. If it
/// is less, the rows form a ring: row r overwrites row r - rows. data is nullptr where there is no tensor.
struct RowsView {
  float* data = nullptr;
  std::int64_t rows = 1, row_floats = 0, plane_floats = 0;

  float* row(std::int64_t plane, std::int64_t r) const { return data + plane * plane_floats + r % rows * row_floats; }
  /// How many rows, from r on, are contiguous: up to the end of the ring.
  std::int64_t contiguous(std::int64_t r) const { return rows - r % rows; }
};

}  // namespace weir
