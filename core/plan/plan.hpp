/// Plan: how a network runs on a context.
#pragma once
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/core/plan/reorder_layer.hpp>

namespace weir::detail {

/// A layer, or several fused, in its place in a plan, and the kernel that computes it.
struct PlanStep {
  std::string name, op;  ///< of the first layer; of all of them, "Conv+Relu"
  LayerPtr layer;
  KernelPtr kernel;
  std::vector<ValueId> inputs, outputs;
};

/// The steps of a network for one context: layers fused and packed, dead ones left out. Immutable and shared: all
/// executors of a network with equal options and equal visible tensors use the same one.
///
/// Visible tensors (outputs, and hooked or extracted tensors) are computed as the model file names them; between
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

  const Network& network() const { return network_; }
  const std::vector<PlanStep>& steps() const { return steps_; }

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
  /// The network's value that v is, or is a copy of; its name, shapes and examples.
  const Value& value(ValueId v) const { return network_.value(base(v)); }
  /// Shape of v at this batch size.
  Shape shape(ValueId v, std::int64_t batch) const { return value(v).form.at(batch); }
  bool is_constant(ValueId v) const { return value(v).constant != nullptr; }
  Layout layout(ValueId v) const { return layout_[static_cast<std::size_t>(v)]; }
  /// What v is stored as: visible tensors, inputs and constants are float32, whatever their layers compute with.
  Element element(ValueId v) const { return element_[static_cast<std::size_t>(v)]; }

  /// What value v, a constant, holds in its layout; nullptr if it is computed.
  const Tensor* constant(ValueId v) const {
    const auto reordered = constants_.find(v);
    return reordered != constants_.end() ? &reordered->second : value(v).constant.get();
  }

  /// The step's operators; for an inserted copy, those of the step that made what it copies.
  const std::string& op_of(std::size_t step) const {
    while (steps_[step].op == reorder) --step;
    return steps_[step].op;
  }

  std::vector<Shape> input_shapes(const PlanStep& step, std::int64_t batch) const {
    std::vector<Shape> shapes;
    for (ValueId v : step.inputs) shapes.push_back(v == absent ? Shape{} : shape(v, batch));
    return shapes;
  }

  /// Channels of value v, or blocks of them where it is blocked.
  std::int64_t planes(ValueId v) const {
    const std::int64_t channels = shape(v, 1)[1];
    return layout(v) == Layout::plain ? channels : round_up(channels, lanes(isa_)) / lanes(isa_);
  }

  /// Bytes that value v takes on a context's instruction set.
  std::int64_t bytes(ValueId v, std::int64_t batch) const {
    return bytes_of(element(v)) * floats_of(shape(v, batch), layout(v), isa_);
  }
  /// As many floats as hold them.
  std::int64_t floats(ValueId v, std::int64_t batch) const {
    constexpr auto size = static_cast<std::int64_t>(sizeof(float));
    return (bytes(v, batch) + size - 1) / size;
  }

 private:
  static constexpr const char* reorder = "Reorder";
  static constexpr std::size_t longest_fused = 256;  ///< letters of a fused step's operators

  Plan(const Network& network, const Context& context, const std::set<ValueId>& visible)
      : network_(network), isa_(context.isa()), visible_(network.state().values.size(), false) {
    for (const Node& n : network.state().nodes) steps_.push_back({n.name, n.op, n.layer, nullptr, n.inputs, n.outputs});
    for (ValueId v : network.state().outputs) visible_[static_cast<std::size_t>(v)] = true;
    for (ValueId v : visible) visible_[static_cast<std::size_t>(v)] = true;
    drop_dead();
    fuse();
    lay_out(context);
    index();
  }

  /// Decides the layout of each value, makes the kernels for it, and inserts copies where layouts differ.
  void lay_out(const Context& context) {
    std::vector<PlanStep> fused = std::move(steps_);
    steps_.clear();
    layout_.assign(visible_.size(), Layout::plain);
    const std::vector<Value>& values = network_.state().values;
    for (std::size_t v = 0; v < visible_.size(); ++v)
      element_.push_back(visible_[v] || values[v].constant ? Element::float32 : values[v].element);
    for (const ValueId v : network_.state().inputs) element_[static_cast<std::size_t>(v)] = Element::float32;
    std::map<std::pair<ValueId, Layout>, ValueId> copies;
    for (PlanStep& s : fused) {
      std::vector<ShapeForm> forms;
      std::vector<Layout> wanted, given;
      for (ValueId v : s.inputs) forms.push_back(v == absent ? ShapeForm{} : network_.value(v).form);
      for (ValueId v : s.inputs) given.push_back(v == absent ? Layout::plain : layout(v));
      wanted.assign(given.size(), Layout::plain);
      Layout output = Layout::plain;
      try {
        if (auto blocked = s.layer->blocked(context, forms, given)) {
          s.kernel = std::move(blocked->kernel);
          wanted = std::move(blocked->inputs);
          output = blocked->output;
        } else {
          s.kernel = s.layer->kernel(context, input_shapes(s, 1));
        }
      } catch (const ShapeError& e) {
        throw ShapeError(detail::message({network_.source(), ", node '", s.name, "' ", s.op, ": ", e.what()}));
      }
      for (std::size_t i = 0; i < s.inputs.size(); ++i) {
        const ValueId v = s.inputs[i];
        if (v == absent) continue;  // which those are that the layer ignores
        if (layout(v) == wanted[i] && element(v) == network_.value(v).element) continue;
        const auto [copy, is_new] = copies.try_emplace({v, wanted[i]}, absent);
        if (is_new) {
          copy->second = add_copy(v, wanted[i]);
          if (const auto& constant = network_.value(v).constant)
            constants_.emplace(copy->second, reordered(*constant, wanted[i], network_.value(v).element, context));
          else
            add_reorder(v, copy->second, v);
        }
        s.inputs[i] = copy->second;
      }
      std::vector<std::pair<ValueId, ValueId>> shown;  // (computed, visible)
      for (ValueId& v : s.outputs) {
        if (v == absent) continue;
        const bool integers = element(v) != network_.value(v).element;
        if (output == Layout::plain && !integers) continue;
        if (visible(v)) {
          const ValueId plain = v;
          v = add_copy(plain, output);
          shown.emplace_back(v, plain);
          if (integers) copies[{plain, output}] = v;
        } else {
          layout_[static_cast<std::size_t>(v)] = output;
        }
      }
      steps_.push_back(std::move(s));
      for (const auto& [from, to] : shown) add_reorder(from, to, to);
    }
  }

