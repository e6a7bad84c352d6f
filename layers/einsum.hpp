/// Einsum of one or two tensors.
#pragma once
#include <weir/core/kernels/elementwise/strided.hpp>
#include <weir/core/kernels/gemm/gemm.hpp>
#include <weir/core/layer.hpp>
#include <weir/layers/attributes/node_arguments.hpp>

namespace weir::detail {

/// y[output labels] = sum over all other labels of the product of the inputs. A label that stands twice in one input
/// takes its diagonal; axes of an ellipsis pair up from the last and stretch.
///
/// Two inputs are laid out as stacks of matrices [stack, M, K] and [stack, K, N] and multiplied; labels that only one
/// input has and the output has not are summed while the inputs are laid out.
class EinsumLayer final : public RunnableLayer {
 public:
  /// A label, or ellipsis.
  using Term = std::vector<int>;
  static constexpr int ellipsis = -1;

  /// swapped: multiplies the second input with the first, so that examples of the second lie in rows of the product.
  EinsumLayer(std::vector<Term> terms, Term output, bool swapped)
      : terms_(std::move(terms)), output_(std::move(output)), swapped_(swapped) {}

  std::vector<Shape> output_shapes(std::span<const Shape> inputs) const override { return {Sizes(*this, inputs).y}; }

  void forward(const Context& context, std::span<const ConstView> inputs, std::span<const View> outputs,
               float* workspace) const override {
    std::array<Shape, 2> shapes;
    for (std::size_t i = 0; i < terms_.size(); ++i) shapes[i] = inputs[i].shape;
    const Sizes s(*this, std::span<const Shape>(shapes.data(), terms_.size()));
    if (outputs[0].size() == 0) return;
    if (terms_.size() == 1) return lay(context, s.left, inputs[0].data, outputs[0].data);
    const std::int64_t left = s.stack * s.M * s.K, right = s.stack * s.K * s.N;
    float *a = workspace, *b = a + left, *c = b + right, *rest = c + s.stack * s.M * s.N;
    lay(context, s.left, inputs[swapped_ ? 1 : 0].data, a);
    lay(context, s.right, inputs[swapped_ ? 0 : 1].data, b);
    if (s.K == 0)
      std::fill_n(c, s.stack * s.M * s.N, 0.0F);
    else
      for (std::int64_t i = 0; i < s.stack; ++i)
        kernels::gemm(context, s.M, s.N, s.K, a + i * s.M * s.K, s.K, b + i * s.K * s.N, s.N, c + i * s.M * s.N, s.N,
                      rest);
    kernels::strided_copy(context, s.product, c, kernels::dense_strides(s.product), outputs[0].data, s.to_output);
  }
  std::size_t workspace_floats(const Context& context, std::span<const Shape> inputs) const override {
    if (terms_.size() == 1) return 0;
    const Sizes s(*this, inputs);
    return static_cast<std::size_t>(s.stack * (s.M * s.K + s.K * s.N + s.M * s.N)) +
           kernels::gemm_workspace_floats(context, s.M, s.N, s.K);
  }
  double flops(std::span<const Shape> inputs) const override {
    const Sizes s(*this, inputs);
    return 2 * static_cast<double>(s.stack) * static_cast<double>(s.M) * static_cast<double>(s.N) *
           static_cast<double>(s.K);
  }
  /// Apart where their label stays, in the stack or in the rows of the product.
  Examples examples(const ExamplesQuery& q) const override {
    std::array<Shape, 2> shapes;
    for (std::size_t i = 0; i < terms_.size(); ++i) shapes[i] = q.shapes[i].at(2);
    const Sizes s(*this, std::span<const Shape>(shapes.data(), terms_.size()));
    Examples all;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const Examples& x = q.inputs[i];
      if (x.none()) continue;
      if (x.is_mixed()) return x;
      const int label = s.labels[i][x.axis];
      if (std::count(s.labels[i].begin(), s.labels[i].end(), label) != 1) return Examples::mixed();
      const auto at = std::find(s.output.begin(), s.output.end(), label);
      const bool column = terms_.size() == 2 && i == (swapped_ ? 0U : 1U) &&
                          std::count(s.labels[1 - i].begin(), s.labels[1 - i].end(), label) == 0;
      if (at == s.output.end() || column) return Examples::mixed();
      const Examples here = examples::at(q, i, static_cast<std::size_t>(at - s.output.begin()));
      if (here.is_mixed() || !(all.none() || all == here)) return Examples::mixed();
      all = here;
    }
    return all;
  }

