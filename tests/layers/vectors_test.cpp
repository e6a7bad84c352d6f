// Every operator against PyTorch (tests/vectors/make_layers.py), and what must hold for every network.
#include "vectors.hpp"

#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/network.hpp>
#include <weir/core/tensor.hpp>

namespace WEIR_UNIT {

using weir::Executor, weir::Tensor;

namespace {

std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < weir::isa_names.size(); ++i)
    if (weir::supported(static_cast<weir::Isa>(i))) names.emplace_back(weir::isa_names[i]);
  return names;
}

/// Rows first..last-1.
Tensor rows(const Tensor& t, std::int64_t first, std::int64_t last) {
  const std::size_t row = t.size() / static_cast<std::size_t>(t.shape()[0]);
  return Tensor(t.shape().with(0, last - first),
                t.span().subspan(static_cast<std::size_t>(first) * row, static_cast<std::size_t>(last - first) * row));
}

/// The rows of t, `times` times over.
Tensor repeated(const Tensor& t, std::int64_t times) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < times; ++i) values.insert(values.end(), t.span().begin(), t.span().end());
  return Tensor(t.shape().with(0, t.shape()[0] * times), values);
}

bool any_batch(const weir::Network& n) {
  const auto rows_of = [&](weir::detail::ValueId v) { return n.value(v).form.has_rows(); };
  const auto& s = n.state();
  return s.fixed_batch == 0 && std::all_of(s.inputs.begin(), s.inputs.end(), rows_of) &&
         std::all_of(s.outputs.begin(), s.outputs.end(), rows_of);
}

}  // namespace

TEST_CASE("layers: what PyTorch computes, on every instruction set") {
  REQUIRE(vectors::all().size() > 300);
  for (const vectors::Case& c : vectors::all()) {
    CAPTURE(c.name);
    weir::Network network = c.network();
    for (const std::string& isa : isas()) {
      CAPTURE(isa);
      Executor executor{network, {.isa = isa}};
      const auto outputs = vectors::run(executor, c.inputs);
      REQUIRE(outputs.size() == c.outputs.size());
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        CHECK(outputs[i].shape() == c.outputs[i].shape());
        CHECK(vectors::distance(outputs[i], c.outputs[i]) <= 1);
      }
    }
  }
}

TEST_CASE("layers: fused or not, the results agree") {
  for (const vectors::Case& c : vectors::all()) {
    CAPTURE(c.name);
    weir::Network network = c.network();
    Executor fused{network}, plain{network};
    for (const std::string& name : network.tensor_names()) plain.show(name);
    const auto a = vectors::run(fused, c.inputs), b = vectors::run(plain, c.inputs);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(vectors::distance(a[i], b[i]) <= 1);
  }
}

TEST_CASE("layers: an example's results do not depend on its batch, nor on the threads, to the last bit") {
  for (const vectors::Case& c : vectors::all()) {
    weir::Network network = c.network();
    const bool mixes = c.name.find("axis 0") != std::string::npos;  // over the batch, as the file says
    if (mixes || !any_batch(network)) continue;
    CAPTURE(c.name);
    Executor executor{network}, threaded{network, {.threads = 3}};
    const auto together = vectors::run(executor, c.inputs);
    const std::int64_t n = c.inputs[0].shape()[0], times = 5;
    std::vector<Tensor> many;
    for (const Tensor& t : c.inputs) many.push_back(repeated(t, times));
    const auto all = vectors::run(threaded, many);
    for (std::int64_t r = 0; r < n; ++r) {
      std::vector<Tensor> one;
      for (const Tensor& t : c.inputs) one.push_back(rows(t, r, r + 1));
      const auto alone = vectors::run(executor, one);
      for (std::size_t i = 0; i < alone.size(); ++i) {
        const std::int64_t k = alone[i].shape()[0];
        CHECK(vectors::same_bits(alone[i], rows(together[i], r * k, (r + 1) * k)));
        for (std::int64_t t = 0; t < times; ++t)
          CHECK(vectors::same_bits(alone[i], rows(all[i], (t * n + r) * k, (t * n + r + 1) * k)));
      }
    }
  }
}

TEST_CASE("layers: files of a fixed batch size run at any if their graph allows it") {
  for (const vectors::Case& c : vectors::all()) {
    if (c.name.rfind("fixed view", 0) == 0 || c.name.rfind("Conv one image", 0) == 0) {
      CAPTURE(c.name);
      CHECK(any_batch(c.network()));
    }
    if (c.name.rfind("fixed to the batch", 0) == 0) CHECK(c.network().state().fixed_batch == 2);
  }
}

}  // namespace WEIR_UNIT
