/// Layer: what every operator is; what runs is a Kernel (core/kernel.hpp).
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/element.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/kernel.hpp>
#include <weir/core/layout.hpp>
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

/// One operator with its parameters: shapes, examples, fusion, and the kernel that computes it. Immutable after
/// construction and shared by any number of threads.
///
///     Layer  --absorb(next)-->  Layer  --kernel(context, shapes)-->   Kernel  --forward-->  numbers
///     is                        is       or blocked(...)              runs
///
/// inputs are the operator's ONNX inputs in order, constants included; the shape of one that was left out has rank 0.
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

  /// True if the layer took in constant input i when it was made (weights, axes, a target shape) and never looks at it
  /// again: the network then need not keep it.
  virtual bool ignores_input(std::size_t /*i*/) const { return false; }

  /// Floating-point operations of one pass (a multiply-add counts 2).
  virtual double flops(std::span<const Shape> /*inputs*/) const { return 0; }

  /// True if the layer is an exact copy of input 0 under another shape (Flatten, Reshape, Identity, Dropout).
  virtual bool is_view() const { return false; }

  /// A layer that computes next(this(x)), where this layer's output is input `position` of next and nothing else reads
  /// it; nullopt if there is none. The plan calls it for a batch norm, activation or addition behind a convolution.
  virtual std::optional<Fused> absorb(const Layer& /*next*/, std::size_t /*position*/) const { return std::nullopt; }

  /// What computes it on plain tensors, in a context and for inputs of these shapes at batch size 1 (weights packed for
  /// its instruction set and algorithm), to the same result at every batch size. Cost: packs the weights.
  virtual KernelPtr kernel(const Context&, std::span<const Shape> inputs) const = 0;

  /// As kernel(), for tensors in blocked layout; nullopt if the layer, or for these inputs, knows only plain ones.
  /// inputs: their shapes at every batch size (two that are equal at one may differ at another). given[i]: how input i
  /// lies; asking for another layout costs a pass over it, once for all passes if it is a constant. Views keep their
  /// logical shapes.
  virtual std::optional<Blocked> blocked(const Context&, std::span<const ShapeForm> /*inputs*/,
                                         std::span<const Layout> /*given*/) const {
    return std::nullopt;
  }
};

/// A layer that is its own kernel, as it has nothing to prepare. Base class of most operators; derive your own from it.
class RunnableLayer : public Layer, public Kernel, public std::enable_shared_from_this<RunnableLayer> {
 public:
  /// The layer itself.
  KernelPtr kernel(const Context&, std::span<const Shape> /*inputs*/) const override { return shared_from_this(); }
};

namespace detail {

/// Takes a new object over.
inline std::shared_ptr<const void> counted(RunnableLayer* layer) { return std::shared_ptr<RunnableLayer>(layer); }
inline std::shared_ptr<const void> counted(Layer* layer) { return std::shared_ptr<Layer>(layer); }
inline std::shared_ptr<const void> counted(Kernel* kernel) { return std::shared_ptr<Kernel>(kernel); }

/// Makes a layer or kernel as std::make_shared would. make_shared compiles a dozen functions for each of weir's hundred
/// classes; this compiles them for the three base classes only.
template <class T, class... A>
std::shared_ptr<T> make_counted(A&&... arguments) {
  T* const made = new T(std::forward<A>(arguments)...);
  return std::shared_ptr<T>(counted(made), made);
}

}  // namespace detail

}  // namespace weir
