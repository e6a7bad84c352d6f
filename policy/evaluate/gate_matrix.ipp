// What gate_matrix.hpp declares.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

WEIR_INLINE GateInputs gate_inputs(const Topology& topology, const Trace& trace) {
  if (topology.size() != trace.stages.size())
    throw ShapeError(detail::message({"topology of ", topology.size(), " stages, trace of ", trace.stages.size()}));
  std::vector<std::size_t> counts;
  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    if (trace.stages[k].name != topology.stages[k].name)
      throw ShapeError(detail::message({"stage ", k, " is '", topology.stages[k].name, "' in the topology and '",
                                        trace.stages[k].name, "' in the trace"}));
    counts.push_back(static_cast<std::size_t>(trace.stages[k].features.cols()));
  }
  return {topology, counts};
}

WEIR_INLINE RowMatrix gate_matrix(const GateInputs& inputs, const Trace& trace, std::size_t k) {
  const auto n = static_cast<Eigen::Index>(trace.size());
  RowMatrix X(n, static_cast<Eigen::Index>(inputs.size(k)));
  std::vector<std::size_t> used(inputs.before(k).begin(), inputs.before(k).end());
  used.push_back(k);
  std::vector<std::vector<double>> features(inputs.n_stages());
  std::vector<StageAnswer> answers(inputs.n_stages());
  for (const std::size_t j : used) {
    features[j].resize(inputs.own_size(j));
    answers[j].features = features[j];
  }
  for (Eigen::Index i = 0; i < n; ++i) {
    for (const std::size_t j : used) {
      const StageTrace& stage = trace.stages[j];
      answers[j].prediction = stage.prediction[static_cast<std::size_t>(i)];
      for (std::size_t f = 0; f < features[j].size(); ++f)
        features[j][f] = stage.features(i, static_cast<Eigen::Index>(f));
    }
    inputs.fill(k, answers, {X.data() + i * X.cols(), inputs.size(k)});
  }
  return X;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::vector<std::string> gate_feature_names(const Topology& topology, const Trace& trace,
                                                        std::size_t stage) {
  const detail::GateInputs inputs = detail::gate_inputs(topology, trace);
  if (stage >= topology.size())
    throw ArgumentError(detail::message({"gate features: stage ", stage, " of ", topology.size()}));
  std::vector<std::vector<std::string>> names;
  for (const StageTrace& s : trace.stages) names.push_back(s.feature_names);
  return inputs.names(stage, topology, names);
}

}  // namespace weir
