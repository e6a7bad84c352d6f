/// Indices: an operand that says which elements to take or to write; known when a layer is made, or when it runs.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// Indices of an axis of length n are -n .. n-1, negative ones counting from the end.
///
/// Constant ones are checked while the network is built: one outside is a ShapeError. Those that the network computes
/// (by ArgMax or TopK) are floats. Out-of-range indices found at run time give NaN (on writes: the whole line along the
/// axis), because forward() may not throw.
class Indices {
 public:
  static constexpr std::int64_t outside = -1;
  static constexpr float nothing = std::numeric_limits<float>::quiet_NaN();

  /// Input i of a node.
  static Indices read(const NodeArguments& node, std::size_t i) {
    Indices indices;
    if (node.constant(i) == nullptr) return indices;
    indices.values_ = node.constant_integers(i);
    indices.shape_ = node.constant(i)->shape;
    indices.known_ = true;
    return indices;
  }

  /// They are constant, and the layer that has them needs no view of their input.
  bool known() const { return known_; }
  /// at_run_time: of their input, which is not looked at where they are known.
  Shape shape(const Shape& at_run_time = {}) const { return known_ ? shape_ : at_run_time; }

  /// Throws ShapeError if known index number i (each `period` one, if given) is outside of axis `axis` of x, or if an
  /// index of that axis would not be held exactly by a float.
  void expect_inside(const Shape& x, std::size_t axis, std::size_t first = 0, std::size_t period = 1) const {
    const std::int64_t n = x[axis];
    if (!known_ && n > std::int64_t{1} << 24)
      throw ShapeError(detail::message(
          {"an index above 2^24 is not held exactly by a float, for axis ", axis, " of ", x.to_string()}));
    for (std::size_t i = first; i < values_.size(); i += period)
      if (values_[i] < -n || values_[i] >= n)
        throw ShapeError(detail::message({"index ", values_[i], " is outside of axis ", axis, " of ", x.to_string()}));
  }

  /// The place in 0..length-1 that index number i says, or `outside`; at_run_time: the values of their input.
  std::int64_t place(const float* at_run_time, std::int64_t i, std::int64_t length) const {
    if (known_) {
      const std::int64_t v = values_[static_cast<std::size_t>(i)];
      return v < 0 ? v + length : v;
    }
    const float v = at_run_time[i], n = static_cast<float>(length);
    if (!(v >= -n && v < n)) return outside;  // NaN too
    const auto at = static_cast<std::int64_t>(v);
    return at < 0 ? at + length : at;
  }

 private:
  std::vector<std::int64_t> values_;
  Shape shape_;
  bool known_ = false;
};

}  // namespace weir::detail
