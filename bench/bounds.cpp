// How often each way of choosing a policy breaks its bound on new examples, and how much speed the bound costs.
#include <cmath>
#include <cstdio>
#include <numeric>
#include <weir/core/isa.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/trace/trace.hpp>

#include "bounds/methods.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "progress.hpp"
#include "results_folder.hpp"

namespace {

using namespace bounds_bench;

struct Options {
  std::vector<std::string> traces;
  std::string topology = "chain", learner = "logistic", risk = "excess", csv;
  std::size_t splits = 1000, calibration = 0;
  double epsilon = 0.01, delta = 0.05;
  std::uint64_t seed = 0;
};

/// The family on all calibration and test examples together: [pool, members].
struct Pool {
  weir::PolicyFamily family;
  Eigen::MatrixXd risk;
  std::vector<double> cost;
  double full_cost = 0;  ///< on the way through the topology
  double pass_cost = 0;  ///< of the full network only, without the answers of exits before its end
  std::size_t n_training = 0;
};

Pool load_pool(const Options& o) {
  weir::Trace policy = weir::read_trace(o.traces[0]);
  std::vector<weir::Trace> parts;
  for (std::size_t f = 1; f < o.traces.size(); ++f) parts.push_back(weir::read_trace(o.traces[f]));
  if (parts.empty()) {
    std::vector<Eigen::Index> halves[2];
    for (std::size_t i = 0; i < policy.size(); ++i)
      halves[weir::detail::counter_uniform(o.seed, i) < 0.5 ? 0 : 1].push_back(static_cast<Eigen::Index>(i));
    parts.push_back(policy.rows(halves[1]));
    policy = policy.rows(halves[0]);
  }
  std::vector<std::string> names;
  for (const auto& stage : policy.stages) names.push_back(stage.name);
  program::ProgressLine progress("learning policies");
  weir::TrainOptions train = weir::detail::with_learner({}, o.learner);
  train.folds = std::min<std::size_t>(5, policy.size());
  train.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
  const weir::Risk risk = o.risk == "excess" ? weir::Risk::excess
                          : o.risk == "net"  ? weir::Risk::net
                                             : weir::Risk::disagreement;
  if (risk == weir::Risk::net) train.side = weir::detail::LossSide::difference;
  const weir::PolicyTrainer trainer(
      policy, o.topology == "chain" ? weir::Topology::chain(names) : weir::Topology::all_later(names), train);
  std::vector<double> risks;
  for (int level = 1; level <= 80; ++level) risks.push_back(o.epsilon * level / 40);
  Pool pool{weir::policy_family(trainer, trainer.train_path(24), risk, risks, o.seed), {}, {}, 0, 0, policy.size()};
  Eigen::MatrixXd cost;
  for (const weir::Trace& part : parts) {
    const weir::FamilyTable table = weir::evaluate(pool.family, part);
    const Eigen::Index before = pool.risk.rows();
    pool.risk.conservativeResize(before + table.risk.rows(), table.risk.cols());
    pool.risk.bottomRows(table.risk.rows()) = table.risk;
    cost.conservativeResize(before + table.risk.rows(), table.risk.cols());
    cost.bottomRows(table.risk.rows()) = table.cost;
  }
  for (Eigen::Index j = 0; j < cost.cols(); ++j) pool.cost.push_back(cost.col(j).mean());
  pool.pass_cost = policy.select({policy.full()}).stages[0].cost;
  pool.full_cost = weir::detail::cheapest_costs(trainer.topology(), policy).back();
  return pool;
}

/// `fresh`: calibration examples are drawn with replacement, so that the pool's mean is the true risk, the one that the
/// theorems bound. Else a split into calibration and test examples, where the test part's mean counts: an estimate,
/// whose own chance (and what calibration drew is missing there) adds violations.
Population recorded(const Pool& pool, const Options& o, bool fresh) {
  Population p;
  p.name = fresh ? "fresh draws, true risk" : "splits, mean of the test part";
  p.exact = fresh;
  const auto size = static_cast<std::size_t>(pool.risk.rows());
  p.n = o.calibration == 0 ? size / 2 : o.calibration;
  if (p.n == 0 || p.n >= size)
    throw weir::ArgumentError("--calibration: the traces hold " + std::to_string(size) + " examples");
  for (const auto& point : pool.family.predicted) p.predicted.push_back(point.loss);
  p.n_training = pool.n_training;
  p.full_cost = pool.full_cost;
  p.pass_cost = pool.pass_cost;
  p.cost = pool.cost;
  p.zero_one = (pool.risk.array() == 0 || pool.risk.array() == 1).all();
  p.paired = o.risk == "net";
  p.draw = [&pool, n = p.n, fresh, size, paired = p.paired](Uniforms& uniform) {
    std::vector<Eigen::Index> rows(size);
    std::iota(rows.begin(), rows.end(), Eigen::Index{0});
    for (std::size_t i = 0; i < n; ++i) {
      if (fresh)
        rows[i] = static_cast<Eigen::Index>(uniform.below(size));
      else
        std::swap(rows[i], rows[i + uniform.below(size - i)]);
    }
    rows.resize(n);
    Draw d{pool.risk(rows, Eigen::all), pool.risk.colwise().mean()};
    if (!fresh) d.truth = (pool.risk.colwise().sum() - d.calibration.colwise().sum()) / static_cast<double>(size - n);
    if (paired) d.calibration = (d.calibration.array() + 1) / 2;
    return d;
  };
  return p;
}

struct Score {
  std::size_t violations = 0, full = 0;
  double risk = 0, cost = 0;
};

void compare(const Population& p, const Options& o, std::string& csv) {
  const auto all = methods(p, o.epsilon, o.delta);
  std::vector<Score> scores(all.size());
  {
    program::ProgressLine progress(p.name);
    Uniforms uniform(o.seed + 1);
    for (std::size_t s = 0; s < o.splits; ++s) {
      const Draw d = p.draw(uniform);
      for (std::size_t k = 0; k < all.size(); ++k) {
        const auto j = all[k].choose(d.calibration);
        const double risk = j ? d.truth(static_cast<Eigen::Index>(*j)) : 0;
        scores[k].violations += risk > o.epsilon ? 1 : 0;
        scores[k].full += j ? 0 : 1;
        scores[k].risk += risk / static_cast<double>(o.splits);
        scores[k].cost += (j ? p.cost[*j] : p.full_cost) / static_cast<double>(o.splits);
      }
      progress(s + 1, o.splits);
    }
  }
  std::printf("\n%s: %zu calibration examples, %zu members\n%-44s %10s %16s %9s %8s %8s %8s\n", p.name.c_str(), p.n,
              p.predicted.size(), "method", "violations", "95 % limits", "mean risk", "speed-up", "of naive",
              "no exit");
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Score& s = scores[k];
    const auto limits = weir::clopper_pearson(s.violations, o.splits);
    const auto percent = [&](double x) { return 100 * x; };
    const double n = static_cast<double>(o.splits), share = static_cast<double>(s.violations) / n;
    const bool broken = p.exact && all[k].confident && limits.low > o.delta;
    std::printf("%-44s %8.1f %% %6.1f - %5.1f %% %7.3f %% %8.3f %6.1f %% %6.1f %%%s\n", all[k].name.c_str(),
                percent(share), percent(limits.low), percent(limits.high), percent(s.risk), p.pass_cost / s.cost,
                percent(scores[0].cost / s.cost), percent(static_cast<double>(s.full) / n),
                broken ? "  above delta" : "");
    csv += "\"" + p.name + "\",\"" + all[k].name + "\"," + std::to_string(share) + "," + std::to_string(limits.low) +
           "," + std::to_string(limits.high) + "," + std::to_string(s.risk) + "," +
           std::to_string(p.pass_cost / s.cost) + "," + std::to_string(static_cast<double>(s.full) / n) + "\n";
  }
  std::fflush(stdout);
}

