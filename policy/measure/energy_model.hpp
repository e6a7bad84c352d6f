/// Energy model: joules that each stage adds to an example, from any counter.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>

namespace weir::detail {

struct EnergyRuns {
  std::vector<std::size_t> batches{1};  ///< sizes, ascending
  std::size_t rounds = 3;               ///< the median over them counts
  /// One way is run over and over for at least so long, since counters move in steps of about a millisecond.
  double block_s = 0.25;
  double give_up_s = 5;  ///< a counter that has not moved after so long does not count
};

/// The stages of one network in their order, as a chain of their own.
struct NetworkWay {
  std::size_t network = 0;
  std::vector<std::size_t> stages;  ///< of the whole cascade
  std::shared_ptr<const CascadeSpec> spec;

  NetworkWay(const CascadeSpec& whole, std::size_t n) : network(n) {
    for (std::size_t k = 0; k < whole.stages.size(); ++k)
      if (whole.stages[k].network == n) stages.push_back(k);
    const auto names = whole.network(n).tensor_names();
    const auto position = [&](std::size_t k) { return std::ranges::find(names, whole.stages[k].tensor); };
    std::ranges::stable_sort(stages, [&](std::size_t a, std::size_t b) { return position(a) < position(b); });
    std::vector<CascadeStage> own;
    std::vector<std::string> own_names;
    for (const std::size_t k : stages) {
      own.push_back(whole.stages[k]);
      own.back().network = 0;
      own_names.push_back(own.back().name);
    }
    FeatureOptions features = whole.feature_options;
    if (whole.stages[0].network != n) std::erase(features.groups, "image");  // only of the cascade's first stage
    spec = std::make_shared<CascadeSpec>(std::vector<Network>{whole.network(n)}, std::move(own),
                                         Topology::chain(own_names), features);
  }
};

/// What each stage adds to an example, in joules, at each size of batch. joules() counts up, from anywhere. Every
/// network is run from its input up to each of its stages, in blocks long enough for the counter; a stage costs what
/// its way takes beyond the way to the stage before it (0 where noise says less). The part that only answers is taken
/// to be the same as of the stage's seconds: it is too short to be counted apart. Whatever the counter counts is
/// counted: a processor package's idle power, too, and that of other programs, which should rest.
///
/// rows, maker: as of measure_cost_model(); progress(done, total) after each block. Time: rounds x stages x sizes x
/// block_s. Throws ArgumentError for a counter that does not move or falls, for options out of range, and for batches
/// of networks that examples cannot leave.
template <typename OnProgress>
CostModel measure_energy(const CascadeSpec& spec, const Context& context, const InputMaker& maker,
                         const std::vector<std::size_t>& rows, const std::function<double()>& joules,
                         const EnergyRuns& runs, const OnProgress& progress) {
  if (rows.empty() || runs.rounds == 0 || runs.batches.empty() || runs.batches.front() == 0 || !(runs.block_s >= 0))
    throw ArgumentError("energy: rows, rounds and sizes of batch must be 1 or more, blocks not negative");
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); };
  CostModel model{cost_unit::joule, runs.batches, {}};
  model.costs.assign(runs.batches.size(), std::vector<StageCost>(spec.stages.size()));
  const std::size_t total = runs.rounds * runs.batches.size() * spec.stages.size();
  std::size_t done = 0;
  for (std::size_t n = 0; n < spec.n_networks(); ++n) {
    const NetworkWay way(spec, n);
    if (runs.batches.back() > 1 && !way.spec->flows_in_batches())
      throw ArgumentError(
          detail::message({"energy: the network of stage '", way.spec->stages[0].name, "' does not run in batches"}));
    CascadeExecutor cascade(way.spec, context);
    std::vector<CascadeAnswer> out;
    const std::size_t n_stages = way.stages.size();
    using Samples = std::vector<std::vector<double>>;                                       // [stages][rounds]
    std::vector<Samples> spent(runs.batches.size(), Samples(n_stages)), answering = spent;  // joules; share of them
    std::size_t first = 0;
    for (std::size_t round = 0; round < runs.rounds; ++round)
      for (std::size_t b = 0; b < runs.batches.size(); ++b)
        for (std::size_t target = 0; target < n_stages; ++target) {
          const std::size_t batch = runs.batches[b];
          const auto decide = [&](std::size_t k, std::span<const double>) -> std::size_t { return k < target ? 1 : 0; };
          const InputMaker of_block = [&](std::size_t, std::size_t row, View to) {
            maker(n, rows[(first + row) % rows.size()], to);
          };
          StageCost time;
          const auto run = [&] {
            if (batch == 1)
              cascade.run_one_with(of_block, 0, decide);
            else
              cascade.run_batch_with(
                  of_block, batch, [&](std::size_t) { return decide; }, out);
            time.cost += cascade.stage_cost(target).cost;
            time.answer_cost += cascade.stage_cost(target).answer_cost;
            first = (first + batch) % rows.size();
          };
          run();  // allocations and page faults happen here
          time = {};
          const double before = joules();
          const auto start = Clock::now();
          double moved = 0;
          std::size_t count = 0;
          do {
            do {
              run();
              ++count;
            } while (since(start) < runs.block_s);
            moved = joules() - before;
          } while (moved == 0 && since(start) < runs.give_up_s);
          if (!(moved > 0))
            throw ArgumentError(detail::message(
                {"energy: the counter ",
                 (moved < 0 ? std::string("fell")
                            : "did not move in " + format_cost(since(start), cost_unit::seconds) + " of work")}));
          spent[b][target].push_back(moved / static_cast<double>(count * batch));
          answering[b][target].push_back(time.cost > 0 ? time.answer_cost / time.cost : 0);
          progress(++done, total);
        }
    for (std::size_t b = 0; b < runs.batches.size(); ++b) {
      double before = 0;
      for (std::size_t i = 0; i < n_stages; ++i) {
        const double up_to = median(std::move(spent[b][i])), cost = std::max(0.0, up_to - before);
        model.costs[b][way.stages[i]] = {cost, cost * std::min(1.0, median(std::move(answering[b][i])))};
        before = up_to;
      }
    }
  }
  model.check();
  return model;
}

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/measure/energy_model.ipp>
#endif
