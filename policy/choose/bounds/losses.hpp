/// What every test of a mean asks of its losses.
#pragma once
#include <numeric>
#include <span>
#include <string>
#include <weir/core/error.hpp>

namespace weir::bounds {

/// Throws ArgumentError unless there are losses, all in [0, 1], 0 <= epsilon <= 1 and 0 < delta < 1.
inline void check(std::span<const double> losses, double epsilon, double delta) {
  if (losses.empty()) throw ArgumentError("bound: at least one loss is needed");
  for (const double loss : losses)
    if (!(loss >= 0 && loss <= 1))
      throw ArgumentError(detail::message({"bound: a loss of ", loss, " is not in [0, 1]"}));
  if (!(epsilon >= 0 && epsilon <= 1)) throw ArgumentError("bound: epsilon must be in [0, 1]");
  if (!(delta > 0 && delta < 1)) throw ArgumentError("bound: delta must be in (0, 1)");
}

inline double sum(std::span<const double> losses) { return std::accumulate(losses.begin(), losses.end(), 0.0); }

}  // namespace weir::bounds
