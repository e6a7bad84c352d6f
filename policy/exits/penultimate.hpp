/// The tensor that a network's last linear layer reads.
#pragma once
#include <string>
#include <weir/core/compile.hpp>
#include <weir/core/network.hpp>

namespace weir::detail {

/// Of a classifier: its penultimate activations, [N, C, H, W] or [N, D]; where they are only reshaped ahead of that
/// layer (flattened), the tensor before. Empty where there is none but the network's input, or it has no row for each
/// example.
std::string penultimate_tensor(const Network& network);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/exits/penultimate.ipp>
#endif
