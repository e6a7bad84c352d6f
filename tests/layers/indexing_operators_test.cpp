// Gather, GatherElements and GatherND against their definitions, written the slow way; what is refused of these and of
// ScatterElements and ScatterND (scatter_operators_test.cpp).
#include "indexing.hpp"

namespace WEIR_UNIT {

namespace {

using graphs::checked_run, graphs::close, graphs::error_of, graphs::Graph;
using indexing::for_places, indexing::integers_of, indexing::Ints, indexing::joined, indexing::meant, indexing::nan,
    indexing::offset, indexing::some_indices, indexing::two_inputs;
using weir::Attribute, weir::Shape, weir::Tensor;
using Attributes = std::map<std::string, Attribute>;

Tensor gather(const Tensor& x, const Tensor& indices, std::size_t axis) {
  Ints dims(x.shape().begin(), x.shape().begin() + axis);
  dims.insert(dims.end(), indices.shape().begin(), indices.shape().end());
  dims.insert(dims.end(), x.shape().begin() + axis + 1, x.shape().end());
  Tensor y{Shape(std::span<const std::int64_t>(dims))};
  const auto first = static_cast<std::ptrdiff_t>(axis),
             last = first + static_cast<std::ptrdiff_t>(indices.shape().rank());
  for_places(y.shape(), [&](const Ints& at) {
    Ints from(at.begin(), at.begin() + first);
    from.push_back(
        meant(indices[offset(indices.shape(), Ints(at.begin() + first, at.begin() + last))], x.shape()[axis]));
    from.insert(from.end(), at.begin() + last, at.end());
    y[offset(y.shape(), at)] = from[axis] < 0 ? nan : x[offset(x.shape(), from)];
  });
  return y;
}

Tensor gather_elements(const Tensor& x, const Tensor& indices, std::size_t axis) {
  Tensor y(indices.shape());
  for_places(y.shape(), [&](Ints at) {
    const std::size_t to = offset(y.shape(), at);
    at[axis] = meant(indices[to], x.shape()[axis]);
    y[to] = at[axis] < 0 ? nan : x[offset(x.shape(), at)];
  });
  return y;
}

Tensor gather_nd(const Tensor& x, const Tensor& indices, std::size_t common) {
  const std::size_t rank = indices.shape().rank(), depth = static_cast<std::size_t>(indices.shape()[rank - 1]);
  Ints dims(indices.shape().begin(), indices.shape().end() - 1);
  dims.insert(dims.end(), x.shape().begin() + common + depth, x.shape().end());
  Tensor y{Shape(std::span<const std::int64_t>(dims))};
  for_places(y.shape(), [&](const Ints& at) {
    Ints from(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(common)),
        row(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(rank) - 1);
    row.push_back(0);
    bool inside = true;
    for (std::size_t d = 0; d < depth; ++d) {
      row.back() = static_cast<std::int64_t>(d);
      from.push_back(meant(indices[offset(indices.shape(), row)], x.shape()[common + d]));
      inside = inside && from.back() >= 0;
    }
    from.insert(from.end(), at.begin() + static_cast<std::ptrdiff_t>(rank) - 1, at.end());
    y[offset(y.shape(), at)] = inside ? x[offset(x.shape(), from)] : nan;
  });
  return y;
}

}  // namespace

TEST_CASE("Gather with indices that the network computes") {
  // Every example takes rows of one table: an embedding.
  const Tensor table = graphs::noise({5, 3});
  for (const std::int64_t axis : {0, 1, -1}) {
    const auto a = static_cast<std::size_t>(axis < 0 ? axis + 2 : axis);
    Graph g({-1, 4});
    g.constant("t", table.shape(), {table.span().begin(), table.span().end()});
    g.node("i", "Cast", {"x"}, {{"to", std::int64_t{7}}}).node("y", "Gather", {"t", "i"}, {{"axis", axis}});
    const Tensor indices = some_indices({3, 4}, table.shape()[a]);
    if (a == 0)
      CHECK(close(checked_run(g, indices), gather(table, indices, a)));
    else  // the examples lie along axis 1 of y
      CHECK(close(graphs::run(g.build(), indices), gather(table, indices, a)));
    // Outside: NaN, of that slice only.
    const Tensor odd({1, 4}, std::vector<float>{0, 99, -1e9F, nan});
    CHECK(close(graphs::run(g.build(), odd), gather(table, odd, a)));
  }
  // Indices that are the same for all examples but are not constant, and ones of other examples.
  Graph same({-1, 4, 2});
  same.integers("k", {0}).node("s", "ArgMax", {"x"}, {{"axis", std::int64_t{0}}, {"keepdims", std::int64_t{0}}});
  same.node("y", "Gather", {"x", "s"}, {{"axis", std::int64_t{0}}});
  const Tensor x = graphs::noise({3, 4, 2});
  Tensor best({4, 2});
  for_places(best.shape(), [&](const Ints& at) {
    for (std::int64_t n = 1; n < 3; ++n) {
      float& b = best[offset(best.shape(), at)];
      if (x[offset(x.shape(), {n, at[0], at[1]})] > x[offset(x.shape(), {static_cast<std::int64_t>(b), at[0], at[1]})])
        b = static_cast<float>(n);
    }
  });
  CHECK(close(graphs::run(same.build(), x), gather(x, best, 0)));
}

TEST_CASE("GatherElements: constant and computed indices, along every axis") {
  for (const Shape& shape : {Shape{3, 4, 2}, Shape{3, 1, 5}, Shape{3, 6, 1, 2}})
    for (std::int64_t axis = 1 - static_cast<std::int64_t>(shape.rank());
         axis < static_cast<std::int64_t>(shape.rank()); ++axis) {
      if (axis == 0) continue;
      const std::size_t rank = shape.rank();
      const auto a = axis < 0 ? static_cast<std::size_t>(axis) + rank : static_cast<std::size_t>(axis);
      const Tensor x = graphs::noise(shape);
      for (const std::int64_t length : {1, 3, 7}) {
        Shape to = shape.with(a, length);
        if (a != rank - 1) to = to.with(rank - 1, (shape[rank - 1] + 1) / 2);  // only part of another axis
        const Tensor indices = some_indices(to, shape[a]);
        if (to[1] > shape[1] && a != 1) continue;
        Graph g = two_inputs(shape, to);
        if (to.with(1, 1) == shape.with(1, 1)) {  // both fit into one input
          g.node("y", "GatherElements", {"d", "i"}, {{"axis", axis}});
          CHECK(close(checked_run(g, joined(x, indices)), gather_elements(x, indices, a)));
          Tensor odd = indices;
          odd[0] = static_cast<float>(shape[a]), odd[odd.size() - 1] = nan;
          CHECK(close(checked_run(g, joined(x, odd)), gather_elements(x, odd, a)));
        }
        Graph constant(Ints(shape.begin(), shape.end()), 13);
        constant.integers("i", integers_of(indices)).def.constants["i"].shape = to;
        constant.node("y", "GatherElements", {"x", "i"}, {{"axis", axis}});
        CHECK(close(graphs::run(constant.build(), x), gather_elements(x, indices, a)));
      }
    }
  // A table that is the same for all, and the examples along the axis.
  const Tensor table = graphs::noise({5, 3}), indices = some_indices({4, 3}, 5);
  Graph g({-1, 3});
  g.constant("t", table.shape(), {table.span().begin(), table.span().end()});
  g.node("i", "Cast", {"x"}, {{"to", std::int64_t{7}}}).node("y", "GatherElements", {"t", "i"});
  CHECK(close(checked_run(g, indices), gather_elements(table, indices, 0)));
}

TEST_CASE("Indices that are the same for each example, expanded to the batch") {
  Graph g({-1, 4});
  g.integers("k", {2, -4, 3}).integers("first", {0}).integers("one", {1}).integers("three", {3});
  g.node("s", "Shape", {"x"}).node("n", "Slice", {"s", "first", "one"});
  g.node("t", "Concat", {"n", "three"}, {{"axis", std::int64_t{0}}}).node("e", "Expand", {"k", "t"});
  g.node("y", "GatherElements", {"x", "e"}, {{"axis", std::int64_t{1}}});
  const Tensor x = graphs::noise({3, 4}), y = checked_run(g, x);
  for (std::size_t n = 0; n < 3; ++n) {
    CHECK(y[n * 3] == x[n * 4 + 2]);
    CHECK(y[n * 3 + 1] == x[n * 4]);
    CHECK(y[n * 3 + 2] == x[n * 4 + 3]);
  }
}

TEST_CASE("GatherND: slices, common axes, computed indices") {
  const Shape shape{3, 4, 2, 5};
  const Tensor x = graphs::noise(shape);
  for (const std::int64_t common : {1, 2})
    for (std::int64_t depth = 1; depth <= 4 - common; ++depth)
      for (const Ints& middle : {Ints{}, Ints{2}, Ints{3, 2}}) {
        Ints dims(shape.begin(), shape.begin() + common);
        dims.insert(dims.end(), middle.begin(), middle.end());
        dims.push_back(depth);
        const Shape to{std::span<const std::int64_t>(dims)};
        const Tensor indices = some_indices(to, 2);
        Graph g(Ints(shape.begin(), shape.end()), 13);
        g.integers("i", integers_of(indices)).def.constants["i"].shape = to;
        g.node("y", "GatherND", {"x", "i"}, {{"batch_dims", common}});
        CHECK(close(graphs::run(g.build(), x), gather_nd(x, indices, static_cast<std::size_t>(common))));
      }
  // Computed indices, [N, 4, k]: each example's own.
  const Shape rows{3, 4, 2};
  for (const bool odd : {false, true}) {
    Tensor indices = some_indices({3, 5, 2}, 2);
    if (odd) indices[3] = 9, indices[12] = -3;
    Graph g = two_inputs(rows, indices.shape());
    g.node("y", "GatherND", {"d", "i"}, {{"batch_dims", std::int64_t{1}}});
    const Tensor data = graphs::noise(rows);
    CHECK(close(checked_run(g, joined(data, indices)), gather_nd(data, indices, 1)));
    const Tensor table = graphs::noise({2, 3, 4});
    Graph all({-1, 5, 2});
    all.constant("t", table.shape(), {table.span().begin(), table.span().end()});
    all.node("i", "Cast", {"x"}, {{"to", std::int64_t{7}}}).node("y", "GatherND", {"t", "i"});
    CHECK(close(checked_run(all, indices), gather_nd(table, indices, 0)));
  }
  // Constant indices of the axes in front of the examples'.
  Graph turned({-1, 3, 2});
  turned.integers("i", {1, -1, 0, 0}).def.constants["i"].shape = {2, 2};
  turned.node("t", "Transpose", {"x"}, {{"perm", Ints{1, 2, 0}}}).node("g", "GatherND", {"t", "i"});
  turned.node("y", "Transpose", {"g"}, {{"perm", Ints{1, 0}}});
  const Tensor data = graphs::noise({3, 3, 2}), y = checked_run(turned, data);
  for (std::size_t n = 0; n < 3; ++n) {
    CHECK(y[n * 2] == data[n * 6 + 3]);
    CHECK(y[n * 2 + 1] == data[n * 6]);
  }
}

TEST_CASE("Indexing: what is refused says why") {
  struct Case {
    const char* op;
    int opset;
    Shape indices;
    Ints values;
    std::string error;
    Attributes attributes = {};
    bool writes = false;
  };
  const std::vector<Case> cases = {
      {"Gather", 13, {1}, {3}, "index 3 is outside of axis 1 of [2, 3]", {{"axis", std::int64_t{1}}}},
      {"GatherElements", 10, {2, 3}, {0, 0, 0, 0, 0, 0}, "came with opset 11"},
      {"GatherElements", 13, {2}, {0, 0}, "indices [2] do not fit [2, 3]"},
      {"GatherElements", 13, {2, 4}, {0, 0, 0, 0, 0, 0, 0, 0}, "indices [2, 4] do not fit"},
      {"GatherElements", 13, {1, 1}, {-3}, "index -3 is outside of axis 0"},
      {"GatherElements", 13, {1, 1}, {0}, "axis 2 is outside of rank 2", {{"axis", std::int64_t{2}}}},
      {"GatherElements", 13, {1, 1}, {0}, "no attribute 'batch_dims'", {{"batch_dims", std::int64_t{1}}}},
      {"GatherND", 11, {1, 1}, {0}, "no attribute 'batch_dims'", {{"batch_dims", std::int64_t{1}}}},
      {"GatherND", 13, {1, 3}, {0, 0, 0}, "indices [1, 3] with batch_dims 0 do not fit"},
      {"GatherND", 13, {1, 2}, {0, 0}, "do not fit", {{"batch_dims", std::int64_t{1}}}},
      {"GatherND", 13, {2, 1}, {0, 3}, "index 3 is outside of axis 1", {{"batch_dims", std::int64_t{1}}}},
      {"GatherND", 13, {2, 0}, {}, "do not fit"},
      {"GatherND", 13, {}, {0}, "do not fit"},
      {"GatherND", 13, {2, 1}, {0, 0}, "attribute batch_dims may not be -1", {{"batch_dims", std::int64_t{-1}}}},
      {"ScatterElements", 13, {1, 1}, {0}, "no attribute 'reduction'", {{"reduction", std::string("add")}}, true},
      {"ScatterElements", 16, {1, 1}, {0}, "may not be 'max'", {{"reduction", std::string("max")}}, true},
      {"ScatterElements", 18, {1, 1}, {0}, "may not be 'mean'", {{"reduction", std::string("mean")}}, true},
      {"ScatterElements", 18, {1, 1}, {2}, "index 2 is outside of axis 0", {}, true},
      {"ScatterElements", 18, {3, 4}, Ints(12), "indices [3, 4] do not fit", {}, true},
      {"ScatterND", 16, {1, 2}, {0, 0}, "may not be 'min'", {{"reduction", std::string("min")}}, true},
      {"ScatterND", 18, {1, 2}, {0, 3}, "index 3 is outside of axis 1", {}, true},
  };
  for (const Case& c : cases) {
    Graph g({2, 3}, c.opset);
    g.integers("i", c.values).def.constants["i"].shape = c.indices;
    if (c.writes) g.noise("u", c.op == std::string("ScatterND") ? Shape{1} : c.indices);
    g.node("y", c.op, c.writes ? std::vector<std::string>{"x", "i", "u"} : std::vector<std::string>{"x", "i"},
           c.attributes);
    const std::string error = error_of([&] { g.build(); });
    INFO(c.op, " ", error);
    CHECK(error.find(c.error) != std::string::npos);
    CHECK(error.find("node 'y'") != std::string::npos);
  }
  // Floats and truth values are no indices.
  for (const char* op : {"Gather", "GatherElements", "GatherND"}) {
    Graph g({2, 3}, 13);
    g.node("y", op, {"x", "x"});
    CHECK(error_of([&] { g.build(); }).find("input 1 holds float32") != std::string::npos);
    Graph truth({2, 3}, 13);
    truth.node("t", "Greater", {"x", "x"}).node("y", op, {"x", "t"});
    CHECK(error_of([&] { truth.build(); }).find("input 1 holds bool") != std::string::npos);
  }
  Graph mixed({2, 3}, 18);
  mixed.node("i", "Cast", {"x"}, {{"to", std::int64_t{7}}}).node("y", "ScatterElements", {"i", "i", "x"});
  CHECK(error_of([&] { mixed.build(); }).find("elements of two types") != std::string::npos);
}

}  // namespace WEIR_UNIT
