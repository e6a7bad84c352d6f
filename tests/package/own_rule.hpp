// A rule of one's own: a score that none of weir's rules has, tuned and certified by the program itself.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/learn.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/evaluate/statistics.hpp>

/// Goes on where squared_top + margin / 10 is below a limit.
class Score final : public weir::DecisionFunction {
 public:
  Score(const std::vector<std::string>& names, double limit)
      : squared_(column(names, "squared_top")), margin_(column(names, "margin")), n_(names.size()), limit_(limit) {}
  std::size_t n_features() const override { return n_; }
  double score(std::span<const double> x) const { return x[squared_] + x[margin_] / 10; }
  double decision_function(std::span<const double> x) const override { return limit_ - score(x); }
  std::string to_json() const override { return "{}"; }

 private:
  static std::size_t column(const std::vector<std::string>& names, const std::string& name) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) throw weir::ArgumentError("mine: there is no feature '" + name + "'");
    return static_cast<std::size_t>(at - names.begin());
  }

  std::size_t squared_, margin_, n_;
  double limit_;
};

/// Exits where the score reaches the limit; else the nearest later stage runs.
inline weir::Policy limit_policy(const weir::Topology& topology, const weir::Trace& trace, double limit) {
  weir::Policy policy{topology, {}};
  for (std::size_t k = 0; k < topology.size(); ++k)
    policy.gates.push_back(
        topology.stages[k].next.empty()
            ? weir::Gate()
            : weir::Gate::of_function("mine",
                                      std::make_shared<Score>(weir::gate_feature_names(topology, trace, k), limit),
                                      topology.stages[k].next.size() + 1));
  return policy;
}

/// Limits are laid out from safe to fast before the calibration trace is looked at, and tested on it in this order
/// until one fails (fixed-sequence testing), so that the confidence holds for the one that is taken.
inline std::optional<weir::TunedRule> tune_mine(const weir::RuleData& data) {
  const weir::StageTrace& first = data.training.stages.front();
  std::vector<double> limits;
  for (Eigen::Index i = 0; i < first.features.rows(); ++i) {
    const Eigen::RowVectorXd x = first.features.row(i);
    limits.push_back(Score(first.feature_names, 0).score({x.data(), static_cast<std::size_t>(x.size())}));
  }
  std::sort(limits.rbegin(), limits.rend());
  std::optional<weir::TunedRule> best;
  for (std::size_t step = 0; step <= 40; ++step) {
    const double limit = step == 0 ? 2 : limits[step * (limits.size() - 1) / 40];  // 2: nothing exits
    const weir::Policy policy = limit_policy(data.topology, data.training, limit);
    const weir::Evaluation e = weir::evaluate(policy, data.calibration);
    const weir::Estimate found = weir::Estimate::of(e);
    const double risk =
        data.budget.margin == weir::Margin::none
            ? found.excess
            : weir::clopper_pearson_upper(weir::paired_counts(e).regressions, e.size(), data.budget.confidence);
    if (step > 0 && risk > data.budget.value) break;
    if (!best || found.cost < best->calibration.cost)
      best = weir::TunedRule{"mine", limit, weir::MixedPolicy::pure(policy), found};
  }
  return best;
}

/// "" or what the traces lack. The last stage has no gate, and so no features of its own.
inline std::string lacks_mine(const weir::Topology& topology, const weir::Trace& trace) {
  for (std::size_t k = 0; k < topology.size(); ++k) {
    const std::vector<std::string>& names = trace.stages[k].feature_names;
    if (!topology.stages[k].next.empty() && std::find(names.begin(), names.end(), "squared_top") == names.end())
      return "stage '" + trace.stages[k].name + "' has no feature 'squared_top' (--features squared)";
  }
  return "";
}
