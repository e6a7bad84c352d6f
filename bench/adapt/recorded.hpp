/// What the stages of a mode cost and what they answer: recorded on the images of a part.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/features/feature_group.hpp>
#include <weir/policy/features/pooled.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/learn/batch_prices.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/not_finite.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../lessons.hpp"
#include "mode.hpp"

namespace adapt {

/// What the stages of a mode cost.
struct Prices {
  weir::CostModel model;         ///< by size of batch
  std::size_t batch = 1;         ///< images that run together; 1 where they cannot
  weir::detail::BatchPrices at;  ///< at the batch sizes that the policy sends on

  const std::vector<weir::StageCost>& costs() const { return at.costs; }
  const std::string& unit() const { return model.unit; }
};

/// Prices where every image runs every stage, in full batches.
inline Prices full_batches(weir::CostModel model, std::size_t batch) {
  const std::vector<double> share(model.n_stages(), 1.0);
  weir::detail::BatchPrices at{model.expected(batch, share), share};
  return {std::move(model), batch, std::move(at)};
}

inline weir::Trace at_prices(weir::Trace trace, const Prices& prices) {
  trace.set_costs(prices.costs(), prices.unit());
  return trace;
}

/// A mode with what its stages cost and what they answer on the policy part, which all is learned from.
struct PricedMode : Mode {
  Prices prices;
  weir::Trace policy;        ///< at these prices
  weir::Trace lessons;       ///< the same with the losses that gates learn from
  std::string learned_from;  ///< what those are, in words

  const std::vector<weir::StageCost>& costs() const { return prices.costs(); }

  /// Cost of an image in the full network alone.
  double full_cost() const {
    return weir::detail::select_costs(prices.model, policy, {policy.full()}).at(0, prices.batch).cost;
  }
};

/// The mode with other prices for the same stages.
inline PricedMode at_prices(PricedMode m, Prices prices) {
  m.policy = at_prices(std::move(m.policy), prices);
  m.lessons = at_prices(std::move(m.lessons), prices);
  m.prices = std::move(prices);
  return m;
}

/// A trace of a part, to be filled: names, labels and sizes. Class probabilities, which some rules and --also look at,
/// are kept unless they are large and neither these nor saved traces ask for them.
inline weir::Trace empty_trace(const Mode& m, const Options& o, const Models& models, const Part& part) {
  weir::Trace trace;
  trace.label = part.labels();
  const auto n = static_cast<Eigen::Index>(part.size());
  for (std::size_t k = 0; k < m.spec->stages.size(); ++k) {
    const auto& names = m.spec->feature_names(k);
    trace.stages.push_back({m.spec->stages[k].name, 0, names,
                            Eigen::MatrixXd(n, static_cast<Eigen::Index>(names.size())), std::vector<int>(part.size()),
                            Eigen::VectorXd(n), models.all[m.nets[m.spec->stages[k].network]].name});
  }
  constexpr double most_bytes = 512.0 * (1 << 20);
  const double bytes = 4.0 * static_cast<double>(part.size() * m.spec->n_classes() * trace.stages.size());
  if (!o.save_traces.empty() || !o.also.empty() || bytes <= most_bytes)
    for (weir::StageTrace& s : trace.stages) s.probabilities.resize(n, static_cast<Eigen::Index>(m.spec->n_classes()));
  return trace;
}

/// What one stage answers to one image.
struct StageAnswer {
  int prediction = 0;
  std::span<const float> probabilities;
  std::span<const double> features;
};

/// What stages whose head was cross-fitted on the policy part answer there: what the heads that were fitted without the
/// image say, and the features of that.
class OutOfFold {
 public:
  explicit OutOfFold(const Mode& m) : m_(m), logits_(m.spec->n_classes()), probabilities_(m.spec->n_classes()) {}

