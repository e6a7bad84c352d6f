#include <doctest/doctest.h>

#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/trace/trace.hpp>
#include <weir/policy/trace/trace_file.hpp>

namespace WEIR_UNIT {

namespace {

weir::Trace trace() {
  weir::Trace t;
  t.label = {0, 1};
  weir::StageTrace a{"net.a",
                     10,
                     {"max_probability", "energy", "theirs", "image_entropy"},
                     Eigen::MatrixXd(2, 4),
                     {0, 0},
                     Eigen::VectorXd::Zero(2),
                     "net",
                     3};
  a.features << 1, 2, 3, 4, 5, 6, 7, 8;
  a.feature_costs = {{"energy", 0.5}, {"image", 1.5}};
  t.stages = {a, {"b", 20, {"max_probability"}, Eigen::MatrixXd::Ones(2, 1), {0, 1}, Eigen::VectorXd::Zero(2)}};
  return t;
}

}  // namespace

TEST_CASE("keep_groups: features and their seconds go together; names of other frameworks stay") {
  const weir::Trace all = trace();
  CHECK(weir::detail::feature_groups_of(all) == std::vector<std::string>{"confidence", "energy", "image"});
  const weir::Trace none = weir::detail::keep_groups(all, {}), energy = weir::detail::keep_groups(all, {"energy"});
  CHECK(none.stages[0].feature_names == std::vector<std::string>{"max_probability", "theirs"});
  CHECK(none.stages[0].features(1, 1) == 7);
  CHECK(none.stages[0].cost == 8);
  CHECK(none.stages[0].answer_cost == 1);
  CHECK(none.stages[0].feature_costs.empty());
  CHECK(energy.stages[0].feature_names == std::vector<std::string>{"max_probability", "energy", "theirs"});
  CHECK(energy.stages[0].features(0, 2) == 3);
  CHECK(energy.stages[0].cost == 8.5);
  CHECK(energy.stages[0].feature_costs == std::map<std::string, double>{{"energy", 0.5}});
  CHECK(none.stages[1].cost == 20);
  const weir::Trace same = weir::detail::keep_groups(all, {"energy", "image"});
  CHECK(same.stages[0].features == all.stages[0].features);
  CHECK(same.stages[0].cost == 10);
  CHECK_THROWS_AS(weir::detail::keep_groups(all, {"engery"}), weir::ArgumentError);
  weir::Trace noisy = all;
  noisy.stages[0].feature_costs["energy"] = 100;  // more than the whole answer was measured to take
  CHECK(weir::detail::keep_groups(noisy, {}).stages[0].answer_cost == 0);
  CHECK(weir::detail::keep_groups(noisy, {}).stages[0].cost == 7);
}

TEST_CASE("A trace's table carries the seconds of groups; tables without them are as they were") {
  const weir::Trace all = trace();
  const auto table = weir::detail::trace_to_table(all);
  CHECK(std::ranges::count(table.header, "net.a.feature_seconds.image") == 1);
  const weir::Trace back = weir::detail::trace_from_table(table.header, table.rows);
  CHECK(back.stages[0].feature_costs == all.stages[0].feature_costs);
  CHECK(back.stages[0].feature_names == all.stages[0].feature_names);
  CHECK(back.stages[0].features == all.stages[0].features);
  CHECK(back.stages[1].feature_costs.empty());
  CHECK(all.rows({1}).stages[0].feature_costs == all.stages[0].feature_costs);
  CHECK(all.select({0, 1}).stages[0].feature_costs == all.stages[0].feature_costs);
  const auto old = weir::detail::trace_to_table(weir::detail::keep_groups(all, {}));
  for (const auto& column : old.header) CHECK(column.find("feature_seconds") == std::string::npos);
  auto negative = table;
  const auto c = std::ranges::find(negative.header, "net.a.feature_seconds.image") - negative.header.begin();
  for (auto& row : negative.rows) row[static_cast<std::size_t>(c)] = "-1";
  CHECK_THROWS_AS(weir::detail::trace_from_table(negative.header, negative.rows), weir::Error);
}

}  // namespace WEIR_UNIT