void run(const Options& o) {
  if (!o.csv.empty()) weir::detail::prove_writable(o.csv);
  std::string csv = "population,method,violations,low,high,mean_risk,speedup,no_exit\n";
  if (o.traces.empty()) {
    for (const Population& p : adversaries(o.calibration == 0 ? 2000 : o.calibration, o.epsilon)) compare(p, o, csv);
  } else {
    const Pool pool = load_pool(o);
    for (const bool fresh : {false, true}) compare(recorded(pool, o, fresh), o, csv);
  }
  if (!o.csv.empty()) weir::write_file_atomically(o.csv, csv);
}

}  // namespace

int weir::programs::bounds(int argc, char** argv) {
  program::App app{
      "How often each way of choosing a policy breaks its bound, over random splits, and what the bound costs.",
      "  @ --splits 200 --csv bounds.csv\n"
      "  @ --trace traces/early_exit_policy.csv traces/early_exit_test.csv --epsilon 0.02\n"};
  Options o;
  app.add_option(
      "--trace", o.traces,
      "CSV traces (adapt --save-traces): policies are learned on the first, calibration and test examples are "
      "drawn from the others together; one alone is halved. Without it: distributions made to break bounds");
  app.add_option("--topology", o.topology, "of the traces' stages: chain (early exit), dag (selection)")
      ->check(CLI::IsMember({"chain", "dag"}));
  app.add_option("--learner", o.learner,
                 "what gates are: " + CLI::detail::join(weir::detail::gate_learner_names(), ", "))
      ->check(CLI::IsMember(weir::detail::gate_learner_names()));
  app.add_option("--splits", o.splits, "random divisions into calibration and test examples")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--calibration", o.calibration, "calibration examples in each split (0: half)");
  app.add_option("--epsilon", o.epsilon, "limit of the risk")->check(CLI::Range(0.0, 1.0));
  app.add_option("--delta", o.delta, "share of draws in which it may be broken")->check(CLI::Range(1e-9, 0.5));
  app.add_option(
         "--risk", o.risk,
         "excess loss, net loss (losses of 0 and 1), or disagreement with the full network, which needs no labels")
      ->check(CLI::IsMember({"excess", "net", "disagreement"}));
  app.add_option("--seed", o.seed, "of the splits");
  app.add_option("--csv", o.csv, "file for the table");
  return program::run(app, argc, argv, [&] { run(o); });
}
