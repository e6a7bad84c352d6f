/// The trade-off between time and loss: lower convex hull, interpolation, area.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// One operating point; smaller is better in both.
struct TradeoffPoint {
  double cost = 0;
  double loss = 0;
  bool operator==(const TradeoffPoint&) const = default;
};

/// Indices of the vertices of the lower left convex hull, by ascending cost and strictly falling loss: exactly the
/// points that minimise cost + lambda loss for some lambda in (0, infinity), one for each of equal points (the
/// lowest index), and none from the inside of an edge. Empty for no points. O(n log n) (Andrew, Inf. Process. Lett.
/// 1979).
std::vector<std::size_t> lower_hull(const std::vector<TradeoffPoint>& points);

/// A point on an edge of a hull: a with probability p, else b (indices into the points; a == b at a vertex).
struct HullMix {
  std::size_t a = 0;
  std::size_t b = 0;
  double p = 1;
};

/// The point of the hull with the least cost whose loss is at most `budget`; nullopt where no vertex reaches it.
/// Ends of the mix: a is the faster, b the safer one.
std::optional<HullMix> at_loss(const std::vector<TradeoffPoint>& points, const std::vector<std::size_t>& hull,
                               double budget);

/// The point of the hull with the least loss whose cost is at most `budget`; nullopt where even the fastest is
/// slower.
std::optional<HullMix> at_cost(const std::vector<TradeoffPoint>& points, const std::vector<std::size_t>& hull,
                               double budget);

/// Where a mix lies, in expectation.
TradeoffPoint mixed(const std::vector<TradeoffPoint>& points, const HullMix& mix);

/// Mean loss of the hull over cost in [from, to]: the area under the curve divided by its width, so its unit is that
/// of the loss. Right of the slowest vertex the curve stays at that vertex's loss, since time may be left unused; left
/// of the fastest vertex nothing can answer, so `from` below it throws ArgumentError, as does from >= to or no point.
double mean_loss_over_cost(const std::vector<TradeoffPoint>& points, double from, double to);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/evaluate/tradeoff.ipp>
#endif
