// What a program adds without touching weir: a learner that is saved and loaded by name, a rule that stands beside the
// others, a feature for gates, a cost. (An operator: tests/layers/own_operators_test.cpp, and here by name.)
#include <cstdio>
#include <random>
#include <weir/layers/node_arguments.hpp>
#include <weir/weir.hpp>

namespace {

#define CHECK(what) \
  if (!(what)) return std::printf("failed, line %d: %s\n", __LINE__, #what), 1

/// Goes on where feature 0 is below a limit.
class Below final : public weir::DecisionFunction {
 public:
  Below(double limit, std::size_t n) : limit_(limit), n_(n) {}
  std::size_t n_features() const override { return n_; }
  double decision_function(std::span<const double> x) const override { return limit_ - x[0]; }
  std::string to_json() const override {
    return "{\"limit\": " + std::to_string(limit_) + ", \"n\": " + std::to_string(n_) + "}";
  }

 private:
  double limit_;
  std::size_t n_;
};

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

std::shared_ptr<const weir::DecisionFunction> load_below(const std::string& json) {
  double limit = 0;
  unsigned long n = 0;
  if (std::sscanf(json.c_str(), "{\"limit\":%lf,\"n\":%lu}", &limit, &n) != 2)
    throw weir::FormatError("below: " + json + " was not written by it");
  return std::make_shared<Below>(limit, n);
}

weir::Trace make_trace(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform;
  weir::Trace trace;
  trace.stages.resize(2);
  const auto rows = static_cast<Eigen::Index>(n);
  for (std::size_t k = 0; k < 2; ++k) {
    weir::StageTrace& s = trace.stages[k];
    s.name = k == 0 ? "small" : "full";
    s.seconds = k == 0 ? 1e-3 : 1e-2;
    s.feature_names = {"max_probability"};
    s.features.resize(rows, 1);
    s.loss.resize(rows);
    s.prediction.resize(n);
  }
  for (Eigen::Index i = 0; i < rows; ++i) {
    const double c = uniform(random);
    trace.stages[0].features(i, 0) = trace.stages[1].features(i, 0) = c;
    trace.stages[0].loss(i) = uniform(random) > 0.4 + 0.8 * c ? 1 : 0;
    trace.stages[1].loss(i) = 0;
  }
  return trace;
}

/// Exits at the first stage where the confidence is above a threshold, the lowest that keeps the budget.
std::optional<weir::TunedRule> tune_mine(const weir::RuleData& data) {
  auto tuned = weir::tune_rule("max_probability", data);
  if (tuned) tuned->name = "mine";
  return tuned;
}

}  // namespace

int main() {
  weir::register_learner("below", fit_below, load_below);
  weir::register_rule({"mine", "this program", tune_mine, {}});
  const weir::Trace training = make_trace(3000, 1), calibration = make_trace(3000, 2);

  weir::LearnOptions options;
  options.learner = "below";
  options.budget.value = 0.05;
  const weir::Choice choice = weir::learn_policy(training, calibration, options);
  CHECK(choice.calibration.seconds < 0.9 * 1.1e-2 && *choice.upper_limit <= 0.05);

  const std::string text = weir::to_text(weir::policy_file(choice, training, options.budget));
  CHECK(text.find("\"learner\": \"below\"") != std::string::npos || text.find("\"learner\":\"below\"") != std::string::npos);
  const weir::PolicyFile loaded = weir::policy_from_text(text);
  const weir::Trace test = make_trace(500, 3);
  CHECK(weir::evaluate(loaded.policy, test).exit == weir::evaluate(choice.policy, test).exit);

  bool listed = false;
  for (const weir::TunedRule& rule : weir::tuned_rules(
           {weir::Topology::chain({"small", "full"}), training, calibration, options.budget, weir::Loss("top1")}))
    listed = listed || rule.name == "mine";
  CHECK(listed);

  try {
    weir::register_learner("logistic", fit_below, load_below);
    return 1;
  } catch (const weir::ArgumentError&) {
  }
  weir::BuildOptions build;
  build.operators["my.house::Nothing"] = [](const weir::NodeArguments& node) -> weir::LayerPtr {
    node.fail("is not made");
  };
  return 0;
}
