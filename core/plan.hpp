/// Plan: how a network runs on a context, and MemoryLayout: where its tensors lie at one batch size.
#pragma once
#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/core/reorder_layer.hpp>

namespace weir {

/// The steps of a network for one context: layers fused and packed, dead ones left out. Immutable and shared: all
/// executors of a network with equal options and equal visible tensors use the same one.
///
/// Visible tensors (outputs, and those somebody hooks or extracts) are computed as the model file names them; between
/// other layers the plan fuses what Layer::absorb offers, and tensors are blocked where Layer::blocked offers that.
/// Where a layer wants another layout than a tensor has, a step of its own makes a copy, under a value id behind the
/// network's.
class Plan {
 public:
  /// visible: sorted tensor ids beside the network's outputs. Cost: packs all weights, unless such a plan exists.
  static std::shared_ptr<const Plan> make(const Network& network, const Context& context,
                                          const std::set<ValueId>& visible) {
    std::string key = std::string(to_string(context.isa())) + (context.openblas() ? "+openblas" : "") +
                      (context.winograd() ? "" : "-winograd");
    for (ValueId v : visible) key += ":" + std::to_string(v);
    const NetworkState& state = network.state();
    const std::lock_guard lock(state.plans_mutex);
    std::weak_ptr<const Plan>& slot = state.plans[key];
    std::shared_ptr<const Plan> plan = slot.lock();
    if (!plan) slot = plan = std::shared_ptr<const Plan>(new Plan(network, context, visible));
    return plan;
  }

  /// A fused step has the name of its first layer and the operators of all, "Conv+Relu".
  const std::vector<Node>& steps() const { return steps_; }

  /// Index of the step that computes value v, or -1 (inputs, constants, hidden tensors).
  int step_of(ValueId v) const { return producer_[static_cast<std::size_t>(v)]; }

  bool visible(ValueId v) const { return visible_[static_cast<std::size_t>(v)]; }

  /// The network's values and the copies in another layout.
  std::size_t n_values() const { return layout_.size(); }
  /// The network's value that v is, or is a copy of.
  ValueId base(ValueId v) const {
    const auto n = static_cast<ValueId>(visible_.size()) - static_cast<ValueId>(copy_of_.size());
    return v < n ? v : copy_of_[static_cast<std::size_t>(v - n)];
  }
  Layout layout(ValueId v) const { return layout_[static_cast<std::size_t>(v)]; }

  /// Operators that the value of a step came from: those of the step before for a copy.
  const std::string& op_of(std::size_t step) const {
    while (steps_[step].op == reorder) --step;
    return steps_[step].op;
  }

  std::vector<Shape> input_shapes(const Network& network, const Node& step, std::int64_t batch) const {
    std::vector<Shape> shapes;
    for (ValueId v : step.inputs) shapes.push_back(v == absent ? Shape{} : network.value(base(v)).form.at(batch));
    return shapes;
  }

  /// Floats that value v takes on a context's instruction set.
  std::int64_t floats(const Network& network, ValueId v, std::int64_t batch) const {
    return floats_of(network.value(base(v)).form.at(batch), layout(v), isa_);
  }

 private:
  static constexpr const char* reorder = "Reorder";

  Plan(const Network& network, const Context& context, const std::set<ValueId>& visible)
      : isa_(context.isa()), steps_(network.state().nodes), visible_(network.state().values.size(), false) {
    for (ValueId v : network.state().outputs) visible_[static_cast<std::size_t>(v)] = true;
    for (ValueId v : visible) visible_[static_cast<std::size_t>(v)] = true;
    drop_dead();
    fuse(network);
    lay_out(network, context);
    index();
  }

