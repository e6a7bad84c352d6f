/// Measured runs that really stop: every contestant on every test image, in turn.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/compare/baselines.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/compare/rules/rule_cascade.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "mode.hpp"

namespace adapt {

/// Somebody who answers test images, one by one or in batches: a policy, a rule, a single network, an oracle that was
/// told the way.
struct Contestant {
  std::string mode, name, kind;  ///< kind: network, learned, beside, curve, rule, random, oracle
  double budget = 0;
  std::shared_ptr<weir::CascadeExecutor> cascade;  ///< shared by all contestants of a mode: one thread runs them all
  weir::InputMaker maker;
  std::function<std::size_t(std::size_t row, std::size_t stage, std::span<const double> x)> decide;

  // What came out, by test image.
  std::vector<std::vector<double>> samples;  ///< [image][round]
  std::vector<double> seconds, loss;         ///< [image] median over rounds; in batches the batch's, divided evenly
  std::vector<std::size_t> exit;
  std::vector<bool> right;        ///< predicted class is the label
  std::vector<int> answer;        ///< [image] predicted class
  std::vector<float> confidence;  ///< [image] its probability

  double mean_cost() const { return mean(seconds); }
  double accuracy() const { return mean(loss_to_accuracy()); }
  static double mean(const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) sum += x;
    return v.empty() ? 0 : sum / static_cast<double>(v.size());
  }
  /// [batches] seconds of whole batches, the last one of what was left over: what is independent of each other.
  std::vector<double> batch_seconds(std::size_t batch) const {
    std::vector<double> sums((seconds.size() + batch - 1) / batch, 0.0);
    for (std::size_t i = 0; i < seconds.size(); ++i) sums[i / batch] += seconds[i];
    return sums;
  }
  std::vector<double> loss_to_accuracy() const {
    std::vector<double> a;
    for (const double l : loss) a.push_back(1 - l);
    return a;
  }
};

/// Images of a block: about 50, and whole batches.
inline std::size_t block_size(std::size_t batch) { return (50 + batch - 1) / batch * batch; }
/// Images before a block that are run and not timed: about 25, and whole batches.
inline std::size_t warm_up_size(std::size_t batch) { return (25 + batch - 1) / batch * batch; }

/// Everybody runs a block of about 50 images, one by one or in batches that images leave where they stop, then the next
/// one runs the same block, and so on; who comes first changes from block to block. So drift of the machine hits all
/// alike. In front of a block it runs, untimed, the images that come before it: so each finds in the caches what it
/// left there itself, as it would if it ran alone, and not what the one before it left, who may share its networks or
/// not. Times are from decoded pixels to the answer: preprocessing, networks, heads, features and gates.
inline void measure(std::vector<Contestant>& contestants, const Part& test, const weir::Loss& loss, std::size_t rounds,
                    std::size_t batch) {
  const std::size_t n = test.size();
  for (Contestant& c : contestants) {
    c.samples.assign(n, {});
    c.loss.assign(n, 0);
    c.exit.assign(n, 0);
    c.right.assign(n, false);
    c.answer.assign(n, -1);
    c.confidence.assign(n, 0);
  }
  const auto rule = [](const Contestant& c, std::size_t row) {
    return [&c, row](std::size_t k, std::span<const double> x) { return c.decide(row, k, x); };
  };
  const auto take = [&](Contestant& c, std::size_t row, const weir::CascadeAnswer& a, double seconds) {
    c.samples[row].push_back(seconds);
    c.loss[row] = loss(a.probabilities, test.label(row));
    c.exit[row] = a.exit;
    c.right[row] = a.label == test.label(row);
    c.answer[row] = a.label;
    c.confidence[row] = a.probabilities[static_cast<std::size_t>(a.label)];
  };
  std::vector<weir::CascadeAnswer> answers;
  const auto run = [&](Contestant& c, std::size_t first, std::size_t size, bool timed) {
    if (batch == 1) {
      const weir::CascadeAnswer a = c.cascade->run_one_with(c.maker, first, rule(c, first));
      if (timed) take(c, first, a, a.seconds);
      return;
    }
    const auto start = std::chrono::steady_clock::now();
    c.cascade->run_batch_with([&](std::size_t net, std::size_t row, weir::View out) { c.maker(net, first + row, out); },
                              size, [&](std::size_t row) { return rule(c, first + row); }, answers);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (std::size_t i = 0; timed && i < size; ++i) take(c, first + i, answers[i], seconds / static_cast<double>(size));
  };
  ProgressLine progress("measuring " + std::to_string(contestants.size()) + " contestants on " + std::to_string(n) +
                        " test images");
  const std::size_t block = block_size(batch);
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t first = 0; first < n; first += block) {
      const std::size_t last = std::min(n, first + block);
      for (std::size_t j = 0; j < contestants.size(); ++j) {
        Contestant& c = contestants[(first / block + round + j) % contestants.size()];
        const std::size_t before = std::min(first == 0 ? n : first, warm_up_size(batch));
        for (std::size_t i = 0; i < before; i += batch) {
          const std::size_t row = (first == 0 ? n : first) - before + i;
          run(c, row, std::min(n - row, batch), false);
        }
        for (std::size_t i = first; i < last; i += batch) run(c, i, std::min(last - i, batch), true);
      }
      progress(round * n + last, rounds * n);
    }
  for (Contestant& c : contestants) {
    c.seconds.clear();
    for (const auto& s : c.samples) c.seconds.push_back(weir::detail::median(s));
  }
}