  /// Holds what the layers of v compute with.
  ValueId add_copy(ValueId v, Layout layout) {
    element_.push_back(network_.value(v).element);
    copy_of_.push_back(v);
    layout_.push_back(layout);
    visible_.push_back(false);
    return static_cast<ValueId>(layout_.size()) - 1;
  }

  /// A constant in the layout and element type that its readers want, converted once for all passes.
  static Tensor reordered(const Tensor& constant, Layout layout, Element element, const Context& context) {
    Tensor copy(Shape{floats_of(constant.shape(), layout, context.isa())});
    if (element == Element::float32)
      kernels::to_blocked(context, constant.shape(), constant.data(), copy.data());
    else
      kernels::convert(context, constant.shape(), {constant.data(), Layout::plain, Element::float32},
                       {copy.data(), layout, element});
    return copy;
  }

  void add_reorder(ValueId from, ValueId to, ValueId original) {
    const Value& value = network_.value(original);
    const auto layer = make_counted<ReorderLayer>(ReorderLayer::End{layout(from), element(from)},
                                                  ReorderLayer::End{layout(to), element(to)}, value.form.at(1), isa_);
    steps_.push_back({value.name, reorder, layer, layer, {from}, {to}});
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
    std::vector<PlanStep> kept;
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

  void fuse() {
    index();
    for (std::size_t i = 0; i < steps_.size(); ++i)
      while (fuse_into(i)) {
      }
    std::erase_if(steps_, [](const PlanStep& s) { return s.layer == nullptr; });
  }

  /// Lets the latest possible producer of one of step i's inputs absorb step i; true if one did. The emptied producer
  /// keeps its place with a null layer until all is done.
  bool fuse_into(std::size_t i) {
    PlanStep& next = steps_[i];
    if (next.layer == nullptr) return false;
    std::vector<std::pair<int, std::size_t>> candidates;  // (producing step, input position)
    for (std::size_t p = 0; p < next.inputs.size(); ++p)
      if (next.inputs[p] != absent && step_of(next.inputs[p]) >= 0) candidates.emplace_back(step_of(next.inputs[p]), p);
    std::sort(candidates.rbegin(), candidates.rend());
    for (auto [step, position] : candidates) {
      const ValueId between = next.inputs[position];
      PlanStep& first = steps_[static_cast<std::size_t>(step)];
      if (visible(between) || readers_[static_cast<std::size_t>(between)] != 1 || first.outputs.size() != 1) continue;
      if (first.op.size() > longest_fused) continue;
      const auto fused = first.layer->absorb(*next.layer, position);
      if (!fused) continue;
      std::vector<ValueId> inputs = first.inputs;
      if (fused->extra_input) {
        const ValueId extra = next.inputs.at(*fused->extra_input);
        const ShapeForm& form = network_.value(next.outputs.at(0)).form;  // an addition that broadcasts is not absorbed
        if (extra == absent || !(network_.value(extra).form == form) || !(network_.value(between).form == form))
          continue;
        inputs.push_back(extra);
      }
      for (const ValueId v : next.inputs)
        if (v != absent) --readers_[static_cast<std::size_t>(v)];
      if (fused->extra_input) ++readers_[static_cast<std::size_t>(inputs.back())];
      producer_[static_cast<std::size_t>(between)] = -1;
      next.layer = fused->layer;
      next.inputs = std::move(inputs);
      next.op = first.op + "+" + next.op;
      next.name = first.name;
      first = PlanStep{};
      return true;
    }
    return false;
  }

  Network network_;
  Isa isa_;
  std::vector<PlanStep> steps_;
  std::vector<bool> visible_;
  std::vector<Layout> layout_;
  std::vector<Element> element_;
  std::vector<ValueId> copy_of_;
  std::map<ValueId, Tensor> constants_;  ///< in another layout than the network has them
  std::vector<int> producer_, readers_;
};

}  // namespace weir::detail
