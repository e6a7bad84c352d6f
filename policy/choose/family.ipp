// What family.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir {

WEIR_INLINE Eigen::VectorXd risk_of(const Trace& trace, const Evaluation& e, Risk risk) {
  if (risk == Risk::excess) return e.excess;
  if (risk == Risk::net) return e.difference;
  const auto& full = trace.stages.back().prediction;
  Eigen::VectorXd r(static_cast<Eigen::Index>(e.size()));
  for (std::size_t i = 0; i < e.size(); ++i)
    r(static_cast<Eigen::Index>(i)) = trace.stages[e.exit[i]].prediction[i] != full[i] ? 1 : 0;
  return r;
}

}  // namespace weir

namespace weir::detail {

/// The policies of a trainer whose path has one parameter (PolicyTrainer::one_parameter), so close that the risk on the
/// training trace grows by at most `step` from one to the next (or by a single example), up to `most`; from the safest
/// on. Each is faster on the training trace than those before it.
inline PolicyFamily one_parameter_family(const PolicyTrainer& trainer, Risk risk, double step, double most) {
  struct Place {
    PathPoint point;
    TradeoffPoint at;
  };
  const auto place = [&](double lambda) {
    PathPoint point = trainer.train(lambda);
    const Evaluation e =
        evaluate_tables(trainer.topology(), trainer.trace(), {point.actions}, [](auto) { return std::size_t{0}; });
    return Place{std::move(point), {e.mean_cost(), risk_of(trainer.trace(), e, risk).mean()}};
  };
  constexpr double nearest = 1.0005;  // prices that differ by less are not told apart
  constexpr double quicker = 0.01;    // nor may one be faster by more, where the training trace shows no risk between
  constexpr int wider = 12;           // times that the grid's end is moved on towards no risk
  auto grid = trainer.lambda_grid(24);
  std::vector<Place> ahead;  // the next place is the last of these
  for (const double lambda : grid) ahead.push_back(place(lambda));
  for (int w = 0; w < wider && ahead.back().at.loss > step; ++w) ahead.push_back(place(4 * *ahead.back().point.lambda));
  PolicyFamily family;
  double worst = 0;
  std::optional<Place> now;
  while (!ahead.empty()) {
    const Place& next = ahead.back();
    const bool far = now && (next.at.loss - now->at.loss > step || next.at.cost < now->at.cost * (1 - quicker));
    if (far && *now->point.lambda > nearest * *next.point.lambda) {
      ahead.push_back(place(std::sqrt(*now->point.lambda * *next.point.lambda)));
      continue;
    }
    now = std::move(ahead.back());
    ahead.pop_back();
    worst = std::max(worst, now->at.loss);
    if (worst > most) break;
    if (!family.predicted.empty() && now->at.cost >= family.predicted.back().cost) continue;
    family.members.push_back({family.vertices.size(), family.vertices.size(), 1});
    family.vertices.push_back({now->point.policy, now->point.lambda});
    family.predicted.push_back({now->at.cost, worst});
  }
  return family;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE PolicyFamily policy_family(const PolicyTrainer& trainer, const std::vector<PathPoint>& path, Risk risk,
                                       const std::vector<double>& risks, std::uint64_t seed) {
  const Trace& trace = trainer.trace();
  if (path.empty()) throw ArgumentError("policy family: the path is empty");
  if (!std::is_sorted(risks.begin(), risks.end())) throw ArgumentError("policy family: the risks must ascend");
  const Policy full = detail::fixed_policy(trainer.topology(), trace, trace.full());
  if (trainer.one_parameter() && !risks.empty()) {
    const double most = risks.back();
    PolicyFamily own = detail::one_parameter_family(trainer, risk, most / static_cast<double>(risks.size()), most);
    own.full = full;
    own.risk = risk;
    own.seed = seed;
    return own;
  }
  std::vector<detail::TradeoffPoint> points;
  for (const PathPoint& point : path) {
    const Evaluation e = detail::evaluate_tables(trainer.topology(), trace, {point.actions}, [](auto) { return 0U; });
    points.push_back({e.mean_cost(), risk_of(trace, e, risk).mean()});
  }
  PolicyFamily family;
  family.full = full;
  family.risk = risk;
  family.seed = seed;
  std::vector<std::size_t> place(path.size(), path.size());  // of a path's point among the vertices
  const auto vertex = [&](std::size_t at) {
    if (place[at] == path.size()) {
      place[at] = family.vertices.size();
      family.vertices.push_back({path[at].policy, path[at].lambda});
    }
    return place[at];
  };
  const auto hull = lower_hull(points);
  for (const double r : risks) {
    const auto mix = at_loss(points, hull, r);
    if (!mix) continue;
    const detail::TradeoffPoint predicted = mixed(points, *mix);
    if (!family.predicted.empty() && predicted == family.predicted.back()) break;
    if (path[mix->b].policy == family.full && (mix->p == 0 || mix->a == mix->b)) continue;
    family.members.push_back({vertex(mix->a), vertex(mix->b), mix->p});
    family.predicted.push_back(predicted);
  }
  return family;
}

WEIR_INLINE FamilyTable evaluate(const PolicyFamily& family, const Trace& trace) {
  const auto n = static_cast<Eigen::Index>(trace.size());
  const auto V = static_cast<Eigen::Index>(family.vertices.size()), m = static_cast<Eigen::Index>(family.size());
  FamilyTable pure{Eigen::MatrixXd(n, V), Eigen::MatrixXd(n, V), detail::ExitTable(n, V)};
  for (Eigen::Index v = 0; v < V; ++v) {
    const Evaluation e = evaluate(family.vertices[static_cast<std::size_t>(v)].policy, trace);
    pure.risk.col(v) = risk_of(trace, e, family.risk);
    pure.cost.col(v) = e.cost;
    for (Eigen::Index i = 0; i < n; ++i)
      pure.exit(i, v) = static_cast<std::uint16_t>(e.exit[static_cast<std::size_t>(i)]);
  }
  FamilyTable table{Eigen::MatrixXd(n, m), Eigen::MatrixXd(n, m), detail::ExitTable(n, m)};
  for (Eigen::Index i = 0; i < n; ++i) {
    const double u = detail::counter_uniform(family.seed, static_cast<std::uint64_t>(i));
    for (Eigen::Index j = 0; j < m; ++j) {
      const detail::HullMix& mix = family.members[static_cast<std::size_t>(j)];
      const auto v = static_cast<Eigen::Index>(u < mix.p ? mix.a : mix.b);
      table.risk(i, j) = pure.risk(i, v);
      table.cost(i, j) = pure.cost(i, v);
      table.exit(i, j) = pure.exit(i, v);
    }
  }
  return table;
}

}  // namespace weir
