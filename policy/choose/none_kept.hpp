/// Why no policy of a family was certified, and how many examples would be enough.
#pragma once
#include <Eigen/Core>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>

namespace weir {

struct GuaranteeOptions;

}  // namespace weir

namespace weir::detail {

/// Why no member of a family passed. r in [0, 1], a net loss as (1 + d) / 2; the tests began where `weights` are above
/// 0, each with its share of delta.
std::string none_kept(const Eigen::MatrixXd& r, const GuaranteeOptions& o, const std::vector<double>& weights);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/choose/none_kept.ipp>
#endif
