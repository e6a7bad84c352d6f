/// Which groups of features a mode may use, and the projections of pooled activations, fitted to the policy part.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/exits/penultimate.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/learn/pooled_projection_fit.hpp>
#include <weir/policy/learn/tune_groups.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>
#include <weir/policy/trace/trace.hpp>

#include "recorded.hpp"

namespace adapt {

/// Whether groups of features are to be chosen among. Only seconds and operations say what a group takes: by joules or
/// a table of costs every group would be free, so that confidence alone is taken.
inline bool chooses_features(const Options& o) { return std::ranges::count(o.features, "auto") > 0; }
inline bool knows_feature_costs(const Options& o) { return o.costs.kind == "seconds" || o.costs.kind == "flops"; }

/// Longer pooled vectors are not projected: the fit takes time with the cube of it.
inline constexpr std::size_t max_pooled = 4096;

/// Puts an unprojected pooling in place at every stage with a gate: of the vector that the exit head pools, or of the
/// network's penultimate tensor.
inline void place_pooling(std::vector<weir::CascadeStage>& stages, const weir::CascadeSpec& spec) {
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (spec.topology.stages[k].next.empty()) continue;
    weir::CascadeStage& s = stages[k];
    const weir::Network& net = spec.network(s.network);
    if (!s.head) s.pooled_tensor = weir::detail::penultimate_tensor(net);
    if (!s.head && s.pooled_tensor.empty()) continue;
    const weir::Shape shape = net.shape_of(s.tensor_to_pool());
    const weir::Shape example(std::span(shape.begin() + 1, shape.end()));
    for (const int grid : {s.head ? s.head->pool().grid : 1, 1})
      if (const std::size_t size = weir::detail::GridPool{grid}.size(example); size <= max_pooled && !s.projection)
        s.projection = weir::detail::PooledProjection({grid}, size);
    if (!s.projection) s.pooled_tensor.clear();
  }
}

/// The mode with projections at its stages that pool (place_pooling()), fitted to the policy part, and what they say of
/// it out of fold (Mode::projected).
inline Mode with_projections(Mode m, const Options& o, const Data& data, const Models& models, const weir::Loss& loss) {
  std::vector<weir::CascadeStage> stages = m.spec->stages;
  place_pooling(stages, *m.spec);
  Mode raw = m;  // the same answers, with all pooled values as features
  raw.spec = std::make_shared<weir::CascadeSpec>(m.spec->networks(), stages, m.spec->topology,
                                                 weir::FeatureOptions(m.spec->feature_options.with_class, {"pooled"}));
  const weir::Trace trace = record_out_of_fold(raw, o, data, models, loss);
  std::vector<std::size_t> fold(data.policy.size());
  for (std::size_t i = 0; i < fold.size(); ++i) fold[i] = i % o.folds;
  ProgressLine progress("projecting activations of " + m.name);
  m.projected.assign(stages.size(), {});
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (!stages[k].projection) continue;
    const Eigen::MatrixXd targets = weir::detail::projection_targets(trace, k);
    if (targets.cols() == 0) {  // it never errs: there is nothing to predict
      stages[k].projection.reset();
      stages[k].pooled_tensor.clear();
      continue;
    }
    const auto& names = trace.stages[k].feature_names;
    const auto first = std::ranges::find(names, "pool_0") - names.begin();
    auto fit = weir::detail::fit_pooled_projection(
        stages[k].projection->pool(),
        trace.stages[k].features.rightCols(trace.stages[k].features.cols() - first).cast<float>(), targets, fold,
        o.folds);
    stages[k].projection = std::move(fit.projection);
    m.projected[k] = std::move(fit.out_of_fold);
    progress(k + 1, stages.size());
  }
  m.spec = std::make_shared<weir::CascadeSpec>(m.spec->networks(), std::move(stages), m.spec->topology,
                                               m.spec->feature_options);
  return m;
}

/// The mode whose gates may see the groups that --features names, or for auto all that it can have.
inline Mode with_offered_features(Mode m, const Options& o, const Data& data, const Models& models,
                                  const weir::Loss& loss) {
  std::vector<std::string> groups;
  if (!chooses_features(o)) {
    groups = o.features;
  } else if (!o.quick && knows_feature_costs(o)) {
    groups = weir::feature_group_names();
    if (weir::detail::image_channels(m.spec->network(m.spec->stages[0].network)) == 0) std::erase(groups, "image");
  }
  if (std::ranges::count(groups, "pooled") > 0) m = with_projections(std::move(m), o, data, models, loss);
  m.spec = with_features(*m.spec, groups);
  return m;
}

}  // namespace adapt
