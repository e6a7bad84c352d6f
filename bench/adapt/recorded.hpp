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
#include <weir/policy/measure/record_trace.hpp>
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

  /// Cost of an image that only the full network sees.
  double full_cost() const {
    return weir::detail::select_costs(prices.model, policy, {policy.full()}).at(0, prices.batch).cost;
  }
};

/// The policy part to judge by what is learned from m.lessons: the losses of the labels, at the same prices.
inline weir::Trace judge_of(const PricedMode& m) { return program::without_probabilities(m.policy); }

/// The mode with other prices for the same stages.
inline PricedMode at_prices(PricedMode m, Prices prices) {
  m.policy = at_prices(std::move(m.policy), prices);
  m.lessons = at_prices(std::move(m.lessons), prices);
  m.prices = std::move(prices);
  return m;
}

/// What every stage answers to every image of a part, without costs: record_trace(), with the names of networks and
/// images. Features are those that gates see at run time, to the last bit. Class probabilities, which some rules and
/// --also look at, are kept unless they are large and neither these nor saved traces ask for them.
inline weir::Trace record(const Mode& m, const Options& o, const Models& models, const Part& part,
                          const weir::Loss& loss) {
  const std::size_t stages = m.spec->stages.size();
  constexpr double most_bytes = 512.0 * (1 << 20);
  const double bytes = 4.0 * static_cast<double>(part.size() * m.spec->n_classes() * stages);
  const bool probabilities = !o.save_traces.empty() || !o.also.empty() || bytes <= most_bytes;
  ProgressLine progress("recording " + m.name + " on " + std::to_string(part.size()) + " images");
  weir::CascadeExecutor cascade(m.spec, all_cores(o));
  const auto fill = models.maker(part, m.nets);
  const auto maker = [&](std::size_t net, std::size_t row, weir::View out) {
    progress(row, part.size());
    fill(net, row, out);
  };
  try {
    weir::Trace trace = weir::record_trace(cascade, maker, part.labels(), loss, std::vector<weir::StageCost>(stages),
                                           weir::cost_unit::seconds, 16, probabilities);
    for (std::size_t k = 0; k < stages; ++k)
      trace.stages[k].network = models.all[m.nets[m.spec->stages[k].network]].name;
    return trace;
  } catch (const weir::NotFiniteError& e) {
    throw e.at("image '" + part.set->name(part.rows[e.row()]) + "'");
  }
}

/// One stage of the policy part with the answers of a head that was cross-fitted on it: each image is answered by the
/// head that was fitted without it (`logits`, [n, classes]). What the answer says is replaced: prediction, loss,
/// probabilities and the features of these.
inline weir::StageTrace with_answers(weir::StageTrace s, const Eigen::MatrixXf& logits,
                                     const weir::StageFeatures& features, const std::vector<int>& label,
                                     const weir::Loss& loss) {
  const auto classes = static_cast<std::size_t>(logits.cols());
  std::vector<float> z(classes), p(classes);
  std::vector<double> x(static_cast<std::size_t>(s.features.cols()));
  for (Eigen::Index i = 0; i < logits.rows(); ++i) {
    Eigen::Map<Eigen::RowVectorXf>(z.data(), logits.cols()) = logits.row(i);
    weir::detail::softmax(z, p);
    Eigen::Map<Eigen::RowVectorXd>(x.data(), s.features.cols()) = s.features.row(i);
    weir::FeatureSource source{.probabilities = p, .logits = z};
    features.fill(weir::FeatureInput::answer, source, x);
    s.features.row(i) = Eigen::Map<const Eigen::RowVectorXd>(x.data(), s.features.cols());
    s.prediction[static_cast<std::size_t>(i)] = source.prediction;
    s.loss(i) = loss(p, label[static_cast<std::size_t>(i)]);
    if (s.probabilities.size() > 0)
      s.probabilities.row(i) = Eigen::Map<const Eigen::RowVectorXf>(p.data(), s.probabilities.cols());
  }
  return s;
}

/// One stage of the policy part with pooled features by projections that were fitted without the image: [n, pooled].
inline weir::StageTrace with_pooled(weir::StageTrace s, const Eigen::MatrixXd& projected) {
  Eigen::Index next = 0;
  for (Eigen::Index f = 0; f < s.features.cols(); ++f)
    if (weir::detail::pooled_group.owns(s.feature_names[static_cast<std::size_t>(f)]))
      s.features.col(f) = projected.col(next++);
  return s;
}

/// record() of the policy part: stages whose head or projection was fitted to it are answered by those that did not see
/// the image.
inline weir::Trace record_out_of_fold(const Mode& m, const Options& o, const Data& data, const Models& models,
                                      const weir::Loss& loss) {
  weir::Trace trace = record(m, o, models, data.policy, loss);
  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    weir::StageTrace& s = trace.stages[k];
    if (k < m.out_of_fold.size() && m.out_of_fold[k].rows() > 0)
      s = with_answers(std::move(s), m.out_of_fold[k], m.spec->features(k), trace.label, loss);
    if (k < m.projected.size() && m.projected[k].rows() > 0) s = with_pooled(std::move(s), m.projected[k]);
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
  weir::Trace policy = record_out_of_fold(m, o, data, models, loss);
  return with_lessons(std::move(m), std::move(prices), std::move(policy), o, loss);
}

}  // namespace adapt