 private:
  /// A tensor read in another order: y[i] = sum over gone of x.
  struct Reading {
    Shape kept, gone;
    kernels::Strides kept_strides{}, gone_strides{};
  };

  struct Sizes {
    std::array<Term, 2> labels;  ///< of the inputs, an ellipsis replaced by labels below -1
    Term output;
    std::int64_t stack = 1, M = 1, N = 1, K = 1;
    Reading left, right;
    Shape product, y;  ///< axes of the product: stack, rows, columns
    kernels::Strides to_output{};

    Sizes(const EinsumLayer& layer, std::span<const Shape> shapes) {
      if (shapes.size() < layer.terms_.size()) throw ShapeError("an input is missing");
      for (std::size_t i = 0; i < layer.terms_.size(); ++i)
        labels[i] = spread(layer.terms_[i], shapes[i].rank(), shapes[i]);
      std::size_t most = 0;
      for (std::size_t i = 0; i < layer.terms_.size(); ++i)
        most = std::max<std::size_t>(most, static_cast<std::size_t>(std::count_if(labels[i].begin(), labels[i].end(),
                                                                                  [](int l) { return l < -1; })));
      for (int l : layer.output_)
        if (l == ellipsis)
          for (std::size_t d = most; d-- > 0;) output.push_back(-2 - static_cast<int>(d));
        else
          output.push_back(l);
      const std::size_t a = layer.swapped_ ? 1 : 0, b = 1 - a;
      const bool two = layer.terms_.size() == 2;
      const auto in = [](const Term& t, int l) { return std::find(t.begin(), t.end(), l) != t.end(); };
      const auto length = [&](int l) {
        std::int64_t n = 1;
        for (std::size_t i = 0; i < layer.terms_.size(); ++i)
          for (std::size_t d = 0; d < labels[i].size(); ++d) {
            if (labels[i][d] != l || shapes[i][d] == n) continue;
            if (n != 1 && shapes[i][d] != 1)
              throw ShapeError(detail::message({"a label stands for ", n, " and ", shapes[i][d]}));
            if (shapes[i][d] != 1) n = shapes[i][d];
          }
        return n;
      };
      std::vector<std::int64_t> dims;
      for (int l : output) {
        if (!in(labels[0], l) && !in(labels[1], l)) throw ShapeError("a label of the output is none of an input");
        dims.push_back(length(l));
      }
      y = Shape(std::span<const std::int64_t>(dims));
      if (!two) {
        Term gone;
        for (int l : labels[0])
          if (!in(output, l) && !in(gone, l)) gone.push_back(l);
        left = reading(labels[0], shapes[0], output, gone, length);
        return;
      }
      Term stacked, rows, columns, inner, gone_a, gone_b;
      for (int l : output)
        (in(labels[a], l) && in(labels[b], l) ? stacked : in(labels[a], l) ? rows : columns).push_back(l);
      for (std::size_t i : {a, b})
        for (int l : labels[i]) {
          if (in(output, l)) continue;
          Term& to = in(labels[1 - i], l) ? inner : i == a ? gone_a : gone_b;
          if (!in(to, l)) to.push_back(l);
        }
      const auto joined = [](std::initializer_list<const Term*> parts) {
        Term all;
        for (const Term* t : parts) all.insert(all.end(), t->begin(), t->end());
        return all;
      };
      const auto product_of = [&](const Term& t) {
        std::vector<std::int64_t> d;
        for (int l : t) d.push_back(length(l));
        return Shape(std::span<const std::int64_t>(d)).numel();
      };
      stack = product_of(stacked);
      M = product_of(rows);
      N = product_of(columns);
      K = product_of(inner);
      (void)Shape{stack, M, K}.numel();
      (void)Shape{stack, K, N}.numel();
      left = reading(labels[a], shapes[a], joined({&stacked, &rows, &inner}), gone_a, length);
      right = reading(labels[b], shapes[b], joined({&stacked, &inner, &columns}), gone_b, length);
      const Term order = joined({&stacked, &rows, &columns});
      const kernels::Strides dense = kernels::dense_strides(y);
      std::vector<std::int64_t> sizes;
      for (std::size_t i = 0; i < order.size(); ++i) {
        sizes.push_back(length(order[i]));
        to_output[i] =
            dense[static_cast<std::size_t>(std::find(output.begin(), output.end(), order[i]) - output.begin())];
      }
      product = Shape(std::span<const std::int64_t>(sizes));
    }

