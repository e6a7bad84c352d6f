// What build_network.hpp declares, with all operators.
#pragma once
#include <algorithm>
#include <weir/layers/build/graph_builder.hpp>
#include <weir/layers/build_network.hpp>

namespace weir {

WEIR_INLINE Network build_network(const GraphDef& def, const BuildOptions& options) {
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

WEIR_INLINE std::vector<std::string_view> operator_names() {
  std::vector<std::string_view> names;
  for (const detail::Operator& o : detail::operators) names.push_back(o.name);
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
