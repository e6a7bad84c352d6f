/// run_once: a layer of constants, computed while a network is built.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>
#include <weir/core/layer.hpp>
#include <weir/core/tensor.hpp>
#include <weir/layers/build/constants.hpp>

namespace weir::detail {

/// What a layer gives for these inputs (nullptr where it ignores one, or it was left out), of these shapes, whose
/// outputs have the shapes `out`. Allocates all of them.
inline std::vector<Constant> run_once(const Layer& layer, const std::vector<const Constant*>& inputs,
                                      const std::vector<Shape>& shapes, const std::vector<Shape>& out) {
  std::vector<Tensor> tensors, results;
  std::vector<ConstView> views;
  std::vector<View> result_views;
  for (const Constant* c : inputs) {
    const bool integers = c != nullptr && layer.output_element(0) && c->element != Element::float32;
    tensors.push_back(c == nullptr ? Tensor() : integers ? as_integers(*c) : as_tensor(*c));
    views.push_back(c == nullptr ? ConstView{} : std::as_const(tensors.back()).view());
  }
  for (const Shape& y : out) results.emplace_back(y);
  for (Tensor& t : results) result_views.push_back(t.view());
  if (std::any_of(out.begin(), out.end(), [](const Shape& y) { return y.numel() > 0; })) {
    const Context context;
    const KernelPtr kernel = layer.kernel(context, shapes);
    Buffer workspace;
    kernel->forward(context, views, result_views, workspace.reserve(kernel->workspace_floats(context, shapes) + 1));
  }
  std::vector<Constant> constants;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Element element = layer.output_element(i).value_or(Element::float32);
    const auto values = std::as_const(results[i]).span();
    constants.push_back(
        element != Element::float32
            ? integers_of(results[i], element)
            : Constant{results[i].shape(), std::vector<float>(values.begin(), values.end()), {}, false});
  }
  return constants;
}

}  // namespace weir::detail
