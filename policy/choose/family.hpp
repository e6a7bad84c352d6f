/// An ordered family of policies, from the safest to the fastest, laid out on the training trace alone.
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
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir {

/// What a guarantee limits, per example.
enum class Risk {
  excess,       ///< max(0, L_exit - L_full)
  disagreement  ///< 1 where the answer is not the full network's, else 0; reads no label and no loss
};

/// r [n] of an evaluation of this trace.
inline Eigen::VectorXd risk_of(const Trace& trace, const Evaluation& e, Risk risk) {
  if (risk == Risk::excess) return e.excess;
  const auto& full = trace.stages.back().prediction;
  Eigen::VectorXd r(static_cast<Eigen::Index>(e.size()));
  for (std::size_t i = 0; i < e.size(); ++i)
    r(static_cast<Eigen::Index>(i)) = trace.stages[e.exit[i]].prediction[i] != full[i] ? 1 : 0;
  return r;
}

/// Member j sends a share of the examples through one policy of a path and the rest through the next safer one. Its
/// order, mixes and predicted risks come from the training trace, so that any calibration trace may test its members in
/// sequence. Mixes of the same two policies are nested: what went the faster way still does in the next member.
struct PolicyFamily {
  struct Vertex {
    Policy policy;
    std::optional<double> lambda;  ///< none for a fixed exit
  };
  std::vector<Vertex> vertices;
  std::vector<HullMix> members;          ///< of vertices; predicted risk ascends, seconds fall
  std::vector<TradeoffPoint> predicted;  ///< [members] mean seconds and risk on the training trace
  Policy full;                           ///< sends everything to the full network, without risk by definition
  Risk risk = Risk::excess;
  std::uint64_t seed = 0;  ///< of the mixes

  std::size_t size() const { return members.size(); }
  const Vertex& faster(std::size_t j) const { return vertices[members.at(j).a]; }
  const Vertex& safer(std::size_t j) const { return vertices[members.at(j).b]; }
  MixedPolicy policy(std::size_t j) const { return {faster(j).policy, safer(j).policy, members.at(j).p, seed}; }
};

namespace detail {

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
    return Place{std::move(point), {e.mean_seconds(), risk_of(trainer.trace(), e, risk).mean()}};
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
    const bool far = now && (next.at.loss - now->at.loss > step || next.at.seconds < now->at.seconds * (1 - quicker));
    if (far && *now->point.lambda > nearest * *next.point.lambda) {
      ahead.push_back(place(std::sqrt(*now->point.lambda * *next.point.lambda)));
      continue;
    }
    now = std::move(ahead.back());
    ahead.pop_back();
    worst = std::max(worst, now->at.loss);
    if (worst > most) break;
    if (!family.predicted.empty() && now->at.seconds >= family.predicted.back().seconds) continue;
    family.members.push_back({family.vertices.size(), family.vertices.size(), 1});
    family.vertices.push_back({now->point.policy, now->point.lambda});
    family.predicted.push_back({now->at.seconds, worst});
  }
  return family;
}

}  // namespace detail

/// One member for each of these risks (ascending, >= 0), the fastest that has it on the training trace, by mixing
/// neighbours on the path's lower hull; ends with the fastest policy of all. `path` is of this trainer. Where the
/// trainer's path has one parameter the members are its own policies, as far apart as the risks, and `path` is not
/// read: mixes of those that luck put on the hull would be behind what lies between them. Throws ArgumentError where
/// the path is empty or the risks do not ascend.
inline PolicyFamily policy_family(const PolicyTrainer& trainer, const std::vector<PathPoint>& path, Risk risk,
                                  const std::vector<double>& risks, std::uint64_t seed = 0) {
  const Trace& trace = trainer.trace();
  if (path.empty()) throw ArgumentError("policy family: the path is empty");
  if (!std::is_sorted(risks.begin(), risks.end())) throw ArgumentError("policy family: the risks must ascend");
  const Policy full = fixed_policy(trainer.topology(), trace, trace.full());
  if (trainer.one_parameter() && !risks.empty()) {
    const double most = risks.back();
    PolicyFamily own = detail::one_parameter_family(trainer, risk, most / static_cast<double>(risks.size()), most);
    own.full = full;
    own.risk = risk;
    own.seed = seed;
    return own;
  }
  std::vector<TradeoffPoint> points;
  for (const PathPoint& point : path) {
    const Evaluation e = detail::evaluate_tables(trainer.topology(), trace, {point.actions}, [](auto) { return 0U; });
    points.push_back({e.mean_seconds(), risk_of(trace, e, risk).mean()});
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
    const TradeoffPoint predicted = mixed(points, *mix);
    if (!family.predicted.empty() && predicted == family.predicted.back()) break;
    if (path[mix->b].policy == family.full && (mix->p == 0 || mix->a == mix->b)) continue;
    family.members.push_back({vertex(mix->a), vertex(mix->b), mix->p});
    family.predicted.push_back(predicted);
  }
  return family;
}

/// Each member on each example.
struct FamilyTable {
  Eigen::MatrixXd risk;     ///< [n, members]
  Eigen::MatrixXd seconds;  ///< [n, members]
};

/// Column j equals the evaluation of family.policy(j). O(n (gates d vertices + members)).
inline FamilyTable evaluate(const PolicyFamily& family, const Trace& trace) {
  const auto n = static_cast<Eigen::Index>(trace.size());
  const auto V = static_cast<Eigen::Index>(family.vertices.size()), m = static_cast<Eigen::Index>(family.size());
  FamilyTable pure{Eigen::MatrixXd(n, V), Eigen::MatrixXd(n, V)};
  for (Eigen::Index v = 0; v < V; ++v) {
    const Evaluation e = evaluate(family.vertices[static_cast<std::size_t>(v)].policy, trace);
    pure.risk.col(v) = risk_of(trace, e, family.risk);
    pure.seconds.col(v) = e.seconds;
  }
  FamilyTable table{Eigen::MatrixXd(n, m), Eigen::MatrixXd(n, m)};
  for (Eigen::Index i = 0; i < n; ++i) {
    const double u = counter_uniform(family.seed, static_cast<std::uint64_t>(i));
    for (Eigen::Index j = 0; j < m; ++j) {
      const HullMix& mix = family.members[static_cast<std::size_t>(j)];
      const auto v = static_cast<Eigen::Index>(u < mix.p ? mix.a : mix.b);
      table.risk(i, j) = pure.risk(i, v);
      table.seconds(i, j) = pure.seconds(i, v);
    }
  }
  return table;
}

}  // namespace weir
