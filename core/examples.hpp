/// Examples: where the examples of a batch lie in a tensor, and rules by which layers pass that on.
#pragma once
#include <optional>
#include <span>
#include <weir/core/shape_form.hpp>

namespace weir {

/// Where the examples of a batch lie in a tensor. A batch may be cut, joined and left by some of its examples only
/// while they lie apart.
///
/// none   no element depends on any example (constants).
/// apart  dimension `axis` is k * N, k >= 1: positions e*k .. e*k + k-1 along it depend on example e only.
/// mixed  an element may depend on several examples, or it is not known.
struct Examples {
  enum class Kind { none, apart, mixed };
  Kind kind = Kind::none;
  std::size_t axis = 0;

  static Examples apart(std::size_t axis) { return {Kind::apart, axis}; }
  static Examples mixed() { return {Kind::mixed, 0}; }

  bool none() const { return kind == Kind::none; }
  bool is_mixed() const { return kind == Kind::mixed; }
  /// Each example is a block of memory of its own, in the order of the batch.
  bool rows() const { return kind == Kind::apart && axis == 0; }
  /// They lie apart, along this axis.
  bool along(std::size_t a) const { return kind == Kind::apart && axis == a; }

  friend bool operator==(const Examples&, const Examples&) = default;
};

/// What Layer::examples() is asked: inputs and the output at every batch size.
struct ExamplesQuery {
  std::span<const ShapeForm> shapes;  ///< of the inputs
  std::span<const Examples> inputs;   ///< by input; none where it was left out
  const ShapeForm& output;            ///< shape of the output in question
  std::size_t which = 0;              ///< that output's number
};

/// Answers for families of layers.
namespace examples {

/// Examples stay where they are if `axis` of the output is k * N as it is of the input, else they are mixed.
inline Examples at(const ExamplesQuery& q, std::size_t input, std::size_t axis) {
  const std::int64_t k = q.output.factor(axis);
  if (q.output.batch_axis() != axis || k == 0 || q.shapes[input].factor(q.inputs[input].axis) != k)
    return Examples::mixed();
  return Examples::apart(axis);
}

/// Elementwise arithmetic with broadcasting: axes pair up from the last, and examples must meet those of their own
/// number.
inline Examples broadcast(const ExamplesQuery& q) {
  Examples all;
  for (std::size_t i = 0; i < q.inputs.size(); ++i) {
    const Examples& x = q.inputs[i];
    if (x.none()) continue;
    if (x.is_mixed()) return x;
    const Examples here = at(q, i, x.axis + q.output.rank() - q.shapes[i].rank());
    if (here.is_mixed() || !(all.none() || all == here)) return Examples::mixed();
    all = here;
  }
  return all;
}

/// The layer treats what lies at different positions of the first `axes` axes of input 0 apart, and keeps these axes.
/// Its other inputs are parameters.
inline Examples outermost(const ExamplesQuery& q, std::size_t axes) {
  for (std::size_t i = 1; i < q.inputs.size(); ++i)
    if (!q.inputs[i].none()) return Examples::mixed();
  const Examples& x = q.inputs[0];
  if (x.kind != Examples::Kind::apart) return x;
  return x.axis < axes ? at(q, 0, x.axis) : Examples::mixed();
}

/// The layer joins what lies along axis `gone` of input 0 (softmax along it, a reduction that keeps it, a slice of it)
/// and treats all other axes apart, which keep their places.
inline Examples all_but(const ExamplesQuery& q, std::size_t first, std::size_t last) {
  const Examples& x = q.inputs[0];
  if (x.kind != Examples::Kind::apart) return x;
  return x.axis >= first && x.axis < last ? Examples::mixed() : at(q, 0, x.axis);
}

/// Values that do not depend on examples, repeated for each.
inline Examples repeated(const ExamplesQuery& q) {
  if (!q.output.depends_on_batch()) return {};
  const auto axis = q.output.batch_axis();
  return axis ? Examples::apart(*axis) : Examples::mixed();
}

/// The same elements in the same order under another shape: the examples lie along the axis of the output in front of
/// which there are as many elements as in front of theirs.
inline Examples reshaped(const ExamplesQuery& q) {
  const Examples& x = q.inputs[0];
  if (x.kind != Examples::Kind::apart) return x;
  const Shape from = q.shapes[0].at(2), to = q.output.at(2);  // the axes in front do not depend on the batch size
  const std::optional<std::size_t> axis = q.output.batch_axis();
  if (q.shapes[0].batch_axis() != x.axis || !axis || from.product(0, x.axis) != to.product(0, *axis))
    return Examples::mixed();
  return Examples::apart(*axis);
}

}  // namespace examples

}  // namespace weir
