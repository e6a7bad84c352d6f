#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/shape_form.hpp>
#include <weir/core/tensor.hpp>

#include "toy_network.hpp"

namespace WEIR_UNIT {

namespace {

struct Work : toy::Scale {
  explicit Work(double f) : Scale(2), flops_(f) {}
  double flops_;
  double flops(std::span<const weir::Shape>) const override { return flops_; }
};

/// x -> a -> b -> full; a -> early; b -> middle; a -> unread. Given in the file's order, `last` first.
std::shared_ptr<weir::detail::NetworkState> exits(const std::vector<std::string>& order,
                                                  std::vector<std::string> outputs) {
  auto s = std::make_shared<weir::detail::NetworkState>();
  s->source = "exits";
  const auto row = weir::ShapeForm::through(2, weir::Shape{2, 4}, 3, weir::Shape{3, 4});
  const std::vector<std::string> names{"x", "a", "b", "full", "early", "middle", "unread"};
  for (const std::string& n : names) s->values.push_back({n, row, nullptr});
  const auto id = [&](const std::string& n) {
    return static_cast<weir::detail::ValueId>(std::ranges::find(names, n) - names.begin());
  };
  for (const std::string& n : order) {
    const std::string from = n == "a" ? "x" : n == "full" || n == "middle" ? "b" : "a";
    s->nodes.push_back({n, "Scale", std::make_shared<Work>(n == "full" ? 5.0 : 1.0), {id(from)}, {id(n)}});
  }
  s->inputs = {0};
  for (const std::string& o : outputs) s->outputs.push_back(id(o));
  return s;
}

std::vector<std::string> sorted(const std::vector<std::string>& order, std::vector<std::string> outputs) {
  const auto s = exits(order, std::move(outputs));
  weir::detail::sort_by_outputs(*s);
  return weir::Network(s).tensor_names();
}

}  // namespace

TEST_CASE("sort_by_outputs: what an exit does not need comes behind it, wherever the file has it") {
  using Names = std::vector<std::string>;
  const Names wanted{"a", "early", "b", "middle", "full", "unread"};
  CHECK(sorted({"a", "b", "full", "unread", "middle", "early"}, {"full", "early", "middle"}) == wanted);
  CHECK(sorted({"a", "early", "b", "unread", "middle", "full"}, {"early", "middle", "full"}) == wanted);
  // One output, or the same one twice: the file's order.
  const Names file{"a", "b", "full", "unread", "middle", "early"};
  CHECK(sorted(file, {"full"}) == file);
  CHECK(sorted(file, {"full", "full"}) == Names{"a", "b", "full", "unread", "middle", "early"});
}

TEST_CASE("sort_by_outputs: an input that is an output, and more outputs than are sorted") {
  const std::vector<std::string> file{"a", "b", "full", "unread", "middle", "early"};
  CHECK(sorted(file, {"x", "early", "full"}) ==
        std::vector<std::string>{"a", "early", "b", "full", "unread", "middle"});
  std::vector<std::string> many(weir::detail::most_sorted_outputs, "full");
  many.push_back("early");
  CHECK(sorted(file, many) == file);
}

TEST_CASE("sort_by_outputs: an exit at the end of the file is reached without the rest, to the same bits") {
  const auto s = exits({"a", "b", "full", "unread", "middle", "early"}, {"full", "early"});
  weir::Executor before{weir::Network(exits({"a", "b", "full", "unread", "middle", "early"}, {"full", "early"}))};
  weir::detail::sort_by_outputs(*s);
  weir::Executor run{weir::Network(s)};
  weir::Tensor x(weir::Shape{3, 4});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  before.begin(x);
  run.begin(x);
  for (const char* tensor : {"early", "full"}) {
    const auto a = before.advance_to(tensor).span(), b = run.advance_to(tensor).span();
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
}

TEST_CASE("computed_in_order: any branch first, the same network where it is in order, and no bit changes") {
  using Names = std::vector<std::string>;
  const weir::Network net{exits({"a", "b", "full", "unread", "middle", "early"}, {"full"})};
  const auto order = [&](const Names& tensors) { return weir::detail::computed_in_order(net, tensors).tensor_names(); };
  CHECK(order({"middle"}) == Names{"a", "b", "middle", "full", "unread", "early"});
  CHECK(order({"early", "middle"}) == Names{"a", "early", "b", "middle", "full", "unread"});
  CHECK(order({"middle", "early"}) == Names{"a", "b", "middle", "early", "full", "unread"});
  // One that depends on another comes behind it, whatever is asked for.
  CHECK(order({"full", "b", "x"}) == net.tensor_names());
  for (const Names& same : {Names{}, Names{"full"}, Names{"a", "b", "full"}})
    CHECK(weir::detail::computed_in_order(net, same).shared() == net.shared());
  CHECK_THROWS_WITH_AS(order({"nothing"}), doctest::Contains("exits has no tensor 'nothing'; it has 6, from '"),
                       weir::ArgumentError);

  weir::Tensor x(weir::Shape{3, 4});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  weir::Executor file(net), sorted(weir::detail::computed_in_order(net, Names{"early", "middle"}));
  file.begin(x);
  sorted.begin(x);
  for (const char* tensor : {"early", "middle", "full"}) {
    const auto a = file.advance_to(tensor).span(), b = sorted.advance_to(tensor).span();
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
}

}  // namespace WEIR_UNIT
