/// ShapeForm: a shape as a function of the batch size.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <weir/core/shape.hpp>

namespace weir {

/// The shape of a value as a function of the batch size N: dimension i is constant[i] + slope[i] * N.
/// Found by inferring the network's shapes for two batch sizes.
class ShapeForm {
 public:
  ShapeForm() = default;
  explicit ShapeForm(const Shape& fixed) : constant_(fixed) {}

  /// The line through two shapes; throws ShapeError if their ranks differ or no line has integer slope.
  static ShapeForm through(std::int64_t n1, const Shape& s1, std::int64_t n2, const Shape& s2) {
    if (s1.rank() != s2.rank()) throw ShapeError(detail::message({"rank depends on the batch size: ", s1.to_string()}));
    ShapeForm f(s1);
    for (std::size_t i = 0; i < s1.rank(); ++i) {
      const std::int64_t rise = s2[i] - s1[i], run = n2 - n1;
      if (rise % run != 0) throw ShapeError(detail::message({"dimension ", i, " is not linear in the batch size"}));
      f.slope_[i] = rise / run;
      f.offset_[i] = s1[i] - f.slope_[i] * n1;
    }
    return f;
  }

  /// The shape at batch size n.
  Shape at(std::int64_t n) const {
    Shape s = constant_;
    for (std::size_t i = 0; i < s.rank(); ++i)
      if (slope_[i] != 0) s = s.with(i, offset_[i] + slope_[i] * n);
    return s;
  }

  std::size_t rank() const { return constant_.rank(); }

  bool depends_on_batch() const {
    for (auto k : slope_)
      if (k != 0) return true;
    return false;
  }

  /// k if dimension i is k * N for every batch size N, k > 0; else 0.
  std::int64_t factor(std::size_t i) const {
    return i < rank() && offset_[i] == 0 ? std::max<std::int64_t>(slope_[i], 0) : 0;
  }

  /// The only axis whose dimension depends on the batch size, and is a multiple of it; nullopt if there is none, or
  /// more than one depends on it.
  std::optional<std::size_t> batch_axis() const {
    std::optional<std::size_t> axis;
    for (std::size_t i = 0; i < rank(); ++i) {
      if (slope_[i] == 0) continue;
      if (axis || factor(i) == 0) return std::nullopt;
      axis = i;
    }
    return axis;
  }

  /// True if the outermost dimension is the batch size (times a factor) and no other depends on it, so that rows can be
  /// dropped by moving memory.
  bool has_rows() const { return batch_axis() == std::size_t{0}; }

  /// Equal at every batch size.
  friend bool operator==(const ShapeForm& a, const ShapeForm& b) {
    if (a.rank() != b.rank() || a.slope_ != b.slope_) return false;
    for (std::size_t i = 0; i < a.rank(); ++i)
      if (a.slope_[i] == 0 ? a.constant_[i] != b.constant_[i] : a.offset_[i] != b.offset_[i]) return false;
    return true;
  }

 private:
  Shape constant_;
  std::array<std::int64_t, Shape::max_rank> slope_{}, offset_{};
};

}  // namespace weir
