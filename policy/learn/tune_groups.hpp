/// Which groups of features are worth their time, by the cost of the whole system.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/learn/cross_validate.hpp>

namespace weir::detail {

/// A set of groups, and what a system that reads them costs.
struct GroupsTried {
  std::vector<std::string> groups;  ///< in the list's order, "confidence" among them
  double cost = 0;                  ///< system_cost, cross-validated
};

struct GroupTuning {
  GroupsTried best;
  std::vector<GroupsTried> tried;  ///< in the order in which they were; the first is only "confidence"
};

/// Greedily from only "confidence": of the groups offered, the one that lowers the system_cost most is taken, until
/// none does by the share least_gain. Each set is learned and judged by cross_validate on keep_groups(), in which a
/// group costs what was measured (StageTrace::feature_costs) where it is used; so a group is taken only if it saves
/// more than it takes, and by more than folds disagree by. progress(done, total) after each. Time: at most g (g + 1) /
/// 2 + 1 cross-validations. Throws what they throw, and ArgumentError for an unknown group.
GroupTuning tune_groups(const DesignTrace& trace, const Topology& topology, const TrainOptions& train,
                        const std::vector<std::string>& offered, const Budget& budget, const CrossValidation& options,
                        double least_gain = 0.01, const std::function<void(std::size_t, std::size_t)>& progress = {});

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/tune_groups.ipp>
#endif
