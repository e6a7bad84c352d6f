/// CascadeSpec: which tensors of which networks answer, and the policy that decides among them.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/policy/exit_head.hpp>
#include <weir/policy/features.hpp>
#include <weir/policy/policy.hpp>

namespace weir {

/// A place where a cascade can answer: an output of a network, or a layer with an exit head.
struct CascadeStage {
  std::string name;
  std::size_t network = 0;       ///< index into CascadeSpec::networks
  std::string tensor;            ///< the network's tensor that the answer is made from
  std::optional<ExitHead> head;  ///< set for an exit inside a network
  bool logits = true;            ///< without a head: the tensor holds logits (softmax follows) or already probabilities
};

/// Immutable description, shared by the Cascades of all threads. Stages are those of the topology, in its order. Early
/// exit is a chain of stages of one network; selection has one stage per network; both may be mixed.
class CascadeSpec {
 public:
  std::vector<Network> networks;
  std::vector<CascadeStage> stages;
  Topology topology;
  bool class_features = true;  ///< gates see which class was predicted (where there are few classes)

  /// Throws ArgumentError, ShapeError naming stage and tensor where they do not fit: a tensor that does not exist,
  /// heads of another size, stages with different numbers of classes, a network left and entered again on one path.
  CascadeSpec(std::vector<Network> nets, std::vector<CascadeStage> answers, Topology order,
              bool with_class_features = true)
      : networks(std::move(nets)),
        stages(std::move(answers)),
        topology(std::move(order)),
        class_features(with_class_features) {
    topology.check();
    if (stages.size() != topology.size())
      throw ArgumentError("cascade: " + std::to_string(stages.size()) + " stages, the topology has " +
                          std::to_string(topology.size()));
    std::vector<std::size_t> counts;
    for (std::size_t k = 0; k < stages.size(); ++k) {
      const std::size_t classes = check_stage(k);
      if (k == 0) n_classes_ = classes;
      if (classes != n_classes_)
        throw ShapeError("cascade, stage '" + stages[k].name + "': " + std::to_string(classes) +
                         " classes, the first stage has " + std::to_string(n_classes_));
      counts.push_back(feature_names().size());
    }
    inputs_ = GateInputs(topology, counts);
    check_paths();
  }

  std::size_t n_classes() const { return n_classes_; }
  const GateInputs& gate_inputs() const { return inputs_; }
  std::vector<std::string> feature_names() const {
    return confidence_feature_names(static_cast<int>(n_classes_), class_features);
  }

  /// Shape of a stage's tensor for one example, without the batch.
  Shape example_shape(std::size_t k) const {
    const Shape s = networks[stages[k].network].shape_of(stages[k].tensor);
    return Shape(std::span(s.begin() + 1, s.end()));
  }

  /// True if the stage starts its network: no predecessor belongs to the same one.
  bool starts_network(std::size_t k) const { return starts_[k]; }

  /// True if each network is entered at one stage only, goes on along a chain and lets rows leave, so that whole
  /// batches can flow.
  bool flows_in_batches() const { return flows_; }

  /// True if every network takes batches of any size.
  bool takes_batches() const { return takes_batches_; }

  /// Throws ArgumentError or ShapeError unless a policy fits: the same topology, gates over the features of the stages.
  /// Worth a call before the first run; the runs themselves trust their policy.
  void check(const MixedPolicy& policy) const {
    for (const Policy* p : {&policy.a, &policy.b}) {
      if (p->topology != topology) throw ArgumentError("cascade: the policy was made for another topology");
      p->check(inputs_);
    }
  }

 private:
  std::size_t check_stage(std::size_t k) const {
    const CascadeStage& s = stages[k];
    const std::string where = "cascade, stage '" + s.name + "': ";
    if (s.name != topology.stages[k].name)
      throw ArgumentError(where + "is called '" + topology.stages[k].name + "' in the topology");
    if (s.network >= networks.size()) throw ArgumentError(where + "there is no network " + std::to_string(s.network));
    const Network& net = networks[s.network];
    if (net.state().inputs.size() != 1) throw ArgumentError(where + net.source() + " has more than one input");
    if (net.state().fixed_batch > 1)
      throw ArgumentError(where + net.source() + " was exported for batches of " +
                          std::to_string(net.state().fixed_batch) + ", examples cannot leave it");
    const Value& value = net.value(net.id_of(s.tensor));
    if (!value.form.has_rows() || value.form.at(1)[0] != 1 || value.constant)
      throw ShapeError(where + "'" + s.tensor + "' has no row for each example");
    const Shape example = example_shape(k);
    if (!s.head) {
      if (example.numel() < 2) throw ShapeError(where + "'" + s.tensor + "' does not hold classes");
      return static_cast<std::size_t>(example.numel());
    }
    if (s.head->pool().size(example) != s.head->n_pooled())
      throw ShapeError(where + "the head expects " + std::to_string(s.head->n_pooled()) + " pooled values, '" +
                       s.tensor + "' gives " + std::to_string(s.head->pool().size(example)));
    return s.head->n_classes();
  }

  /// Position of a stage's tensor in the order of its network's execution.
  std::size_t position(std::size_t k) const {
    const auto names = networks[stages[k].network].tensor_names();
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), stages[k].tensor) - names.begin());
  }

  void check_paths() {
    std::vector<std::set<std::size_t>> left(stages.size());  // networks that some path to k has entered and left
    std::vector<std::size_t> own_before(stages.size(), 0), other_before(stages.size(), 0), own_after(stages.size(), 0);
    for (std::size_t k = 0; k < stages.size(); ++k)
      for (const std::size_t next : topology.stages[k].next) {
        left[next].insert(left[k].begin(), left[k].end());
        if (stages[next].network == stages[k].network) {
          ++own_before[next], ++own_after[k];
          if (position(next) < position(k))
            throw ArgumentError("cascade: stage '" + stages[next].name + "' lies before '" + stages[k].name +
                                "' in their network");
        } else {
          ++other_before[next];
          left[next].insert(stages[k].network);
        }
      }
    std::vector<int> entries(networks.size(), 0);
    for (const CascadeStage& s : stages) {
      takes_batches_ = takes_batches_ && networks[s.network].state().fixed_batch == 0;
      for (const Value& v : networks[s.network].state().values)
        flows_ = flows_ && (v.constant || !v.form.depends_on_batch() || v.form.has_rows());
    }
    flows_ = flows_ && takes_batches_;
    for (std::size_t k = 0; k < stages.size(); ++k) {
      if (left[k].count(stages[k].network) > 0)
        throw ArgumentError("cascade: a path comes back to the network of stage '" + stages[k].name + "'");
      starts_.push_back(own_before[k] == 0);
      if (own_before[k] == 0) ++entries[stages[k].network];
      flows_ = flows_ && own_after[k] <= 1 && (own_before[k] == 0 || (own_before[k] == 1 && other_before[k] == 0)) &&
               entries[stages[k].network] <= 1;
    }
  }

  std::size_t n_classes_ = 0;
  GateInputs inputs_;
  std::vector<bool> starts_;
  bool flows_ = true, takes_batches_ = true;
};

}  // namespace weir
