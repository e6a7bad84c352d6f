#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <weir/core/context.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_rows.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/not_finite.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../cascade_cases.hpp"
#include "../count_allocations.hpp"

namespace WEIR_UNIT {

using namespace cascade_cases;
using weir::CascadeExecutor;

TEST_CASE("CascadeExecutor: one example at a time, against fresh executors without resume") {
  for (const Case& t : cases()) {
    INFO(t.name);
    const auto spec = make(t, {});
    CascadeExecutor cascade(spec, weir::Context());
    std::set<std::size_t> exits;
    for (const auto& mix : mixes(spec)) {
      spec->check(mix);
      for (std::size_t example = 0; example < 40; ++example) {
        const Expected e = reference(*spec, mix, example);
        const CascadeAnswer answer = cascade.run_one(mix, from(example), example);
        check_equal(answer, e);
        CHECK(std::vector<std::size_t>(cascade.visited().begin(), cascade.visited().end()) == e.visited);
        double sum = 0;
        for (const std::size_t k : e.visited) sum += cascade.stage_cost(k).cost;
        CHECK(answer.seconds == doctest::Approx(sum));
        exits.insert(answer.exit);
      }
    }
    CHECK(exits.size() == spec->stages.size());  // else the test has seen too little
  }
}

TEST_CASE("CascadeExecutor: a batch gives each example run_one's answer, to the last bit") {
  for (const Case& t : cases()) {
    INFO(t.name);
    const auto spec = make(t, {});
    CHECK(spec->flows_in_batches() == t.flows);
    CascadeExecutor batch(spec, weir::Context());
    std::vector<CascadeAnswer> answers;
    for (const auto& mix : mixes(spec))
      for (const std::size_t n : {1U, 2U, 13U, 40U, 5U}) {
        batch.run_batch(mix, n, from(3), 3, answers);
        REQUIRE(answers.size() == n);
        for (std::size_t r = 0; r < n; ++r) check_equal(answers[r], reference(*spec, mix, 3 + r));
      }
    batch.run_batch(mixes(spec)[0], 0, from(0), 0, answers);
    CHECK(answers.empty());
  }
}

TEST_CASE("CascadeExecutor: a batch under any rule; what each stage took of it") {
  for (const Case& t : cases()) {
    const auto spec = make(t, Toys());
    CascadeExecutor one(spec, weir::Context()), many(spec, weir::Context());
    // Not a policy: looks at the example and counts how often it is asked.
    std::map<std::size_t, int> asked;
    const auto rule = [&](std::size_t row) {
      return [&, row](std::size_t k, std::span<const double>) {
        ++asked[k];
        return (row + k) % spec->topology.n_actions(k);
      };
    };
    std::vector<CascadeAnswer> answers;
    many.run_batch_with(toy_cascade::fill, 13, rule, answers);
    REQUIRE(answers.size() == 13);
    const auto in_batch = asked;
    asked.clear();
    std::set<std::size_t> visited;
    for (std::size_t r = 0; r < 13; ++r) {
      const CascadeAnswer alone = one.run_one_with(toy_cascade::fill, r, rule(r));
      visited.insert(one.visited().begin(), one.visited().end());
      CHECK(answers[r].exit == alone.exit);
      CHECK(answers[r].label == alone.label);
      CHECK(std::ranges::equal(answers[r].probabilities, alone.probabilities));
    }
    CHECK(asked == in_batch);
    double sum = 0;
    for (const std::size_t k : visited) {
      CHECK(many.stage_cost(k).cost > 0);
      CHECK(many.stage_cost(k).answer_cost > 0);
      CHECK(many.stage_cost(k).answer_cost <= many.stage_cost(k).cost);
      sum += many.stage_cost(k).cost;
    }
    double last = 0;
    for (const CascadeAnswer& each : answers) last = std::max(last, each.seconds);
    if (t.flows) CHECK(sum <= last * 1.0001 + 1e-6);
    many.run_batch_with(toy_cascade::fill, 0, rule, answers);
    CHECK(answers.empty());
  }
}

TEST_CASE("CascadeExecutor: what is not needed is not computed, and nothing is computed twice") {
  for (const bool in_batch : {false, true})
    for (const Case& t : cases()) {
      INFO(t.name << std::string(in_batch ? ", batch" : ", one by one"));
      Toys toys;
      const auto spec = make(t, toys), apart = make(t, {});  // reference() shall not touch the counters
      CascadeExecutor cascade(spec, weir::Context());
      for (const auto& mix : mixes(spec)) {
        for (auto* all : {&toys.a, &toys.b, &toys.c})
          for (const Counter& one : *all) *one = 0;
        std::map<std::size_t, int> made;  // by network
        const weir::InputMaker maker = [&](std::size_t network, std::size_t row, View out) {
          ++made[network];
          CHECK(out.shape == spec->network(network).input_shape());
          toy_cascade::fill(network, row, out);
        };
        const std::size_t n = 20;
        std::vector<CascadeAnswer> answers;
        if (in_batch) cascade.run_batch(mix, n, maker, 0, answers);
        std::map<std::size_t, int> started;
        std::map<std::string, int> computed;  // rows of each wave, by network and number
        for (std::size_t r = 0; r < n; ++r) {
          if (!in_batch)
            cascade.run_one(
                mix, [&](std::size_t net, std::size_t, View out) { maker(net, r, out); }, r);
          std::map<std::size_t, std::size_t> depth;  // waves by network
          for (const std::size_t k : reference(*apart, mix, r).visited) {
            const CascadeStage& s = spec->stages[k];
            const std::size_t waves = s.tensor == "y" ? (s.network == 0   ? 3
                                                         : s.network == 1 ? 2
                                                                          : 1)
                                                      : static_cast<std::size_t>(s.tensor.back() - '0') + 1;
            depth[s.network] = std::max(depth[s.network], waves);
          }
          for (const auto& [network, waves] : depth) {
            ++started[network];
            for (std::size_t w = 0; w < waves; ++w) ++computed[std::to_string(network) + "/" + std::to_string(w)];
          }
        }
        CHECK(made == started);
        const auto compare = [&](const std::string& network, const std::vector<Counter>& waves) {
          for (std::size_t w = 0; w < waves.size(); ++w)
            CHECK(waves[w]->load() == computed[network + "/" + std::to_string(w)]);
        };
        compare("0", toys.a);
        compare("1", toys.b);
        compare("2", toys.c);
      }
    }
}

TEST_CASE("CascadeExecutor: recorded answers and features are those that gates see, to the last bit") {
  for (const Case& t : cases()) {
    INFO(t.name);
    const auto spec = make(t, {});
    const std::size_t n = 40, d = spec->feature_names().size(), K = spec->stages.size();
    weir::Trace trace;
    trace.label.assign(n, 0);
    for (const CascadeStage& s : spec->stages)
      trace.stages.push_back({s.name, 1, spec->feature_names(),
                              Eigen::MatrixXd(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(d)),
                              std::vector<int>(n, -1), Eigen::VectorXd::Zero(static_cast<Eigen::Index>(n))});
    std::vector<std::vector<float>> recorded(K * n);
    CascadeExecutor cascade(spec, weir::Context());
    std::size_t calls = 0;
    // In batches of another size than those that run later.
    for (std::size_t first = 0; first < n; first += 16)
      cascade.record(
          std::min<std::size_t>(16, n - first), from(first),
          [&](std::size_t k, std::size_t r, int prediction, std::span<const float> p, std::span<const double> x) {
            ++calls;
            recorded[k * n + first + r].assign(p.begin(), p.end());
            trace.stages[k].prediction[first + r] = prediction;
            REQUIRE(x.size() == d);
            for (std::size_t j = 0; j < d; ++j)
              trace.stages[k].features(static_cast<Eigen::Index>(first + r), static_cast<Eigen::Index>(j)) = x[j];
          });
    CHECK(calls == K * n);
    const weir::detail::GateInputs inputs = weir::detail::gate_inputs(spec->topology, trace);
    std::vector<weir::detail::RowMatrix> X;
    for (std::size_t k = 0; k < K; ++k) X.push_back(weir::detail::gate_matrix(inputs, trace, k));
    for (const auto& mix : mixes(spec)) {
      const auto planned = weir::evaluate(mix, trace);
      for (std::size_t r = 0; r < n; ++r) {
        const CascadeAnswer answer = cascade.run_one_with(from(r), 0, [&](std::size_t k, std::span<const double> x) {
          const auto row = X[k].row(static_cast<Eigen::Index>(r));
          CHECK(std::equal(x.begin(), x.end(), row.begin(), row.end()));
          return mix.pick(r).action(k, x);
        });
        CHECK(answer.exit == planned.exit[r]);
        CHECK(answer.label == trace.stages[answer.exit].prediction[r]);
        CHECK(std::equal(answer.probabilities.begin(), answer.probabilities.end(),
                         recorded[answer.exit * n + r].begin()));
      }
    }
    cascade.record(0, from(0),
                   [](std::size_t, std::size_t, int, std::span<const float>, std::span<const double>) { FAIL(""); });
  }
}

TEST_CASE("CascadeExecutor: no allocation once a batch size has run") {
  for (const Case& t : cases()) {
    INFO(t.name);
    const auto spec = make(t, {});
    CascadeExecutor cascade(spec, weir::Context());
    const auto all = mixes(spec);
    const weir::InputMaker maker = toy_cascade::fill;
    std::vector<CascadeAnswer> answers;
    std::size_t spent = 0;
    for (const bool counted : {false, true})
      for (const auto& mix : all) {
        const std::size_t before = weir_test::allocations();
        for (std::size_t id = 0; id < 10; ++id) cascade.run_one(mix, maker, id);
        cascade.run_batch(mix, 9, maker, 0, answers);
        if (counted) spent += weir_test::allocations() - before;
      }
    CHECK(spent == 0);
  }
}

TEST_CASE("CascadeExecutor: after an exception the next run starts afresh") {
  const Case t = cases()[2];
  const auto spec = make(t, {});
  CascadeExecutor cascade(spec, weir::Context());
  for (const auto& mix : mixes(spec))
    for (std::size_t network = 0; network < 3; ++network) {
      int countdown = 3;
      const weir::InputMaker failing = [&](std::size_t net, std::size_t row, View out) {
        if (net == network && --countdown == 0) throw std::runtime_error("no image");
        toy_cascade::fill(net, row, out);
        if (net == network && countdown == 1) out.data[0] = std::nanf("");
      };
      std::vector<CascadeAnswer> answers;
      try {
        cascade.run_batch(mix, 6, failing, 0, answers);
        for (int i = 0; i < 3; ++i) cascade.run_one(mix, failing, 0);
      } catch (const std::runtime_error&) {  // no image, or weir's refusal of NaN
      }
      check_equal(cascade.run_one(mix, from(5), 5), reference(*spec, mix, 5));
      cascade.run_batch(mix, 4, from(0), 0, answers);
      for (std::size_t r = 0; r < 4; ++r) check_equal(answers[r], reference(*spec, mix, r));
    }
  CHECK_THROWS_AS(
      cascade.run_one(
          mixes(spec)[4], [](std::size_t, std::size_t, View out) { std::ranges::fill(out.span(), std::nanf("")); }, 0),
      weir::ArgumentError);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const weir::InputMaker third = [&](std::size_t net, std::size_t row, View out) {
      toy_cascade::fill(net, row, out);
      if (row == 3) std::ranges::fill(out.span(), bad);
    };
    try {
      std::vector<CascadeAnswer> answers;
      cascade.run_batch(mixes(spec)[4], 6, third, 0, answers);
      FAIL("an answer that is not finite was taken");
    } catch (const weir::NotFiniteError& e) {
      CHECK(e.row() == 3);
      const std::string what = e.what();
      const weir::CascadeStage& s = spec->stages[0];
      CHECK(
          what.starts_with(spec->network(s.network).source() + ", tensor '" + s.tensor + "': the answer for image 3 "));
      CHECK(std::string(e.at("image 'a.png'").what()).find("the answer for image 'a.png' is ") != std::string::npos);
    }
  }
  CHECK_THROWS_AS(cascade.run_one_with(from(0), 0, [](std::size_t, std::span<const double>) { return std::size_t{9}; }),
                  weir::ArgumentError);
}

