// Learns a policy again from a recorded trace, without running a network: another budget, learner or more images.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>
#include <weir/policy/choose/budget_json.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/weir.hpp>

#include "costs.hpp"
#include "lessons.hpp"
#include "policy_inputs.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"

namespace {

struct TrainArguments {
  std::string trace, policy, networks, classes, images, labels, out, learner = "logistic", learn_from = "auto",
                                                                     loss = "top1", isa;
  program::CostOptions costs{.kind = "trace"};
  int threads = 1;
  double max_loss = 0.01, confidence = 0.95;
  std::size_t folds = 5;
  std::uint64_t seed = 0;
  bool allow_outside = false;
  std::string command;
};

/// Network paths are relative to the policy file: seen from another folder they change.
void move_networks(weir::PolicyFile& file, const std::filesystem::path& from, const std::filesystem::path& to) {
  if (!file.cascade.is_object() || !file.cascade.contains("networks")) return;
  for (auto& network : file.cascade.at("networks")) {
    if (!network.is_object() || !network.contains("file") || !network.at("file").is_string()) continue;
    const auto path = from.parent_path() / network.at("file").get<std::string>();
    network["file"] = std::filesystem::proximate(path, std::filesystem::absolute(to).parent_path()).generic_string();
  }
}

/// What the trace's stages cost: as the trace has it, a table, or the policy's networks.
weir::CostModel stage_costs(const TrainArguments& a, const weir::PolicyFile& file, const weir::Trace& trace) {
  const bool from_trace =
      a.costs.kind == "trace" || (a.costs.kind == "seconds" && a.images.empty() && trace.cost_unit == a.costs.kind);
  if (from_trace && a.costs.batch > 1)
    throw weir::ArgumentError(
        "--batch: the trace says what single images cost; give --costs FILE.csv with columns cost@B, or --images to "
        "measure on");
  if (from_trace) return {trace.cost_unit, {1}, {trace.costs()}};
  if (const auto table = program::read_cost_table(a.costs)) {
    std::vector<std::string> names;
    for (const weir::StageTrace& s : trace.stages) names.push_back(s.name);
    table->check_known(names);
    return table->model(names);
  }
  const weir::detail::StoredCascade stored = weir::detail::read_cascade(file, a.policy, {a.networks, a.allow_outside});
  if (a.costs.batch > 1 && !stored.spec->flows_in_batches())
    throw weir::ArgumentError("--batch: images do not flow in batches through the cascade of " + a.policy);
  const weir::Context context({.threads = a.threads, .isa = a.isa});
  if (a.costs.kind == "flops") return program::cascade_costs(stored.spec, context, {}, 0, a.costs, false, a.policy);
  if (a.images.empty())
    throw weir::ArgumentError("--costs " + a.costs.kind + " runs the policy's networks: give --images to run them on");
  program::PolicyInputs inputs(stored, adapt::load_part(a.images, a.labels, adapt::class_names(a.classes, "")), 400);
  return program::cascade_costs(stored.spec, context, inputs.maker(), inputs.size(), a.costs, false, a.policy);
}

void train(TrainArguments a) {
  if (a.policy.empty()) a.policy = std::filesystem::path(a.trace).replace_extension(".policy.json").string();
  program::check(a.costs);
  weir::detail::prove_writable(a.out);
  weir::PolicyFile file = weir::detail::read_policy_file(a.policy);
  weir::Trace trace = weir::read_trace(a.trace);
  static_cast<void>(weir::detail::gate_inputs(file.policy.a.topology, trace));  // refuses the trace of other stages
  const weir::CostModel model = stage_costs(a, file, trace);
  trace.set_costs(model.expected(a.costs.batch, std::vector<double>(model.n_stages(), 1.0)), model.unit);
  if (trace.size() < 40) throw weir::ArgumentError(a.trace + ": at least 40 images are needed");
  for (const weir::StageTrace& s : trace.stages)
    if (a.confidence > 0 && !std::all_of(s.loss.begin(), s.loss.end(), [](double l) { return l == 0 || l == 1; }))
      throw weir::ArgumentError(
          a.trace + ": losses of stage '" + s.name +
          "' are not 0 or 1, so no exact limit of their mean is known: say --confidence 0 to keep "
          "the budget in the mean on the calibration half, without a guarantee");
  if (a.confidence > 0)
    weir::detail::require_examples(
        trace.size() - trace.size() / 2, a.max_loss, a.confidence, "clopper_pearson",
        "record more images, give a larger --max-loss or a smaller --confidence, or say --confidence 0 "
        "to keep the budget in the mean on the calibration half, without a guarantee",
        "images");
  std::vector<std::size_t> shuffled(trace.size());
  std::iota(shuffled.begin(), shuffled.end(), std::size_t{0});
  adapt::shuffle(shuffled, a.seed);
  const std::vector<Eigen::Index> rows(shuffled.begin(), shuffled.end());
  const auto half = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  auto [fit, learned_from] = program::lessons(trace.rows({rows.begin(), half}), weir::Loss(a.loss), a.learn_from);
  weir::Trace calibration = trace.rows({half, rows.end()});

  const weir::TrainOptions options = weir::detail::with_learner({.folds = a.folds, .seed = a.seed}, a.learner);
  weir::Budget budget;
  budget.value = a.max_loss;
  budget.seed = a.seed;
  if (a.confidence > 0) {
    budget.margin = weir::Margin::upper_limit;
    budget.confidence = a.confidence;
  }
  const weir::detail::BatchPrices prices =
      weir::detail::settle_prices(fit, file.policy.a.topology, model, options, budget, {.batch = a.costs.batch});
  if (!prices.settled) std::fprintf(stderr, "the prices of batches had not settled when their rounds were over\n");
  fit.set_costs(prices.costs, model.unit);
  calibration.set_costs(prices.costs, model.unit);
  const weir::PolicyTrainer trainer(fit, file.policy.a.topology, options);
  auto path = trainer.train_path(24);
  const weir::Choice choice = weir::choose(trainer, path, calibration, budget);
  if (!choice.missing.empty()) std::fprintf(stderr, "the full network answers all: %s\n", choice.missing.c_str());

  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    file.stages[k].feature_names = trace.stages[k].feature_names;
    file.stages[k].cost = prices.costs[k].cost;
    file.stages[k].answer_cost = prices.costs[k].answer_cost;
  }
  file.cost_unit = model.unit;
  file.policy = choice.policy;
  file.lambda_a = choice.lambda_a;
  file.lambda_b = choice.lambda_b;
  file.budget = weir::detail::budget_json(budget, choice, model.unit);
  const program::Run run = program::Run::begin(a.command);
  file.provenance = {{"run", run.id},
                     {"command", run.command},
                     {"trace", a.trace},
                     {"n_policy", fit.size()},
                     {"n_calibration", calibration.size()},
                     {"learner", a.learner},
                     {"seed", a.seed},
                     {"confidence", a.confidence},
                     {"costs", a.costs.kind},
                     {"batch", a.costs.batch},
                     {"learned_from", learned_from},
                     {"after", file.provenance}};
  move_networks(file, a.policy, a.out);
  weir::write_file_atomically(a.out, weir::to_text(file));
  const double full =
      weir::evaluate(weir::detail::fixed_policy(trainer.topology(), calibration, calibration.full()), calibration)
          .mean_cost();
  std::printf("gates learn from %s\n", weir::detail::printable(learned_from).c_str());
  std::printf("%s: %zu images to learn from, %zu to choose on: %s an image instead of %s, excess loss %.2f %%\n",
              weir::detail::printable(a.out).c_str(), fit.size(), calibration.size(),
              weir::detail::format_cost(choice.calibration.cost, model.unit).c_str(),
              weir::detail::format_cost(full, model.unit).c_str(), 100 * choice.calibration.excess);
}

}  // namespace

