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

#include "count_allocations.hpp"
#include "toy_cascade.hpp"

namespace WEIR_UNIT {

using toy_cascade::counter, toy_cascade::Counter, toy_cascade::tensor;
using weir::CascadeExecutor, weir::CascadeAnswer, weir::CascadeSpec, weir::CascadeStage, weir::Topology, weir::View;

namespace {

using Stages = std::vector<CascadeStage>;

/// Networks A (images), B (vectors), C (images) with counters for every wave.
struct Toys {
  std::vector<Counter> a{counter(), counter(), counter()}, b{counter(), counter()}, c{counter()};
  std::int64_t fixed_batch = 0;
  std::vector<weir::Network> networks() const {
    return {toy_cascade::network("A", {2, 5, 6}, a, fixed_batch), toy_cascade::network("BB", {7}, b),
            toy_cascade::network("CCC", {3, 4, 4}, c)};
  }
};

const CascadeStage a0{"a0", 0, tensor(0), toy_cascade::head(2, 1, 0.1F)},
    a1{"a1", 0, tensor(1), toy_cascade::head(8, 2, 0.2F)}, a{"a", 0, "y", std::nullopt},
    b0{"b0", 1, tensor(0), toy_cascade::head(7, 1, 0.3F)}, b{"b", 1, "y", std::nullopt}, c{"c", 2, "y", std::nullopt};

struct Case {
  std::string name;
  Stages stages;
  Topology topology;
  bool flows;
};

std::vector<Case> cases() {
  return {
      {"early exit", {a0, a1, a}, Topology::chain({"a0", "a1", "a"}), true},
      {"selection", {a, b, c}, Topology::all_later({"a", "b", "c"}), true},
      {"left inside A, on in B and C",
       {a0, a1, a, b0, b, c},
       {{{"a0", {1, 3}}, {"a1", {2, 5}}, {"a", {5}}, {"b0", {4, 5}}, {"b", {5}}, {"c", {}}}},
       true},
      {"exits may be skipped", {a0, a1, a}, Topology::all_later({"a0", "a1", "a"}), false},
      {"B is entered at two places", {a, b0, c, b}, {{{"a", {1, 3}}, {"b0", {2}}, {"c", {}}, {"b", {}}}}, false},
      {"one stage", {c}, Topology::chain({"c"}), true},
  };
}

std::shared_ptr<const CascadeSpec> make(const Case& t, const Toys& toys) {
  return std::make_shared<CascadeSpec>(toys.networks(), t.stages, t.topology);
}

/// Mixes that exit early, late, and in between, so that all stages are reached by some example and left by another.
std::vector<weir::MixedPolicy> mixes(const std::shared_ptr<const CascadeSpec>& spec) {
  std::vector<weir::MixedPolicy> all;
  for (const double share : {0.0, 0.3, 0.6, 0.8, 1.0})
    all.push_back(weir::MixedPolicy::pure(toy_cascade::policy(spec, share)));
  all.push_back({toy_cascade::policy(spec, 0.4), toy_cascade::policy(spec, 0.9), 0.4, 7});
  return all;
}

/// A maker whose row 0 is example `first`.
weir::InputMaker from(std::size_t first) {
  return [first](std::size_t network, std::size_t row, View out) { toy_cascade::fill(network, first + row, out); };
}

struct Expected {
  int label = -1;
  std::vector<std::size_t> visited;
  std::vector<float> probabilities;
};

/// The same by plain means: a fresh executor for every stage, no resume, no batch.
Expected reference(const CascadeSpec& spec, const weir::MixedPolicy& mixed, std::size_t example) {
  const weir::Policy& policy = mixed.pick(example);
  std::vector<std::vector<double>> features(spec.stages.size());
  std::vector<weir::StageAnswer> answers(spec.stages.size());
  Expected e;
  for (std::size_t k = 0;;) {
    const CascadeStage& s = spec.stages[k];
    const weir::Network& net = spec.network(s.network);
    weir::Tensor x(net.input_shape());
    toy_cascade::fill(s.network, example, x.view());
    weir::Executor run(net);
    run.begin(x);
    const weir::ConstView y = run.advance_to(s.tensor);
    e.probabilities.assign(3, 0);
    std::vector<float> scratch(100);
    if (s.head)
      s.head->predict(y.data, spec.example_shape(k), scratch.data(), e.probabilities);
    else
      weir::softmax(y.span(), e.probabilities);
    features[k].resize(spec.feature_names().size());
    e.label = weir::confidence_features(e.probabilities, features[k]);
    answers[k] = {e.label, features[k]};
    e.visited.push_back(k);
    std::vector<double> input(spec.gate_inputs().size(k));
    spec.gate_inputs().fill(k, answers, input);
    const std::size_t action = policy.action(k, input);
    if (action == 0) return e;
    k = policy.next(k, action);
  }
}

void check_equal(const CascadeAnswer& answer, const Expected& e) {
  CHECK(answer.label == e.label);
  CHECK(answer.exit == e.visited.back());
  CHECK(std::vector<float>(answer.probabilities.begin(), answer.probabilities.end()) == e.probabilities);
}

}  // namespace

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
        for (const std::size_t k : e.visited) sum += cascade.stage_cost(k).seconds;
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
      CHECK(many.stage_cost(k).seconds > 0);
      CHECK(many.stage_cost(k).answer_seconds > 0);
      CHECK(many.stage_cost(k).answer_seconds <= many.stage_cost(k).seconds);
      sum += many.stage_cost(k).seconds;
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
    const weir::GateInputs inputs(spec->topology, trace);
    std::vector<weir::RowMatrix> X;
    for (std::size_t k = 0; k < K; ++k) X.push_back(inputs.matrix(trace, k));
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
  CHECK_THROWS_AS(cascade.run_one_with(from(0), 0, [](std::size_t, std::span<const double>) { return std::size_t{9}; }),
                  weir::ArgumentError);
}

