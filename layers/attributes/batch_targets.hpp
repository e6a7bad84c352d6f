/// Shapes and ends that a file computes from the batch size, said without it.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>
#include <weir/layers/attributes/axes.hpp>

namespace weir::batch_targets {

/// A list of integers, and a shape, for each of a few batch sizes.
template <std::size_t Probes>
using Lists = std::array<std::vector<std::int64_t>, Probes>;
template <std::size_t Probes>
using Shapes = std::array<Shape, Probes>;

/// Position i of the lists is the same for all batch sizes.
template <std::size_t Probes, class List>
bool same_at(const std::array<List, Probes>& lists, std::size_t i) {
  for (const List& l : lists)
    if (l[i] != lists[0][i]) return false;
  return true;
}

/// The one target of a Reshape that makes of each x what its own target does: the only dimension that depends on the
/// batch size is inferred (-1), others that do are copied (0, unless allow_zero). nullopt where that does not say all.
/// Throws ShapeError where a target does not fit its x.
template <std::size_t Probes>
std::optional<std::vector<std::int64_t>> of_reshape(const Shapes<Probes>& x, const Lists<Probes>& targets,
                                                    bool allow_zero) {
  Shapes<Probes> y;
  for (std::size_t p = 0; p < Probes; ++p) {
    y[p] = detail::reshaped(x[p], targets[p], allow_zero);
    if (y[p].rank() != y[0].rank()) return std::nullopt;
  }
  std::vector<std::int64_t> target(y[0].begin(), y[0].end());
  std::optional<std::size_t> inferred;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (same_at(y, i)) continue;
    bool copied = !allow_zero && i < x[0].rank();
    for (std::size_t p = 0; p < Probes; ++p) copied = copied && i < x[p].rank() && y[p][i] == x[p][i];
    if (!copied && inferred) return std::nullopt;
    if (!copied) inferred = i;
    target[i] = copied ? 0 : -1;
  }
  for (std::size_t p = 0; p < Probes; ++p)
    if (y[p].numel() == 0 || !(detail::reshaped(x[p], target, allow_zero) == y[p])) return std::nullopt;
  return target;
}

/// The one target of an Expand: dimensions of x that depend on the batch size stay (1). stretched is set to the axis of
/// the result, if there is one, to which an x without examples is repeated for each; its target is 1 too. nullopt where
/// that does not say all.
template <std::size_t Probes>
std::optional<std::vector<std::int64_t>> of_expand(const Shapes<Probes>& x, const Lists<Probes>& targets,
                                                   std::optional<std::size_t>& stretched) {
  std::vector<std::int64_t> target = targets[0];
  for (const auto& t : targets)
    if (t.size() != target.size()) return std::nullopt;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (same_at(targets, i)) continue;
    target[i] = 1;
    bool keeps = true, repeats = true;
    for (std::size_t p = 0; p < Probes; ++p) {
      const bool in_front = i + x[p].rank() < target.size();
      const std::int64_t length = in_front ? 1 : x[p][i + x[p].rank() - target.size()];
      keeps = keeps && length == targets[p][i];
      repeats = repeats && length == 1;
    }
    if (keeps) continue;
    if (!repeats || stretched) return std::nullopt;
    stretched = i;
    if (x[0].rank() > target.size()) *stretched += x[0].rank() - target.size();
  }
  return target;
}

/// The one end of a slice along an axis of these lengths: counted from the axis's end, or behind it. nullopt where that
/// does not say all.
template <std::size_t Probes>
std::optional<std::int64_t> of_slice_end(const std::array<std::int64_t, Probes>& lengths,
                                         const std::array<std::int64_t, Probes>& ends) {
  bool behind = true, counted = true;
  for (std::size_t p = 0; p < Probes; ++p) {
    behind = behind && ends[p] >= lengths[p];
    counted = counted && ends[p] >= 0 && ends[p] < lengths[p] && lengths[p] - ends[p] == lengths[0] - ends[0];
  }
  if (behind) return std::numeric_limits<std::int64_t>::max();
  if (counted) return ends[0] - lengths[0];
  return std::nullopt;
}

/// A size of a Resize that says: as x has it. No size of a file may be negative.
inline constexpr std::int64_t kept_length = -1;

/// The one list of sizes of a Resize along these axes (the first ones if there are none): those that depend on the
/// batch size must be what x has there. nullopt where that does not say all.
template <std::size_t Probes>
std::optional<std::vector<std::int64_t>> of_resize(const Shapes<Probes>& x, const Lists<Probes>& sizes,
                                                   const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> list = sizes[0];
  for (const auto& s : sizes)
    if (s.size() != list.size()) return std::nullopt;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (same_at(sizes, i)) continue;
    for (std::size_t p = 0; p < Probes; ++p) {
      if (i >= (axes.empty() ? x[p].rank() : axes.size())) return std::nullopt;
      if (x[p][axes.empty() ? i : detail::checked_axis(axes[i], x[p].rank())] != sizes[p][i]) return std::nullopt;
    }
    list[i] = kept_length;
  }
  return list;
}

}  // namespace weir::batch_targets
