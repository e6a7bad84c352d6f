/// What stages cost where the policy itself runs them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "contestants.hpp"
#include "recorded.hpp"

namespace adapt {

/// What price_in_use() found.
struct InUse {
  double change = 1;     ///< what the stages that were run took, over what they took at their first prices
  double full_cost = 0;  ///< of the full network, measured in turn with them
  Prices prices;         ///< of the stages, by that
};

/// The mean of those that are at most 8 times the median: a thread that is set aside for a few milliseconds says
/// nothing of a stage of a few microseconds, and hits the full network as often for its time. Results keep such times,
/// so prices are too low by their share. That is little: of 150,000 answers that five runs on Fashion-MNIST measured,
/// 6 took more than 8 times the median of their exit, at most 0.7 % of the time of a policy; of 10,570 on ImageNet
/// none.
inline double mean_without_pauses(const std::vector<double>& seconds) {
  const double most = 8 * weir::detail::median(seconds);
  double sum = 0, n = 0;
  for (const double s : seconds)
    if (s <= most) sum += s, ++n;
  return n > 0 ? sum / n : 0;
}

/// "stages measured again ...".
inline std::string in_use_text(const InUse& u) {
  char text[300];
  std::snprintf(text, sizeof text,
                "stages measured again at the rate at which the policy visits them take %.0f %% of their first prices; "
                "the full network %.1f us in turn with them",
                100 * u.change, 1e6 * u.full_cost);
  return text;
}

/// What was measured where a policy ran.
struct Visits {
  std::vector<std::vector<double>> cost, answer;  ///< [stages][visits from the stage before it in the trace] seconds
  std::vector<double> full;                       ///< of the full network
};

/// Runs the policy and the full network in turn on images of the policy part, as measure() does.
inline Visits measure_visits(const Mode& m, const weir::MixedPolicy& policy, const Options& o, const Data& data,
                             const Models& models) {
  const Part& part = data.policy;
  const weir::Context context({.threads = o.threads, .isa = o.isa});
  weir::CascadeExecutor cascade(m.spec, context);
  const weir::CascadeStage& last = m.spec->stages.back();
  const auto full = alone(m.spec->network(last.network), last, context);
  const auto maker = models.maker(part, m.nets), full_maker = models.maker(part, {m.nets[last.network]});
  const std::size_t stages = m.spec->stages.size(), n = std::min<std::size_t>(part.size(), o.quick ? 300 : 2000);
  Visits visits{std::vector<std::vector<double>>(stages), std::vector<std::vector<double>>(stages), {}};
  const auto run_policy = [&](std::size_t row, bool timed) {
    const weir::Policy& p = policy.pick(row);
    cascade.run_one_with(maker, row, [&](std::size_t k, std::span<const double> x) { return p.action(k, x); });
    if (!timed) return;
    std::size_t before = stages;
    for (const std::size_t k : cascade.visited()) {
      const bool follows = k > 0 && m.spec->stages[k - 1].network == m.spec->stages[k].network;
      if (!follows || before == k - 1) {
        visits.cost[k].push_back(cascade.stage_cost(k).cost);
        visits.answer[k].push_back(cascade.stage_cost(k).answer_cost);
      }
      before = k;
    }
  };
  const auto run_full = [&](std::size_t row, bool timed) {
    const auto a =
        full->run_one_with(full_maker, row, [](std::size_t, std::span<const double>) { return std::size_t{0}; });
    if (timed) visits.full.push_back(a.seconds);
  };
  ProgressLine progress("measuring " + m.name + " in use");
  const std::size_t block = block_size(1), warm_up = warm_up_size(1);
  for (std::size_t first = 0; first < n; first += block) {
    const std::size_t end = std::min(n, first + block);
    for (const std::size_t turn : {0U, 1U}) {
      const bool is_policy = (first / block + turn) % 2 == 0;
      for (std::size_t i = 0; i < warm_up + end - first; ++i) {
        const std::size_t row = (first + n - std::min(warm_up, n) + i) % n;
        is_policy ? run_policy(row, i >= warm_up) : run_full(row, i >= warm_up);
      }
    }
    progress(end, n);
  }
  return visits;
}

/// Prices each stage at its mean (mean_without_pauses) where an image comes to it from the stage before it in the
/// trace: at the rate at which the policy visits it, with the caches as it finds them then, its gate's decision
/// included. What is visited fewer than 30 times keeps its price, times what the others' changed by. `before`: prices
/// of single images in seconds, which the visits were made at.
inline InUse prices_of_visits(const Visits& visits, const Prices& before) {
  double now = 0, then = 0;
  constexpr std::size_t least = 30;
  const std::size_t stages = visits.cost.size();
  for (std::size_t k = 0; k < stages; ++k)
    if (const auto n = static_cast<double>(visits.cost[k].size()); visits.cost[k].size() >= least) {
      now += n * mean_without_pauses(visits.cost[k]);
      then += n * before.costs()[k].cost;
    }
  weir::CostModel model = before.model;
  for (std::size_t k = 0; k < stages; ++k) {
    weir::StageCost& cost = model.costs.front()[k];
    if (visits.cost[k].size() >= least) {
      cost.cost = mean_without_pauses(visits.cost[k]);
      cost.answer_cost = std::min(cost.cost, mean_without_pauses(visits.answer[k]));
    } else if (then > 0) {
      cost.cost *= now / then;
      cost.answer_cost *= now / then;
    }
  }
  return {then > 0 ? now / then : 1, mean_without_pauses(visits.full), full_batches(std::move(model), before.batch)};
}

/// prices_of_visits() of what measure_visits() measures. Nothing but the policy part is looked at.
inline InUse price_in_use(const PricedMode& m, const weir::MixedPolicy& policy, const Options& o, const Data& data,
                          const Models& models) {
  return prices_of_visits(measure_visits(m, policy, o, data, models), m.prices);
}

}  // namespace adapt
