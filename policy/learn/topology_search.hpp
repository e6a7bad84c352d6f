/// Which stages of a pool to use, and which may follow which: the cheapest system for a budget.
#pragma once
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learn/cross_validate.hpp>

namespace weir {

/// A topology over some stages of a pool.
struct FoundTopology {
  std::vector<std::size_t> stages;  ///< of the pool, ascending; Trace::select(stages) is its trace
  Topology topology;
  double cost = std::numeric_limits<double>::infinity();  ///< system_cost, cross-validated
};

struct SearchOptions {
  TrainOptions train;
  Budget budget;
  detail::CrossValidation validation;
  std::size_t max_stages = 4;
  /// Up to this number of topologies all are tried; beyond, the pool is searched greedily.
  std::size_t exhaustive = 300;
  /// A further stage or edge must lower the cost by this share.
  double least_gain = 0.01;
  /// Where set, only topologies are tried that it is true of. It must be true of the full network by itself.
  std::function<bool(const std::vector<std::size_t>& stages, const Topology& topology)> usable{};
  std::function<void(std::size_t done, std::size_t total)> progress{};
};

}  // namespace weir

namespace weir::detail {

/// Every tree over the named stages, and the DAG where every later stage may follow.
std::vector<Topology> topologies_over(const std::vector<std::string>& names);
/// Ascending subsets of {0 .. n - 1} of at most `most` elements that hold the last one.
std::vector<std::vector<std::size_t>> subsets_with_last(std::size_t n, std::size_t most);
/// How many topologies subsets_with_last and topologies_over make, or `limit` + 1 if more.
std::size_t count_topologies(std::size_t n, std::size_t most, std::size_t limit);

}  // namespace weir::detail

namespace weir {

/// Topologies over a pool of stages (networks, input resolutions, exits inside networks): first the one to use, which
/// is the simplest whose cost is within least_gain of the least, then the others, cheapest first. The pool is a trace
/// whose stages are in an order in which they may run, those of one network together and the full network last; any of
/// them may come first. Each topology is learned and judged by cross_validate, so nothing is chosen on examples that it
/// was learned from; what is found is learned again on all of them.
///
/// Small pools: every tree and every all-later DAG over every subset of at most max_stages stages. Large ones: greedily
/// (after Streeter, ICML 2018), from only the full network on, the stage and shape that lower the cost most are taken
/// until none does by least_gain. Deterministic. Throws what cross_validate throws, and ArgumentError for
/// max_stages == 0.
std::vector<FoundTopology> search_topologies(const DesignTrace& pool, const SearchOptions& options);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/learn/topology_search.ipp>
#endif
