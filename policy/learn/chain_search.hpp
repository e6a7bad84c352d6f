/// Which stages of a pool to put one behind the other: the cheapest chain for a budget.
#pragma once
#include <cstddef>
#include <functional>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/learn/cross_validate.hpp>

namespace weir::detail {

struct ChainSearch {
  TrainOptions train;
  Budget budget;
  CrossValidation validation;
  std::size_t most = 4;       ///< stages besides the full network
  double least_gain = 0.005;  ///< a further stage must lower the cost by this share
  std::function<void(std::size_t done, std::size_t total)> progress{};
};

/// Some stages of a pool, the full network last, and what the system costs that runs them in turn.
struct FoundChain {
  std::vector<std::size_t> stages;  ///< ascending
  double cost = 0;                  ///< system_cost, cross-validated
};

/// The cost of one chain. Throws what cross_validate throws.
FoundChain cost_of_chain(const DesignTrace& pool, std::vector<std::size_t> stages, const ChainSearch& options);

/// Starts with the full network and nothing else. Each step adds the stage that lowers the cost most, then removes
/// stages as long as removing one lowers the cost; it ends when no stage lowers the cost by least_gain (floating
/// search: Pudil, Novovicova, Kittler, Pattern Recognition Letters 1994). The pool is a trace whose stages are in an
/// order in which they may run, those of one network together, the full network last. Deterministic; at most about n x
/// most cross-validations, each of examples that the chain was not learned from. Throws what they throw, and
/// ArgumentError for an empty pool.
FoundChain search_chain(const DesignTrace& pool, const ChainSearch& options);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/chain_search.ipp>
#endif
