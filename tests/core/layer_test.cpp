// What a layer is by default, and how one is made.
#include <doctest/doctest.h>

#include <memory>
#include <span>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/layer.hpp>
#include <weir/core/shape_form.hpp>
#include <weir/core/tensor.hpp>

namespace WEIR_UNIT {

using weir::Examples;

namespace {

/// Counts how many there are.
struct Counted : weir::RunnableLayer {
  Counted(int& counter, std::vector<int> values) : alive(counter), held(std::move(values)) { ++alive; }
  Counted(const Counted&) = delete;
  ~Counted() override { --alive; }
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> in) const override { return {in[0]}; }
  void forward(const weir::Context&, std::span<const weir::ConstView>, std::span<const weir::View>,
               float*) const override {}
  int& alive;
  std::vector<int> held;
};

/// A layer that is no kernel, and hands one out.
struct Apart : weir::Layer {
  explicit Apart(int& counter) : alive(counter) { ++alive; }
  Apart(const Apart&) = delete;
  ~Apart() override { --alive; }
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> in) const override { return {in[0]}; }
  weir::KernelPtr kernel(const weir::Context&, std::span<const weir::Shape>) const override {
    return weir::detail::make_counted<Counted>(alive, std::vector<int>{});
  }
  int& alive;
};

}  // namespace

TEST_CASE("layers: make_counted ends an object once, with the last that holds it") {
  int alive = 0;
  {
    std::vector<int> values = {1, 2, 3};
    const int* const at = values.data();
    const auto made = weir::detail::make_counted<Counted>(alive, std::move(values));
    CHECK(made->held.data() == at);  // arguments are handed on, not copied
    const weir::LayerPtr layer = made;
    const weir::KernelPtr kernel = layer->kernel(weir::Context(), {});
    CHECK(kernel.get() == made.get());  // itself
    CHECK(alive == 1);
    CHECK(made.use_count() == 3);
  }
  CHECK(alive == 0);
  weir::KernelPtr kernel;
  {
    const auto layer = weir::detail::make_counted<Counted>(alive, std::vector<int>{});
    kernel = layer->kernel(weir::Context(), {});
  }
  CHECK(alive == 1);  // the kernel keeps the layer
  kernel.reset();
  CHECK(alive == 0);
  {
    const weir::LayerPtr layer = weir::detail::make_counted<Apart>(alive);
    kernel = layer->kernel(weir::Context(), {});
    CHECK(alive == 2);
  }
  CHECK(alive == 1);
  kernel.reset();
  CHECK(alive == 0);
}

TEST_CASE("layers: one that says nothing of its examples mixes them, and makes none of constants") {
  int alive = 0;
  const Counted layer(alive, {});
  const weir::ShapeForm rows = weir::ShapeForm::through(1, {1, 4}, 2, {2, 4});
  const std::vector<weir::ShapeForm> shapes = {rows, rows};
  const auto asked = [&](const Examples& first, const Examples& second) {
    const std::vector<Examples> inputs = {first, second};
    return layer.examples({shapes, inputs, rows});
  };
  CHECK(asked({}, {}) == Examples{});
  CHECK(asked({}, Examples::apart(0)) == Examples::mixed());
  CHECK(asked(Examples::apart(0), {}) == Examples::mixed());
  CHECK(asked(Examples::mixed(), {}) == Examples::mixed());
}

}  // namespace WEIR_UNIT
