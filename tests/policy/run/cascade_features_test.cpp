#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/measure/record_trace.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/joined_answer.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/stage_score.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../count_allocations.hpp"
#include "../toy_cascade.hpp"

namespace WEIR_UNIT {

using toy_cascade::counter, toy_cascade::tensor;
using weir::CascadeExecutor, weir::CascadeSpec, weir::CascadeStage, weir::FeatureOptions,
    weir::detail::PooledProjection, weir::Topology, weir::View;

namespace {

std::vector<float> waves(std::size_t n, float seed) {
  std::vector<float> w(n);
  for (std::size_t i = 0; i < n; ++i) w[i] = std::sin(seed + 1.9F * static_cast<float>(i));
  return w;
}

PooledProjection projection(int grid, std::size_t n_pooled, std::size_t size) {
  return {{grid}, n_pooled, waves(n_pooled * size, 0.4F), waves(size, 0.7F)};
}

std::vector<weir::Network> networks() {
  return {toy_cascade::network("A", {2, 5, 6}, {counter(), counter(), counter()}),
          toy_cascade::network("BB", {7}, {counter(), counter()}), toy_cascade::network("CCC", {3, 4, 4}, {counter()})};
}

/// Exits that share their head's pooling and that do not, networks with a named tensor and with their own.
std::vector<CascadeStage> stages() {
  return {{"a0", 0, tensor(0), toy_cascade::head(2, 1, 0.1F), true, projection(1, 2, 3)},
          {"a1", 0, tensor(1), toy_cascade::head(8, 2, 0.2F), true, projection(1, 2, 2)},
          {"a", 0, "y", std::nullopt, true, projection(2, 8, 3), tensor(2)},
          {"b0", 1, tensor(0), toy_cascade::head(7, 1, 0.3F), true, PooledProjection({1}, 7)},
          {"b", 1, "y", std::nullopt, true, projection(1, 3, 1)},
          {"c", 2, "y", std::nullopt, true, projection(1, 3, 1)}};
}

std::shared_ptr<const CascadeSpec> spec(const std::vector<std::string>& groups, const Topology& topology) {
  return std::make_shared<CascadeSpec>(networks(), stages(), topology, FeatureOptions(true, groups));
}

Topology flowing() { return {{{"a0", {1, 3}}, {"a1", {2, 5}}, {"a", {5}}, {"b0", {4, 5}}, {"b", {5}}, {"c", {}}}}; }
Topology jumping() { return Topology::all_later({"a0", "a1", "a", "b0", "b", "c"}); }

using Row = std::vector<double>;

/// [stage][example] features, recorded in batches.
std::vector<std::vector<Row>> recorded(const std::shared_ptr<const CascadeSpec>& s, std::size_t n, std::size_t batch,
                                       int threads = 1) {
  std::vector<std::vector<Row>> all(s->stages.size(), std::vector<Row>(n));
  CascadeExecutor run(s, weir::Context({.threads = threads}));
  for (std::size_t first = 0; first < n; first += batch)
    run.record(
        std::min(batch, n - first),
        [&](std::size_t net, std::size_t r, View out) { toy_cascade::fill(net, first + r, out); },
        [&](std::size_t k, std::size_t r, int, std::span<const float>, std::span<const double> x) {
          all[k][first + r].assign(x.begin(), x.end());
        });
  return all;
}

weir::InputMaker from(std::size_t first) {
  return [first](std::size_t network, std::size_t row, View out) { toy_cascade::fill(network, first + row, out); };
}

/// Gates that look at every input, each with about half of the examples on either side.
weir::MixedPolicy curious_policy(const std::shared_ptr<const CascadeSpec>& s) {
  const auto features = recorded(s, 40, 40);
  weir::Policy policy{s->topology, {}};
  for (std::size_t k = 0; k < s->stages.size(); ++k) {
    const std::size_t actions = s->topology.n_actions(k), d = s->gate_inputs().size(k);
    std::vector<weir::detail::GateModel> models;
    for (std::size_t a = 0; a < actions; ++a)
      for (std::size_t b = a + 1; b < actions; ++b) {
        weir::detail::LinearModel m = weir::detail::LinearModel::constant(0, d);
        for (std::size_t j = 0; j < d; ++j) m.coef[j] = std::sin(0.7 * static_cast<double>(j + a + 2 * b));
        std::vector<double> scores;
        for (std::size_t i = 0; i < 40; ++i) {
          std::vector<weir::detail::StageAnswer> answers(s->stages.size());
          for (std::size_t j = 0; j < answers.size(); ++j) answers[j] = {0, features[j][i]};
          Row x(d);
          s->gate_inputs().fill(k, answers, x);
          double f = 0;
          for (std::size_t j = 0; j < d; ++j) f += m.coef[j] * x[j];
          scores.push_back(f);
        }
        m.intercept = -weir::detail::median(scores);
        models.push_back({"logistic", m});
      }
    policy.gates.push_back(actions == 1 ? weir::Gate{} : weir::Gate(actions, d, std::move(models)));
  }
  return weir::MixedPolicy::pure(policy);
}

double at(const CascadeSpec& s, std::size_t k, const Row& row, const std::string& name) {
  const auto& names = s.feature_names(k);
  const auto it = std::ranges::find(names, name);
  REQUIRE_MESSAGE(it != names.end(), name);
  return row[static_cast<std::size_t>(it - names.begin())];
}

}  // namespace

TEST_CASE("Features of a cascade: each is made of the tensor that it says, by fresh executors and plain loops") {
  const auto s = spec(weir::feature_group_names(), flowing());
  const auto rows = recorded(s, 12, 12);
  for (std::size_t k = 0; k + 1 < s->stages.size(); ++k)
    for (std::size_t example = 0; example < 12; ++example) {
      const CascadeStage& stage = s->stages[k];
      const Row& row = rows[k][example];
      weir::Executor run(s->network(stage.network));
      weir::Tensor x(run.network().input_shape());
      toy_cascade::fill(stage.network, example, x.view());
      run.begin(x);
      const weir::Tensor pooled_from{run.advance_to(stage.tensor_to_pool())}, y{run.advance_to(stage.tensor)};
      std::vector<float> logits(y.span().begin(), y.span().end());
      if (stage.head) {
        std::vector<float> pooled(stage.head->n_pooled());
        stage.head->pool()(y.data(), s->example_shape(k), pooled.data());
        logits.resize(3);
        stage.head->logits_pooled(pooled.data(), logits);
      }
      double sum = 0;
      for (const float z : logits) sum += std::exp(static_cast<double>(z));
      CHECK(at(*s, k, row, "energy") == doctest::Approx(std::log(sum)).epsilon(1e-5));
      CHECK(at(*s, k, row, "max_logit") == static_cast<double>(std::ranges::max(logits)));
      std::vector<float> pooled(stage.projection->n_pooled());
      const weir::Shape shape = pooled_from.shape();
      stage.projection->pool()(pooled_from.data(), weir::Shape(std::span(shape.begin() + 1, shape.end())),
                               pooled.data());
      Row projected(stage.projection->size());
      (*stage.projection)(pooled.data(), projected);
      for (std::size_t j = 0; j < projected.size(); ++j)
        CHECK(at(*s, k, row, "pool_" + std::to_string(j)) == projected[j]);
      if (k == 0) {
        double mean = 0;
        for (std::size_t i = 0; i < 30; ++i) mean += static_cast<double>(x.data()[30 + i]) / 30;
        CHECK(at(*s, 0, row, "image_mean_1") == doctest::Approx(mean));
        CHECK(at(*s, 0, row, "image_entropy") > 0);
      }
    }
  for (std::size_t k = 1; k < s->stages.size(); ++k)
    for (const std::string& name : s->feature_names(k)) CHECK(!name.starts_with("image"));
  CHECK(s->feature_names(5) ==
        weir::detail::confidence_feature_names(3));  // nobody asks a stage without a gate for more
}

TEST_CASE("Features of a cascade: one at a time, in batches, recorded, on any number of threads: the same bits") {
  for (const auto& topology : {flowing(), jumping()})
    for (const auto& groups : {weir::feature_group_names(), std::vector<std::string>{"pooled"}}) {
      const auto s = spec(groups, topology);
      const auto expected = recorded(s, 40, 1);
      CHECK(recorded(s, 40, 16) == expected);
      CHECK(recorded(s, 40, 40, 2) == expected);
      const auto policy = curious_policy(s);
      s->check(policy);
      CascadeExecutor one(s, weir::Context()), batch(s, weir::Context({.threads = 2}));
      std::vector<weir::CascadeAnswer> answers;
      batch.run_batch(policy, 40, from(0), 0, answers);
      std::map<std::size_t, int> exits;
      for (std::size_t example = 0; example < 40; ++example) {
        Row seen;
        std::size_t stage = 0;
        const auto alone = one.run_one_with(from(example), 0, [&](std::size_t k, std::span<const double> x) {
          const Row own(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(s->features(k).size()));
          CHECK(own == expected[k][example]);
          stage = k;
          return policy.a.action(k, x);
        });
        CHECK(alone.exit == answers[example].exit);
        CHECK(alone.label == answers[example].label);
        CHECK(std::ranges::equal(alone.probabilities, answers[example].probabilities));
        ++exits[alone.exit];
      }
      CHECK(exits.size() >= 3);  // else the test has seen too little
    }
}

TEST_CASE("Features of a cascade: nothing is allocated for an image") {
  const auto s = spec(weir::feature_group_names(), flowing());
  const auto policy = curious_policy(s);
  CascadeExecutor run(s, weir::Context());
  const auto maker = from(0);
  for (const std::size_t at_first : {1U, 2U})  // by way of A, and of B
    run.run_one_with(maker, 0, [&](std::size_t k, std::span<const double>) { return k == 0 ? at_first : 1; });
  const std::size_t before = weir_test::allocations();
  for (std::size_t row = 0; row < 20; ++row)
    run.run_one_with(maker, row, [&](std::size_t k, std::span<const double> x) { return policy.a.action(k, x); });
  CHECK(weir_test::allocations() == before);
}

TEST_CASE("Features of a cascade: a group that is not used is neither computed nor counted") {
  const auto plain = spec({}, jumping()), all = spec(weir::feature_group_names(), jumping());
  CascadeExecutor a(plain, weir::Context()), b(all, weir::Context());
  CHECK(plain->feature_names(0) == weir::detail::confidence_feature_names(3));
  const auto no_gate = [](std::size_t, std::span<const double>) {};
  const auto quiet = [](std::size_t, std::size_t) {};
  const std::vector<std::size_t> rows(30, 0);
  for (const auto& cost : weir::detail::measure_costs(a, from(0), rows, 5, no_gate, quiet))
    CHECK(cost.feature_costs.empty());
  const auto costs = weir::detail::measure_costs(b, from(0), rows, 5, no_gate, quiet);
  for (std::size_t k = 0; k + 1 < costs.size(); ++k) {
    INFO(k);
    for (const char* group : {"energy", "pooled"}) CHECK(costs[k].feature_costs.at(group) > 0);
    CHECK(costs[k].feature_costs.count("confidence") == 0);
    CHECK(costs[k].feature_costs.count("image") == (k == 0 ? 1 : 0));
  }
  CHECK(costs.back().feature_costs.empty());
  const auto counted = weir::detail::count_costs(*all), counted_plain = weir::detail::count_costs(*plain);
  for (std::size_t k = 0; k < counted.size(); ++k) {
    double extra = 0;
    for (const auto& [group, flops] : counted[k].feature_costs) extra += flops;
    CHECK(counted[k].cost == doctest::Approx(counted_plain[k].cost + extra));
    CHECK(counted[k].answer_cost == doctest::Approx(counted_plain[k].answer_cost + extra));
  }
  CHECK(counted[1].feature_costs.at("pooled") == 2.0 * 2 * 2);
}

TEST_CASE("Features of a cascade: a trace holds them by name") {
  const auto s = spec({"energy", "image"}, flowing());
  CascadeExecutor run(s, weir::Context());
  const auto trace = weir::record_trace(run, from(0), std::vector<int>(9, 1), weir::Loss("top1"),
                                        std::vector<weir::StageCost>(6, {1}), weir::cost_unit::seconds, 4);
  const auto rows = recorded(s, 9, 9);
  for (std::size_t k = 0; k < 6; ++k) {
    CHECK(trace.stages[k].feature_names == s->feature_names(k));
    for (std::size_t i = 0; i < 9; ++i)
      for (std::size_t f = 0; f < rows[k][i].size(); ++f)
        CHECK(trace.stages[k].features(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(f)) == rows[k][i][f]);
  }
  CHECK_NOTHROW(trace.check());
}

TEST_CASE("Features of a cascade: what does not fit is refused by name; NaN in an image or a tensor too") {
  const auto make = [](std::vector<CascadeStage> st, const Topology& t, const FeatureOptions& o) {
    return CascadeSpec(networks(), std::move(st), t, o);
  };
  const auto two = Topology::chain({"a", "c"});
  const CascadeStage c = stages()[5];
  const auto a = [&](PooledProjection p, const std::string& t) {
    return CascadeStage{"a", 0, "y", std::nullopt, true, std::move(p), t};
  };
  const FeatureOptions pooled(true, {"pooled"});
  CHECK_NOTHROW(make({a(projection(1, 2, 1), tensor(0)), c}, two, pooled));
  CHECK_THROWS_AS(make({a(projection(1, 2, 1), ""), c}, two, pooled), weir::ShapeError);
  CHECK_THROWS_AS(make({a(projection(2, 2, 1), tensor(0)), c}, two, pooled), weir::ShapeError);
  CHECK_THROWS_AS(make({a(projection(9, 162, 1), tensor(0)), c}, two, pooled), weir::ShapeError);
  CHECK_THROWS_AS(make({a(projection(1, 2, 1), "nowhere"), c}, two, pooled), weir::ArgumentError);
  CHECK_THROWS_AS(make({a(projection(1, 3, 1), "y"), c}, two, pooled), weir::ArgumentError);
  CHECK_NOTHROW(make({a(projection(9, 162, 1), "nowhere"), c}, two, true));  // nobody asks for it
  auto late = stages();                                                      // a1 pools what a0 already has left behind
  late[1].pooled_tensor = tensor(0);
  CHECK_THROWS_AS(make(late, flowing(), pooled), weir::ArgumentError);
  const CascadeStage b = stages()[4];
  CHECK_THROWS_AS(make({b, c}, Topology::chain({"b", "c"}), FeatureOptions(true, {"image"})), weir::ArgumentError);
  CHECK_THROWS_AS(FeatureOptions(true, {"imagery"}), weir::ArgumentError);

  const auto s =
      std::make_shared<CascadeSpec>(networks(), std::vector<CascadeStage>{a(projection(1, 2, 1), tensor(0)), c}, two,
                                    FeatureOptions(true, {"image", "pooled"}));
  CascadeExecutor run(s, weir::Context());
  const auto stop = [](std::size_t, std::span<const double>) { return std::size_t{0}; };
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const weir::InputMaker maker = [&](std::size_t net, std::size_t row, View out) {
      toy_cascade::fill(net, row, out);
      out.data[17] = bad;
    };
    CHECK_THROWS_AS(run.run_one_with(maker, 0, stop), weir::ArgumentError);
    CHECK_NOTHROW(run.run_one_with(from(0), 0, stop));  // the next run starts afresh
  }
}

