/// CascadeSpec: which tensors of which networks answer, and the policy that decides among them.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/network.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/policy.hpp>

namespace weir::detail {

/// True if a network takes batches of any size and examples may leave them at every tensor.
bool rows_may_leave(const Network& network);

}  // namespace weir::detail

namespace weir {

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
              FeatureOptions features = {});

  /// The same with networks that are loaded when they first run; what concerns a network's tensors is checked then.
  CascadeSpec(std::vector<NetworkSource> sources, std::size_t n_classes, std::vector<CascadeStage> answers,
              Topology order, FeatureOptions features = {});

  std::size_t n_networks() const { return networks_.size(); }

  /// Network n, loaded and checked on the first call, whichever thread makes it; it computes its stages' tensors in the
  /// order of the stages (see computed_in_order), so that exits may lie on branches. Throws what loading throws, and
  /// what the constructor says of stages that do not fit; the next call tries again.
  const Network& network(std::size_t n) const;
  bool is_loaded(std::size_t n) const;

  /// All of them, loaded.
  std::vector<Network> networks() const;

  std::size_t n_classes() const { return n_classes_; }
  const detail::GateInputs& gate_inputs() const { return inputs_; }
  /// The groups of features of stage k.
  const StageFeatures& features(std::size_t k) const { return features_[k]; }
  /// Names of all that gates see of stage k: of its groups, and stage_score_feature where any stage has a score.
  const std::vector<std::string>& feature_names(std::size_t k = 0) const { return feature_names_.at(k); }
  /// The stage whose logits the head of stage k sees; stages.size() where it sees none.
  std::size_t seen_by(std::size_t k) const { return seen_[k]; }
  /// True if the head of some stage sees stage k.
  bool is_seen(std::size_t k) const { return is_seen_[k]; }
  bool has_scores() const;
  /// True if some stage answers with more than its own class probabilities.
  bool has_joins() const;

  /// Shape of a stage's tensor for one example, without the batch.
  Shape example_shape(std::size_t k) const { return example_shape(stages[k], network(stages[k].network)); }

  /// True if the stage starts its network: no predecessor belongs to the same one.
  bool starts_network(std::size_t k) const { return starts_[k]; }

  /// True if each network is entered at one stage only, goes on along a chain and lets rows leave, so that whole
  /// batches can flow.
  bool flows_in_batches() const { return flows_; }

  /// True if every network takes batches of any size; loads them all.
  bool takes_batches() const;

  /// Throws ArgumentError or ShapeError unless a policy fits: the same topology, gates over the features of the stages.
  /// Worth a call before the first run; the runs themselves trust their policy.
  void check(const MixedPolicy& policy) const;

 private:
  struct Slot {
    Slot(std::function<Network()> l, bool leave) : load(std::move(l)), rows_leave(leave) {}
    std::function<Network()> load;
    bool rows_leave;
    std::mutex mutex;
    std::optional<Network> network;
  };

  CascadeSpec(std::vector<CascadeStage> answers, Topology order, FeatureOptions features);

  std::string where(std::size_t k) const { return stages[k].where(); }

  void check_sizes() const;

  static Shape example_shape(const CascadeStage& stage, const Network& net);

  /// What concerns the stages of network n and its tensors.
  void check_network(std::size_t n, const Network& net) const;

  /// The number of classes that stage k tells apart.
  std::size_t check_stage(std::size_t k, const Network& net) const;

  /// A stage without successors has no gate: no more of it is read than its answer.
  bool has_gate(std::size_t k) const { return !topology.stages[k].next.empty(); }
  bool pools(std::size_t k) const { return has_gate(k) && stages[k].projection && feature_options.has("pooled"); }

  FeatureLayout feature_layout(std::size_t k) const;

  /// Features, gate inputs, and what follows only from the topology.
  void lay_out();

  std::vector<std::shared_ptr<Slot>> networks_;
  std::size_t n_classes_ = 0;
  Shape image_shape_;  // of the first network's input, where networks were given
  std::vector<StageFeatures> features_;
  std::vector<std::vector<std::string>> feature_names_;
  detail::GateInputs inputs_;
  std::vector<std::size_t> seen_;
  std::vector<bool> starts_, is_seen_;
  bool flows_ = true;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/cascade_spec.ipp>
#endif
