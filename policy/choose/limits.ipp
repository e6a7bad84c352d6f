// What limits.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

WEIR_INLINE void FurtherLimits::check(const Trace& calibration) const {
  const auto zero_one = [](const Eigen::VectorXd& loss) { return ((loss.array() == 0) || (loss.array() == 1)).all(); };
  const auto in_range = [](const std::string& name, double epsilon) {
    if (!(epsilon > 0 && epsilon <= 1))
      throw ArgumentError(detail::message({"limit '", name, "': must be above 0 and at most 1, not ", epsilon}));
  };
  bool reads_own = given_exit.has_value();
  if (given_exit) in_range("given exit", *given_exit);
  for (const Limit& limit : also) {
    in_range(limit.name, limit.epsilon);
    reads_own = reads_own || limit.loss.empty();
    if (limit.loss.empty()) continue;
    if (limit.loss.size() != calibration.stages.size())
      throw ShapeError(detail::message(
          {"limit '", limit.name, "': losses of ", limit.loss.size(), " stages, not ", calibration.stages.size()}));
    for (const Eigen::VectorXd& loss : limit.loss) {
      if (loss.size() != static_cast<Eigen::Index>(calibration.size()))
        throw ShapeError(detail::message(
            {"limit '", limit.name, "': ", loss.size(), " losses for ", calibration.size(), " examples"}));
      if (!zero_one(loss)) throw ArgumentError(detail::message({"limit '", limit.name, "': needs losses of 0 and 1"}));
    }
  }
  for (const StageTrace& stage : calibration.stages)
    if (reads_own && !zero_one(stage.loss))
      throw ArgumentError(detail::message(
          {"limits in single classes and given the exit need losses of 0 and 1; stage '", stage.name, "' has others"}));
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE std::vector<LimitFound> limits_found(const FurtherLimits& limits, const Trace& trace, const ExitTable& exit,
                                                 Eigen::Index member, std::size_t first_open, double delta) {
  const std::size_t full = trace.full();
  const auto excess = [&](const std::vector<Eigen::VectorXd>& loss, Eigen::Index i) {
    const std::size_t k = exit(i, member);
    return loss.empty() ? trace.stages[k].loss(i) - trace.stages[full].loss(i) : loss[k](i) - loss[full](i);
  };
  std::vector<LimitFound> all;
  const auto add = [&](std::string name, double epsilon, std::size_t n, double sum) {
    LimitFound f{std::move(name), epsilon, n, std::min(n, static_cast<std::size_t>(std::ceil(sum - 1e-9)))};
    if (n > 0) {
      f.p_value = binomial_cdf(f.regressions, n, epsilon);
      f.upper_limit = clopper_pearson_upper(f.regressions, n, 1 - delta);
    }
    all.push_back(std::move(f));
  };
  const auto examples = static_cast<Eigen::Index>(trace.size());
  for (const Limit& limit : limits.also) {
    std::size_t n = 0;
    double sum = 0;
    for (Eigen::Index i = 0; i < examples; ++i) {
      if (limit.label && trace.label[static_cast<std::size_t>(i)] != *limit.label) continue;
      ++n;
      sum += std::max(0.0, excess(limit.loss, i));
    }
    add(limit.name, limit.epsilon, n, sum);
  }
  if (!limits.given_exit) return all;
  std::vector<std::size_t> left(trace.stages.size(), 0);
  std::vector<double> lost(trace.stages.size(), 0.0);
  for (Eigen::Index i = 0; i < examples; ++i) {
    ++left[exit(i, member)];
    lost[exit(i, member)] += std::max(0.0, excess({}, i));
  }
  std::size_t n = 0;
  double sum = 0;
  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    n += left[k], sum += lost[k];
    if (k >= first_open) add("left at " + trace.stages[k].name + " or before", *limits.given_exit, n, sum);
  }
  return all;
}

WEIR_INLINE double worst_p_value(const std::vector<LimitFound>& found) {
  double worst = 0;
  for (const LimitFound& f : found) worst = std::max(worst, f.p_value);
  return worst;
}

WEIR_INLINE OpenedFamily open_later(const PolicyFamily& family, const Trace& training, double epsilon,
                                    double given_exit, double delta) {
  OpenedFamily all{family, {}, {}};
  all.family.vertices.clear();
  all.family.members.clear();
  all.family.predicted.clear();
  FurtherLimits limits;
  limits.also.push_back({"all", epsilon});
  limits.given_exit = given_exit;
  const std::size_t stages = training.stages.size();
  std::vector<std::size_t> surest;  // of each block, among all members
  PolicyFamily block = family;
  for (std::size_t open = 0; open + 1 < stages; ++open) {
    bool closes = true;
    for (PolicyFamily::Vertex& v : block.vertices) {
      if (open == 0) break;
      Gate& gate = v.policy.gates[open - 1];
      if (gate.n_actions() > 1)
        gate = Gate::constant(1, gate.n_actions(), gate.n_features());
      else
        closes = false;  // who gets there cannot go on
    }
    if (!closes || block.size() == 0) break;
    const FamilyTable table = evaluate(block, training);
    const std::size_t first = all.family.members.size(), vertices = all.family.vertices.size();
    surest.push_back(first);
    double least = 1;
    for (std::size_t j = 0; j < block.size(); ++j) {
      const auto column = static_cast<Eigen::Index>(j);
      const double p = worst_p_value(limits_found(limits, training, table.exit, column, open, delta));
      if (p <= least) {
        surest.back() = first + j;
        least = p;
      }
      const HullMix& m = block.members[j];
      all.family.members.push_back({vertices + m.a, vertices + m.b, m.p});
      all.family.predicted.push_back({table.cost.col(column).mean(), table.risk.col(column).mean()});
      all.first_open.push_back(open);
    }
    all.family.vertices.insert(all.family.vertices.end(), block.vertices.begin(), block.vertices.end());
  }
  all.weights.assign(all.family.size(), 0.0);
  for (const std::size_t j : surest) all.weights[j] += 1 / static_cast<double>(surest.size());
  return all;
}

}  // namespace weir::detail
