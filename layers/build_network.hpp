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
/// checked. A file exported for one batch size runs at any if its graph keeps the examples of a batch apart; one of
/// free batch size that fits only one example runs batches of 1. Throws FormatError (unsupported operator or
/// attribute), ShapeError (layers that do not fit), ArgumentError (a free dimension beside the batch), each naming file
/// and node.
#if defined(WEIR_EXTERN)
Network build_network(const GraphDef& def, const BuildOptions& options = {});  // all operators, compiled elsewhere
#else
inline Network build_network(const GraphDef& def, const BuildOptions& options = {}) {
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
#endif

}  // namespace weir
