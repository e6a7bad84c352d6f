#include "../../../bench/adapt/costs.hpp"

#include <doctest/doctest.h>

#include <map>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../../../bench/adapt/measure.hpp"
#include "../../io/io_test.hpp"
#include "../../policy/toy_cascade.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

namespace {

std::shared_ptr<const weir::CascadeSpec> chain(const std::vector<std::string>& names) {
  std::vector<weir::CascadeStage> stages;
  std::vector<weir::Network> networks;
  for (const std::string& name : names) {
    stages.push_back({name, networks.size(), "y", std::nullopt});
    networks.push_back(toy_cascade::network(name, {7}, {toy_cascade::counter()}));
  }
  return std::make_shared<weir::CascadeSpec>(networks, stages, weir::Topology::chain(names));
}

adapt::Mode mode(const std::string& name, const std::vector<std::string>& stages) {
  adapt::Mode m;
  m.name = name;
  m.spec = chain(stages);
  return m;
}

}  // namespace

TEST_CASE("adapt: lines of a table of costs are found by stage, or by mode and stage where several modes have it") {
  std::vector<adapt::Mode> modes{mode("selection", {"a", "b"}), mode("early_exit", {"exit1", "b"})};
  const io_test::TempFolder folder;
  adapt::Options o;
  o.costs.kind = (folder / "c.csv").string();
  const auto take = [&](const std::string& csv) {
    folder.write("c.csv", csv);
    modes = adapt::with_given_costs(modes, o);
  };
  take("stage,cost,unit\na,1,EUR\nselection:b,5,EUR\nearly_exit:b,4,EUR\nexit1,2,EUR\n");
  using Costs = std::vector<weir::StageCost>;
  CHECK(modes[0].given_costs->costs[0] == Costs{{1, 0}, {5, 0}});
  CHECK(modes[1].given_costs->costs[0] == Costs{{2, 0}, {4, 0}});
  CHECK(modes[1].given_costs->unit == "EUR");
  const auto refusal = [&](const std::string& csv) { return message_of<weir::FormatError>([&] { take(csv); }); };
  const std::string twice = refusal("stage,cost\na,1\nb,5\nexit1,2\n");
  CHECK_MESSAGE(contains(twice, "stage 'b' is in several modes"), twice);
  CHECK_MESSAGE(contains(twice, "'selection:b', 'early_exit:b'"), twice);
  CHECK(contains(refusal("stage,cost\nselection:b,5\nearly_exit:b,4\nexit1,2\n"), "no line for 'a'"));
  CHECK(contains(refusal("stage,cost\na,1\nselection:b,5\nearly_exit:b,4\nexit1,2\nexit2,2\n"), "there is no 'exit2'"));
  CHECK(contains(refusal("stage,cost\nearly_exit:a,1\n"), "there is no 'early_exit:a'"));
  o.costs.kind = "seconds";
  modes = adapt::with_given_costs(modes, o);  // another kind leaves all as it is
  CHECK(modes[1].given_costs->unit == "EUR");
}

TEST_CASE("adapt: contestants measured in batches answer as they do one by one, and share the batch's time") {
  const std::size_t n = 131;
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i) labels[i] = static_cast<int>(i % 3);
  adapt::Part test{std::make_shared<weir::ImageSet>(weir::ImageSet::from_floats(
                       weir::Tensor(weir::Shape{static_cast<std::int64_t>(n), 1, 1, 1}), labels, "toys")),
                   std::vector<std::size_t>(n)};
  std::iota(test.rows.begin(), test.rows.end(), std::size_t{0});
  const auto spec = chain({"a", "b", "c"});
  std::map<std::size_t, std::vector<adapt::Measured>> by_batch;
  std::map<std::size_t, std::size_t> batches;  // that network a ran
  for (const std::size_t batch : {1U, 4U, 64U}) {
    std::vector<adapt::Contestant> all;
    for (const std::size_t go_on : {2U, 3U}) {
      adapt::Contestant c;
      c.cascade = std::make_shared<weir::CascadeExecutor>(spec, weir::Context());
      c.maker = [&, batch](std::size_t network, std::size_t row, weir::View out) {
        if (network == 0 && row % batch == 0) ++batches[batch];
        toy_cascade::fill(network, row, out);
      };
      c.decide = [go_on](std::size_t row, std::size_t k, std::span<const double>) {
        return (row + k) % go_on == 0 ? std::size_t{1} : std::size_t{0};
      };
      all.push_back(std::move(c));
    }
    by_batch[batch] = adapt::measure(all, test, weir::Loss("top1"), 2, batch);
    for (const adapt::Measured& c : by_batch[batch]) {
      REQUIRE(c.seconds.size() == n);
      for (std::size_t i = 0; i < n; ++i) {
        CHECK(c.samples[i].size() == 2);
        CHECK(c.seconds[i] > 0);
        CHECK(c.samples[i] == c.samples[i / batch * batch]);  // all of a batch have the same
      }
      const auto sums = c.batch_seconds(batch);
      CHECK(sums.size() == (n + batch - 1) / batch);
      double total = 0;
      for (const double s : sums) total += s;
      CHECK(total / static_cast<double>(n) == doctest::Approx(c.mean_cost()));
    }
  }
  for (const std::size_t batch : {4U, 64U})
    for (std::size_t j = 0; j < 2; ++j) {
      CHECK(by_batch[batch][j].exit == by_batch[1][j].exit);
      CHECK(by_batch[batch][j].right == by_batch[1][j].right);
      CHECK(by_batch[batch][j].loss == by_batch[1][j].loss);
    }
  // Two contestants, two rounds: all, and what runs untimed in front of each of three blocks.
  CHECK(batches[1] == 2 * 2 * (n + 3 * 25));
  CHECK(batches[4] == 2 * 2 * (33 + 3 * 7));
  CHECK(batches[64] == 2 * 2 * (3 + 3));
}

}  // namespace WEIR_UNIT
