// What watched_reference.hpp declares.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/watched_reference.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/tune.hpp>

namespace weir {

WEIR_INLINE ShiftReference shift_reference(const MixedPolicy& policy, const Trace& calibration, double run_length) {
  const Evaluation e = evaluate(policy, calibration);
  ShiftReference reference;
  reference.n = e.size();
  reference.disagreements = static_cast<std::size_t>(risk_of(calibration, e, Risk::disagreement).sum());
  reference.run_length = run_length;
  const std::vector<double> exits(e.exit.begin(), e.exit.end());
  reference.tests.emplace_back(std::span<const double>(exits), detail::shift_reference_bins);
  const StageTrace& first = calibration.stages.front();
  for (std::size_t f = 0; f < first.feature_names.size(); ++f) {
    if (detail::gate_features::is_class(first.feature_names[f])) continue;
    const Eigen::VectorXd column = first.features.col(static_cast<Eigen::Index>(f));
    reference.features.push_back(first.feature_names[f]);
    reference.tests.emplace_back(std::span<const double>(column.data(), e.size()), detail::shift_reference_bins);
  }
  return reference;
}

}  // namespace weir
