// What a program of one's own adds that the program which runs its policies needs too: an operator, a gate's model as
// policy.json holds it, a group of features.
#pragma once
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/learners/models/foreign_model.hpp>

/// y = x * sigmoid(beta x).
class Swish final : public weir::RunnableLayer {
 public:
  explicit Swish(float beta) : beta_(beta) {}
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> inputs) const override { return {inputs[0]}; }
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return q.inputs[0]; }
  void forward(const weir::Context&, std::span<const weir::ConstView> inputs, std::span<const weir::View> outputs,
               float*) const override {
    for (std::size_t i = 0; i < inputs[0].size(); ++i)
      outputs[0].data[i] = inputs[0].data[i] / (1 + std::exp(-beta_ * inputs[0].data[i]));
  }

 private:
  float beta_;
};

inline weir::LayerPtr make_swish(const weir::NodeArguments& node) {
  return std::make_shared<Swish>(node.real("beta", 1));
}

/// Goes on where feature 0 is below a limit.
class Below final : public weir::DecisionFunction {
 public:
  Below(double limit, std::size_t n) : limit_(limit), n_(n) {}
  std::size_t n_features() const override { return n_; }
  double decision_function(std::span<const double> x) const override { return limit_ - x[0]; }
  std::string to_json() const override {
    return "{\"limit\": " + std::to_string(limit_) + ", \"n\": " + std::to_string(n_) + "}";
  }

 private:
  double limit_;
  std::size_t n_;
};

inline std::shared_ptr<const weir::DecisionFunction> load_below(const std::string& json) {
  double limit = 0;
  unsigned long n = 0;
  if (std::sscanf(json.c_str(), "{\"limit\":%lf,\"n\":%lu}", &limit, &n) != 2)
    throw weir::FormatError("below: " + json + " was not written by it");
  return std::make_shared<Below>(limit, n);
}

/// Two features: the largest probability squared, and a constant.
inline constexpr weir::FeatureGroup squared{
    "squared",
    "the largest probability squared",
    weir::FeatureInput::answer,
    [](const weir::FeatureLayout&) {
      return std::vector<std::string>{"squared_top", "one"};
    },
    [](std::string_view name) { return name == "squared_top" || name == "one"; },
    [](const weir::FeatureLayout&, weir::FeatureSource& s, std::span<double> out) {
      const double p = s.probabilities[static_cast<std::size_t>(s.prediction)];
      out[0] = p * p, out[1] = 1;
    },
    [](const weir::FeatureLayout&) { return 1.0; }};
