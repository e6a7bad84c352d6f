#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>
#include <weir/policy/trace/trace_file.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

bool equal(const weir::Trace& a, const weir::Trace& b) {
  if (a.label != b.label || a.stages.size() != b.stages.size() || a.cost_unit != b.cost_unit) return false;
  for (std::size_t k = 0; k < a.stages.size(); ++k) {
    const auto &s = a.stages[k], &t = b.stages[k];
    if (s.name != t.name || s.cost != t.cost || s.feature_names != t.feature_names || s.features != t.features ||
        s.prediction != t.prediction || s.loss != t.loss || s.network != t.network || s.answer_cost != t.answer_cost)
      return false;
  }
  return true;
}

using Rows = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("trace_from_table: a small table by hand, dots in names, loss and seconds given and not") {
  const std::vector<std::string> header = {"net.fc.prediction", "label",   "net.fc.confidence", "net.prediction",
                                           "net.seconds",       "net.x.y", "net.loss"};
  const Rows rows = {{"3", "3", "0.5", "1", "0.25", "-1e-3", "2"}, {"4", "3", " 0.75 ", "3", "0.75", "7", "0"}};
  const auto trace = weir::detail::trace_from_table(header, rows, {{"net.fc", 2.0}});
  CHECK(trace.label == std::vector<int>{3, 3});
  REQUIRE(trace.stages.size() == 2);
  const auto &fc = trace.stages[0], &net = trace.stages[1];
  CHECK(fc.name == "net.fc");
  CHECK(fc.cost == 2);
  CHECK(fc.feature_names == std::vector<std::string>{"confidence"});
  CHECK(fc.features == Eigen::MatrixXd{{0.5}, {0.75}});
  CHECK(fc.prediction == std::vector<int>{3, 4});
  CHECK(fc.loss == Eigen::VectorXd{{0, 1}});
  CHECK(net.name == "net");
  CHECK(net.cost == 0.5);
  CHECK(net.feature_names == std::vector<std::string>{"x.y"});
  CHECK(net.features == Eigen::MatrixXd{{-1e-3}, {7}});
  CHECK(net.loss == Eigen::VectorXd{{2, 0}});
}

TEST_CASE("trace_to_table: reads back equal to the last bit") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    auto trace = weir_test::difficulty_trace(13, 1 + seed, seed, seed);
    trace.stages[0].cost = 0.1 / 3;
    trace.stages[0].answer_cost = 0.01 / 3;
    trace.stages[0].network = "first, \"quoted\"";
    trace.stages[0].features(1, 0) = std::numeric_limits<double>::denorm_min();
    trace.stages[0].features(2, 1) = -1.0 / 3e200;
    const auto table = weir::detail::trace_to_table(trace);
    CHECK(equal(weir::detail::trace_from_table(table.header, table.rows), trace));
  }
}

TEST_CASE("trace files: costs of another unit than seconds say so, and are not called seconds") {
  auto trace = weir_test::difficulty_trace(13, 2, 1);
  for (const auto& column : weir::detail::trace_to_table(trace).header) CHECK(column != "cost_unit");
  trace.set_costs({{1e9 / 3, 1e8 / 7}, {5e9, 0}}, "FLOP");
  const auto table = weir::detail::trace_to_table(trace);
  for (const auto& column : table.header) CHECK(column.find("seconds") == std::string::npos);
  CHECK(equal(weir::detail::trace_from_table(table.header, table.rows), trace));

  const std::vector<std::string> header = {"label", "cost_unit", "a.prediction", "a.cost", "a.answer_cost"};
  const Rows rows = {{"1", "J", "1", "4", "1"}, {"1", "J", "0", "6", "1"}};
  const auto read = weir::detail::trace_from_table(header, rows);
  CHECK(read.cost_unit == "J");
  CHECK(read.stages[0].cost == 5);
  CHECK(read.stages[0].answer_cost == 1);
  CHECK(weir::detail::trace_from_table({"label", "cost_unit", "a.prediction"}, {{"1", "J", "1"}}, {{"a", 3}})
            .stages[0]
            .cost == 3);
  CHECK(
      weir::detail::trace_from_table({"label", "cost_unit", "a.prediction", "a.seconds"}, {{"1", "seconds", "1", "2"}})
          .cost_unit == "seconds");
  // Without a unit, as before there were any, `cost` is a feature like others.
  const auto old = weir::detail::trace_from_table({"label", "a.prediction", "a.cost"}, {{"1", "1", "4"}}, {{"a", 2}});
  CHECK(old.cost_unit == "seconds");
  CHECK(old.stages[0].feature_names == std::vector<std::string>{"cost"});

  const auto refuses = [](const std::vector<std::string>& h, const Rows& r, const char* message) {
    CHECK_THROWS_WITH_AS(weir::detail::trace_from_table(h, r, {}, "t.csv"), message, weir::FormatError);
  };
  auto two = rows;
  two[1][1] = "mJ";
  refuses(header, two, "t.csv, row 2, column 'cost_unit': 'mJ' is another unit than in row 1");
  refuses({"label", "cost_unit", "a.prediction", "a.seconds"}, {{"1", "J", "1", "2"}},
          "t.csv: column 'a.seconds', but the costs' unit is 'J'");
  refuses({"label", "cost_unit", "a.prediction"}, {{"1", "J", "1"}}, "t.csv: no cost for stage 'a'");
  refuses({"label", "cost_unit", "a.prediction", "a.cost", "a.answer_cost"}, {{"1", "J", "1", "2", "3"}},
          "t.csv: answer_cost of stage 'a' must be in [0, cost]");
  CHECK_THROWS_WITH_AS(weir::detail::trace_from_table({"label", "cost_unit", "a.prediction", "a.cost"},
                                                      {{"1", "", "1", "2"}}, {}, "t.csv"),
                       doctest::Contains("t.csv, column 'cost_unit': a unit of cost is"), weir::FormatError);
}

