/// TensorTypes: the element type of each tensor of a graph, and whether its operators take what they are given.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/build/build_options.hpp>
#include <weir/layers/build/signatures.hpp>

namespace weir::detail {

/// A type's letter in signatures.hpp and its number in ONNX (TensorProto.DataType).
struct TypeLetter {
  char letter;
  int number;
  std::string_view name;
};
inline constexpr std::array type_letters = {
    TypeLetter{'f', 1, "float32"},  TypeLetter{'C', 2, "uint8"},   TypeLetter{'c', 3, "int8"},
    TypeLetter{'S', 4, "uint16"},   TypeLetter{'s', 5, "int16"},   TypeLetter{'i', 6, "int32"},
    TypeLetter{'l', 7, "int64"},    TypeLetter{'B', 9, "bool"},    TypeLetter{'h', 10, "float16"},
    TypeLetter{'d', 11, "float64"}, TypeLetter{'I', 12, "uint32"}, TypeLetter{'L', 13, "uint64"},
    TypeLetter{'b', 16, "bfloat16"}};

/// Of a tensor that an operator without a signature made, and of integers or truth values of a graph that no file is.
inline constexpr char any_type = '?', any_integers = '#';

inline bool is_integer_type(char t) { return std::string_view("cCsSiIlLB").find(t) != std::string_view::npos; }

inline char letter_of(std::int64_t number) {
  for (const TypeLetter& t : type_letters)
    if (t.number == number) return t.letter;
  return any_type;
}

/// 0 where a type is not known.
inline int number_of(char letter) {
  for (const TypeLetter& t : type_letters)
    if (t.letter == letter) return t.number;
  return 0;
}

/// v as an integer of a type holds it: the bits that it has no room for are dropped, as in ONNX Runtime.
inline std::int64_t wrapped(std::int64_t v, char type) {
  switch (type) {
    case 'c':
      return static_cast<std::int8_t>(v);
    case 'C':
      return static_cast<std::uint8_t>(v);
    case 's':
      return static_cast<std::int16_t>(v);
    case 'S':
      return static_cast<std::uint16_t>(v);
    case 'i':
      return static_cast<std::int32_t>(v);
    case 'I':
      return static_cast<std::uint32_t>(v);
    case 'B':
      return v != 0 ? 1 : 0;
    default:
      return v;
  }
}

/// One input or output of a signature.
struct Parameter {
  char variable = 0;  ///< 0 if it has none
  std::string_view types;
  bool optional = false, repeated = false;
};

/// The words of one side of a signature.
inline std::vector<Parameter> parameters_of(std::string_view side) {
  std::vector<Parameter> all;
  while (!side.empty()) {
    std::string_view word = side.substr(0, side.find(' '));
    side.remove_prefix(std::min(side.size(), word.size() + 1));
    if (word.empty()) continue;
    Parameter p;
    p.optional = word.back() == '?';
    p.repeated = word.back() == '+';
    if (p.optional || p.repeated) word.remove_suffix(1);
    if (word[0] != ':') p.variable = word[0];
    if (const auto colon = word.find(':'); colon != std::string_view::npos) p.types = word.substr(colon + 1);
    all.push_back(p);
  }
  return all;
}

/// Whether a type is one of those that a signature lists.
inline bool takes(std::string_view types, char type) {
  const auto one = [&](char t) { return types.find(t) != std::string_view::npos; };
  if (type == any_type || one(type) || one('A')) return true;
  if (type == any_integers) return one('N') || one('J') || std::any_of(types.begin(), types.end(), is_integer_type);
  if (is_integer_type(type)) return type != 'B' && (one('N') || one('J'));
  return one('F') || one('N');
}

/// Goes over the nodes once. Throws FormatError naming file, node, operator and opset where a node has an input of a
/// type that its operator does not take in this opset, two that should be of one type and are not, or too many outputs.
class TensorTypes {
 public:
  TensorTypes(const GraphDef& def, const std::map<std::string, OperatorMaker>& own_operators) : def_(def) {
    for (const auto& [name, c] : def.constants) types_[name] = type_of_constant(c);
    for (const InputDef& i : def.inputs)
      types_[i.name] = i.type != 0                   ? letter_of(i.type)
                       : i.element == Element::uint8 ? 'C'
                       : i.element == Element::int8  ? 'c'
                                                     : 'f';
    for (const NodeDef& node : def.nodes)
      if (const Signature* s = own_operators.contains(node.op) ? nullptr : signature(node)) check(node, s->text);
  }

  /// The letter of a tensor's type.
  char of(const std::string& name) const {
    const auto it = types_.find(name);
    return it == types_.end() ? any_type : it->second;
  }

 private:
  static char type_of_constant(const Constant& c) {
    if (c.type != 0) return letter_of(c.type);
    if (!c.is_int) return 'f';
    return c.element == Element::uint8   ? 'C'
           : c.element == Element::int8  ? 'c'
           : c.element == Element::int32 ? 'i'
                                         : any_integers;
  }

