// What cascade_spec.hpp declares.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/network.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

WEIR_INLINE bool rows_may_leave(const Network& network) {
  const NetworkState& state = network.state();
  return state.fixed_batch == 0 && std::ranges::all_of(state.values, [](const Value& v) {
           return v.constant || v.examples.none() || v.examples.rows();
         });
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE CascadeSpec::CascadeSpec(const std::vector<Network>& nets, std::vector<CascadeStage> answers,
                                     Topology order, FeatureOptions features)
    : CascadeSpec(std::move(answers), std::move(order), std::move(features)) {
  for (const Network& net : nets)
    networks_.push_back(std::make_shared<Slot>([net] { return net; }, detail::rows_may_leave(net)));
  check_sizes();
  const Network first = networks_[stages[0].network]->load();
  n_classes_ = check_stage(0, first);
  feature_options.image_channels = detail::image_channels(first);
  image_shape_ = first.input_shape();
  for (std::size_t n = 0; n < nets.size(); ++n) network(n);
  lay_out();
}

WEIR_INLINE CascadeSpec::CascadeSpec(std::vector<NetworkSource> sources, std::size_t n_classes,
                                     std::vector<CascadeStage> answers, Topology order, FeatureOptions features)
    : CascadeSpec(std::move(answers), std::move(order), std::move(features)) {
  for (NetworkSource& s : sources) networks_.push_back(std::make_shared<Slot>(std::move(s.load), s.rows_leave));
  check_sizes();
  if (n_classes < 2) throw ArgumentError("cascade: at least two classes are needed");
  n_classes_ = n_classes;
  lay_out();
}

WEIR_INLINE const Network& CascadeSpec::network(std::size_t n) const {
  Slot& slot = *networks_.at(n);
  const std::lock_guard lock(slot.mutex);  // not std::call_once, which ThreadSanitizer hangs on after an exception
  if (!slot.network) {
    std::vector<std::string> tensors;
    for (const CascadeStage& s : stages)
      if (s.network == n) tensors.push_back(s.tensor);
    Network loaded = detail::computed_in_order(slot.load(), tensors);
    check_network(n, loaded);
    slot.network = std::move(loaded);
  }
  return *slot.network;
}

WEIR_INLINE bool CascadeSpec::is_loaded(std::size_t n) const {
  const std::lock_guard lock(networks_.at(n)->mutex);
  return networks_[n]->network.has_value();
}

WEIR_INLINE std::vector<Network> CascadeSpec::networks() const {
  std::vector<Network> all;
  for (std::size_t n = 0; n < networks_.size(); ++n) all.push_back(network(n));
  return all;
}

WEIR_INLINE bool CascadeSpec::has_scores() const {
  return std::ranges::any_of(stages, [](const CascadeStage& s) { return s.form.score.has_value(); });
}

WEIR_INLINE bool CascadeSpec::has_joins() const {
  return std::ranges::any_of(stages, [](const CascadeStage& s) { return s.form.join != detail::Join::own; });
}

WEIR_INLINE bool CascadeSpec::takes_batches() const {
  for (std::size_t n = 0; n < networks_.size(); ++n)
    if (network(n).state().fixed_batch > 0) return false;
  return true;
}

WEIR_INLINE void CascadeSpec::check(const MixedPolicy& policy) const {
  for (const Policy* p : {&policy.a, &policy.b}) {
    if (p->topology != topology) throw ArgumentError("cascade: the policy was made for another topology");
    p->check(inputs_);
  }
}

WEIR_INLINE CascadeSpec::CascadeSpec(std::vector<CascadeStage> answers, Topology order, FeatureOptions features)
    : stages(std::move(answers)), topology(std::move(order)), feature_options(std::move(features)) {}

WEIR_INLINE void CascadeSpec::check_sizes() const {
  topology.check();
  if (stages.size() != topology.size())
    throw ArgumentError(detail::message({"cascade: ", stages.size(), " stages, the topology has ", topology.size()}));
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (stages[k].name != topology.stages[k].name)
      throw ArgumentError(detail::message({where(k), "is called '", topology.stages[k].name, "' in the topology"}));
    if (stages[k].network >= networks_.size())
      throw ArgumentError(detail::message({where(k), "there is no network ", stages[k].network}));
  }
}

WEIR_INLINE Shape CascadeSpec::example_shape(const CascadeStage& stage, const Network& net) {
  const Shape s = net.shape_of(stage.tensor);
  return Shape(std::span(s.begin() + 1, s.end()));
}

WEIR_INLINE void CascadeSpec::check_network(std::size_t n, const Network& net) const {
  if (networks_[n]->rows_leave && !detail::rows_may_leave(net))
    throw ArgumentError(
        detail::message({"cascade: examples cannot leave batches of ", net.source(), ", though that was stated"}));
  const auto names = net.tensor_names();
  const auto position = [&](std::size_t k) { return std::ranges::find(names, stages[k].tensor) - names.begin(); };
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (stages[k].network != n) continue;
    const std::size_t classes = check_stage(k, net);
    if (pools(k)) detail::check_pooled(stages, k, net);
    if (classes != n_classes_)
      throw ShapeError(detail::message({where(k), classes, " classes, the cascade tells ", n_classes_, " apart"}));
    for (const std::size_t next : topology.stages[k].next)
      if (stages[next].network == n && position(next) < position(k))
        throw ArgumentError(detail::message(
            {"cascade: stage '", stages[next].name, "' lies before '", stages[k].name, "' in their network"}));
  }
  if (feature_options.has("image") && stages[0].network == n &&
      detail::image_channels(net) != feature_options.image_channels)
    throw ShapeError(detail::message({where(0), "statistics of images of ", feature_options.image_channels,
                                      " channels, ", net.source(), " reads ", net.input_shape().to_string()}));
}

