/// Networks that were made with exits: which of their tensors are answers already.
#pragma once
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/network.hpp>

namespace weir::detail {

/// The outputs with as many values for an example as the first output, in the order in which they are computed (that
/// which depends on most work comes last, see sort_by_outputs): of a classifier with exits of its own (BranchyNet,
/// Teerapittayanon et al., ICPR 2016; MSDNet, Huang et al., ICLR 2018) its answers, whatever the order in which the
/// file names them; inputs and constants that are outputs are none. The last one is the full network's.
std::vector<std::string> answer_tensors(const Network& network);

/// The tensor that the full network answers with.
std::string answer_tensor(const Network& network);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/exits/answers_inside.ipp>
#endif