  /// The answer of stage k to image `row`: `seen` where its head was not cross-fitted. Valid until the next call.
  StageAnswer answer(std::size_t k, Eigen::Index row, const StageAnswer& seen) {
    if (k >= m_.out_of_fold.size() || m_.out_of_fold[k].rows() == 0) return seen;
    for (std::size_t c = 0; c < logits_.size(); ++c) logits_[c] = m_.out_of_fold[k](row, static_cast<Eigen::Index>(c));
    weir::detail::softmax(logits_, probabilities_);
    features_.assign(seen.features.begin(), seen.features.end());
    weir::FeatureSource source{.probabilities = probabilities_, .logits = logits_};
    m_.spec->features(k).fill(weir::FeatureInput::answer, source, features_);
    return {source.prediction, probabilities_, features_};
  }

 private:
  const Mode& m_;
  std::vector<float> logits_, probabilities_;
  std::vector<double> features_;
};

/// One answer into a row of the trace of its stage. projected: pooled features that take the place of the stage's own;
/// or [0, 0].
inline void put_answer(weir::StageTrace& s, std::size_t i, const StageAnswer& a, double loss,
                       const Eigen::MatrixXd& projected) {
  const auto at = static_cast<Eigen::Index>(i);
  s.prediction[i] = a.prediction;
  s.loss(at) = loss;
  Eigen::Index pooled = 0;
  for (Eigen::Index f = 0; f < s.features.cols(); ++f) {
    const auto column = static_cast<std::size_t>(f);
    const bool replaced = projected.rows() > 0 && weir::detail::pooled_group.owns(s.feature_names[column]);
    s.features(at, f) = replaced ? projected(at, pooled++) : a.features[column];
  }
  for (Eigen::Index c = 0; c < s.probabilities.cols(); ++c)
    s.probabilities(at, c) = a.probabilities[static_cast<std::size_t>(c)];
}

/// Runs every stage on every image of a part; costs are not in the trace yet. Features are those that gates see at run
/// time, to the last bit; in the policy part (`cross_fitted`) stages whose head or projection was fitted to it are
/// answered by those that did not see the image.
inline weir::Trace record(const Mode& m, const Options& o, const Models& models, const Part& part,
                          const weir::Loss& loss, bool cross_fitted = false) {
  weir::Trace trace = empty_trace(m, o, models, part);
  ProgressLine progress("recording " + m.name + " on " + std::to_string(part.size()) + " images");
  weir::CascadeExecutor cascade(m.spec, all_cores(o));
  const auto all = models.maker(part, m.nets);
  OutOfFold out_of_fold(m);
  const Eigen::MatrixXd none;
  const std::size_t batch = 16;
  for (std::size_t first = 0; first < part.size(); first += batch) {
    const std::size_t count = std::min(batch, part.size() - first);
    try {
      cascade.record(
          count, [&](std::size_t net, std::size_t r, weir::View out) { all(net, first + r, out); },
          [&](std::size_t k, std::size_t r, int prediction, std::span<const float> p,
              std::span<const double> features) {
            const std::size_t i = first + r;
            StageAnswer a{prediction, p, features};
            if (cross_fitted) a = out_of_fold.answer(k, static_cast<Eigen::Index>(i), a);
            put_answer(trace.stages[k], i, a, loss(a.probabilities, trace.label[i]),
                       cross_fitted && k < m.projected.size() ? m.projected[k] : none);
          });
    } catch (const weir::NotFiniteError& e) {
      throw e.at("image '" + part.set->name(part.rows[first + e.row()]) + "'");
    }
    progress(first + count, part.size());
  }
  return trace;
}

/// The mode with these prices and its policy trace, and what gates learn from that.
inline PricedMode with_lessons(Mode m, Prices prices, weir::Trace policy, const Options& o, const weir::Loss& loss) {
  policy = at_prices(std::move(policy), prices);
  program::Lessons lessons = program::lessons(policy, loss, o.learn_from, loss_side(budget_on(o.budget)));
  return {std::move(m), std::move(prices), std::move(policy), std::move(lessons.trace), std::move(lessons.from)};
}

/// The mode recorded on the policy part, at these prices.
inline PricedMode recorded(Mode m, Prices prices, const Options& o, const Data& data, const Models& models,
                           const weir::Loss& loss) {
  weir::Trace policy = record(m, o, models, data.policy, loss, true);
  return with_lessons(std::move(m), std::move(prices), std::move(policy), o, loss);
}

}  // namespace adapt
