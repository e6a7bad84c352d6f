/// Shape: the dimensions of a tensor, outermost first.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>
#include <weir/core/error.hpp>

namespace weir {

/// Up to max_rank dimensions, outermost first; images are [N, C, H, W]: batch, channels, height, width.
/// A value type without heap storage. Throws ShapeError on a negative dimension, a rank above max_rank, and (numel)
/// on a product that no memory could hold.
class Shape {
 public:
  static constexpr std::size_t max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims) : rank_(dims.size()) {
    if (rank_ > max_rank) throw ShapeError(detail::message({"rank ", rank_, " is above 8"}));
    for (std::size_t i = 0; i < rank_; ++i) {
      if (dims[i] < 0) throw ShapeError(detail::message({"negative dimension ", dims[i]}));
      dims_[i] = dims[i];
    }
  }

  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t i) const { return dims_[i]; }
  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }

  /// The same shape with dimension i set to value.
  Shape with(std::size_t i, std::int64_t value) const {
    if (value < 0) throw ShapeError(detail::message({"negative dimension ", value}));
    Shape s = *this;
    s.dims_.at(i) = value;
    return s;
  }

  /// Product of all dimensions (1 for rank 0).
  std::int64_t numel() const { return product(0, rank_); }

  /// Product of the dimensions first..last-1, at most 2^40.
  std::int64_t product(std::size_t first, std::size_t last) const {
    std::int64_t n = 1;
    for (std::size_t i = first; i < last; ++i)
      if (__builtin_mul_overflow(n, dims_[i], &n) || n > (std::int64_t{1} << 40))
        throw ShapeError(detail::message({"shape ", to_string(), " is too large"}));
    return n;
  }

  std::string to_string() const {
    std::string s = "[";
    for (std::size_t i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string(dims_[i]);
    return s + "]";
  }

  friend bool operator==(const Shape& a, const Shape& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }
  friend std::ostream& operator<<(std::ostream& os, const Shape& s) { return os << s.to_string(); }

 private:
  std::array<std::int64_t, max_rank> dims_{};
  std::size_t rank_ = 0;
};

}  // namespace weir
