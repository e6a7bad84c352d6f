// What record_trace.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/measure/record_trace.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

WEIR_INLINE Trace record_trace(CascadeExecutor& executor, const InputMaker& maker, std::vector<int> label,
                               const Loss& loss, const std::vector<StageCost>& costs, const std::string& unit,
                               std::size_t batch, bool probabilities) {
  const CascadeSpec& spec = executor.spec();
  Trace trace;
  trace.label = std::move(label);
  const std::size_t n = trace.size();
  const auto rows = static_cast<Eigen::Index>(n);
  for (std::size_t k = 0; k < spec.stages.size(); ++k) {
    StageTrace& s = trace.stages.emplace_back();
    s.name = spec.stages[k].name;
    s.feature_names = spec.feature_names(k);
    s.features.resize(rows, static_cast<Eigen::Index>(s.feature_names.size()));
    s.prediction.resize(n);
    s.loss.resize(rows);
    if (probabilities) s.probabilities.resize(rows, static_cast<Eigen::Index>(spec.n_classes()));
  }
  trace.set_costs(costs, unit);
  for (std::size_t first = 0; first < n; first += batch) {
    try {
      executor.record(
          std::min(batch, n - first), [&](std::size_t net, std::size_t r, View out) { maker(net, first + r, out); },
          [&](std::size_t k, std::size_t r, int prediction, std::span<const float> p,
              std::span<const double> features) {
            StageTrace& s = trace.stages[k];
            const auto at = static_cast<Eigen::Index>(first + r);
            s.prediction[first + r] = prediction;
            s.loss(at) = loss(p, trace.label[first + r]);
            s.features.row(at) = Eigen::Map<const Eigen::RowVectorXd>(features.data(), s.features.cols());
            if (probabilities)
              s.probabilities.row(at) = Eigen::Map<const Eigen::RowVectorXf>(p.data(), s.probabilities.cols());
          });
    } catch (const NotFiniteError& e) {
      throw e.at(first + e.row());
    }
  }
  return trace;
}

}  // namespace weir