TEST_CASE("Features of a cascade: groups beside joined answers and scores, alone and in batches") {
  auto joined = stages();
  joined[1].form.join = weir::detail::Join::mean;
  joined[2].form.join = weir::detail::Join::geometric;
  weir::detail::LinearModel model = weir::detail::LinearModel::constant(1, 4);
  model.coef = {1, -0.5, 0.25, 2};
  joined[1].form.score = joined[3].form.score = weir::detail::StageScore{weir::detail::ScoreInputs::statistics, model};
  const auto s =
      std::make_shared<CascadeSpec>(networks(), joined, flowing(), FeatureOptions(true, weir::feature_group_names()));
  const auto own = spec(weir::feature_group_names(), flowing());
  const auto rows = recorded(s, 12, 12), own_rows = recorded(own, 12, 12);
  CHECK(rows == recorded(s, 12, 5));
  for (std::size_t k = 0; k < s->stages.size(); ++k) {
    const auto& names = s->feature_names(k);
    const bool joins = joined[k].form.join != weir::detail::Join::own;
    CHECK(names.back() == weir::detail::stage_score_feature);
    CHECK(s->gate_inputs().size(k) >= names.size());
    if (k + 1 < s->stages.size()) CHECK((std::ranges::count(names, "energy") == 0) == joins);
    for (std::size_t i = 0; i < 12; ++i) {
      REQUIRE(rows[k][i].size() == names.size());
      CHECK((rows[k][i].back() != 0) == joined[k].form.score.has_value());
      for (const std::string& name : own->feature_names(k)) {
        const bool of_answer = weir::group_of_feature(name) != "pooled" && weir::group_of_feature(name) != "image";
        if (joins && of_answer) continue;
        CHECK(at(*s, k, rows[k][i], name) == at(*own, k, own_rows[k][i], name));
      }
    }
  }
  CHECK(at(*s, 1, rows[1][0], "max_probability") != at(*own, 1, own_rows[1][0], "max_probability"));
  const auto policy = curious_policy(s);
  CascadeExecutor batch(s, weir::Context()), single(s, weir::Context());
  std::vector<weir::CascadeAnswer> out;
  batch.run_batch(policy, 20, from(0), 0, out);
  std::set<std::size_t> exits;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto a = single.run_one(policy, from(i), i);
    CHECK(a.label == out[i].label);
    CHECK(a.exit == out[i].exit);
    CHECK(std::ranges::equal(a.probabilities, out[i].probabilities));
    exits.insert(a.exit);
  }
  CHECK(exits.size() > 1);
  const auto model_of = weir::detail::measure_cost_model(
      batch, from(0), {0, 1, 2, 3, 4, 5}, {{1, 4}, 12, 2}, [](std::size_t, std::span<const double>) {},
      [](std::size_t, std::size_t) {});
  CHECK(model_of.at(0, 2).feature_costs.size() == model_of.at(0, 1).feature_costs.size());
  CHECK(model_of.at(0, 3).feature_costs.at("energy") == doctest::Approx(model_of.at(0, 1).feature_costs.at("energy")));
  const auto bare = weir::detail::keep_groups(model_of, {});
  for (const std::size_t n : {1U, 4U}) {
    CHECK(bare.at(0, n).feature_costs.empty());
    CHECK(bare.at(0, n).cost < model_of.at(0, n).cost);
  }
  CHECK(model_of.expected(0, 4, 0.5).feature_costs.at("energy") ==
        doctest::Approx(model_of.at(0, 1).feature_costs.at("energy")));
}

}  // namespace WEIR_UNIT
