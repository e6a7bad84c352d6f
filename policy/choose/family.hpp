/// An ordered family of policies, from the safest to the fastest, laid out on the training trace only.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir {

/// What a guarantee limits, per example.
enum class Risk {
  excess,       ///< max(0, L_exit - L_full)
  net,          ///< L_exit - L_full, which may be below 0: what the full network gets wrong and the policy right counts
  disagreement  ///< 1 where the answer is not the full network's, else 0; reads no label and no loss
};

/// r [n] of an evaluation of this trace.
Eigen::VectorXd risk_of(const Trace& trace, const Evaluation& e, Risk risk);

/// Member j sends a share of the examples through one policy of a path and the rest through the next safer one. Its
/// order, mixes and predicted risks come from the training trace, so that any calibration trace may test its members in
/// sequence. Mixes of the same two policies are nested: what went the faster way still does in the next member.
struct PolicyFamily {
  struct Vertex {
    Policy policy;
    std::optional<double> lambda;  ///< none for a fixed exit
  };
  std::vector<Vertex> vertices;
  std::vector<detail::HullMix> members;          ///< of vertices; predicted risk ascends, cost falls
  std::vector<detail::TradeoffPoint> predicted;  ///< [members] mean cost and risk on the training trace
  Policy full;                                   ///< sends everything to the full network, without risk by definition
  Risk risk = Risk::excess;
  std::uint64_t seed = 0;  ///< of the mixes

  std::size_t size() const { return members.size(); }
  const Vertex& faster(std::size_t j) const { return vertices[members.at(j).a]; }
  const Vertex& safer(std::size_t j) const { return vertices[members.at(j).b]; }
  MixedPolicy policy(std::size_t j) const { return {faster(j).policy, safer(j).policy, members.at(j).p, seed}; }
};

/// One member for each of these risks (ascending, >= 0), the fastest that has it on the training trace, by mixing
/// neighbours on the path's lower hull; ends with the fastest policy of all. `path` is of this trainer. Where the
/// trainer's path has one parameter the members are its own policies, as far apart as the risks, and `path` is not
/// read: hull vertices are noisy minima; their mixes do worse on new data than the members between them. Throws
/// ArgumentError where the path is empty or the risks do not ascend.
PolicyFamily policy_family(const PolicyTrainer& trainer, const std::vector<PathPoint>& path, Risk risk,
                           const std::vector<double>& risks, std::uint64_t seed = 0);

}  // namespace weir

namespace weir::detail {

/// [n, members] the stage that each example leaves at.
using ExitTable = Eigen::Matrix<std::uint16_t, Eigen::Dynamic, Eigen::Dynamic>;

}  // namespace weir::detail

namespace weir {

/// Each member on each example.
struct FamilyTable {
  Eigen::MatrixXd risk;    ///< [n, members]
  Eigen::MatrixXd cost;    ///< [n, members]
  detail::ExitTable exit;  ///< [n, members]
};

/// Column j equals the evaluation of family.policy(j). O(n (gates d vertices + members)).
FamilyTable evaluate(const PolicyFamily& family, const Trace& trace);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/choose/family.ipp>
#endif