TEST_CASE("trace_from_table: damage is refused with file, row and column") {
  const std::vector<std::string> header = {"label", "a.prediction", "a.loss", "a.p"};
  const Rows good = {{"1", "1", "0", "0.5"}, {"1", "0", "1", "0.6"}};
  const std::map<std::string, double> seconds = {{"a", 1.0}};
  CHECK(weir::detail::trace_from_table(header, good, seconds).size() == 2);
  for (const char* bad : {"", " ", "nan", "inf", "-inf", "1e999", "x", "0.5x", "0x10", "1,5", "--1"}) {
    auto rows = good;
    rows[1][3] = bad;
    CHECK_THROWS_WITH_AS(weir::detail::trace_from_table(header, rows, seconds, "t.csv"),
                         ("t.csv, row 2, column 'a.p': '" + std::string(bad) + "' is not a finite number").c_str(),
                         weir::FormatError);
  }
  for (const std::size_t column : {0U, 1U}) {
    auto rows = good;
    rows[0][column] = "1.5";
    CHECK_THROWS_AS(weir::detail::trace_from_table(header, rows, seconds), weir::FormatError);
    rows[0][column] = "9e9";
    CHECK_THROWS_AS(weir::detail::trace_from_table(header, rows, seconds), weir::FormatError);
  }
  auto negative = good;
  negative[1][2] = "-1";
  CHECK_THROWS_WITH_AS(weir::detail::trace_from_table(header, negative, seconds),
                       "trace, row 2, column 'a.loss': '-1' is a negative loss", weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table(header, good), weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table(header, good, {{"a", -1.0}}), weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table(header, good, {{"a", std::nan("")}}), weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table(header, {}, seconds), weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table(header, {{"1", "1", "0"}}, seconds), weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table({"label", "a.p"}, {{"1", "1"}}, seconds), weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table({"a.prediction"}, {{"1"}}, seconds), weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table({"label", "a.prediction", "b.p"}, {{"1", "1", "1"}}, seconds),
                  weir::FormatError);
  CHECK_THROWS_AS(weir::detail::trace_from_table({"label", "a.prediction", "a.prediction"}, {{"1", "1", "1"}}, seconds),
                  weir::FormatError);
}

TEST_CASE("stage_from_probabilities: prediction, losses and features of each row") {
  const std::vector<float> p = {0.5F, 0.25F, 0.25F, 0.125F, 0.125F, 0.75F, 0.4F, 0.4F, 0.2F};
  const std::vector<int> label = {0, 1, 1};
  const auto stage = weir::stage_from_probabilities("exit", 0.5, p, 3, label);
  CHECK(stage.name == "exit");
  CHECK(stage.cost == 0.5);
  CHECK(stage.feature_names == weir::detail::confidence_feature_names(3));
  CHECK(stage.prediction == std::vector<int>{0, 2, 0});
  CHECK(stage.loss == Eigen::VectorXd{{0, 1, 1}});
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<double> expected(stage.feature_names.size());
    weir::detail::confidence_features({p.data() + 3 * i, 3}, expected);
    for (std::size_t f = 0; f < expected.size(); ++f)
      CHECK(stage.features(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(f)) == expected[f]);
  }
  CHECK(weir::stage_from_probabilities("exit", 0, p, 3, label, weir::Loss("top2")).loss ==
        Eigen::VectorXd{{0, 1, 0}}.array().matrix());
  CHECK(weir::stage_from_probabilities("exit", 0, p, 3, label, weir::Loss("cross_entropy")).loss(2) ==
        doctest::Approx(-std::log(0.4)));
  weir::Trace trace{label, {stage}};
  trace.check();

  CHECK_THROWS_AS(weir::stage_from_probabilities("exit", 0, p, 4, label), weir::ShapeError);
  CHECK_THROWS_AS(weir::stage_from_probabilities("exit", 0, p, 1, label), weir::ShapeError);
  CHECK_THROWS_AS(weir::stage_from_probabilities("exit", 0, {}, 3, {}), weir::ShapeError);
  CHECK_THROWS_AS(weir::stage_from_probabilities("exit", 0, p, 3, std::vector<int>{0, 1, 3}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::stage_from_probabilities("exit", 0, p, 3, std::vector<int>{0, 1, -1}), weir::ArgumentError);
  for (const float bad : {std::nanf(""), -0.25F, 0.5F, INFINITY}) {
    auto damaged = p;
    damaged[4] = bad;
    CHECK_THROWS_WITH_AS(weir::stage_from_probabilities("exit", 0, damaged, 3, label),
                         "stage 'exit', row 1: not probabilities that add up to 1", weir::ArgumentError);
  }
}

}  // namespace WEIR_UNIT