TEST_CASE("CascadeExecutor: a network exported for single images runs one by one, for batches it is refused") {
  Toys toys;
  toys.fixed_batch = 1;
  const auto spec = make(cases()[0], toys), free = make(cases()[0], {});
  CHECK_FALSE(spec->flows_in_batches());
  CascadeExecutor cascade(spec, weir::Context());
  std::vector<CascadeAnswer> answers;
  for (const auto& mix : mixes(spec)) {
    cascade.run_batch(mix, 7, from(0), 0, answers);
    for (std::size_t r = 0; r < 7; ++r) check_equal(answers[r], reference(*free, mix, r));
  }
  std::set<std::pair<std::size_t, std::size_t>> seen;
  cascade.record(5, from(0), [&](std::size_t k, std::size_t r, int, std::span<const float>, std::span<const double>) {
    seen.emplace(k, r);
  });
  CHECK(seen.size() == 15);
  toys.fixed_batch = 4;
  CHECK_THROWS_AS(make(cases()[0], toys), weir::ArgumentError);
}

TEST_CASE("CascadeExecutor: features that do not tell classes apart; networks that end in probabilities") {
  const auto plain =
      std::make_shared<CascadeSpec>(Toys{}.networks(), Stages{a0, a}, Topology::chain({"a0", "a"}), false);
  CHECK(plain->feature_names() == weir::detail::confidence_feature_names(3, false));
  CascadeExecutor cascade(plain, weir::Context());
  const auto seen = cascade.run_one_with(from(0), 0, [&](std::size_t, std::span<const double> x) {
    CHECK(x.size() == 6);
    return std::size_t{1};
  });
  CHECK(seen.exit == 1);
  // The logits of an arbitrary network are no probabilities; taken for such they arrive as they are, or are refused.
  const CascadeStage raw{"a", 0, "y", std::nullopt, false};
  CascadeExecutor direct(std::make_shared<CascadeSpec>(Toys{}.networks(), Stages{raw}, Topology::chain({"a"})),
                         weir::Context());
  weir::Executor run(Toys{}.networks()[0]);
  int passed = 0, refused = 0;
  for (std::size_t example = 0; example < 30; ++example) {
    weir::Tensor x(run.network().input_shape());
    toy_cascade::fill(0, example, x.view());
    run.begin(x);
    const weir::ConstView y = run.finish();
    const auto stop = [](std::size_t, std::span<const double>) { return std::size_t{0}; };
    if (std::ranges::any_of(y.span(), [](float v) { return v < 0; })) {
      CHECK_THROWS_AS(direct.run_one_with(from(example), 0, stop), weir::ArgumentError);
      ++refused;
    } else {
      const auto p = direct.run_one_with(from(example), 0, stop).probabilities;
      CHECK(std::equal(p.begin(), p.end(), y.data));
      ++passed;
    }
  }
  CHECK(refused > 0);
  CHECK(passed + refused == 30);
}

}  // namespace WEIR_UNIT
