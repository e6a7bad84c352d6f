// ScatterElements and ScatterND against their definitions, written the slow way.
#include "indexing.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::checked_run, graphs::close, graphs::error_of, graphs::Graph;
using indexing::for_places, indexing::integers_of, indexing::Ints, indexing::joined, indexing::meant, indexing::nan,
    indexing::offset, indexing::some_indices, indexing::two_inputs;
using weir::Shape, weir::Tensor;
using Attributes = std::map<std::string, weir::Attribute>;

float reduced(const std::string& how, float v, float u) {
  if (how == "add") return v + u;
  if (how == "mul") return v * u;
  if (how == "max") return v > u ? v : u;
  if (how == "min") return v < u ? v : u;
  return u;
}

Tensor scatter_elements(const Tensor& x, const Tensor& indices, const Tensor& updates, std::size_t axis,
                        const std::string& how) {
  Tensor y = x;
  for_places(indices.shape(), [&](Ints at) {
    const std::size_t from = offset(indices.shape(), at);
    at[axis] = meant(indices[from], x.shape()[axis]);
    if (at[axis] < 0) return;
    float& to = y[offset(x.shape(), at)];
    to = reduced(how, to, updates[from]);
  });
  for_places(indices.shape(), [&](Ints at) {
    if (meant(indices[offset(indices.shape(), at)], x.shape()[axis]) >= 0) return;
    for (at[axis] = 0; at[axis] < x.shape()[axis]; ++at[axis]) y[offset(x.shape(), at)] = nan;
  });
  return y;
}

const std::vector<std::string> reductions = {"none", "add", "mul", "max", "min"};

}  // namespace

TEST_CASE("ScatterElements: every reduction, constant and computed indices") {
  for (const std::string& how : reductions)
    for (const std::size_t axis : {1U, 2U}) {
      const Shape shape{3, 4, 3};
      const Tensor x = graphs::noise(shape), updates = graphs::noise(shape, 1),
                   indices = some_indices(shape, shape[axis]);
      Attributes attributes{{"axis", static_cast<std::int64_t>(axis)}};
      if (how != "none") attributes["reduction"] = how;
      Graph g = two_inputs(shape, shape);
      g.node("u", "Cos", {"d"}).node("y", "ScatterElements", {"d", "i", "u"}, attributes);
      Tensor cosines(shape);
      for (std::size_t i = 0; i < x.size(); ++i) cosines[i] = std::cos(x[i]);
      CHECK(close(checked_run(g, joined(x, indices)), scatter_elements(x, indices, cosines, axis, how)));
      Tensor odd = indices;
      odd[4] = 17, odd[30] = nan;
      CHECK(close(checked_run(g, joined(x, odd)), scatter_elements(x, odd, cosines, axis, how)));
      for (const Shape& to : {Shape{3, 2, 2}, Shape{1, 4, 3}, Shape{2, 1, 1}}) {
        const Tensor few = some_indices(to, shape[axis]), written = graphs::noise(to, 2);
        Graph constant({3, 4, 3}, 18);
        constant.constant("u", to, {written.span().begin(), written.span().end()});
        constant.integers("i", integers_of(few)).def.constants["i"].shape = to;
        constant.node("y", "ScatterElements", {"x", "i", "u"}, attributes);
        CHECK(close(graphs::run(constant.build(), x), scatter_elements(x, few, written, axis, how)));
      }
    }
  // NaN gives way to an update, and stays where it is one, as in ONNX Runtime.
  for (const char* how : {"max", "min"}) {
    Graph g({1, 3}, 18);
    g.constant("u", {1, 2}, {5, nan}).integers("i", {0, 1}).def.constants["i"].shape = {1, 2};
    g.node("y", "ScatterElements", {"x", "i", "u"}, {{"axis", std::int64_t{1}}, {"reduction", std::string(how)}});
    const Tensor y = graphs::run(g.build(), Tensor({1, 3}, std::vector<float>{nan, 1, 2}));
    CHECK(close(y, Tensor({1, 3}, std::vector<float>{5, nan, 2})));
  }
  // Scatter is its name in opsets 9 and 10.
  Graph old({1, 3}, 9);
  old.constant("u", {1, 1}, {5}).integers("i", {2}).def.constants["i"].shape = {1, 1};
  old.node("y", "Scatter", {"x", "i", "u"}, {{"axis", std::int64_t{1}}});
  CHECK(graphs::run(old.build(), Tensor({1, 3}, std::vector<float>{0, 1, 2}))[2] == 5);
  old.def.opset = 11;
  CHECK(error_of([&] { old.build(); }).find("went with opset 11") != std::string::npos);
}

TEST_CASE("ScatterND: reductions, equal rows in order") {
  const Tensor x = graphs::noise({4, 3});
  for (const std::string& how : reductions) {
    Graph g({4, 3}, 18);
    g.noise("u", {3, 3}).integers("i", {2, -4, 2}).def.constants["i"].shape = {3, 1};
    g.node("y", "ScatterND", {"x", "i", "u"}, {{"reduction", how}});
    Tensor expected = x;
    const std::vector<float> u = [&] {
      const auto& c = g.def.constants["u"].floats;
      std::vector<float> v;
      for (std::size_t i = 0; i < c.size(); ++i) v.push_back(c[i]);
      return v;
    }();
    const std::array<std::size_t, 3> rows = {2, 0, 2};
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 3; ++c) {
        float& to = expected[rows[r] * 3 + c];
        to = reduced(how, to, u[r * 3 + c]);
      }
    CHECK(close(graphs::run(g.build(), x), expected));
  }
}

}  // namespace WEIR_UNIT
