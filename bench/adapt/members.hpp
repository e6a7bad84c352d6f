/// Which members of a mode's pool are worth their cost.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/topology.hpp>

#include "design.hpp"
#include "learned.hpp"
#include "teaching.hpp"

namespace adapt {

/// Mean cost of a calibration example at the asked budget, kept in the mean there, with these stages only: learned on
/// the policy part in the way of the mode, rules among what is chosen from. `chain`: stages follow one another; else
/// all later ones may.
inline double cost_of_pool(const weir::Trace& lessons, const weir::Trace& calibration, bool chain,
                           weir::TrainOptions train, const Options& o, const std::vector<std::size_t>& keep) {
  const weir::Trace learned_from = lessons.select(keep), judged_on = calibration.select(keep);
  if (keep.size() == 1) return judged_on.stages.back().cost;
  std::vector<std::string> names;
  for (const weir::StageTrace& s : learned_from.stages) names.push_back(s.name);
  weir::Budget budget = budget_in_the_mean(o);
  budget.refinements = 4;
  train.folds = 1;
  const weir::PolicyTrainer trainer(learned_from,
                                    chain ? weir::Topology::chain(names) : weir::Topology::all_later(names), train);
  auto path = learned_path(trainer, 12, o);
  return weir::choose(trainer, path, judged_on, budget).calibration.cost;
}

/// Leaves out each stage but the full network in turn: what the pool costs with it and without it. Looks at the policy
/// and the calibration part; nothing is chosen by it.
inline std::vector<MemberCost> weigh_members(const weir::Trace& lessons, const weir::Trace& calibration,
                                             const weir::Topology& topology, const weir::TrainOptions& train,
                                             const Options& o) {
  const std::size_t n = lessons.stages.size();
  const bool chain = std::ranges::all_of(topology.stages, [](const auto& s) { return s.next.size() <= 1; });
  std::vector<std::size_t> all(n);
  for (std::size_t k = 0; k < n; ++k) all[k] = k;
  std::vector<MemberCost> members;
  const double with = cost_of_pool(lessons, calibration, chain, train, o, all);
  for (std::size_t k = 0; k + 1 < n; ++k) {
    std::vector<std::size_t> keep = all;
    keep.erase(keep.begin() + static_cast<std::ptrdiff_t>(k));
    members.push_back({lessons.stages[k].name, with, cost_of_pool(lessons, calibration, chain, train, o, keep)});
  }
  return members;
}

/// The same for a mode. None where the topology was searched for (cross-validation has kept each of its stages), and
/// where images run in batches (without a stage the others would see batches of other sizes, and cost something else).
inline std::vector<MemberCost> weigh_members(const LearnedMode& m, const Options& o) {
  if (m.name == "search" || m.prices.batch > 1) return {};
  const ProgressLine progress("weighing the members of " + m.name);
  return weigh_members(m.lessons, m.calibration, m.spec->topology, m.train, o);
}

}  // namespace adapt