/// Takes the cheapest way to a stage that was chosen for each image beforehand.
inline std::function<std::size_t(std::size_t, std::size_t, std::span<const double>)> forced(
    const weir::Topology& topology, const weir::Trace& trace, std::vector<std::size_t> exit) {
  std::vector<std::size_t> parent;
  weir::detail::cheapest_costs(topology, trace, &parent);
  std::vector<std::vector<std::size_t>> to(topology.size(), std::vector<std::size_t>(topology.size(), 0));
  for (std::size_t target = 0; target < topology.size(); ++target)
    for (std::size_t k = target; k != 0; k = parent[k]) {
      const auto& next = topology.stages[parent[k]].next;
      to[target][parent[k]] = 1 + static_cast<std::size_t>(std::find(next.begin(), next.end(), k) - next.begin());
    }
  return [to = std::move(to), exit = std::move(exit)](std::size_t row, std::size_t k, std::span<const double>) {
    return to[exit[row]][k];
  };
}

/// A network that runs to one stage and answers there.
inline std::shared_ptr<weir::CascadeExecutor> alone(const weir::Network& network, weir::CascadeStage stage,
                                                    const weir::Context& context) {
  stage.network = 0;
  const auto topology = weir::Topology::chain({stage.name});
  const auto spec = std::make_shared<weir::CascadeSpec>(std::vector<weir::Network>{network},
                                                        std::vector<weir::CascadeStage>{std::move(stage)}, topology);
  return std::make_shared<weir::CascadeExecutor>(spec, context);
}

/// A stage of a cascade that answers everything: its network runs up to it, and the heads that its own sees on the way.
inline std::shared_ptr<weir::CascadeExecutor> alone(const weir::CascadeSpec& spec, std::size_t stage,
                                                    const weir::Context& context) {
  std::vector<weir::CascadeStage> stages;
  std::vector<std::string> names;
  for (const std::size_t k : weir::detail::stages_behind(spec.stages, stage)) {
    stages.push_back(spec.stages[k]);
    stages.back().network = 0;
    names.push_back(stages.back().name);
  }
  const auto made =
      std::make_shared<weir::CascadeSpec>(std::vector<weir::Network>{spec.network(spec.stages[stage].network)},
                                          std::move(stages), weir::Topology::chain(names));
  return std::make_shared<weir::CascadeExecutor>(made, context);
}

