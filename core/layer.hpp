/// Layer: what every operator implements.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/element.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/rows.hpp>
#include <weir/core/tensor.hpp>

namespace weir {

class Layer;
using LayerPtr = std::shared_ptr<const Layer>;

/// What Layer::absorb yields: a layer that does the work of two. If extra_input is set, that input of the absorbed
/// layer becomes the last input of the new one (the other summand of a residual addition).
struct Fused {
  LayerPtr layer;
  std::optional<std::size_t> extra_input;
};

/// What Layer::blocked yields: a layer, ready to run, and how its inputs and outputs must lie.
struct Blocked {
  LayerPtr layer;
  std::vector<Layout> inputs;  ///< one for each; of absent ones and those that the layer ignores it does not matter
  Layout output;               ///< of all outputs
};

/// One operator with its parameters, immutable after construction and shared by any number of threads.
///
/// inputs are the operator's ONNX inputs in order, constants included. An input that was left out, or that the layer
/// ignores, has a view with data == nullptr and a shape of rank 0.
class Layer {
 public:
  virtual ~Layer() = default;

  /// Shapes of the outputs. Throws ShapeError where the inputs do not fit.
  virtual std::vector<Shape> output_shapes(std::span<const Shape> inputs) const = 0;

  /// Where the examples of a batch lie in an output, given where they lie in the inputs. An answer of `mixed` is always
  /// safe: the network then runs whole batches only, and is not freed from a file's batch size. So it is the default.
  virtual Examples examples(const ExamplesQuery& q) const {
    for (const Examples& x : q.inputs)
      if (!x.none()) return Examples::mixed();
    return {};
  }

  /// Set by layers on integers: what output i holds. Such a layer reads its inputs as they are (Value::element),
  /// through views whose data points at these elements; all other layers read and write float32.
  virtual std::optional<Element> output_element(std::size_t /*i*/) const { return std::nullopt; }

  /// Computes outputs from inputs; neither allocates nor throws. workspace holds workspace_floats() floats.
  virtual void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
                       float* workspace) const = 0;

  /// True if the layer took in constant input i when it was made (weights, axes, a target shape) and never looks at it
  /// again: the network then need not keep it.
  virtual bool ignores_input(std::size_t /*i*/) const { return false; }

  /// Set if row j of the output, an image, depends on these rows of input i alone, and forward_rows() computes it. A
  /// plan may then compute a band of rows through several layers before the next band.
  virtual std::optional<RowWindow> row_window(std::span<const Shape> /*inputs*/, std::size_t /*i*/) const {
    return std::nullopt;
  }

  /// Rows y of the output of one example, to the same bits as forward() and by the calling thread alone. shapes are
  /// those of the inputs at batch size 1; of each input that row_window() knows, at least the rows that it names are
  /// there. workspace is that of forward() on a context of one thread; goes_on: the last call with this workspace,
  /// which nobody else touched since, was for the rows of the same tensors above y.
  virtual void forward_rows(const Context& /*context*/, std::span<const Shape> /*shapes*/,
                            std::span<const RowsView> /*inputs*/, const RowsView& /*output*/, RowRange /*y*/,
                            bool /*goes_on*/, float* /*workspace*/) const {}

  /// Scratch memory that forward needs for these inputs.
  virtual std::size_t workspace_floats(const Context&, std::span<const Shape> /*inputs*/) const { return 0; }

  /// Floating-point operations of one forward (a multiply-add counts 2).
  virtual double flops(std::span<const Shape> /*inputs*/) const { return 0; }

  /// How it computes, for people who read a plan ("channel tiles 14x32"); empty where there is one way alone.
  virtual std::string algorithm() const { return {}; }

  /// Floats of parameters that one forward reads, beside its inputs.
  virtual double parameter_floats() const { return 0; }

  /// Of so many inputs, the one that output 0 may be written over where both have one shape: each element of the output
  /// depends on that element of the input alone.
  virtual std::optional<std::size_t> in_place(std::size_t /*inputs*/) const { return std::nullopt; }

  /// True if the layer is an exact copy of input 0 under another shape (Flatten, Reshape, Identity, Dropout).
  virtual bool is_view() const { return false; }

  /// True if of one example the output is the inputs one behind another as they lie (Concat of whole blocks). An input
  /// may then lie in its place in the output before forward() is called.
  virtual bool is_join() const { return false; }

  /// A layer that computes next(this(x)), where this layer's output is input `position` of next and nobody else reads
  /// it; nullopt if there is none. The plan calls it for a batch norm, activation or addition behind a convolution.
  virtual std::optional<Fused> absorb(const Layer& /*next*/, std::size_t /*position*/) const { return std::nullopt; }

  /// The same layer made ready for a context and for inputs of these shapes at batch size 1 (weights packed for its
  /// instruction set and algorithm); nullptr if it is ready as it is. It must give the same result at every batch size.
  virtual LayerPtr prepared(const Context&, std::span<const Shape> /*inputs*/) const { return nullptr; }

  /// As prepared(), for tensors in blocked layout; nullopt if the layer, or for these inputs, knows only plain ones.
  /// inputs: their shapes at every batch size (two that are equal at one may differ at another). given[i]: how input i
  /// lies; asking for another layout costs a pass over it, once for all passes if it is a constant. Views keep their
  /// logical shapes.
  virtual std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> /*inputs*/,
                                         std::span<const Layout> /*given*/) const {
    return std::nullopt;
  }
};

}  // namespace weir