  /// Decides in which layout each value lies, makes the layers ready for it, and puts copies where they are needed.
  void lay_out(const Network& network, const Context& context) {
    std::vector<Node> fused = std::move(steps_);
    steps_.clear();
    layout_.assign(visible_.size(), Layout::plain);
    std::map<std::pair<ValueId, Layout>, ValueId> copies;
    for (Node& s : fused) {
      const std::vector<Shape> shapes = network.input_shapes(s, 1);
      std::vector<Layout> wanted, given;
      for (ValueId v : s.inputs) given.push_back(v == absent ? Layout::plain : layout(v));
      wanted.assign(given.size(), Layout::plain);
      Layout output = Layout::plain;
      if (auto blocked = s.layer->blocked(context, shapes, given)) {
        s.layer = std::move(blocked->layer);
        wanted = std::move(blocked->inputs);
        output = blocked->output;
      } else if (LayerPtr ready = s.layer->prepared(context, shapes)) {
        s.layer = std::move(ready);
      }
      for (std::size_t i = 0; i < s.inputs.size(); ++i) {
        const ValueId v = s.inputs[i];
        if (v == absent || network.value(v).constant || s.layer->ignores_input(i) || layout(v) == wanted[i]) continue;
        const auto [copy, is_new] = copies.try_emplace({v, wanted[i]}, absent);
        if (is_new) {
          copy->second = add_copy(v, wanted[i]);
          add_reorder(network, v, copy->second, v);
        }
        s.inputs[i] = copy->second;
      }
      std::vector<std::pair<ValueId, ValueId>> shown;  // (computed, visible)
      for (ValueId& v : s.outputs) {
        if (v == absent || output == Layout::plain) continue;
        if (visible(v)) {
          const ValueId plain = v;
          v = add_copy(plain, output);
          shown.emplace_back(v, plain);
        } else {
          layout_[static_cast<std::size_t>(v)] = output;
        }
      }
      steps_.push_back(std::move(s));
      for (const auto& [from, to] : shown) add_reorder(network, from, to, to);
    }
  }

  ValueId add_copy(ValueId v, Layout layout) {
    copy_of_.push_back(v);
    layout_.push_back(layout);
    visible_.push_back(false);
    return static_cast<ValueId>(layout_.size()) - 1;
  }

  void add_reorder(const Network& network, ValueId from, ValueId to, ValueId original) {
    const Value& value = network.value(original);
    steps_.push_back(
        {value.name, reorder, std::make_shared<ReorderLayer>(layout(to), value.form.at(1), isa_), {from}, {to}});
  }

  void index() {
    producer_.assign(visible_.size(), -1);
    readers_.assign(visible_.size(), 0);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (ValueId v : steps_[i].outputs)
        if (v != absent) producer_[static_cast<std::size_t>(v)] = static_cast<int>(i);
      for (ValueId v : steps_[i].inputs)
        if (v != absent) ++readers_[static_cast<std::size_t>(v)];
    }
  }

  void drop_dead() {
    std::vector<bool> needed = visible_;
    std::vector<Node> kept;
    for (auto it = steps_.rbegin(); it != steps_.rend(); ++it) {
      const bool used = std::any_of(it->outputs.begin(), it->outputs.end(),
                                    [&](ValueId v) { return v != absent && needed[static_cast<std::size_t>(v)]; });
      if (!used) continue;
      for (ValueId v : it->inputs)
        if (v != absent) needed[static_cast<std::size_t>(v)] = true;
      kept.push_back(std::move(*it));
    }
    std::reverse(kept.begin(), kept.end());
    steps_ = std::move(kept);
  }

  void fuse(const Network& network) {
    index();
    for (std::size_t i = 0; i < steps_.size(); ++i)
      while (fuse_into(network, i)) {
      }
    std::erase_if(steps_, [](const Node& s) { return s.layer == nullptr; });
  }

  /// Lets the latest possible producer of one of step i's inputs absorb step i; true if one did. The emptied producer
  /// keeps its place with a null layer until all is done.
  bool fuse_into(const Network& network, std::size_t i) {
    Node& next = steps_[i];
    if (next.layer == nullptr) return false;
    std::vector<std::pair<int, std::size_t>> candidates;  // (producing step, input position)
    for (std::size_t p = 0; p < next.inputs.size(); ++p)
      if (next.inputs[p] != absent && step_of(next.inputs[p]) >= 0) candidates.emplace_back(step_of(next.inputs[p]), p);
    std::sort(candidates.rbegin(), candidates.rend());
    for (auto [step, position] : candidates) {
      const ValueId between = next.inputs[position];
      Node& first = steps_[static_cast<std::size_t>(step)];
      if (visible(between) || readers_[static_cast<std::size_t>(between)] != 1 || first.outputs.size() != 1) continue;
      const auto fused = first.layer->absorb(*next.layer, position);
      if (!fused) continue;
      std::vector<ValueId> inputs = first.inputs;
      if (fused->extra_input) {
        const ValueId extra = next.inputs.at(*fused->extra_input);
        const ShapeForm& form = network.value(next.outputs.at(0)).form;  // an addition that broadcasts stays alone
        if (extra == absent || !(network.value(extra).form == form) || !(network.value(between).form == form)) continue;
        inputs.push_back(extra);
      }
      next.layer = fused->layer;
      next.inputs = std::move(inputs);
      next.op = first.op + "+" + next.op;
      next.name = first.name;
      first = Node{};
      index();
      return true;
    }
    return false;
  }

