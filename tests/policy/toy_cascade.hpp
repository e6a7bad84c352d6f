/// Small networks that count the rows they compute, and policies with mixed decisions, for the tests of cascades.
#pragma once
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/shape_form.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/policy.hpp>

namespace toy_cascade {

using Counter = std::shared_ptr<std::atomic<int>>;
inline Counter counter() { return std::make_shared<std::atomic<int>>(0); }

/// y = sin(1.3 x + shift), counting rows.
struct Wave : weir::RunnableLayer {
  Wave(float s, Counter c) : shift(s), rows(std::move(c)) {}
  float shift;
  Counter rows;
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> in) const override { return {in[0]}; }
  void forward(const weir::Context&, std::span<const weir::ConstView> in, std::span<const weir::View> out,
               float*) const override {
    *rows += static_cast<int>(in[0].shape[0]);
    for (std::size_t i = 0; i < in[0].size(); ++i) out[0].data[i] = std::sin(1.3F * in[0].data[i] + shift);
  }
  weir::Examples examples(const weir::ExamplesQuery& q) const override {
    return weir::examples::outermost(q, weir::Shape::max_rank);
  }
  std::optional<std::size_t> in_place(std::size_t) const override { return 0; }
  double flops(std::span<const weir::Shape> in) const override { return 2.0 * static_cast<double>(in[0].numel()); }
};

/// Three logits, each a fixed sum over the row.
struct Logits : weir::RunnableLayer {
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> in) const override {
    return {weir::Shape{in[0][0], 3}};
  }
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return weir::examples::outermost(q, 1); }
  void forward(const weir::Context&, std::span<const weir::ConstView> in, std::span<const weir::View> out,
               float*) const override {
    const auto n = static_cast<std::size_t>(in[0].shape[0]), width = in[0].size() / n;
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t c = 0; c < 3; ++c) {
        float sum = 0;
        for (std::size_t i = 0; i < width; ++i)
          sum += 0.3F * std::cos(static_cast<float>(i * 3 + c)) * in[0].data[r * width + i];
        out[0].data[r * 3 + c] = sum;
      }
  }
};

/// input -> t0 -> t1 -> ... -> y: waves of the input's shape (for one example), then three logits.
inline weir::Network network(const std::string& name, const weir::Shape& example, const std::vector<Counter>& waves,
                             std::int64_t fixed_batch = 0) {
  auto s = std::make_shared<weir::detail::NetworkState>();
  s->source = name;
  s->fixed_batch = fixed_batch;
  const auto at = [&](std::int64_t n) {
    std::vector<std::int64_t> dims = {n};
    dims.insert(dims.end(), example.begin(), example.end());
    return weir::Shape(dims);
  };
  const auto form = weir::ShapeForm::through(2, at(2), 3, at(3));
  s->values.push_back({"input", form});
  for (std::size_t i = 0; i < waves.size(); ++i) {
    // Names beyond the small-string buffer, as those of exported networks are.
    s->values.push_back({"a/rather/long/tensor/name/t" + std::to_string(i), form});
    const auto in = static_cast<weir::detail::ValueId>(i);
    s->nodes.push_back({"wave" + std::to_string(i),
                        "Wave",
                        std::make_shared<Wave>(static_cast<float>(i + name.size()), waves[i]),
                        {in},
                        {in + 1}});
  }
  const auto last = static_cast<weir::detail::ValueId>(waves.size());
  s->values.push_back({"y", weir::ShapeForm::through(2, weir::Shape{2, 3}, 3, weir::Shape{3, 3})});
  s->nodes.push_back({"logits", "Logits", std::make_shared<Logits>(), {last}, {last + 1}});
  s->inputs = {0};
  s->outputs = {last + 1};
  weir::detail::find_examples(*s);
  return weir::Network(s);
}

inline std::string tensor(std::size_t i) { return "a/rather/long/tensor/name/t" + std::to_string(i); }

/// A head of arbitrary weights for three classes.
inline weir::ExitHead head(std::size_t pooled, int grid, float seed) {
  std::vector<float> w(3 * pooled);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = 1.5F * std::sin(seed + 2.3F * static_cast<float>(i));
  return {{grid}, 3, std::move(w), {0.1F, 0.0F, -0.1F}};
}

/// Arbitrary inputs that depend on network and example.
inline void fill(std::size_t network, std::size_t example, weir::View out) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out.data[i] =
        std::sin(static_cast<float>(example) * 1.7F + static_cast<float>(i) * 0.9F + static_cast<float>(network));
}

/// f = slope (max_probability - cut).
inline weir::detail::GateModel model(std::size_t d, double slope, double cut) {
  weir::detail::LinearModel m = weir::detail::LinearModel::constant(0, d);
  m.coef[0] = slope;
  m.intercept = -slope * cut;
  return {"logistic", m};
}

/// At each stage about this share of 40 examples goes on, the least certain ones; where there are several stages to go
/// to, half of those prefer the later one of each pair.
inline weir::Policy policy(const std::shared_ptr<const weir::CascadeSpec>& spec, double share) {
  std::vector<std::vector<double>> certainty(spec->stages.size());
  weir::CascadeExecutor(spec, weir::Context())
      .record(40, fill, [&](std::size_t k, std::size_t, int, std::span<const float>, std::span<const double> x) {
        certainty[k].push_back(x[0]);
      });
  weir::Policy p{spec->topology, {}};
  for (std::size_t k = 0; k < spec->stages.size(); ++k) {
    std::sort(certainty[k].begin(), certainty[k].end());
    const auto cut = [&](double quantile) {
      return quantile >= 1 ? 2.0 : certainty[k][static_cast<std::size_t>(quantile * 40)];
    };
    const std::size_t actions = spec->topology.n_actions(k), d = spec->gate_inputs().size(k);
    std::vector<weir::detail::GateModel> models;
    for (std::size_t a = 0; a < actions; ++a)
      for (std::size_t b = a + 1; b < actions; ++b) models.push_back(model(d, -1, cut(a == 0 ? share : share / 2)));
    p.gates.push_back(actions == 1 ? weir::Gate{} : weir::Gate(actions, d, std::move(models)));
  }
  return p;
}

}  // namespace toy_cascade