/// Everybody who runs: single networks, and for each mode the learned policy, its curve, rules, random exits, oracles.
inline std::vector<Contestant> contestants(const Options& o, const Data& data, Models& models,
                                           std::vector<Mode>& modes) {
  const weir::Context context({.threads = o.threads, .isa = o.isa});
  std::vector<Contestant> all;
  for (std::size_t n = 0; n < models.all.size(); ++n) {
    const Model& m = models.all[n];
    Contestant c;
    c.mode = "network";
    c.name = m.name;
    c.kind = "network";
    c.cascade = alone(m.network, {m.name, 0, m.answer, std::nullopt, m.logits}, context);
    c.maker = models.maker(data.test, {n});
    c.decide = [](std::size_t, std::size_t, std::span<const double>) { return std::size_t{0}; };
    all.push_back(std::move(c));
  }
  for (Mode& m : modes) {
    const auto cascade = std::make_shared<weir::CascadeExecutor>(m.spec, context);
    const auto plain = m.plain == m.spec ? cascade : std::make_shared<weir::CascadeExecutor>(m.plain, context);
    const auto maker = models.maker(data.test, m.nets);
    const auto add = [&](const std::string& name, const std::string& kind, double budget, auto decide) -> Contestant& {
      Contestant c;
      c.mode = m.name;
      c.name = name;
      c.kind = kind;
      c.budget = budget;
      c.cascade = cascade;
      c.maker = maker;
      c.decide = decide;
      all.push_back(std::move(c));
      return all.back();
    };
    const auto mixed = [](const weir::MixedPolicy& p) {
      return [p](std::size_t row, std::size_t k, std::span<const double> x) { return p.pick(row).action(k, x); };
    };
    add(m.learner, "learned", m.learned.budget, mixed(m.learned.choice.policy));
    for (const Learned& l : m.beside) add(l.name, "beside", l.budget, mixed(l.choice.policy));
    for (const Learned& l : m.curve) add(m.learner, "curve", l.budget, mixed(l.choice.policy));
    for (const weir::TunedRule& r : m.rules) {
      Contestant& c = add(r.name, "rule", o.max_loss, mixed(r.policy));
      c.cascade = plain;             // rules read nothing but confidence, and do not pay for more
      if (r.name == "fixed_exit") {  // it looks at no feature, so it runs nothing but the layers and the head it needs
        const auto stage = static_cast<std::size_t>(r.parameter);
        c.cascade = alone(*m.spec, stage, context);
        c.maker = models.maker(data.test, {m.nets[m.spec->stages[stage].network]});
        c.decide = [last = c.cascade->spec().stages.size() - 1](std::size_t, std::size_t k, std::span<const double>) {
          return k < last ? std::size_t{1} : std::size_t{0};
        };
        continue;
      }
      if (const auto own = weir::detail::rule_cascade(m.plain, r); own != m.plain)
        c.cascade = std::make_shared<weir::CascadeExecutor>(own, context);
    }
    const weir::Evaluation planned = weir::evaluate(m.learned.choice.policy, m.test);
    const auto told = [&](const std::string& name, const std::string& kind, double budget,
                          std::vector<std::size_t> exit) {
      add(name, kind, budget, forced(m.spec->topology, m.test, std::move(exit))).cascade = plain;
    };
    told("random exits", "random", o.max_loss, weir::detail::random_exit(m.test, planned, o.seed).exit);
    told("oracle, no excess loss", "oracle", 0, weir::zero_excess_oracle(m.spec->topology, m.test).exit);
    told("oracle, same budget", "oracle", o.max_loss,
         weir::budget_oracle(m.spec->topology, m.test, o.max_loss, loss_side(budget_on(o.budget))).evaluation.exit);
  }
  return all;
}

}  // namespace adapt