TEST_CASE("CascadeExecutor: threads share a spec, each with an executor of its own") {
  const auto spec = make(cases()[2], {});
  const auto all = mixes(spec);
  std::vector<std::vector<int>> exits(3);
  std::vector<std::thread> threads;
  for (auto& own : exits)
    threads.emplace_back([&] {
      CascadeExecutor cascade(spec, weir::Context());
      for (const auto& mix : all)
        for (std::size_t r = 0; r < 30; ++r) own.push_back(static_cast<int>(cascade.run_one(mix, from(r), r).exit));
    });
  for (auto& thread : threads) thread.join();
  CHECK(exits[0] == exits[1]);
  CHECK(exits[0] == exits[2]);
  for (std::size_t r = 0; r < 30; ++r)
    CHECK(exits[0][r] == static_cast<int>(reference(*spec, all[0], r).visited.back()));
}

TEST_CASE("CascadeExecutor: executors that share rows take examples over from each other, in threads of their own") {
  for (const Case& t : cases()) {
    if (!t.flows) continue;
    INFO(t.name);
    const auto spec = make(t, {});
    const auto all = mixes(spec);
    const std::size_t n = 24, n_threads = 3, stages = spec->stages.size();
    const auto store = std::make_shared<weir::CascadeRows>(*spec);
    store->reserve(n);
    std::vector<std::unique_ptr<CascadeExecutor>> executors;
    for (std::size_t i = 0; i < n_threads; ++i)
      executors.push_back(std::make_unique<CascadeExecutor>(spec, weir::Context(), store));
    for (const auto& mix : all) {
      std::vector<std::size_t> at(n, 0);  // stage in front of which a row waits; stages: answered
      std::vector<CascadeAnswer> answers(n);
      std::vector<std::vector<float>> probabilities(n);
      for (std::size_t k = 0; k < stages; ++k) {
        if (!spec->starts_network(k)) continue;
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < n_threads; ++i)
          threads.emplace_back([&, i] {
            std::vector<std::size_t> rows;  // another share than in front of the network before
            for (std::size_t r = 0; r < n; ++r)
              if ((r + k) % n_threads == i && at[r] == k) rows.push_back(r);
            executors[i]->run_network(
                k, rows, from(0),
                [&](std::size_t r) {
                  return
                      [&mix, r](std::size_t stage, std::span<const double> x) { return mix.pick(r).action(stage, x); };
                },
                [&](const CascadeAnswer& answer, std::size_t r) {
                  answers[r] = answer;
                  probabilities[r].assign(answer.probabilities.begin(), answer.probabilities.end());
                  at[r] = stages;
                },
                [&](std::size_t next, std::size_t r) { at[r] = next; });
          });
        for (auto& thread : threads) thread.join();
      }
      for (std::size_t r = 0; r < n; ++r) {
        CHECK(at[r] == stages);
        answers[r].probabilities = probabilities[r];
        check_equal(answers[r], reference(*spec, mix, r));
      }
    }
  }
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

