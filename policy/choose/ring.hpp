/// Testing several hypotheses at one familywise error, each with a share of it.
#pragma once
#include <cstddef>
#include <functional>
#include <vector>
#include <weir/core/compile.hpp>

namespace weir::detail {

/// Which of m hypotheses are rejected, at familywise error delta: hypothesis j holds the share weights[j] of delta
/// (>= 0, sum <= 1) and is rejected where p_value(j) <= its share; then the share goes to the next that is not yet
/// rejected, cyclically (the graphical procedure of Bretz, Maurer, Brannath, Posch, Stat. Med. 2009, on a ring). All on
/// one j is fixed-sequence testing from j on; equal shares are Bonferroni's with Holm's gain. The weights must not
/// depend on the data that the p-values come from. p_value is called at most once for each j, with a share > 0 only.
std::vector<bool> reject_on_ring(std::vector<double> weights, double delta,
                                 const std::function<double(std::size_t)>& p_value);

/// The same where only rejects(j, level) is known: whether the p-value of j is at most `level`.
std::vector<bool> reject_on_ring_where(std::vector<double> weights, double delta,
                                       const std::function<bool(std::size_t, double)>& rejects);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/choose/ring.ipp>
#endif