    /// The labels of a term with its ellipsis spelt out, which counts from the last of its axes.
    static Term spread(const Term& term, std::size_t rank, const Shape& shape) {
      const bool has = std::count(term.begin(), term.end(), ellipsis) > 0;
      if (has ? term.size() > rank + 1 : term.size() != rank)
        throw ShapeError(detail::message({"its equation does not fit ", shape.to_string()}));
      Term labels;
      for (int l : term)
        if (l == ellipsis)
          for (std::size_t d = rank + 1 - term.size(); d-- > 0;) labels.push_back(-2 - static_cast<int>(d));
        else
          labels.push_back(l);
      return labels;
    }

    template <class Length>
    static Reading reading(const Term& labels, const Shape& shape, const Term& kept, const Term& gone, Length length) {
      const kernels::Strides dense = kernels::dense_strides(shape);
      Reading r;
      const auto take = [&](const Term& order, Shape& to, kernels::Strides& strides) {
        std::vector<std::int64_t> dims;
        for (std::size_t i = 0; i < order.size(); ++i) {
          dims.push_back(length(order[i]));
          if (i >= Shape::max_rank) continue;  // Shape refuses below
          for (std::size_t d = 0; d < labels.size(); ++d)
            if (labels[d] == order[i] && shape[d] != 1) strides[i] += dense[d];
        }
        to = Shape(std::span<const std::int64_t>(dims));
      };
      take(kept, r.kept, r.kept_strides);
      take(gone, r.gone, r.gone_strides);
      return r;
    }
  };

  static void lay(const Context& context, const Reading& r, const float* x, float* y) {
    if (r.kept.numel() == 0) return;
    if (r.gone.rank() == 0)
      return kernels::strided_copy(context, r.kept, x, r.kept_strides, y, kernels::dense_strides(r.kept));
    const kernels::LoopNest<2> outer(r.kept, {r.kept_strides, kernels::dense_strides(r.kept)});
    const kernels::LoopNest<1> inner(r.gone, {r.gone_strides});
    const bool any = r.gone.numel() > 0;
    outer.for_all_rows(context, [&](const std::array<std::int64_t, 2>& row) {
      for (std::int64_t i = 0; i < outer.row_length(); ++i) {
        const float* from = x + row[0] + i * outer.row_stride(0);
        double sum = 0;
        if (any)
          inner.for_rows(0, inner.rows(), [&](const std::array<std::int64_t, 1>& at) {
            for (std::int64_t k = 0; k < inner.row_length(); ++k)
              sum += static_cast<double>(from[at[0] + k * inner.row_stride(0)]);
          });
        y[row[1] + i * outer.row_stride(1)] = static_cast<float>(sum);
      }
    });
  }

  std::vector<Term> terms_;
  Term output_;
  bool swapped_;
};

/// Equations such as "...ij,jk->...ik"; without an arrow the output has the labels that stand once, in their order.
inline LayerPtr make_einsum(const NodeArguments& node) {
  const std::string equation = node.text("equation", "");
  std::vector<EinsumLayer::Term> terms(1);
  EinsumLayer::Term output;
  bool arrow = false;
  for (std::size_t i = 0; i < equation.size(); ++i) {
    const char c = equation[i];
    EinsumLayer::Term& term = arrow ? output : terms.back();
    if (term.size() > Shape::max_rank + 1) node.fail(detail::message({"equation '", equation, "' has too many axes"}));
    if (c == ' ') continue;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      term.push_back(c);
    } else if (equation.compare(i, 3, "...") == 0 && std::count(term.begin(), term.end(), EinsumLayer::ellipsis) == 0) {
      term.push_back(EinsumLayer::ellipsis);
      i += 2;
    } else if (c == ',' && !arrow) {
      terms.emplace_back();
    } else if (equation.compare(i, 2, "->") == 0 && !arrow) {
      arrow = true;
      ++i;
    } else {
      node.fail(detail::message({"equation '", equation, "' is not understood"}));
    }
  }
  if (terms.size() > 2) node.fail("Einsum of more than two tensors is not supported");
  node.expect_inputs(terms.size(), terms.size());
  if (!arrow) {
    std::map<int, int> times;
    for (const auto& t : terms)
      for (int l : t) ++times[l];
    for (const auto& [label, n] : times)  // the ellipsis is the first
      if (n == 1 || label == EinsumLayer::ellipsis) output.push_back(label);
  }
  for (int l : output)
    if (std::count(output.begin(), output.end(), l) > 1) node.fail("a label stands twice in the output");
  const bool swapped = terms.size() == 2 && node.constant(0) != nullptr;
  return make_counted<EinsumLayer>(std::move(terms), std::move(output), swapped);
}

}  // namespace weir::detail
