// What trace.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

WEIR_INLINE std::string lacks_probabilities(const Trace& trace) {
  for (const StageTrace& s : trace.stages) {
    if (s.probabilities.size() == 0) return "stage '" + s.name + "' has no class probabilities";
    if (s.probabilities.cols() != trace.stages.front().probabilities.cols())
      return "stage '" + s.name + "' has probabilities of " + std::to_string(s.probabilities.cols()) +
             " classes, the first stage of " + std::to_string(trace.stages.front().probabilities.cols());
  }
  return "";
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE double Trace::step_cost(std::optional<std::size_t> from, std::size_t to) const {
  const StageTrace& stage = stages.at(to);
  double sum = stage.cost;
  for (std::size_t k = to; k-- > 0 && k != from && !stage.network.empty() && stages[k].network == stage.network;)
    sum += stages[k].cost - stages[k].answer_cost;
  return sum;
}

WEIR_INLINE std::vector<StageCost> Trace::costs() const {
  std::vector<StageCost> all;
  for (const StageTrace& s : stages) all.push_back({s.cost, s.answer_cost, s.feature_costs});
  return all;
}

WEIR_INLINE void Trace::set_costs(const std::vector<StageCost>& costs, const std::string& unit) {
  if (costs.size() != stages.size())
    throw ShapeError(detail::message({"trace: costs of ", costs.size(), " stages, not ", stages.size()}));
  cost_unit = unit;
  for (std::size_t k = 0; k < costs.size(); ++k) {
    stages[k].cost = costs[k].cost;
    stages[k].answer_cost = costs[k].answer_cost;
    stages[k].feature_costs = costs[k].feature_costs;
  }
}

WEIR_INLINE void Trace::check() const {
  if (stages.empty() || label.empty()) throw ShapeError("trace: at least one stage and one example are needed");
  detail::check_cost_unit(cost_unit);
  const auto n = static_cast<Eigen::Index>(label.size());
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const StageTrace& s = stages[k];
    const std::string where = "trace, stage '" + s.name + "': ";
    if (s.features.rows() != n || s.loss.size() != n || s.prediction.size() != label.size())
      throw ShapeError(detail::message({where, n, " labels, but features of ", s.features.rows(), ", losses of ",
                                        s.loss.size(), ", predictions of ", s.prediction.size(), " examples"}));
    if (s.feature_names.size() != static_cast<std::size_t>(s.features.cols()))
      throw ShapeError(
          detail::message({where, s.feature_names.size(), " feature names for ", s.features.cols(), " features"}));
    if (s.probabilities.size() > 0 && s.probabilities.rows() != n)
      throw ShapeError(
          detail::message({where, n, " labels, but probabilities of ", s.probabilities.rows(), " examples"}));
    if (!std::isfinite(s.cost) || s.cost < 0)
      throw ArgumentError(detail::message({where, "the cost must be finite and >= 0"}));
    if (!(s.answer_cost >= 0 && s.answer_cost <= s.cost))
      throw ArgumentError(detail::message({where, "the answer's cost must be between 0 and the stage's cost"}));
    for (const auto& [group, cost] : s.feature_costs)
      if (!(cost >= 0) || !std::isfinite(cost))
        throw ArgumentError(detail::message({where, "the cost of features '", group, "' must be finite and >= 0"}));
    const bool again = k > 0 && !s.network.empty() && stages[k - 1].network != s.network &&
                       std::any_of(stages.data(), &s, [&](const StageTrace& t) { return t.network == s.network; });
    if (again)
      throw ArgumentError(detail::message({where, "other stages lie between those of network '", s.network, "'"}));
    for (Eigen::Index i = 0; i < n; ++i) {
      if (!std::isfinite(s.loss(i)) || s.loss(i) < 0)
        throw ArgumentError(detail::message({where, "loss must be finite and >= 0 at row ", i}));
      for (Eigen::Index j = 0; j < s.features.cols(); ++j)
        if (!std::isfinite(s.features(i, j)))
          throw ArgumentError(detail::message(
              {where, "feature '", s.feature_names[static_cast<std::size_t>(j)], "' is not finite at row ", i}));
      for (Eigen::Index c = 0; c < s.probabilities.cols(); ++c)
        if (!(s.probabilities(i, c) >= 0) || !std::isfinite(s.probabilities(i, c)))
          throw ArgumentError(
              detail::message({where, "probability of class ", c, " must be finite and >= 0 at row ", i}));
    }
  }
}

WEIR_INLINE Trace Trace::rows(const std::vector<Eigen::Index>& index) const {
  Trace part;
  part.cost_unit = cost_unit;
  for (const Eigen::Index i : index) part.label.push_back(label.at(static_cast<std::size_t>(i)));
  for (const StageTrace& s : stages) {
    StageTrace t{s.name,        s.cost, s.feature_names, s.features(index, Eigen::all), {}, s.loss(index), s.network,
                 s.answer_cost, {},     s.feature_costs};
    for (const Eigen::Index i : index) t.prediction.push_back(s.prediction[static_cast<std::size_t>(i)]);
    if (s.probabilities.size() > 0) t.probabilities = s.probabilities(index, Eigen::all);
    part.stages.push_back(std::move(t));
  }
  return part;
}

WEIR_INLINE Trace Trace::select(const std::vector<std::size_t>& keep) const {
  if (keep.empty() || std::ranges::adjacent_find(keep, std::greater_equal<>()) != keep.end() || keep.back() != full())
    throw ArgumentError("trace: the stages to keep must ascend and end with the full network");
  Trace part{label, {}, cost_unit};
  for (std::size_t i = 0; i < keep.size(); ++i) {
    part.stages.push_back(stages[keep[i]]);
    part.stages.back().cost = step_cost(i == 0 ? std::nullopt : std::optional(keep[i - 1]), keep[i]);
  }
  return part;
}

}  // namespace weir