TEST_CASE("CascadeSpec: what does not fit is refused") {
  const auto spec = [](Stages stages, const Topology& topology) {
    return CascadeSpec(Toys{}.networks(), std::move(stages), topology);
  };
  const auto two = Topology::chain({"a0", "a"});
  CHECK_NOTHROW(spec({a0, a}, two));
  CHECK_THROWS_AS(spec({a0}, two), weir::ArgumentError);
  CHECK_THROWS_AS(spec({a, a0}, two), weir::ArgumentError);                                   // other names
  CHECK_THROWS_AS(spec({a, a0}, Topology::chain({"a", "a0"})), weir::ArgumentError);          // backwards
  CHECK_THROWS_AS(spec({a0, b, a}, Topology::chain({"a0", "b", "a"})), weir::ArgumentError);  // comes back
  CHECK_THROWS_AS(spec({{"a0", 3, "y", std::nullopt}, a}, two), weir::ArgumentError);         // no such network
  CHECK_THROWS_AS(spec({{"a0", 0, "z", std::nullopt}, a}, two), weir::ArgumentError);         // no such tensor
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), std::nullopt}, a}, two), weir::ShapeError);      // 60 classes
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), toy_cascade::head(3, 1, 0)}, a}, two), weir::ShapeError);
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), toy_cascade::head(72, 6, 0)}, a}, two), weir::ShapeError);
  CHECK_THROWS_AS(spec({{"a0", 0, tensor(0), weir::ExitHead({1}, 2, {1, 2, 3, 4}, {0, 0})}, a}, two), weir::ShapeError);

  const auto good = make(cases()[0], {});
  CHECK_THROWS_AS(good->check(weir::MixedPolicy::pure(toy_cascade::policy(make(cases()[1], {}), 0.5))),
                  weir::ArgumentError);
  weir::MixedPolicy wrong = weir::MixedPolicy::pure(toy_cascade::policy(good, 0.5));
  CHECK_NOTHROW(good->check(wrong));
  wrong.b.gates[0] = weir::Gate::constant(0, 2, 4);
  CHECK_THROWS_AS(good->check(wrong), weir::ShapeError);
}

TEST_CASE("CascadeExecutor: features that do not tell classes apart; networks that end in probabilities") {
  const auto plain =
      std::make_shared<CascadeSpec>(Toys{}.networks(), Stages{a0, a}, Topology::chain({"a0", "a"}), false);
  CHECK(plain->feature_names() == weir::confidence_feature_names(3, false));
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

TEST_CASE("CascadeSpec: a network is loaded once, however many threads ask for it") {
  const Case t = cases()[1];
  const auto nets = Toys{}.networks();
  std::vector<std::atomic<int>> loads(3);
  std::vector<weir::NetworkSource> sources;
  for (std::size_t n = 0; n < 3; ++n)
    sources.push_back({[&, n] {
                         ++loads[n];
                         std::this_thread::sleep_for(std::chrono::milliseconds(10));  // so that all meet here
                         return nets[n];
                       },
                       true});
  const auto lazy = std::make_shared<CascadeSpec>(std::move(sources), 3, t.stages, t.topology);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      CascadeExecutor cascade(lazy, weir::Context());
      cascade.run_one_with(from(i), 0, [](std::size_t k, std::span<const double>) { return k == 0 ? 1U : 0U; });
    });
  for (auto& thread : threads) thread.join();
  CHECK(loads[0] == 1);
  CHECK(loads[1] == 1);
  CHECK(loads[2] == 0);
}

