// Learns a policy again from a recorded trace, without running a network: another budget, learner or more images.
#include <filesystem>
#include <string>
#include <vector>
#include <weir/weir.hpp>

#include "adapt/data.hpp"
#include "program.hpp"

namespace {

struct TrainArguments {
  std::string trace, policy, out, learner = "logistic";
  double max_loss = 0.01, confidence = 0.95;
  std::size_t folds = 5;
  std::uint64_t seed = 0;
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

void train(TrainArguments a) {
  if (a.policy.empty()) a.policy = std::filesystem::path(a.trace).replace_extension(".policy.json").string();
  weir::PolicyFile file = weir::read_policy_file(a.policy);
  const weir::CsvTable table = weir::read_csv(a.trace);
  const weir::Trace trace = weir::trace_from_table(table.header, table.rows, {}, a.trace);
  if (trace.size() < 40) throw weir::ArgumentError(a.trace + ": at least 40 images are needed");
  std::vector<std::size_t> shuffled(trace.size());
  std::iota(shuffled.begin(), shuffled.end(), std::size_t{0});
  adapt::shuffle(shuffled, a.seed);
  const std::vector<Eigen::Index> rows(shuffled.begin(), shuffled.end());
  const auto half = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  const weir::Trace fit = trace.rows({rows.begin(), half}), calibration = trace.rows({half, rows.end()});

  weir::TrainOptions options;
  options.learner = a.learner;
  options.seed = a.seed;
  options.folds = a.folds;
  const weir::PolicyTrainer trainer(fit, file.policy.a.topology, options);
  auto path = trainer.train_path(24);
  weir::Budget budget;
  budget.value = a.max_loss;
  budget.seed = a.seed;
  if (a.confidence > 0) {
    budget.margin = weir::Margin::upper_limit;
    budget.confidence = a.confidence;
  }
  const weir::Choice choice = weir::choose(trainer, path, calibration, budget);

  for (std::size_t k = 0; k < trace.stages.size(); ++k) {
    file.stages[k].feature_names = trace.stages[k].feature_names;
    file.stages[k].seconds = trace.stages[k].seconds;
  }
  file.policy = choice.policy;
  file.lambda_a = choice.lambda_a;
  file.lambda_b = choice.lambda_b;
  file.budget = weir::budget_json(budget, choice);
  file.provenance = {{"trace", a.trace},        {"n_policy", fit.size()}, {"n_calibration", calibration.size()},
                     {"learner", a.learner},    {"seed", a.seed},         {"confidence", a.confidence},
                     {"after", file.provenance}};
  move_networks(file, a.policy, a.out);
  weir::write_file_atomically(a.out, weir::to_text(file));
  std::printf("%s: %zu images to learn from, %zu to choose on: %.4g s an image instead of %.4g, excess loss %.2f %%\n",
              a.out.c_str(), fit.size(), calibration.size(), choice.calibration.seconds,
              weir::evaluate(weir::fixed_policy(trainer.topology(), calibration, calibration.full()), calibration)
                  .mean_seconds(),
              100 * choice.calibration.excess);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Learns a policy from a trace that `record` wrote: half of its images to learn from, half to choose on.\n"
      "Exit heads must not have been trained on these images."};
  TrainArguments a;
  app.add_option("--trace", a.trace, "CSV with a row for each image")->required();
  app.add_option("--policy", a.policy,
                 "policy.json with the stages, networks and exit heads; else trace.policy.json beside trace.csv, which "
                 "record --network wrote");
  app.add_option("--out", a.out, "the policy.json to write")->required();
  app.add_option("--learner", a.learner, "what gates are: " + CLI::detail::join(weir::learner_names(), ", "))
      ->check(CLI::IsMember(weir::learner_names()));
  app.add_option("--max-loss", a.max_loss, "budget: loss in excess of the full network, per image")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--confidence", a.confidence, "with which the budget holds for new images; 0: in the mean")
      ->check(CLI::Range(0.0, 0.9999));
  app.add_option("--folds", a.folds, "folds of the cross-fitting")->check(CLI::Range(1, 20));
  app.add_option("--seed", a.seed, "of the split, the folds and the randomised mix");
  return program::run(app, argc, argv, [&] { train(a); });
}
