// What tune.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/learn/decision_cost.hpp>
#include <weir/policy/learn/tune.hpp>

namespace weir::detail {

namespace gate_features {

WEIR_INLINE bool is_class(std::string_view name) {
  const std::size_t at = name.rfind("class_");
  return at != std::string_view::npos && (at == 0 || name[at - 1] == '.');
}

WEIR_INLINE bool is_history(std::string_view name) { return name.find_first_of(".(") != std::string_view::npos; }

WEIR_INLINE bool without_class(std::string_view name) { return !is_class(name); }

WEIR_INLINE bool own_confidence(std::string_view name) { return !is_class(name) && !is_history(name); }

}  // namespace gate_features

WEIR_INLINE TrainOptions with_learner(TrainOptions base, const std::string& learner) {
  base.learner = learner;
  if ((learner == predicted_loss || learner == priced_loss || learner == predicted_cost) && !base.feature)
    base.feature = gate_features::without_class;
  return base;
}

WEIR_INLINE std::vector<Candidate> default_candidates(const TrainOptions& base) {
  std::vector<Candidate> all;
  const auto add = [&](std::string name, const std::string& learner, std::function<bool(std::string_view)> feature) {
    all.push_back({std::move(name), base});
    all.back().train.learner = learner;
    all.back().train.feature = std::move(feature);
  };
  for (const char* learner : {"predicted_loss", "priced_loss", "predicted_cost", "logistic", "squared_svm", "tree",
                              "boosting", "threshold", "isotonic"})
    add(std::string(learner) + ", no class", learner, gate_features::without_class);
  add("predicted_loss, all features", "predicted_loss", nullptr);
  add("logistic, all features", "logistic", nullptr);
  add("logistic, own confidence", "logistic", gate_features::own_confidence);
  add("logistic C=10, all features", "logistic", nullptr);
  all.back().train.fit = [](const Dataset& data) {
    return GateModel("logistic", LogisticRegression{.C = 10}.fit(data));
  };
  return all;
}

WEIR_INLINE double least_saving(std::size_t n) { return std::sqrt(2 / static_cast<double>(n)); }

WEIR_INLINE bool takes_over(double cost, double first, double best, std::size_t n) {
  return cost < best && cost < first * (1 - least_saving(n));
}

WEIR_INLINE Tuning tune(const DesignTrace& trace, const Topology& topology, const std::vector<Candidate>& candidates,
                        const Budget& budget, const CrossValidation& options,
                        const std::function<void(std::size_t, std::size_t)>& progress, bool time_decisions) {
  if (candidates.empty()) throw ArgumentError("tune: no candidates");
  Tuning tuning;
  for (const Candidate& c : candidates) {
    std::optional<Trace> learn, judge;  // with what decisions take
    if (time_decisions && trace.learn.cost_unit == cost_unit::seconds) {
      const std::vector<double> seconds = decision_seconds(trace.learn, topology, c.train);
      learn = with_decisions(trace.learn, seconds);
      judge = with_decisions(trace.judge, seconds);
    }
    const DesignTrace whole = learn ? DesignTrace(*learn, *judge) : trace;
    tuning.cost.push_back(system_cost(cross_validate(whole, topology, c.train, options), budget));
    if (progress) progress(tuning.cost.size(), candidates.size());
  }
  for (std::size_t c = 1; c < tuning.cost.size(); ++c)
    if (takes_over(tuning.cost[c], tuning.cost[0], tuning.cost[tuning.best], trace.learn.size())) tuning.best = c;
  return tuning;
}

}  // namespace weir::detail