int weir::programs::train(int argc, char** argv) {
  program::App app{
      "Learns a policy from a trace that `record` wrote: half of its images to learn from, half to choose on.\n"
      "Exit heads must not have been trained on these images.",
      "  @ --trace trace.csv --out new.json --max-loss 0.02\n"
      "  @ --trace trace.csv --policy results/policy.json --out new.json --costs flops\n"};
  TrainArguments a;
  app.add_option("--trace", a.trace, "CSV with a row for each image")->required();
  app.add_option("--policy", a.policy,
                 "policy.json with the stages, networks and exit heads; else trace.policy.json beside trace.csv, which "
                 "record --network wrote");
  app.add_option("--out", a.out, "the policy.json to write")->required();
  app.add_option("--learner", a.learner,
                 "what gates are: " + CLI::detail::join(weir::detail::gate_learner_names(), ", "))
      ->check(CLI::IsMember(weir::detail::gate_learner_names()));
  app.add_option("--learn-from", a.learn_from,
                 "losses that gates learn from: of the labels, or expected under the full network's probabilities; "
                 "auto: the latter where `record --probabilities` kept them. The budget goes by labels alike")
      ->check(CLI::IsMember({"auto", "labels", "full"}));
  app.add_option("--loss", a.loss, "that the trace was recorded with; for expected losses");
  app.add_option("--max-loss", a.max_loss, "budget: loss in excess of the full network, per image")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option(
         "--confidence", a.confidence,
         "with which the budget holds for new images; refused where half of the trace is too small for it. 0: the "
         "budget is kept in the mean, without a guarantee")
      ->check(CLI::Range(0.0, 0.9999));
  app.add_option("--folds", a.folds, "folds of the cross-fitting")->check(CLI::Range(1, 20));
  app.add_option("--seed", a.seed, "of the split, the folds and the randomised mix");
  declare(app, a.costs, "measured on --images, or those of the trace", "Costs");
  app.add_option("--networks", a.networks, "folder of the network files; else where the policy says")->group("Costs");
  app.add_flag("--allow-outside", a.allow_outside, "the policy may name network files outside its folder")
      ->group("Costs");
  app.add_option("--images", a.images, "to measure seconds or energy on: as for record")->group("Costs");
  app.add_option("--labels", a.labels, "their labels")->group("Costs");
  app.add_option("--classes", a.classes, "names of the classes, one a line: labels may then be names")->group("Costs");
  app.add_option("--threads", a.threads, "threads of the measured runs")->check(CLI::Range(1, 1024))->group("Costs");
  app.add_option("--isa", a.isa, "of the measured runs: portable, avx2 or avx512")->group("Costs");
  for (int i = 0; i < argc; ++i) a.command += (i ? " " : "") + std::string(argv[i]);
  return program::run(app, argc, argv, [&] { train(a); });
}
