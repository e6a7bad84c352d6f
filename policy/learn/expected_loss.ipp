// What expected_loss.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/exits/temperature.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/learn/expected_loss.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

WEIR_INLINE double full_temperature(const Trace& trace) {
  const Eigen::MatrixXf& p = trace.stages.at(trace.full()).probabilities;
  if (p.size() == 0)
    throw ArgumentError(detail::message({"stage '", trace.stages.back().name, "' has no class probabilities"}));
  return fit_temperature(p.cast<double>().cwiseMax(1e-30).array().log().matrix(), trace.label);
}

WEIR_INLINE Trace with_expected_losses(const Trace& trace, const Loss& loss, LossSide side, double temperature) {
  trace.check();
  if (const std::string reason = lacks_probabilities(trace); !reason.empty())
    throw ArgumentError(detail::message({"expected losses: ", reason}));
  if (!(temperature > 0) || !std::isfinite(temperature))
    throw ArgumentError("expected losses: the temperature must be above 0");
  Trace out;
  out.label = trace.label;
  out.cost_unit = trace.cost_unit;
  for (const StageTrace& s : trace.stages)
    out.stages.push_back({s.name,
                          s.cost,
                          s.feature_names,
                          s.features,
                          s.prediction,
                          Eigen::VectorXd::Zero(s.loss.size()),
                          s.network,
                          s.answer_cost,
                          {},
                          s.feature_costs});
  const Eigen::Index classes = trace.stages.back().probabilities.cols();
  const double least = 1e-4 / static_cast<double>(classes);
  Eigen::VectorXd q(classes), full_loss(classes);
  Eigen::VectorXf p(classes);
  const auto losses_of = [&](int c) { return loss({p.data(), static_cast<std::size_t>(classes)}, c); };
  for (Eigen::Index i = 0; i < static_cast<Eigen::Index>(trace.size()); ++i) {
    p = trace.stages.back().probabilities.row(i).transpose();
    q = (p.cast<double>().cwiseMax(1e-30).array().log() / temperature).matrix();
    q = (q.array() - q.maxCoeff()).exp().matrix();
    q /= q.sum();
    std::vector<int> likely;
    for (Eigen::Index c = 0; c < classes; ++c)
      if (q(c) >= least) likely.push_back(static_cast<int>(c));
    for (const int c : likely) full_loss(c) = losses_of(c);
    for (std::size_t k = 0; k < trace.stages.size(); ++k) {
      const bool full = k == trace.full();
      if (full && side == LossSide::excess) continue;
      if (!full) p = trace.stages[k].probabilities.row(i).transpose();
      double sum = 0;
      for (const int c : likely) {
        const double own = full ? full_loss(c) : losses_of(c);
        sum += q(c) * (side == LossSide::excess ? std::max(0.0, own - full_loss(c)) : own);
      }
      out.stages[k].loss(i) = sum;
    }
  }
  return out;
}

}  // namespace weir::detail