WEIR_INLINE std::size_t CascadeSpec::check_stage(std::size_t k, const Network& net) const {
  const CascadeStage& s = stages[k];
  if (net.state().inputs.size() != 1)
    throw ArgumentError(detail::message({where(k), net.source(), " has more than one input"}));
  if (net.state().fixed_batch > 1)
    throw ArgumentError(detail::message({where(k), net.source(), " was exported for batches of ",
                                         net.state().fixed_batch, ", examples cannot leave it"}));
  if (!net.has_row_for_each_example(net.id_of(s.tensor)))
    throw ShapeError(
        detail::message({where(k), "'", s.tensor, "' has no row for each example that depends on that example only"}));
  const Shape example = example_shape(s, net);
  if (!s.head) {
    if (example.numel() < 2) throw ShapeError(detail::message({where(k), "'", s.tensor, "' does not hold classes"}));
    return static_cast<std::size_t>(example.numel());
  }
  if (s.head->pool().size(example) != s.head->n_pooled())
    throw ShapeError(detail::message({where(k), "the head expects ", s.head->n_pooled(), " pooled values, '", s.tensor,
                                      "' gives ", s.head->pool().size(example)}));
  return s.head->n_classes();
}

WEIR_INLINE FeatureLayout CascadeSpec::feature_layout(std::size_t k) const {
  const CascadeStage& s = stages[k];
  // A joined answer is no softmax of the stage's logits.
  const bool own = s.form.join == detail::Join::own;
  FeatureLayout layout{.n_classes = n_classes_, .has_logits = own && (s.head || s.logits)};
  if (pools(k)) {
    layout.n_pooled = s.projection->size();
    layout.n_pool_inputs = s.projection->n_pooled();
  }
  if (k == 0 && has_gate(k) && feature_options.has("image")) {
    if (feature_options.image_channels == 0)
      throw ArgumentError(detail::message(
          {where(k), "no statistics of its input: only images [N, C, H, W] of 1 to 4 channels have any"}));
    layout.image_channels = feature_options.image_channels;
    if (image_shape_.rank() == 4) layout.image_pixels = static_cast<std::size_t>(image_shape_[2] * image_shape_[3]);
  }
  return layout;
}

WEIR_INLINE void CascadeSpec::lay_out() {
  std::vector<std::size_t> counts;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    features_.emplace_back(feature_layout(k),
                           has_gate(k) ? feature_options : FeatureOptions(feature_options.with_class));
    feature_names_.push_back(features_.back().names());
    if (has_scores()) feature_names_.back().emplace_back(detail::stage_score_feature);
    counts.push_back(feature_names_.back().size());
  }
  inputs_ = detail::GateInputs(topology, counts);
  is_seen_.assign(stages.size(), false);
  for (std::size_t k = 0; k < stages.size(); ++k) {
    seen_.push_back(detail::seen_by(stages, k, inputs_.before(k)));
    if (seen_.back() < stages.size()) is_seen_[seen_.back()] = true;
  }
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (!stages[k].form.score) continue;
    const detail::StageScore& score = *stages[k].form.score;
    const std::size_t wanted = n_score_inputs(score.inputs, inputs_.before(k).size(), n_classes_);
    if (score.model.n_features() != wanted)
      throw ShapeError(
          detail::message({where(k), "a score of ", score.model.n_features(), " inputs, the stage has ", wanted}));
  }
  std::vector<std::set<std::size_t>> left(stages.size());  // networks that some path to k has entered and left
  std::vector<std::size_t> own_before(stages.size(), 0), other_before(stages.size(), 0), own_after(stages.size(), 0);
  for (std::size_t k = 0; k < stages.size(); ++k)
    for (const std::size_t next : topology.stages[k].next) {
      left[next].insert(left[k].begin(), left[k].end());
      if (stages[next].network == stages[k].network) {
        ++own_before[next], ++own_after[k];
      } else {
        ++other_before[next];
        left[next].insert(stages[k].network);
      }
    }
  std::vector<int> entries(networks_.size(), 0);
  for (std::size_t k = 0; k < stages.size(); ++k) {
    const std::size_t n = stages[k].network;
    if (left[k].count(n) > 0)
      throw ArgumentError(
          detail::message({"cascade: a path comes back to the network of stage '", stages[k].name, "'"}));
    starts_.push_back(own_before[k] == 0);
    if (own_before[k] == 0) ++entries[n];
    flows_ = flows_ && networks_[n]->rows_leave && own_after[k] <= 1 && entries[n] <= 1 &&
             (own_before[k] == 0 || (own_before[k] == 1 && other_before[k] == 0));
  }
}

}  // namespace weir