  Isa isa_;
  std::vector<Node> steps_;
  std::vector<bool> visible_;
  std::vector<Layout> layout_;
  std::vector<ValueId> copy_of_;
  std::vector<int> producer_, readers_;
};

/// Where each value lies in one block of floats, and the workspace, for one batch size. Values whose lives do not
/// overlap share memory; visible ones and the inputs keep theirs until the pass ends.
struct MemoryLayout {
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
  /// A hostile file may ask for more than any machine has; this is refused before it is allocated.
  static constexpr std::size_t max_arena_floats = std::size_t{1} << 33;
  std::vector<std::size_t> offset;  ///< by value id; nowhere for constants and hidden values
  std::vector<std::size_t> root;    ///< the value whose memory a view or an in-place result uses
  std::vector<int> last_use;        ///< by root: last step that touches it; nowhere near the end for visible ones
  std::size_t arena_floats = 0, workspace_floats = 0;

  MemoryLayout(const Network& network, const Plan& plan, const Context& context, std::int64_t batch)
      : offset(plan.n_values(), nowhere), root(offset.size()), last_use(offset.size(), -1) {
    const auto at = [](ValueId v) { return static_cast<std::size_t>(v); };
    const int never = static_cast<int>(plan.steps().size());
    for (std::size_t v = 0; v < root.size(); ++v) root[v] = v;
    find_lives(network, plan, never);

    std::vector<Block> blocks;  // placed so far, in order of offset
    const auto place = [&](ValueId v, int born) {
      const std::size_t need = (static_cast<std::size_t>(plan.floats(network, v, batch)) + 15) / 16 * 16;
      std::size_t here = 0;
      std::size_t index = 0;
      for (; index < blocks.size(); ++index) {
        if (blocks[index].dies < born) continue;
        if (blocks[index].begin >= here + need) break;
        here = std::max(here, blocks[index].begin + blocks[index].size);
      }
      std::erase_if(blocks, [&](const Block& b) { return b.dies < born; });
      blocks.push_back({here, need, last_use[at(v)]});
      std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.begin < b.begin; });
      offset[at(v)] = here;
      arena_floats = std::max(arena_floats, here + need);
      if (arena_floats > max_arena_floats)
        throw ShapeError(network.source() + ": tensor '" + network.value(plan.base(v)).name + "' " +
                         network.value(plan.base(v)).form.at(batch).to_string() +
                         " takes the network above 32 GiB of memory");
    };
    for (ValueId v : network.state().inputs) place(v, -1);
    for (int i = 0; i < never; ++i) {
      const Node& step = plan.steps()[static_cast<std::size_t>(i)];
      for (ValueId v : step.outputs) {
        if (v == absent) continue;
        if (root[at(v)] == at(v)) place(v, i);
        offset[at(v)] = offset[root[at(v)]];
      }
      workspace_floats =
          std::max(workspace_floats, step.layer->workspace_floats(context, plan.input_shapes(network, step, batch)));
    }
  }

 private:
  struct Block {
    std::size_t begin, size;
    int dies;
  };

  void find_lives(const Network& network, const Plan& plan, int never) {
    const auto at = [](ValueId v) { return static_cast<std::size_t>(v); };
    std::vector<int> last_read(root.size(), -1);
    for (int i = 0; i < never; ++i)
      for (ValueId v : plan.steps()[static_cast<std::size_t>(i)].inputs)
        if (v != absent) last_read[at(v)] = i;
    for (ValueId v : network.state().inputs) last_use[at(v)] = never;
    for (int i = 0; i < never; ++i) {
      const Node& step = plan.steps()[static_cast<std::size_t>(i)];
      for (ValueId v : step.outputs) {
        if (v == absent) continue;
        const int until = plan.visible(v) ? never : std::max(last_read[at(v)], i);
        const ValueId x = step.inputs.empty() ? absent : step.inputs[0];
        const bool owned = x != absent && !network.value(plan.base(x)).constant && step.outputs.size() == 1;
        // A view may share whatever it views; a result written in place needs its input to end here, and alone.
        const bool shares =
            owned && (step.layer->is_view() ||
                      (step.layer->in_place() && last_use[root[at(x)]] == i && plan.layout(x) == plan.layout(v) &&
                       network.value(plan.base(x)).form == network.value(plan.base(v)).form));
        if (shares) root[at(v)] = root[at(x)];
        last_use[root[at(v)]] = std::max(last_use[root[at(v)]], until);
      }
    }
  }
};

}  // namespace weir
