#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/answers_inside.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/topology.hpp>

#include "../toy_cascade.hpp"

namespace WEIR_UNIT {

namespace {

/// input -> t0 -> t1 -> late, t0 -> early: two answers of three logits, and t1, which is shown but is none.
weir::Network two_exits(const std::vector<toy_cascade::Counter>& waves, std::vector<weir::detail::ValueId> outputs) {
  const weir::Network plain = toy_cascade::network("two exits", weir::Shape{4}, {waves[0], waves[1]});
  auto s = std::make_shared<weir::detail::NetworkState>();
  s->source = plain.source();
  s->values = plain.state().values;
  s->nodes = plain.state().nodes;
  s->inputs = plain.state().inputs;
  const auto logits = s->values.back().form;
  s->values.back().name = "late";
  const auto early = static_cast<weir::detail::ValueId>(s->values.size());
  s->values.push_back({"early", logits});
  s->nodes.insert(s->nodes.begin() + 1,
                  {"early logits", "Logits", std::make_shared<toy_cascade::Logits>(), {1}, {early}});
  s->outputs = std::move(outputs);
  weir::detail::find_examples(*s);
  return weir::Network(s);
}

constexpr weir::detail::ValueId t1 = 2, late = 3, early = 4;

}  // namespace

TEST_CASE("answers inside: outputs as wide as the first, in the order of computing") {
  const std::vector<toy_cascade::Counter> waves{toy_cascade::counter(), toy_cascade::counter()};
  for (const std::vector<weir::detail::ValueId>& outputs :
       {std::vector<weir::detail::ValueId>{early, late}, {late, early}, {late, t1, early}}) {
    const weir::Network net = two_exits(waves, outputs);
    CHECK(weir::detail::answer_tensors(net) == std::vector<std::string>{"early", "late"});
    CHECK(weir::detail::answer_tensor(net) == "late");
  }
  CHECK(weir::detail::answer_tensors(two_exits(waves, {t1, 0})).size() == 1);  // the input is as wide, and no answer
  CHECK(weir::detail::answer_tensors(two_exits(waves, {late})) == std::vector<std::string>{"late"});
}

TEST_CASE("answers inside: a cascade leaves there without a head, and goes on without computing anything twice") {
  const std::vector<toy_cascade::Counter> waves{toy_cascade::counter(), toy_cascade::counter()};
  const weir::Network net = two_exits(waves, {early, late});
  const auto spec = std::make_shared<const weir::CascadeSpec>(
      std::vector<weir::Network>{net},
      std::vector<weir::CascadeStage>{{"early", 0, "early", std::nullopt, true},
                                      {"late", 0, "late", std::nullopt, true}},
      weir::Topology::chain({"early", "late"}));
  weir::CascadeExecutor cascade(spec, weir::Context());
  const auto run = [&](std::size_t row, std::size_t action) {
    return cascade.run_one_with(toy_cascade::fill, row, [&](std::size_t, std::span<const double>) { return action; });
  };
  for (std::size_t row = 0; row < 4; ++row) {
    run(row, 1);  // plans and buffers
    *waves[0] = *waves[1] = 0;
    weir::Tensor x(weir::Shape{1, 4});
    toy_cascade::fill(0, row, x.view());
    weir::Executor alone(net);
    for (const std::size_t action : {std::size_t{0}, std::size_t{1}}) {
      *waves[0] = *waves[1] = 0;
      const weir::CascadeAnswer a = run(row, action);
      CHECK(a.exit == action);
      CHECK(*waves[0] == 1);
      CHECK(*waves[1] == static_cast<int>(action));
      alone.begin(x);
      const auto logits = alone.advance_to(action == 0 ? "early" : "late").span();
      std::vector<float> probabilities(3);
      weir::detail::softmax(logits, probabilities);
      CHECK(std::equal(probabilities.begin(), probabilities.end(), a.probabilities.begin()));
    }
  }
}

}  // namespace WEIR_UNIT
