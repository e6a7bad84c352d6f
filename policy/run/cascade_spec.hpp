/// CascadeSpec: which tensors of which networks answer, and the policy that decides among them.
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
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir {

/// True if a network takes batches of any size and examples may leave them at every tensor.
inline bool rows_may_leave(const Network& network) {
  const NetworkState& state = network.state();
  return state.fixed_batch == 0 && std::ranges::all_of(state.values, [](const Value& v) {
           return v.constant || v.examples.none() || v.examples.rows();
         });
}

/// A network that is loaded when it first runs. What must be known before is stated, and checked then.
struct NetworkSource {
  std::function<Network()> load;
  bool rows_leave = true;  ///< rows_may_leave() holds for it
};

/// Immutable description, shared by the CascadeExecutors of all threads. Stages are those of the topology, in its
/// order. Early exit is a chain of stages of one network; selection has one stage per network; both may be mixed.
class CascadeSpec {
 public:
  std::vector<CascadeStage> stages;
  Topology topology;
  FeatureOptions feature_options;  ///< what gates see of each stage

  /// Throws ArgumentError, ShapeError naming stage and tensor where they do not fit: a tensor that does not exist,
  /// heads of another size, stages with different numbers of classes, a network left and entered again on one path.
  CascadeSpec(const std::vector<Network>& nets, std::vector<CascadeStage> answers, Topology order,
              FeatureOptions features = {})
      : CascadeSpec(std::move(answers), std::move(order), std::move(features)) {
    for (const Network& net : nets)
      networks_.push_back(std::make_shared<Slot>([net] { return net; }, rows_may_leave(net)));
    check_sizes();
    const Network first = networks_[stages[0].network]->load();
    n_classes_ = check_stage(0, first);
    feature_options.image_channels = image_channels(first);
    image_shape_ = first.input_shape();
    for (std::size_t n = 0; n < nets.size(); ++n) network(n);
    lay_out();
  }

  /// The same with networks that are loaded when they first run; what concerns a network's tensors is checked then.
  CascadeSpec(std::vector<NetworkSource> sources, std::size_t n_classes, std::vector<CascadeStage> answers,
              Topology order, FeatureOptions features = {})
      : CascadeSpec(std::move(answers), std::move(order), std::move(features)) {
    for (NetworkSource& s : sources) networks_.push_back(std::make_shared<Slot>(std::move(s.load), s.rows_leave));
    check_sizes();
    if (n_classes < 2) throw ArgumentError("cascade: at least two classes are needed");
    n_classes_ = n_classes;
    lay_out();
  }

  std::size_t n_networks() const { return networks_.size(); }

  /// Network n, loaded and checked on the first call, whichever thread makes it; it computes its stages' tensors in the
  /// order of the stages (see computed_in_order), so that exits may lie on branches. Throws what loading throws, and
  /// what the constructor says of stages that do not fit; the next call tries again.
  const Network& network(std::size_t n) const {
    Slot& slot = *networks_.at(n);
    const std::lock_guard lock(slot.mutex);  // not std::call_once, which ThreadSanitizer hangs on after an exception
    if (!slot.network) {
      std::vector<std::string> tensors;
      for (const CascadeStage& s : stages)
        if (s.network == n) tensors.push_back(s.tensor);
      Network loaded = computed_in_order(slot.load(), tensors);
      check_network(n, loaded);
      slot.network = std::move(loaded);
    }
    return *slot.network;
  }
  bool is_loaded(std::size_t n) const {
    const std::lock_guard lock(networks_.at(n)->mutex);
    return networks_[n]->network.has_value();
  }

  /// All of them, loaded.
  std::vector<Network> networks() const {
    std::vector<Network> all;
    for (std::size_t n = 0; n < networks_.size(); ++n) all.push_back(network(n));
    return all;
  }

  std::size_t n_classes() const { return n_classes_; }
  const GateInputs& gate_inputs() const { return inputs_; }
  /// The groups of features of stage k.
  const StageFeatures& features(std::size_t k) const { return features_[k]; }
  /// Names of all that gates see of stage k: of its groups, and stage_score_feature where any stage has a score.
  const std::vector<std::string>& feature_names(std::size_t k = 0) const { return feature_names_.at(k); }
  bool has_scores() const {
    return std::ranges::any_of(stages, [](const CascadeStage& s) { return s.form.score.has_value(); });
  }
  /// True if some stage answers with more than its own class probabilities.
  bool has_joins() const {
    return std::ranges::any_of(stages, [](const CascadeStage& s) { return s.form.join != Join::own; });
  }

  /// Shape of a stage's tensor for one example, without the batch.
  Shape example_shape(std::size_t k) const { return example_shape(stages[k], network(stages[k].network)); }

  /// True if the stage starts its network: no predecessor belongs to the same one.
  bool starts_network(std::size_t k) const { return starts_[k]; }

  /// True if each network is entered at one stage only, goes on along a chain and lets rows leave, so that whole
  /// batches can flow.
  bool flows_in_batches() const { return flows_; }

  /// True if every network takes batches of any size; loads them all.
  bool takes_batches() const {
    for (std::size_t n = 0; n < networks_.size(); ++n)
      if (network(n).state().fixed_batch > 0) return false;
    return true;
  }

  /// Throws ArgumentError or ShapeError unless a policy fits: the same topology, gates over the features of the stages.
  /// Worth a call before the first run; the runs themselves trust their policy.
  void check(const MixedPolicy& policy) const {
    for (const Policy* p : {&policy.a, &policy.b}) {
      if (p->topology != topology) throw ArgumentError("cascade: the policy was made for another topology");
      p->check(inputs_);
    }
  }

 private:
  struct Slot {
    Slot(std::function<Network()> l, bool leave) : load(std::move(l)), rows_leave(leave) {}
    std::function<Network()> load;
    bool rows_leave;
    std::mutex mutex;
    std::optional<Network> network;
  };

  CascadeSpec(std::vector<CascadeStage> answers, Topology order, FeatureOptions features)
      : stages(std::move(answers)), topology(std::move(order)), feature_options(std::move(features)) {}

  std::string where(std::size_t k) const { return stages[k].where(); }

  void check_sizes() const {
    topology.check();
    if (stages.size() != topology.size())
      throw ArgumentError("cascade: " + std::to_string(stages.size()) + " stages, the topology has " +
                          std::to_string(topology.size()));
    for (std::size_t k = 0; k < stages.size(); ++k) {
      if (stages[k].name != topology.stages[k].name)
        throw ArgumentError(where(k) + "is called '" + topology.stages[k].name + "' in the topology");
      if (stages[k].network >= networks_.size())
        throw ArgumentError(where(k) + "there is no network " + std::to_string(stages[k].network));
    }
  }

  static Shape example_shape(const CascadeStage& stage, const Network& net) {
    const Shape s = net.shape_of(stage.tensor);
    return Shape(std::span(s.begin() + 1, s.end()));
  }

  /// What concerns the stages of network n and its tensors.
  void check_network(std::size_t n, const Network& net) const {
    if (networks_[n]->rows_leave && !rows_may_leave(net))
      throw ArgumentError("cascade: examples cannot leave batches of " + net.source() + ", though that was stated");
    const auto names = net.tensor_names();
    const auto position = [&](std::size_t k) { return std::ranges::find(names, stages[k].tensor) - names.begin(); };
    for (std::size_t k = 0; k < stages.size(); ++k) {
      if (stages[k].network != n) continue;
      const std::size_t classes = check_stage(k, net);
      if (pools(k)) check_pooled(stages, k, net);
      if (classes != n_classes_)
        throw ShapeError(where(k) + std::to_string(classes) + " classes, the cascade tells " +
                         std::to_string(n_classes_) + " apart");
      for (const std::size_t next : topology.stages[k].next)
        if (stages[next].network == n && position(next) < position(k))
          throw ArgumentError("cascade: stage '" + stages[next].name + "' lies before '" + stages[k].name +
                              "' in their network");
    }
    if (feature_options.has("image") && stages[0].network == n && image_channels(net) != feature_options.image_channels)
      throw ShapeError(where(0) + "statistics of images of " + std::to_string(feature_options.image_channels) +
                       " channels, " + net.source() + " reads " + net.input_shape().to_string());
  }

  /// The number of classes that stage k tells apart.
  std::size_t check_stage(std::size_t k, const Network& net) const {
    const CascadeStage& s = stages[k];
    if (net.state().inputs.size() != 1) throw ArgumentError(where(k) + net.source() + " has more than one input");
    if (net.state().fixed_batch > 1)
      throw ArgumentError(where(k) + net.source() + " was exported for batches of " +
                          std::to_string(net.state().fixed_batch) + ", examples cannot leave it");
    if (!net.has_row_for_each_example(net.id_of(s.tensor)))
      throw ShapeError(where(k) + "'" + s.tensor + "' has no row for each example that depends on that example only");
    const Shape example = example_shape(s, net);
    if (!s.head) {
      if (example.numel() < 2) throw ShapeError(where(k) + "'" + s.tensor + "' does not hold classes");
      return static_cast<std::size_t>(example.numel());
    }
    if (s.head->pool().size(example) != s.head->n_pooled())
      throw ShapeError(where(k) + "the head expects " + std::to_string(s.head->n_pooled()) + " pooled values, '" +
                       s.tensor + "' gives " + std::to_string(s.head->pool().size(example)));
    return s.head->n_classes();
  }

  /// A stage without successors has no gate: nobody would read more of it than its answer.
  bool has_gate(std::size_t k) const { return !topology.stages[k].next.empty(); }
  bool pools(std::size_t k) const { return has_gate(k) && stages[k].projection && feature_options.has("pooled"); }

  FeatureLayout feature_layout(std::size_t k) const {
    const CascadeStage& s = stages[k];
    // A joined answer is no softmax of the stage's logits.
    const bool own = s.form.join == Join::own;
    FeatureLayout layout{.n_classes = n_classes_, .has_logits = own && (s.head || s.logits)};
    if (pools(k)) {
      layout.n_pooled = s.projection->size();
      layout.n_pool_inputs = s.projection->n_pooled();
    }
    if (k == 0 && has_gate(k) && feature_options.has("image")) {
      if (feature_options.image_channels == 0)
        throw ArgumentError(where(k) +
                            "no statistics of its input: only images [N, C, H, W] of 1 to 4 channels have any");
      layout.image_channels = feature_options.image_channels;
      if (image_shape_.rank() == 4) layout.image_pixels = static_cast<std::size_t>(image_shape_[2] * image_shape_[3]);
    }
    return layout;
  }

  /// Features, gate inputs, and what follows from the topology alone.
  void lay_out() {
    std::vector<std::size_t> counts;
    for (std::size_t k = 0; k < stages.size(); ++k) {
      features_.emplace_back(feature_layout(k),
                             has_gate(k) ? feature_options : FeatureOptions(feature_options.with_class));
      feature_names_.push_back(features_.back().names());
      if (has_scores()) feature_names_.back().emplace_back(stage_score_feature);
      counts.push_back(feature_names_.back().size());
    }
    inputs_ = GateInputs(topology, counts);
    for (std::size_t k = 0; k < stages.size(); ++k) {
      if (!stages[k].form.score) continue;
      const StageScore& score = *stages[k].form.score;
      const std::size_t wanted = n_score_inputs(score.inputs, inputs_.before(k).size(), n_classes_);
      if (score.model.n_features() != wanted)
        throw ShapeError(where(k) + "a score of " + std::to_string(score.model.n_features()) +
                         " inputs, the stage has " + std::to_string(wanted));
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
        throw ArgumentError("cascade: a path comes back to the network of stage '" + stages[k].name + "'");
      starts_.push_back(own_before[k] == 0);
      if (own_before[k] == 0) ++entries[n];
      flows_ = flows_ && networks_[n]->rows_leave && own_after[k] <= 1 && entries[n] <= 1 &&
               (own_before[k] == 0 || (own_before[k] == 1 && other_before[k] == 0));
    }
  }

  std::vector<std::shared_ptr<Slot>> networks_;
  std::size_t n_classes_ = 0;
  Shape image_shape_;  // of the first network's input, where networks were given
  std::vector<StageFeatures> features_;
  std::vector<std::vector<std::string>> feature_names_;
  GateInputs inputs_;
  std::vector<bool> starts_;
  bool flows_ = true;
};

}  // namespace weir
