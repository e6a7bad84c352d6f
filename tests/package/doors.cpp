// What a program adds without touching weir, by its public names: an operator that an ONNX file uses, a learner that is
// saved and loaded by name, a group of features, a rule of its own score, a test of a mean, a loss, a cost; then weir's
// programs `policy` and `adapt`, which know all of it. doors_run.cpp runs the policy that is left.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/programs.hpp>
#include <weir/weir.hpp>

#include "own_networks.hpp"
#include "own_rule.hpp"
#include "parts.hpp"

namespace {

#define CHECK(what) \
  if (!(what)) return std::printf("failed, line %d: %s\n", __LINE__, #what), 1

std::shared_ptr<const weir::DecisionFunction> fit_below(const weir::Dataset& data) {
  double best = 0, least = INFINITY;
  for (double limit = 0; limit <= 1; limit += 0.05) {
    double cost = 0;
    for (Eigen::Index i = 0; i < data.X.rows(); ++i)
      if ((data.X(i, 0) < limit) != (data.y[static_cast<std::size_t>(i)] == 1)) cost += data.sample_weight(i);
    if (cost < least) least = cost, best = limit;
  }
  return std::make_shared<Below>(best, static_cast<std::size_t>(data.X.cols()));
}

std::string text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// One of weir's programs, with these words on its command line; its status.
int call(int (*program)(int, char**), std::vector<std::string> words) {
  words.insert(words.begin(), "doors");
  std::vector<char*> arguments;
  for (std::string& w : words) arguments.push_back(w.data());
  return program(static_cast<int>(arguments.size()), arguments.data());
}

int operators() {
  weir::write_onnx("doors/small.onnx", swish_network(1, 0.25F));
  weir::write_onnx("doors/full.onnx", swish_network(40, 0));
  try {
    (void)weir::load_onnx("doors/small.onnx");
    return 1;
  } catch (const weir::FormatError& e) {
    CHECK(has(e.what(), "com.example::Swish"));
  }
  weir::BuildOptions once;
  once.operators["com.example::Swish"] = make_swish;
  CHECK(weir::load_onnx("doors/small.onnx", once).tensor_names().size() > 3);
  weir::register_operator("com.example::Swish", make_swish);
  weir::Executor run{weir::load_onnx("doors/small.onnx")};
  float seen = 0;
  run.on("s0", [&](weir::Step& s) { seen = s.output().data[0]; });
  (void)run(weir::Tensor({1, 1, 4, 4}, std::vector<float>(pixels, 0.02F)));
  CHECK(std::abs(seen - 0.02F / (1 + std::exp(-1.0F))) < 1e-6F);
  return 0;
}

/// Two networks with the operator, recorded with a loss and costs of this program's own.
struct Recorded {
  Images images{1800};
  std::shared_ptr<const weir::CascadeSpec> spec;
  weir::InputMaker maker;
  weir::Trace all, training, calibration, test;
  /// Class 2 may be taken for class 1.
  weir::Loss loss{"nearly",
                  [](std::span<const float> p, int label) {
                    const auto said = std::max_element(p.begin(), p.end()) - p.begin();
                    return said == label || (said == 1 && label == 2) ? 0.0 : 1.0;
                  },
                  true};

  weir::Trace record(const weir::Loss& by) const {
    weir::CascadeExecutor executor(spec, weir::Context());
    return weir::record_trace(executor, maker, images.label, by, {{2, 0}, {7, 0}}, "cents", 16, true);
  }

  Recorded() {
    std::vector<weir::CascadeStage> stages(2);
    for (std::size_t k = 0; k < 2; ++k)
      stages[k].name = k == 0 ? "small" : "full", stages[k].network = k, stages[k].tensor = "y";
    const std::vector<weir::Network> networks{weir::load_onnx("doors/small.onnx"), weir::load_onnx("doors/full.onnx")};
    spec = std::make_shared<weir::CascadeSpec>(networks, stages, weir::Topology::chain({"small", "full"}),
                                               weir::FeatureOptions(false, {"squared"}));
    maker = [this](std::size_t, std::size_t row, weir::View out) {
      std::copy_n(&images.x[row * pixels], pixels, out.data);
    };
    all = record(loss);
    std::vector<Eigen::Index> rows[3];
    for (Eigen::Index i = 0; i < 1800; ++i) rows[i % 3].push_back(i);
    training = all.rows(rows[0]), calibration = all.rows(rows[1]), test = all.rows(rows[2]);
  }
};

/// The learner, with the cost, a test of a mean and a budget in cents.
int learning(const Recorded& r) {
  weir::LearnOptions options;
  options.learner = "below";
  options.budget.value = 0.05;
  const weir::Choice choice = weir::learn_policy(r.training, r.calibration, options);
  CHECK(choice.calibration.cost < 0.95 * 9 && *choice.upper_limit <= 0.05);
  const std::string text = weir::to_text(weir::policy_file(choice, r.training, options.budget));
  CHECK(has(text, "below") && has(text, "cents"));
  const weir::PolicyFile loaded = weir::policy_from_text(text);
  CHECK(weir::evaluate(loaded.policy, r.test).exit == weir::evaluate(choice.policy, r.test).exit);
  options.budget = {.on = weir::BudgetOn::cost, .value = 5};
  CHECK(weir::learn_policy(r.training, r.calibration, options).calibration.cost <= 5 + 1e-9);
  try {
    weir::register_learner("logistic", fit_below, load_below);
    return 1;
  } catch (const weir::ArgumentError&) {
  }

  // Hoeffding's inequality (JASA 1963), a valid if blunt p-value.
  weir::register_mean_test({"hoeffding", [](std::span<const double> losses, double epsilon, double) {
                              double mean = 0;
                              for (const double l : losses) mean += l / static_cast<double>(losses.size());
                              const double gap = std::max(0.0, epsilon - mean);
                              return std::exp(-2 * static_cast<double>(losses.size()) * gap * gap);
                            }});
  const double blunt = weir::upper_limit(weir::mean_test("hoeffding"), std::vector<double>(1000, 0.0), 0.05);
  CHECK(std::abs(blunt - std::sqrt(std::log(20.0) / 2000)) < 1e-6);
  weir::TrainOptions train;
  train.learner = "below";
  const weir::PolicyTrainer trainer(r.training, weir::Topology::chain({"small", "full"}), train);
  weir::GuaranteeOptions wanted;
  wanted.epsilon = 0.1, wanted.test = "hoeffding";
  const weir::Guarantee given = weir::guarantee(trainer, trainer.train_path(10), r.calibration, wanted);
  CHECK(given.missing.empty() && given.upper_limit <= 0.1 && given.upper_limit > given.mean_risk);
  return 0;
}

/// The rule: tuned, certified, and run on images as on the trace.
int rule(const Recorded& r) {
  weir::register_rule({"mine", "this program", tune_mine, lacks_mine, {}, {"squared"}});
  weir::Budget budget;
  budget.value = 0.05, budget.margin = weir::Margin::upper_limit;
  const weir::RuleData data{r.spec->topology, r.training, r.calibration, budget, r.loss};
  const auto mine = weir::tune_rule("mine", data);
  CHECK(mine && mine->groups == std::vector<std::string>{"squared"});
  const weir::Evaluation found = mine->evaluate(r.calibration), planned = mine->evaluate(r.test);
  CHECK(weir::clopper_pearson_upper(weir::paired_counts(found).regressions, found.size()) <= 0.05);
  CHECK(planned.shares(2)[0] > 0.1 && planned.shares(2)[1] > 0.05);
  weir::CascadeExecutor run(r.spec, weir::Context());
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const weir::CascadeAnswer answer =
        run.run_one_with(r.maker, 3 * i + 2,
                         [&](std::size_t k, std::span<const double> x) { return mine->policy.pick(i).action(k, x); });
    CHECK(answer.exit == planned.exit[i]);
    CHECK(answer.label == r.test.stages[answer.exit].prediction[i]);
    // "squared" stands behind "confidence", computed while the network ran.
    const double p = static_cast<double>(*std::max_element(answer.probabilities.begin(), answer.probabilities.end()));
    if (answer.exit == 0) CHECK(answer.features[answer.features.size() - 2] == p * p && answer.features.back() == 1);
  }
  std::size_t others = 0;
  bool listed = false;
  for (const weir::TunedRule& tuned : weir::tuned_rules(data)) ++others, listed = listed || tuned.name == "mine";
  CHECK(listed && others > 6);
  return 0;
}

/// weir's own programs compare the rule with all others, and learn with the learner on networks with the operator.
int programs(const Recorded& r) {
  weir::write_trace(r.record(weir::Loss("top1")), "doors/trace.csv");
  CHECK(call(weir::programs::policy, {"--trace", "doors/trace.csv", "--learners", "below", "--budgets", "0.05",
                                      "--seeds", "1", "--bootstrap", "50", "--out", "doors/compared"}) == 0);
  for (const char* name : {"mine", "below", "max_probability", "patience"})
    CHECK(has(text_of("doors/compared/policy.csv"), name));

  weir::write_npy("doors/images.npy", r.images.x);
  weir::write_npy("doors/labels.npy", {static_cast<std::int64_t>(r.images.label.size())},
                  std::vector<std::int64_t>(r.images.label.begin(), r.images.label.end()));
  CHECK(call(weir::programs::adapt,
             {"--quick", "--network", "doors/small.onnx", "--network", "doors/full.onnx", "--images",
              "doors/images.npy", "--labels", "doors/labels.npy", "--max-loss", "0.05", "--learner", "below",
              "--features", "squared", "--costs", "flops", "--out", "doors/adapted"}) == 0);
  const std::string summary = text_of("doors/adapted/summary.json"), policy = text_of("doors/adapted/policy.json");
  for (const char* name : {"mine", "max_probability", "patience"}) CHECK(has(summary, name));
  CHECK(has(policy, "below") && has(policy, "squared_top"));
  const nlohmann::json found = nlohmann::json::parse(summary);
  const auto& rules = found.at("baselines");
  const auto mine = std::find_if(rules.begin(), rules.end(), [](const auto& b) { return b.at("name") == "mine"; });
  CHECK(mine != rules.end());
  CHECK(mine->at("decisions_that_differ_from_trace").get<int>() == 0);  // run over the images as planned on the trace
  return 0;
}

}  // namespace

int main() {
  std::filesystem::create_directories("doors");
  CHECK(operators() == 0);
  weir::register_feature_group(squared);
  weir::register_learner("below", fit_below, load_below);
  const Recorded recorded;
  CHECK(learning(recorded) == 0);
  CHECK(rule(recorded) == 0);
  return programs(recorded);
}
