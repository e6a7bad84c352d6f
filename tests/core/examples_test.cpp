// The rules by which layers say where examples lie, against what each element of an output does depend on.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>
#include <weir/core/examples.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/shape_form.hpp>

namespace WEIR_UNIT {

using weir::Examples, weir::ExamplesQuery, weir::Shape, weir::ShapeForm;

namespace {

using Form = std::function<Shape(std::int64_t)>;
using Index = std::vector<std::int64_t>;

/// The indices of all elements of a shape, in the order of memory.
std::vector<Index> elements(const Shape& shape) {
  std::vector<Index> all = {{}};
  for (const std::int64_t dim : shape) {
    std::vector<Index> longer;
    for (const Index& i : all)
      for (std::int64_t k = 0; k < dim; ++k) {
        longer.push_back(i);
        longer.back().push_back(k);
      }
    all = std::move(longer);
  }
  return all;
}

constexpr std::int64_t N = 3;

/// An input: its shape at each batch size, and where its examples lie.
struct Input {
  Form shape;
  Examples examples;

  /// The examples that an element depends on, as bits.
  unsigned depends(const Index& i) const {
    if (examples.none()) return 0;
    if (examples.is_mixed()) return (1U << N) - 1;
    return 1U << (i[examples.axis] / (shape(N)[examples.axis] / N));
  }
};

ShapeForm form(const Form& f) { return ShapeForm::through(2, f(2), 3, f(3)); }

/// What the rule says of the output; checks that elements of it depend on what is said at most. reads(element of the
/// output, input, element of that): whether the layer looks there.
Examples ask(const std::function<Examples(const ExamplesQuery&)>& rule, const std::vector<Input>& inputs,
             const Form& output, const std::function<bool(const Index&, std::size_t, const Index&)>& reads) {
  std::vector<ShapeForm> shapes;
  std::vector<Examples> examples;
  for (const Input& x : inputs) {
    shapes.push_back(form(x.shape));
    examples.push_back(x.examples);
  }
  const ShapeForm out = form(output);
  const Examples said = rule({shapes, examples, out});
  if (said.is_mixed()) return said;
  const Input y{output, said};
  if (!said.none()) CHECK(output(N)[said.axis] % N == 0);
  bool right = true;
  for (const Index& o : elements(output(N))) {
    unsigned depends = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k)
      for (const Index& i : elements(inputs[k].shape(N)))
        if (reads(o, k, i)) depends |= inputs[k].depends(i);
    right = right && (depends & ~y.depends(o)) == 0;
  }
  CHECK(right);
  return said;
}

/// Shapes in which the examples may lie along an axis, or could be thought to.
const std::vector<Form> forms = {
    [](std::int64_t n) { return Shape{n, 4}; },     [](std::int64_t n) { return Shape{2 * n, 2}; },
    [](std::int64_t n) { return Shape{2, n, 2}; },  [](std::int64_t n) { return Shape{2, 2 * n}; },
    [](std::int64_t n) { return Shape{4 * n}; },    [](std::int64_t n) { return Shape{n, 2, 2}; },
    [](std::int64_t n) { return Shape{4, n}; },     [](std::int64_t n) { return Shape{1, n, 4}; },
    [](std::int64_t n) { return Shape{n + 1, 4}; }, [](std::int64_t n) { return Shape{n, n}; },
    [](std::int64_t) { return Shape{2, 4}; },
};

/// All places of examples in a shape.
std::vector<Examples> places(const Form& f) {
  std::vector<Examples> all = {{}, Examples::mixed()};
  for (std::size_t a = 0; a < f(N).rank(); ++a)
    if (form(f).factor(a) > 0) all.push_back(Examples::apart(a));
  return all;
}

}  // namespace

TEST_CASE("examples: reshaped finds them where the elements of each are still one block of an axis") {
  int apart = 0;
  for (const Form& from : forms)
    for (const Form& to : forms) {
      if (from(2).numel() != to(2).numel() || from(3).numel() != to(3).numel()) continue;
      for (const Examples& x : places(from)) {
        CAPTURE(from(N));
        CAPTURE(to(N));
        const std::vector<Index> in = elements(from(N)), out = elements(to(N));
        const auto same_place = [&](const Index& o, std::size_t, const Index& i) {
          return std::ranges::find(out, o) - out.begin() == std::ranges::find(in, i) - in.begin();
        };
        const Examples y = ask(weir::examples::reshaped, {{from, x}}, to, same_place);
        if (x.kind != Examples::Kind::apart) CHECK(y == x);
        apart += y.kind == Examples::Kind::apart;
        // In front, with nothing else that grows, they always stay in front.
        if (x.rows() && form(from).has_rows() && form(to).has_rows()) CHECK(y.rows());
      }
    }
  CHECK(apart > 20);
}

