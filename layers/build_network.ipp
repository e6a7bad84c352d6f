// What build_network.hpp declares, with all operators.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <weir/core/additions.hpp>
#include <weir/core/error.hpp>
#include <weir/layers/build/graph_builder.hpp>
#include <weir/layers/build_network.hpp>

namespace weir::detail {

/// An operator that a program registered.
struct RegisteredOperator {
  std::string name;
  OperatorMaker make;
};

/// The options with the registered operators behind those that they have themselves.
inline BuildOptions with_registered(BuildOptions options) {
  for (RegisteredOperator& o : Additions<RegisteredOperator>::of_process().all())
    options.operators.emplace(std::move(o.name), std::move(o.make));
  return options;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void register_operator(const std::string& name, OperatorMaker make) {
  const std::size_t colons = name.find("::");
  if (name.empty() || colons == 0 || name.ends_with("::") || !make)
    throw ArgumentError(
        "register_operator: a name (Name of ONNX's domain, else domain::Name) and a function that makes the layer are "
        "needed");
  if (name.starts_with("ai.onnx::"))
    throw ArgumentError(detail::message({"register_operator: '", name, "' is of ONNX's domain, of which networks say '",
                                         name.substr(colons + 2), "'"}));
  detail::Additions<detail::RegisteredOperator>::of_process().add({name, std::move(make)}, "register_operator");
}

WEIR_INLINE Network build_network(const GraphDef& def, const BuildOptions& given) {
  const BuildOptions options = detail::with_registered(given);
  using Builder = detail::GraphBuilder;
  const bool fixed = std::any_of(def.inputs.begin(), def.inputs.end(),
                                 [](const InputDef& input) { return !input.dims.empty() && input.dims[0] >= 0; });
  if (fixed) {
    try {
      const Builder any_batch(def, options, Builder::Batch::any);
      if (any_batch.keeps_examples_apart()) return any_batch.result();
    } catch (const Error&) {  // the graph holds on to its batch size; a real fault shows again below
    }
    return Builder(def, options, Builder::Batch::as_file).result("it was exported for that batch size");
  }
  try {
    return Builder(def, options, Builder::Batch::as_file).result();
  } catch (const ShapeError& e) {  // perhaps one example fits; else the same fault shows again
    return Builder(def, options, Builder::Batch::one).result(e.what());
  } catch (const FormatError& e) {
    return Builder(def, options, Builder::Batch::one).result(e.what());
  }
}

WEIR_INLINE std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const detail::Operator& o : detail::operators) names.emplace_back(o.name);
  for (detail::RegisteredOperator& o : detail::Additions<detail::RegisteredOperator>::of_process().all())
    names.push_back(std::move(o.name));
  return names;
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE std::vector<std::string_view> folded_operator_names() {
  std::vector<std::string_view> names = {"CastLike"};  // see as_cast()
  for (const auto& o : integer_operators) names.push_back(o.name);
  return names;
}

}  // namespace weir::detail
