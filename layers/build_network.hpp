/// build_network: from a network as data to a checked graph of layers.
#pragma once
#include <weir/layers/build_options.hpp>
#if defined(WEIR_EXTERN)
#include <weir/core/graph_def.hpp>
#include <weir/core/network.hpp>
#else
#include <algorithm>
#include <weir/layers/graph_builder.hpp>
#endif

namespace weir {

/// The network that def describes: every operator made a layer, shape arithmetic and constants folded, all shapes
/// checked. A file exported for one batch size runs at any if its graph allows it. Throws FormatError (unsupported
/// operator or attribute), ShapeError (layers that do not fit), ArgumentError (a free dimension beside the batch), each
/// naming file and node.
#if defined(WEIR_EXTERN)
Network build_network(const GraphDef& def, const BuildOptions& options = {});  // all operators, compiled elsewhere
#else
inline Network build_network(const GraphDef& def, const BuildOptions& options = {}) {
  const bool fixed = std::any_of(def.inputs.begin(), def.inputs.end(),
                                 [](const InputDef& input) { return !input.dims.empty() && input.dims[0] >= 0; });
  if (fixed) try {
      const detail::GraphBuilder any_batch(def, options, true);
      if (any_batch.has_rows()) return any_batch.result();
    } catch (const Error&) {  // the graph holds on to its batch size; a real fault shows again below
    }
  return detail::GraphBuilder(def, options, false).result();
}
#endif

}  // namespace weir