  const Signature* signature(const NodeDef& node) const {
    const std::string& op = node.op;
    auto s = std::lower_bound(signatures.begin(), signatures.end(), op,
                              [](const Signature& a, const std::string& name) { return a.op < name; });
    const Signature* found = nullptr;
    for (; s != signatures.end() && s->op == op && s->since <= def_.opset; ++s) found = &*s;
    if (found == nullptr && s != signatures.end() && s->op == op)
      NodeArguments(node, def_.opset, def_.source).fail(detail::message({"the operator came with opset ", s->since}));
    return found;
  }

  static std::string names_of(std::string_view types) {
    std::string all;
    for (const TypeLetter& t : type_letters)
      if (takes(types, t.letter)) all += (all.empty() ? "" : ", ") + std::string(t.name);
    return all;
  }
  static std::string name_of(char type) {
    for (const TypeLetter& t : type_letters)
      if (t.letter == type) return std::string(t.name);
    return "integers";
  }

  void check(const NodeDef& node, std::string_view text) {
    const NodeArguments arguments(node, def_.opset, def_.source);
    const std::size_t middle = text.find('>');
    const auto inputs = parameters_of(text.substr(0, middle)), outputs = parameters_of(text.substr(middle + 1));
    std::map<char, std::string_view> allowed;
    std::map<char, std::pair<char, std::size_t>> bound;  // type of a variable, and the input that has it
    for (const auto& side : {inputs, outputs})
      for (const Parameter& p : side)
        if (p.variable != 0 && !p.types.empty()) allowed[p.variable] = p.types;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!inputs[i].optional && !inputs[i].repeated && !arguments.has_input(i))
        arguments.fail(detail::message({"input ", i, " is missing"}));
    for (std::size_t i = 0; i < node.inputs.size() && !inputs.empty(); ++i) {
      if (i >= inputs.size() && !inputs.back().repeated)
        arguments.fail(detail::message({"has ", node.inputs.size(), " inputs"}));
      const Parameter& p = inputs[std::min(i, inputs.size() - 1)];
      const char type = of(node.inputs[i]);
      if (node.inputs[i].empty() || type == any_type) continue;
      const std::string_view types = p.variable != 0 ? allowed[p.variable] : p.types;
      if (!takes(types, type))
        arguments.fail(
            detail::message({"input ", i, " holds ", name_of(type), ", where the operator takes ", names_of(types)}));
      if (p.variable == 0) continue;
      auto [at, first] = bound.emplace(p.variable, std::pair{type, i});
      if (first) continue;
      char& known = at->second.first;
      if (known == any_integers && is_integer_type(type)) known = type;
      if (known != type && !(type == any_integers && is_integer_type(known)))
        arguments.fail(detail::message({"inputs ", at->second.second, " and ", i,
                                        " hold elements of two types: ", name_of(known), " and ", name_of(type)}));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (!outputs[i].optional && !outputs[i].repeated && (i >= node.outputs.size() || node.outputs[i].empty()))
        arguments.fail(message({"output ", i, " has no name"}));
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (i >= outputs.size() && !outputs.back().repeated)
        arguments.fail(
            detail::message({"has ", node.outputs.size(), " outputs, where the operator yields ", outputs.size()}));
      const Parameter& p = outputs[std::min(i, outputs.size() - 1)];
      const std::string_view types = p.variable != 0 ? allowed[p.variable] : p.types;
      const auto known = bound.find(p.variable);
      if (!node.outputs[i].empty())
        types_[node.outputs[i]] = known != bound.end()                   ? known->second.first
                                  : types.size() == 1 && types[0] != 'A' ? types[0]
                                                                         : chosen(node);
      check_as_written(arguments, node.outputs[i]);
    }
  }

  /// Where the file says what type a tensor is of, its node must yield it.
  void check_as_written(const NodeArguments& node, const std::string& name) const {
    const auto written = def_.types.find(name);
    const char yields = of(name), says = written == def_.types.end() ? any_type : letter_of(written->second);
    if (yields == any_type || says == any_type || yields == says) return;
    if (yields == any_integers && is_integer_type(says)) return;
    node.fail(message({"yields ", name_of(yields), ", where the file says that '", name, "' holds ", name_of(says)}));
  }

  /// The type of an output that no input settles.
  static char chosen(const NodeDef& node) {
    const auto number = [&](const char* attribute, std::int64_t otherwise) {
      const auto it = node.attributes.find(attribute);
      const auto* value = it == node.attributes.end() ? nullptr : std::get_if<std::int64_t>(&it->second);
      return letter_of(value == nullptr ? otherwise : *value);
    };
    if (node.op == "Cast") return number("to", 0);
    if (node.op == "QuantizeLinear") return number("output_dtype", 2);
    if (node.op != "ConstantOfShape") return any_type;
    const auto it = node.attributes.find("value");
    const auto* value = it == node.attributes.end() ? nullptr : std::get_if<Constant>(&it->second);
    return value == nullptr ? 'f' : type_of_constant(*value);
  }

  const GraphDef& def_;
  std::unordered_map<std::string, char> types_;
};

}  // namespace weir::detail
