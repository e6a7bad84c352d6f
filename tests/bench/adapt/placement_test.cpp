#include "../../../bench/adapt/placement.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../../io/io_test.hpp"
#include "../../policy/synthetic_trace.hpp"
#include "../../policy/toy_cascade.hpp"

namespace WEIR_UNIT {

using io_test::contains;

namespace {

adapt::Models models() {
  adapt::Models m{adapt::Options()};
  const weir::Network net =
      toy_cascade::network("net", {4, 3, 3}, {toy_cascade::counter(), toy_cascade::counter(), toy_cascade::counter()});
  m.all.push_back({"net", "net.onnx", net, nullptr, "y", true});
  return m;
}

adapt::Part images(std::size_t n, std::uint64_t seed) {
  weir::Tensor x(weir::Shape{static_cast<std::int64_t>(n), 4, 3, 3});
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(weir::detail::counter_uniform(seed, i));
  for (std::size_t i = 0; i < n; ++i) labels[i] = static_cast<int>(i % 3);
  adapt::Part part{std::make_shared<weir::ImageSet>(weir::ImageSet::from_floats(std::move(x), labels, "toys")), {}};
  for (std::size_t i = 0; i < n; ++i) part.rows.push_back(i);
  return part;
}

}  // namespace

TEST_CASE("adapt: exits stand where the system costs least, or evenly where that is no dearer") {
  adapt::Options o;
  o.max_loss = 0.03;
  adapt::PricedMode trial;
  trial.nets = {0};
  std::vector<weir::CascadeStage> stages;
  std::vector<weir::ExitPoint> points;
  for (std::size_t t = 0; t < 3; ++t) {
    points.push_back({toy_cascade::tensor(t), 0.3 * static_cast<double>(t + 1)});
    stages.push_back({points[t].tensor, 0, points[t].tensor, toy_cascade::head(4, 1, 1.0F)});
  }
  stages.push_back({"net", 0, "y", std::nullopt});
  const adapt::Models all = models();
  trial.spec = std::make_shared<weir::CascadeSpec>(
      std::vector<weir::Network>{all.all[0].network}, stages,
      weir::Topology::chain({stages[0].name, stages[1].name, stages[2].name, "net"}));
  trial.lessons = weir_test::pool_with_useless_stages(900);  // only the first exit saves anything
  trial.policy = trial.lessons;
  trial.prices = adapt::full_batches({weir::cost_unit::flop, {1}, {trial.lessons.costs()}}, 1);
  const adapt::Placed moved = adapt::best_points(trial, points, {points[1]}, o, all);
  REQUIRE(moved.points.size() == 1);
  CHECK(moved.points[0].tensor == points[0].tensor);
  CHECK(contains(moved.line, "of 3 tensors tried with small heads: " + points[0].tensor + ": "));
  CHECK(!contains(moved.line, "they stay"));
  const adapt::Placed stay = adapt::best_points(trial, points, {points[0]}, o, all);
  CHECK(stay.points[0].tensor == points[0].tensor);
  CHECK(contains(stay.line, "evenly spread they stay"));
  for (std::size_t k = 0; k < 3; ++k) {  // whoever leaves early errs, and saves little
    trial.lessons.stages[k].loss.setOnes();
    trial.lessons.stages[k].cost = 39;
  }
  trial.policy = trial.lessons;
  const adapt::Placed none = adapt::best_points(trial, points, {points[2]}, o, all);
  REQUIRE(none.points.size() == 1);  // what was asked for: whether an exit is used is decided later
  CHECK(none.points[0].tensor == points[2].tensor);
  CHECK(contains(none.line, "small heads: none: "));
}

TEST_CASE("adapt: exits are placed where they were left to the run, heads can be fitted and costs are not given") {
  adapt::Options o;
  o.threads = 1;
  o.hidden = "4";
  o.costs.kind = "flops";
  const adapt::Models all = models();
  adapt::Data data;
  data.heads = images(240, 1);
  data.policy = images(240, 2);
  const adapt::HeadStore store(o, data, all);
  REQUIRE(store.has_enough_images());
  adapt::Heads h;
  h.points = weir::detail::spread_exit_points(all.all[0].network, 2);
  REQUIRE(!h.points.empty());
  const weir::Loss loss("top1");
  const auto placed = [&](const adapt::Heads& heads, const adapt::Options& with, const adapt::HeadStore& heads_of) {
    return adapt::place_exits(heads, with, data, all, loss, heads_of);
  };
  CHECK(!placed(h, o, store));  // --early-exit said where
  h.spread = true;
  const auto found = placed(h, o, store);
  REQUIRE(found);
  CHECK(!found->points.empty());
  const auto candidates = adapt::exit_candidates(all, 0);
  for (const weir::ExitPoint& p : found->points)
    CHECK(std::ranges::any_of(candidates, [&](const weir::ExitPoint& c) { return c.tensor == p.tensor; }));
  CHECK(contains(found->line, "exits of net, of " + std::to_string(candidates.size()) + " tensors tried"));
  adapt::Options other = o;
  other.quick = true;
  CHECK(!placed(h, other, store));
  other = o;
  other.costs.kind = "costs.csv";
  CHECK(!placed(h, other, store));
  adapt::Data few;
  few.heads = images(5, 1);
  few.policy = data.policy;
  CHECK(!placed(h, o, adapt::HeadStore(o, few, all)));
  h.points.clear();
  CHECK(!placed(h, o, store));
}

}  // namespace WEIR_UNIT
