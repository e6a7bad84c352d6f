/// The dimensions of a graph's inputs, where BuildOptions::input_shapes fills in what the file leaves free.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/layers/build/build_options.hpp>

namespace weir::detail {

/// Throws ArgumentError for a shape that is given for no input.
inline void check_given_shapes(const GraphDef& def, const BuildOptions& options) {
  for (const auto& given : options.input_shapes) {
    const auto is_given = [&](const InputDef& input) { return input.name == given.first; };
    if (std::none_of(def.inputs.begin(), def.inputs.end(), is_given))
      throw ArgumentError(detail::message({def.source, " has no input '", given.first, "', for which a shape is given",
                                           (def.inputs.empty() ? "" : "; its first is '" + def.inputs[0].name + "'")}));
  }
}

/// All dimensions, the batch in front as the file has it. Throws ArgumentError for another number of dimensions, for
/// one that the file fixes otherwise, and for one that stays free.
inline std::vector<std::int64_t> input_dims(const GraphDef& def, const InputDef& input, const BuildOptions& options) {
  const std::string where = def.source + ", input '" + input.name + "'";
  std::vector<std::int64_t> dims = input.dims;
  if (const auto given = options.input_shapes.find(input.name); given != options.input_shapes.end()) {
    if (given->second.size() + 1 != dims.size())
      throw ArgumentError(detail::message(
          {where, " has ", dims.size(), " dimensions with the batch, the given shape ", given->second.size() + 1}));
    for (std::size_t i = 1; i < dims.size(); ++i) {
      const std::int64_t asked = given->second[i - 1];
      if (dims[i] >= 0 && dims[i] != asked)
        throw ArgumentError(detail::message(
            {where, ": dimension ", i, " is ", dims[i], " in the file, and the given shape asks for ", asked}));
      dims[i] = asked;
    }
  }
  for (std::size_t i = 1; i < dims.size(); ++i)
    if (dims[i] < 0)
      throw ArgumentError(
          detail::message({where, ": dimension ", i, " (",
                           (i < input.dim_names.size() && !input.dim_names[i].empty() ? input.dim_names[i] : "?"),
                           ") is free; say the shape of the input"}));
  return dims;
}

}  // namespace weir::detail