TEST_CASE("CascadeSpec: networks are loaded when they first run, once, and checked then") {
  const Case t = cases()[1];  // a, b, c: one network each
  const auto nets = Toys{}.networks();
  std::vector<int> loads(3, 0);
  bool broken = false;
  const auto sources = [&](bool rows_leave) {
    std::vector<weir::NetworkSource> all;
    for (std::size_t n = 0; n < 3; ++n)
      all.push_back({[&, n] {
                       ++loads[n];
                       if (broken) throw weir::FormatError("damaged");
                       return nets[n];
                     },
                     rows_leave});
    return all;
  };
  const auto lazy = std::make_shared<CascadeSpec>(sources(true), 3, t.stages, t.topology);
  const auto eager = make(t, {});
  CHECK(lazy->flows_in_batches());
  CHECK(lazy->feature_names() == eager->feature_names());
  CHECK(loads == std::vector<int>{0, 0, 0});
  CascadeExecutor cascade(lazy, weir::Context()), other(lazy, weir::Context());
  const auto stop = mixes(eager)[0], all_the_way = mixes(eager)[4];  // made with a spec of its own
  check_equal(cascade.run_one(stop, from(3), 3), reference(*eager, stop, 3));
  CHECK(loads == std::vector<int>{1, 0, 0});
  broken = true;
  CHECK_THROWS_AS(cascade.run_one(all_the_way, from(3), 3), weir::FormatError);
  CHECK(!lazy->is_loaded(1));
  broken = false;
  std::vector<CascadeAnswer> answers;
  other.run_batch(all_the_way, 5, from(0), 0, answers);
  for (std::size_t r = 0; r < 5; ++r) check_equal(answers[r], reference(*eager, all_the_way, r));
  check_equal(cascade.run_one(all_the_way, from(3), 3), reference(*eager, all_the_way, 3));
  CHECK(loads[0] == 1);
  CHECK(loads[1] + loads[2] <= 4);  // at most one failure and one success each
  CHECK(lazy->networks().size() == 3);

  // What was stated of a network and does not hold.
  const auto refuses = [&](const std::shared_ptr<const CascadeSpec>& spec) {
    CascadeExecutor run(spec, weir::Context());
    CHECK_THROWS_AS(run.run_one_with(from(0), 0, [](std::size_t, std::span<const double>) { return std::size_t{0}; }),
                    weir::Error);
  };
  refuses(std::make_shared<CascadeSpec>(sources(true), 4, t.stages, t.topology));  // classes
  const auto backwards = Topology::chain({"a", "a0"});
  refuses(std::make_shared<CascadeSpec>(sources(true), 3, Stages{a, a0}, backwards));
  const auto missing = Topology::chain({"a0", "a"});
  refuses(std::make_shared<CascadeSpec>(sources(true), 3, Stages{{"a0", 0, "z", std::nullopt}, a}, missing));
  Toys single;
  single.fixed_batch = 1;
  const auto fixed = single.networks()[0];
  const std::vector<weir::NetworkSource> claims{{[&] { return fixed; }, true}}, honest{{[&] { return fixed; }, false}};
  const auto one = Topology::chain({"a"});
  refuses(std::make_shared<CascadeSpec>(claims, 3, Stages{a}, one));
  CHECK_FALSE(std::make_shared<CascadeSpec>(honest, 3, Stages{a}, one)->flows_in_batches());
}

}  // namespace WEIR_UNIT