TEST_CASE("examples: outermost and all_but keep them along an axis that the layer does not join") {
  int kept = 0, joined = 0;
  for (const Form& f : forms)
    for (const Examples& x : places(f))
      for (std::size_t first = 0; first <= f(N).rank(); ++first)
        for (std::size_t last = first; last <= f(N).rank(); ++last) {
          CAPTURE(f(N));
          CAPTURE(first);
          CAPTURE(last);
          const auto joins = [&](const Index& o, std::size_t, const Index& i) {
            for (std::size_t a = 0; a < o.size(); ++a)
              if (o[a] != i[a] && (a < first || a >= last)) return false;
            return true;
          };
          const Examples y =
              ask([&](const ExamplesQuery& q) { return weir::examples::all_but(q, first, last); }, {{f, x}}, f, joins);
          if (last == f(N).rank())
            CHECK(y ==
                  ask([&](const ExamplesQuery& q) { return weir::examples::outermost(q, first); }, {{f, x}}, f, joins));
          if (x.kind != Examples::Kind::apart) {
            CHECK(y == x);
            continue;
          }
          const bool between = x.axis >= first && x.axis < last;
          CHECK(y == (between || !form(f).batch_axis() ? Examples::mixed() : x));
          (between ? joined : kept) += 1;
        }
  CHECK(kept > 20);
  CHECK(joined > 20);
  // Parameters that depend on examples are none.
  const std::vector<ShapeForm> shapes = {form(forms[0]), form(forms[0])};
  const std::vector<Examples> both = {Examples::apart(0), Examples::apart(0)};
  CHECK(weir::examples::outermost({shapes, both, shapes[0]}, 2) == Examples::mixed());
}

TEST_CASE("examples: at loses them where the axis of the output is longer than that of the input") {
  const Form rows =
                 [](std::int64_t n) {
                   return Shape{n, 4};
                 },
             twice =
                 [](std::int64_t n) {
                   return Shape{2 * n, 4};
                 },
             padded =
                 [](std::int64_t n) {
                   return Shape{n + 2, 4};
                 },
             fixed = [](std::int64_t) {
               return Shape{6, 4};
             };
  const auto at = [](const Form& from, const Form& to) {
    const std::vector<ShapeForm> shapes = {form(from)};
    const std::vector<Examples> inputs = {Examples::apart(0)};
    const ShapeForm output = form(to);
    return weir::examples::at({shapes, inputs, output}, 0, 0);
  };
  CHECK(at(rows, rows) == Examples::apart(0));
  CHECK(at(twice, twice) == Examples::apart(0));
  for (const Form& longer : {twice, padded, fixed}) CHECK(at(rows, longer) == Examples::mixed());
  CHECK(at(twice, rows) == Examples::mixed());
}

TEST_CASE("examples: broadcasting lets those of one number meet, and no others") {
  const Form rows =
                 [](std::int64_t n) {
                   return Shape{n, 4};
                 },
             behind =
                 [](std::int64_t n) {
                   return Shape{4, n};
                 },
             one_row = [](std::int64_t) { return Shape{4}; },
             in_three =
                 [](std::int64_t n) {
                   return Shape{1, n, 4};
                 },
             column =
                 [](std::int64_t n) {
                   return Shape{n, 1};
                 },
             longer = [](std::int64_t n) {
               return Shape{n, n, 4};
             };
  const auto broadcast = [](const std::vector<Input>& inputs, const Form& output) {
    return ask(weir::examples::broadcast, inputs, output, [&](const Index& o, std::size_t k, const Index& i) {
      const Shape shape = inputs[k].shape(N);
      for (std::size_t a = 0; a < i.size(); ++a)
        if (i[a] != (shape[a] == 1 ? 0 : o[o.size() - i.size() + a])) return false;
      return true;
    });
  };
  const Examples first = Examples::apart(0), second = Examples::apart(1);
  CHECK(broadcast({{rows, first}, {rows, first}}, rows) == first);
  CHECK(broadcast({{rows, first}, {column, first}}, rows) == first);
  CHECK(broadcast({{rows, first}, {one_row, {}}}, rows) == first);
  CHECK(broadcast({{one_row, {}}, {one_row, {}}}, one_row).none());
  CHECK(broadcast({{rows, first}, {in_three, second}}, in_three) == second);
  CHECK(broadcast({{rows, first}, {in_three, {}}}, in_three) == second);
  CHECK(broadcast({{behind, second}, {behind, second}}, behind) == second);
  CHECK(broadcast({{rows, Examples::mixed()}, {rows, first}}, rows).is_mixed());
  // [N, 1, 4] and [1, N, 4] make a table of all pairs.
  const Form front = [](std::int64_t n) { return Shape{n, 1, 4}; };
  CHECK(broadcast({{front, first}, {in_three, second}}, longer).is_mixed());
  CHECK(broadcast({{front, first}, {rows, first}}, longer).is_mixed());
}

TEST_CASE("examples: what is repeated for each lies apart along the axis that grows") {
  const std::vector<ShapeForm> shapes = {form(forms[10])};
  const std::vector<Examples> inputs(1);
  for (const Form& f : forms) {
    const ShapeForm output = form(f);
    const Examples y = weir::examples::repeated({shapes, inputs, output});
    CAPTURE(f(N));
    if (!output.depends_on_batch())
      CHECK(y.none());
    else
      CHECK(y == (output.batch_axis() ? Examples::apart(*output.batch_axis()) : Examples::mixed()));
  }
}

}  // namespace WEIR_UNIT
