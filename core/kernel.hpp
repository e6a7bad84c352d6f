/// Kernel: what runs; Layer (core/layer.hpp) is what an operator is.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <weir/core/context.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/rows.hpp>
#include <weir/core/tensor.hpp>

namespace weir {

/// The computation of one layer for one context, with its weights packed; immutable, and shared by any number of
/// threads. A Layer makes it; a RunnableLayer is one.
///
/// inputs are the operator's ONNX inputs in order, constants included. An input that was left out, or that the layer
/// ignores, has a view with data == nullptr and a shape of rank 0. Results do not depend on the batch size.
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// Computes outputs from inputs; neither allocates nor throws. workspace holds workspace_floats() floats.
  virtual void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
                       float* workspace) const = 0;

  /// Scratch memory that forward needs for these inputs, in floats.
  virtual std::size_t workspace_floats(const Context&, std::span<const Shape> /*inputs*/) const { return 0; }

  /// Set if row j of the output, an image, depends on these rows of input i only, and forward_rows() computes it. A
  /// plan may then compute a band of rows through several layers before the next band.
  virtual std::optional<RowWindow> row_window(std::span<const Shape> /*inputs*/, std::size_t /*i*/) const {
    return std::nullopt;
  }

  /// Rows y of the output of one example, to the same bits as forward(), by the calling thread only. shapes are those
  /// of the inputs at batch size 1; of each input that row_window() knows, at least the rows that it names are there.
  /// workspace is that of forward() on a context of one thread; goes_on: the last call with this workspace, which
  /// nothing else touched since, was for the rows of the same tensors above y.
  virtual void forward_rows(const Context& /*context*/, std::span<const Shape> /*shapes*/,
                            std::span<const RowsView> /*inputs*/, const RowsView& /*output*/, RowRange /*y*/,
                            bool /*goes_on*/, float* /*workspace*/) const {}

  /// How it computes, for people who read a plan ("channel tiles 14x32"); empty where there is only one way.
  virtual std::string algorithm() const { return {}; }

  /// Floats of parameters that one forward reads, beside its inputs.
  virtual double parameter_floats() const { return 0; }

  /// Of this number of inputs, the one that output 0 may be written over where both have one shape: each element of the
  /// output depends on that element of the input only.
  virtual std::optional<std::size_t> in_place(std::size_t /*inputs*/) const { return std::nullopt; }

  /// True if the output of one example is the inputs one behind another as they lie (Concat of whole blocks). An input
  /// may then lie in its place in the output before forward() is called.
  virtual bool is_join() const { return false; }
};

using KernelPtr = std::shared_ptr<const Kernel>;

/// What Layer::blocked yields: a kernel, and how its inputs and outputs must lie.
struct Blocked {
  KernelPtr kernel;
  std::vector<Layout> inputs;  ///< one for each; of absent ones and those that the layer ignores it does not matter
  Layout output;               ///< of all outputs
};

}  // namespace weir
