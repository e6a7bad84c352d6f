/// Probes: the batch sizes for which a graph is evaluated while a network is built.
#pragma once
#include <algorithm>
#include <array>
#include <span>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/shape.hpp>

namespace weir::detail {

/// Two batch sizes give a line, the third says whether it is one.
inline constexpr std::size_t probe_count = 3;
using Probes = std::array<std::int64_t, probe_count>;

/// Of the inputs of a node, by probe: their values where they are constant (nullptr where not), and their shapes.
using ProbedConstants = std::array<std::vector<const Constant*>, probe_count>;
using ProbedShapes = std::array<std::vector<Shape>, probe_count>;

inline bool depends_on_batch(const ProbedConstants& constants, std::size_t i) {
  return std::any_of(constants.begin(), constants.end(), [&](const auto& c) { return c[i] != constants[0][i]; });
}

/// A shape of ones with the batch size at an axis.
inline Shape stretched_by_batch(const Shape& like, std::size_t axis, std::int64_t batch) {
  std::vector<std::int64_t> ones(std::max(like.rank(), axis + 1), 1);
  ones[axis] = batch;
  return Shape(std::span<const std::int64_t>(ones));
}

}  // namespace weir::detail
