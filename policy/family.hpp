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
#include <weir/policy/policy.hpp>
#include <weir/policy/tradeoff.hpp>
#include <weir/policy/train.hpp>

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

/// One member for each of these risks (ascending, >= 0), the fastest that has it on the training trace, by mixing
/// neighbours on the path's lower hull; ends with the fastest policy of all. `path` is of this trainer. Throws
/// ArgumentError where the path is empty or the risks do not ascend.
inline PolicyFamily policy_family(const PolicyTrainer& trainer, const std::vector<PathPoint>& path, Risk risk,
                                  const std::vector<double>& risks, std::uint64_t seed = 0) {
  const Trace& trace = trainer.trace();
  if (path.empty()) throw ArgumentError("policy family: the path is empty");
  if (!std::is_sorted(risks.begin(), risks.end())) throw ArgumentError("policy family: the risks must ascend");
  std::vector<TradeoffPoint> points;
  for (const PathPoint& point : path) {
    const Evaluation e = detail::evaluate_tables(trainer.topology(), trace, {point.actions}, [](auto) { return 0U; });
    points.push_back({e.mean_seconds(), risk_of(trace, e, risk).mean()});
  }
  PolicyFamily family;
  family.full = fixed_policy(trainer.topology(), trace, trace.full());
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
