/// Where a network can be left: tensors through which everything that comes after them must pass.
#pragma once
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/network.hpp>

namespace weir {

/// A tensor at which an exit head may sit.
struct ExitPoint {
  std::string tensor;
  double flops_share = 0;  ///< share of the network's floating-point operations done when it is known
};

/// All tensors, in the order of execution, through which every path from the input to the first output runs and which
/// have a row for each example ([N, C, H, W] or [N, D]). Of several with the same share of the work (convolution, batch
/// norm, ReLU) only the last is given. Cost O(nodes).
std::vector<ExitPoint> exit_points(const Network& network);

}  // namespace weir

namespace weir::detail {

/// At most n of exit_points(), about evenly spread over the work between `low` and `high` shares.
std::vector<ExitPoint> spread_exit_points(const Network& network, std::size_t n, double low = 0.02, double high = 0.9);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/exits/exit_points.ipp>
#endif
