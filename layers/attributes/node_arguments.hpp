/// NodeArguments: what the maker of a layer sees of its node.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>
#include <weir/core/graph_def.hpp>

namespace weir {

/// What the elements of a tensor are. Reals, integers and truth values are stored as float32 where a network runs; the
/// last three, of tensors that are computed, as what they are called.
enum class ElementType { real, integer, boolean, uint8, int8, int32 };

}  // namespace weir

namespace weir::detail {

/// True of those that are not stored as float32.
constexpr bool is_narrow(ElementType t) { return t >= ElementType::uint8; }

}  // namespace weir::detail

namespace weir {

/// A node with its opset and its constant inputs; reads attributes with their defaults and types checked.
/// Every error is a FormatError like "net.onnx, node 'conv1' Conv (opset 13): group 3 does not divide ...".
///
/// Shape arithmetic is evaluated for two probe batch sizes. constant(i) is what input i is for the first of them;
/// constant_other_batch(i) what it is for the second, or nullptr where both are equal.
class NodeArguments {
 public:
  const NodeDef& node;
  const int opset;
  const std::string source;

  /// constants: one entry for each input, nullptr where it is not constant; others: the same for the second probe.
  /// ranks: of the inputs, empty where unknown. All may be shorter than the node's list of inputs. The node must
  /// outlive this object.
  NodeArguments(const NodeDef& node_def, int opset_version, std::string source_name,
                std::vector<const Constant*> constants = {}, std::vector<const Constant*> others = {},
                std::vector<std::size_t> ranks = {}, std::vector<ElementType> types = {})
      : node(node_def),
        opset(opset_version),
        source(std::move(source_name)),
        constants_(std::move(constants)),
        others_(std::move(others)),
        ranks_(std::move(ranks)),
        types_(std::move(types)) {}

  /// Input i if it is constant, else nullptr (also where it was left out).
  const Constant* constant(std::size_t i) const {
    return has_input(i) && i < constants_.size() ? constants_[i] : nullptr;
  }
  const Constant* constant_other_batch(std::size_t i) const {
    return has_input(i) && i < others_.size() ? others_[i] : nullptr;
  }
  /// Rank of input i; 0 if it was left out or is not known.
  std::size_t rank(std::size_t i) const { return i < ranks_.size() ? ranks_[i] : 0; }

  /// What input i holds; floats if it is not known.
  ElementType type(std::size_t i) const { return i < types_.size() ? types_[i] : ElementType::real; }

  bool has_input(std::size_t i) const { return i < node.inputs.size() && !node.inputs[i].empty(); }
  bool has_attribute(const std::string& name) const {
    asked_.insert(name);
    return node.attributes.count(name) > 0;
  }
  /// An attribute that the operator has in this opset, and that does not change what is computed at inference.
  void ignore(const std::string& name) const { asked_.insert(name); }

  std::int64_t integer(const std::string& name, std::int64_t otherwise) const {
    return get<std::int64_t>(name, otherwise, "an integer");
  }
  float real(const std::string& name, float otherwise) const { return get<float>(name, otherwise, "a float"); }
  std::string text(const std::string& name, const std::string& otherwise) const {
    return get<std::string>(name, otherwise, "a string");
  }
  std::vector<std::int64_t> integers(const std::string& name, const std::vector<std::int64_t>& otherwise = {}) const {
    return get<std::vector<std::int64_t>>(name, otherwise, "a list of integers");
  }
  std::vector<float> reals(const std::string& name, const std::vector<float>& otherwise = {}) const {
    return get<std::vector<float>>(name, otherwise, "a list of floats");
  }

  /// Input i as integers that must be known now. Fails if it is left out, computed at run time, or of floats.
  const std::vector<std::int64_t>& constant_integers(std::size_t i) const {
    const Constant& c = required_constant(i);
    if (!c.is_int) fail(detail::message({"input ", i, " must hold integers"}));
    if (constant_other_batch(i) != nullptr) fail(detail::message({"input ", i, " may not depend on the batch size"}));
    return c.ints;
  }

