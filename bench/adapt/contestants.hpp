/// Who is measured on the test images, and how they answer one.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/compare/baselines.hpp>
#include <weir/policy/compare/oracle.hpp>
#include <weir/policy/compare/rules/rule.hpp>
#include <weir/policy/compare/rules/rule_cascade.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/trace/trace.hpp>

#include "learned.hpp"

namespace adapt {

/// What a contestant does at a stage of image `row` whose gate sees x: 0 exits, j > 0 goes on to the j-th successor.
using Decide = std::function<std::size_t(std::size_t row, std::size_t stage, std::span<const double> x)>;

/// Who answers test images, one by one or in batches: a policy, a rule, a single network, an oracle that is given the
/// exits.
struct Contestant {
  std::string mode, name, kind;  ///< kind: network, learned, beside, curve, rule, random, oracle
  double budget = 0;
  std::shared_ptr<weir::CascadeExecutor> cascade;  ///< shared by all contestants of a mode: one thread runs them all
  weir::InputMaker maker;
  Decide decide;
};

/// Takes the cheapest way to a stage that was chosen for each image beforehand.
inline Decide forced(const weir::Topology& topology, const weir::Trace& trace, std::vector<std::size_t> exit) {
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

/// A network that answers every image itself.
inline Contestant network_contestant(const Models& models, std::size_t n, const Part& test,
                                     const weir::Context& context) {
  const Model& m = models.all[n];
  return {"network",
          m.name,
          "network",
          0,
          alone(m.network, {m.name, 0, m.answer, std::nullopt, m.logits}, context),
          models.maker(test, {n}),
          [](std::size_t, std::size_t, std::span<const double>) { return std::size_t{0}; }};
}

/// The contestants of one mode.
class ModeContestants {
 public:
  ModeContestants(const TestedMode& m, const Options& o, const Part& test, const Models& models,
                  const weir::Context& context)
      : m_(m),
        o_(o),
        test_(test),
        models_(models),
        context_(context),
        cascade_(std::make_shared<weir::CascadeExecutor>(m.spec, context)),
        plain_(m.plain == m.spec ? cascade_ : std::make_shared<weir::CascadeExecutor>(m.plain, context)),
        maker_(models.maker(test, m.nets)) {}

  /// The learned policy, those beside it, its curve, the rules, random exits and oracles, in this order.
  std::vector<Contestant> all() const {
    std::vector<Contestant> made{policy(m_.learner, "learned", m_.learned)};
    for (const Learned& l : m_.beside) made.push_back(policy(l.name, "beside", l));
    for (const Learned& l : m_.curve) made.push_back(policy(m_.learner, "curve", l));
    for (const weir::TunedRule& r : m_.rules) made.push_back(r.name == "fixed_exit" ? fixed_exit(r) : rule(r));
    const weir::Topology& topology = m_.spec->topology;
    const weir::Evaluation planned = weir::evaluate(m_.learned.choice.policy, m_.test);
    made.push_back(
        given("random exits", "random", o_.max_loss, weir::detail::random_exit(m_.test, planned, o_.seed).exit));
    made.push_back(given("oracle, no excess loss", "oracle", 0, weir::zero_excess_oracle(topology, m_.test).exit));
    made.push_back(
        given("oracle, same budget", "oracle", o_.max_loss,
              weir::budget_oracle(topology, m_.test, o_.max_loss, loss_side(budget_on(o_.budget))).evaluation.exit));
    return made;
  }

 private:
  static Decide mixed(const weir::MixedPolicy& p) {
    return [p](std::size_t row, std::size_t k, std::span<const double> x) { return p.pick(row).action(k, x); };
  }

  Contestant policy(const std::string& name, const std::string& kind, const Learned& l) const {
    return {m_.name, name, kind, l.budget, cascade_, maker_, mixed(l.choice.policy)};
  }

  /// Most rules read nothing but confidence, and none pays for what it does not read.
  Contestant rule(const weir::TunedRule& r) const {
    const auto own = weir::detail::rule_cascade(r.groups.empty() ? m_.plain : with_features(*m_.spec, r.groups), r);
    return {m_.name,
            r.name,
            "rule",
            o_.max_loss,
            own == m_.plain ? plain_ : std::make_shared<weir::CascadeExecutor>(own, context_),
            maker_,
            mixed(r.policy)};
  }

  /// It looks at no feature, so it runs nothing but the layers and the head it needs.
  Contestant fixed_exit(const weir::TunedRule& r) const {
    const auto stage = static_cast<std::size_t>(r.parameter);
    auto cascade = alone(*m_.spec, stage, context_);
    const std::size_t last = cascade->spec().stages.size() - 1;
    return {m_.name,
            r.name,
            "rule",
            o_.max_loss,
            std::move(cascade),
            models_.maker(test_, {m_.nets[m_.spec->stages[stage].network]}),
            [last](std::size_t, std::size_t k, std::span<const double>) {
              return k < last ? std::size_t{1} : std::size_t{0};
            }};
  }

  /// exit: of each image.
  Contestant given(const std::string& name, const std::string& kind, double budget,
                   std::vector<std::size_t> exit) const {
    return {m_.name, name, kind, budget, plain_, maker_, forced(m_.spec->topology, m_.test, std::move(exit))};
  }

  const TestedMode& m_;
  const Options& o_;
  const Part& test_;
  const Models& models_;
  const weir::Context& context_;
  std::shared_ptr<weir::CascadeExecutor> cascade_, plain_;
  weir::InputMaker maker_;
};

/// All who run: single networks, and for each mode the learned policy, its curve, rules, random exits, oracles.
inline std::vector<Contestant> contestants(const Options& o, const Data& data, const Models& models,
                                           const std::vector<TestedMode>& modes) {
  const weir::Context context({.threads = o.threads, .isa = o.isa});
  std::vector<Contestant> all;
  for (std::size_t n = 0; n < models.all.size(); ++n) all.push_back(network_contestant(models, n, data.test, context));
  for (const TestedMode& m : modes)
    for (Contestant& c : ModeContestants(m, o, data.test, models, context).all()) all.push_back(std::move(c));
  return all;
}

/// Images of a block: about 50, and whole batches.
inline std::size_t block_size(std::size_t batch) { return (50 + batch - 1) / batch * batch; }
/// Images before a block that are run and not timed: about 25, and whole batches.
inline std::size_t warm_up_size(std::size_t batch) { return (25 + batch - 1) / batch * batch; }

}  // namespace adapt