  /// The same of an input that must be a list: a tensor of rank 1.
  const std::vector<std::int64_t>& constant_list(std::size_t i) const {
    const std::vector<std::int64_t>& values = constant_integers(i);
    const Shape& shape = constant(i)->shape;
    if (shape.rank() != 1) fail(detail::message({"input ", i, " must be a list, not of shape ", shape.to_string()}));
    return values;
  }

  /// Input i as floats that must be known now.
  const SharedFloats& constant_floats(std::size_t i) const {
    const Constant& c = required_constant(i);
    if (c.is_int) fail(detail::message({"input ", i, " must hold floats"}));
    if (constant_other_batch(i) != nullptr) fail(detail::message({"input ", i, " may not depend on the batch size"}));
    return c.floats;
  }

  /// The single value of constant input i, or otherwise if it was left out.
  float scalar_input(std::size_t i, float otherwise) const {
    if (!has_input(i)) return otherwise;
    const SharedFloats& values = constant_floats(i);
    if (values.size() != 1) fail(detail::message({"input ", i, " must hold one value"}));
    return values[0];
  }

  /// A list that is an attribute before the opset `since`, and input i from it on; empty if it was left out.
  std::vector<std::int64_t> integers_or_input(const std::string& name, std::size_t i, int since) const {
    if (opset < since) return integers(name);
    if (!has_input(i)) return {};
    const bool one = node.op == "Unsqueeze" && constant(i) != nullptr && constant(i)->shape.rank() == 0;
    return one ? constant_integers(i) : constant_list(i);
  }
  /// The one element of a tensor attribute; nullptr if it is not given.
  const Constant* element(const std::string& name) const {
    if (!has_attribute(name)) return nullptr;
    const auto* c = std::get_if<Constant>(&node.attributes.at(name));
    if (c == nullptr || c->floats.size() + c->ints.size() != 1)
      fail(detail::message({"attribute ", name, " must be a tensor of one element"}));
    return c;
  }

  /// As integer(), which must lie in [low, high].
  std::int64_t integer_in(const std::string& name, std::int64_t otherwise, std::int64_t low, std::int64_t high) const {
    const std::int64_t value = integer(name, otherwise);
    if (value < low || value > high) fail(detail::message({"attribute ", name, " may not be ", value}));
    return value;
  }

  /// Fails unless the node has low..high inputs, the first `low` of them given.
  void expect_inputs(std::size_t low, std::size_t high) const {
    if (node.inputs.size() > high) fail(detail::message({"has ", node.inputs.size(), " inputs"}));
    for (std::size_t i = 0; i < low; ++i)
      if (!has_input(i)) fail(detail::message({"input ", i, " is missing"}));
  }

  /// Fails if the node has an attribute that nothing asked for: the operator has none of that name in this opset, and
  /// what its writer meant by it would be passed over in silence.
  void refuse_others() const {
    for (const auto& [name, value] : node.attributes)
      if (!asked_.contains(name)) {
        std::string known;
        for (const std::string& a : asked_) known += (known.empty() ? "" : ", ") + a;
        fail(detail::message({"the operator has no attribute '", name, "' in this opset",
                              (known.empty() ? std::string(", nor any other") : ", but " + known)}));
      }
  }

  [[noreturn]] void fail(const std::string& message) const {
    throw FormatError(
        detail::message({source, ", node '", node.name, "' ", node.op, " (opset ", opset, "): ", message}));
  }

 private:
  template <typename T>
  T get(const std::string& name, const T& otherwise, const char* kind) const {
    asked_.insert(name);
    const auto it = node.attributes.find(name);
    if (it == node.attributes.end()) return otherwise;
    if (const T* value = std::get_if<T>(&it->second)) return *value;
    fail(detail::message({"attribute ", name, " must be ", kind}));
  }

  const Constant& required_constant(std::size_t i) const {
    const Constant* c = constant(i);
    if (c == nullptr) fail(detail::message({"input ", i, " must be constant"}));
    return *c;
  }

  std::vector<const Constant*> constants_, others_;
  std::vector<std::size_t> ranks_;
  std::vector<ElementType> types_;
  mutable std::set<std::string> asked_;  ///< names of attributes that were asked for
};

}  // namespace weir
