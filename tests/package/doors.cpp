// What a program adds without touching weir: an operator that an ONNX file uses, a learner that is saved and loaded by
// name, a rule that stands beside the others, also in the program `policy`, a group of features, a test of a mean, a
// cost.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/programs.hpp>
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
    s.cost = k == 0 ? 1e-3 : 1e-2;
    s.feature_names = {"max_probability"};
    s.features.resize(rows, 1);
    s.loss.resize(rows);
    s.prediction.resize(n);
  }
  for (Eigen::Index i = 0; i < rows; ++i) {
    const double c = uniform(random);
    trace.stages[0].features(i, 0) = trace.stages[1].features(i, 0) = c;
    trace.label.push_back(0);
    trace.stages[0].loss(i) = uniform(random) > 0.4 + 0.8 * c ? 1 : 0;
    trace.stages[1].loss(i) = 0;
  }
  return trace;
}

/// y = x * sigmoid(beta x).
class Swish final : public weir::RunnableLayer {
 public:
  explicit Swish(float beta) : beta_(beta) {}
  std::vector<weir::Shape> output_shapes(std::span<const weir::Shape> inputs) const override { return {inputs[0]}; }
  weir::Examples examples(const weir::ExamplesQuery& q) const override { return q.inputs[0]; }
  void forward(const weir::Context&, std::span<const weir::ConstView> inputs, std::span<const weir::View> outputs,
               float*) const override {
    for (std::size_t i = 0; i < inputs[0].size(); ++i)
      outputs[0].data[i] = inputs[0].data[i] / (1 + std::exp(-beta_ * inputs[0].data[i]));
  }

 private:
  float beta_;
};

/// A field of a protocol buffer that holds bytes, or a small number.
std::string field(int tag, const std::string& bytes) {
  return std::string{static_cast<char>(tag * 8 + 2), static_cast<char>(bytes.size())} + bytes;
}
std::string field(int tag, int number) { return {static_cast<char>(tag * 8), static_cast<char>(number)}; }

/// An ONNX file whose only node is my.house's Swish with beta 2: x [N, 3] -> y.
std::string swish_file() {
  const std::string two("\x15\0\0\0\x40", 5);  // float, field 2
  const std::string beta = field(5, field(1, std::string("beta")) + two + std::string("\xa0\x01\x01", 3));
  const std::string node = field(1, std::string("x")) + field(2, std::string("y")) + field(3, std::string("s")) +
                           field(4, std::string("Swish")) + beta + field(7, std::string("my.house"));
  const std::string shape = field(1, field(2, std::string("N"))) + field(1, field(1, 3));
  const auto value = [&](const char* name) {
    return field(1, std::string(name)) + field(2, field(1, field(1, 1) + field(2, shape)));
  };
  const std::string graph = field(1, node) + field(2, std::string("g")) + field(11, value("x")) + field(12, value("y"));
  return field(1, 8) + field(7, graph) + field(8, field(2, 13)) +
         field(8, field(1, std::string("my.house")) + field(2, 1));
}

/// Two features: the largest probability squared, and a constant.
constexpr weir::FeatureGroup squared{"squared",
                                     "the largest probability squared",
                                     weir::FeatureInput::answer,
                                     [](const weir::FeatureLayout&) {
                                       return std::vector<std::string>{"squared_top", "one"};
                                     },
                                     [](std::string_view name) { return name == "squared_top" || name == "one"; },
                                     [](const weir::FeatureLayout&, weir::FeatureSource& s, std::span<double> out) {
                                       const double p = s.probabilities[static_cast<std::size_t>(s.prediction)];
                                       out[0] = p * p, out[1] = 1;
                                     },
                                     [](const weir::FeatureLayout&) { return 1.0; }};

/// Exits at the first stage where the confidence is above a threshold, the lowest that keeps the budget.
std::optional<weir::TunedRule> tune_mine(const weir::RuleData& data) {
  auto tuned = weir::tune_rule("max_probability", data);
  if (tuned) tuned->name = "mine";
  return tuned;
}

}  // namespace

int main() {
  std::filesystem::create_directories("doors");
  weir::register_learner("below", fit_below, load_below);
  weir::register_rule({"mine", "this program", tune_mine, {}});
  const weir::Trace training = make_trace(3000, 1), calibration = make_trace(3000, 2);

  weir::LearnOptions options;
  options.learner = "below";
  options.budget.value = 0.05;
  const weir::Choice choice = weir::learn_policy(training, calibration, options);
  CHECK(choice.calibration.cost < 0.9 * 1.1e-2 && *choice.upper_limit <= 0.05);

  const std::string text = weir::to_text(weir::policy_file(choice, training, options.budget));
  CHECK(text.find("\"learner\": \"below\"") != std::string::npos ||
        text.find("\"learner\":\"below\"") != std::string::npos);
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

  const std::string file = swish_file();
  weir::BuildOptions build;
  build.operators["my.house::Swish"] = [](const weir::NodeArguments& node) -> weir::LayerPtr {
    return std::make_shared<Swish>(node.real("beta", 1));
  };
  weir::Executor run{weir::build_network(weir::parse_onnx({file.data(), file.size()}, "swish.onnx"), build)};
  const weir::Tensor y = run(weir::Tensor({1, 3}, std::vector<float>{0, 1, 2})).output;
  CHECK(y[0] == 0 && std::abs(y[1] - 0.880797F) < 1e-5F);
  try {
    (void)weir::build_network(weir::parse_onnx({file.data(), file.size()}, "swish.onnx"));
    return 1;
  } catch (const weir::FormatError& e) {
    CHECK(std::string(e.what()).find("my.house::Swish") != std::string::npos);
  }

  weir::register_feature_group(squared);
  const weir::FeatureLayout layout{.n_classes = 3};
  const weir::StageFeatures features(layout, weir::FeatureOptions(false, {"squared"}));
  CHECK(features.names().back() == "one" && weir::group_of_feature("squared_top") == "squared");
  const std::vector<float> p = {0.25F, 0.5F, 0.25F};
  weir::FeatureSource source{.probabilities = p};
  std::vector<double> x(features.names().size());
  features.fill(weir::FeatureInput::answer, source, x);
  CHECK(x[x.size() - 2] == 0.25 && x.back() == 1);

  // Hoeffding's inequality (JASA 1963), a valid if blunt p-value.
  weir::register_mean_test({"hoeffding", [](std::span<const double> losses, double epsilon, double) {
                              double mean = 0;
                              for (const double l : losses) mean += l / static_cast<double>(losses.size());
                              const double gap = std::max(0.0, epsilon - mean);
                              return std::exp(-2 * static_cast<double>(losses.size()) * gap * gap);
                            }});
  const double blunt = weir::upper_limit(weir::mean_test("hoeffding"), std::vector<double>(1000, 0.0), 0.05);
  CHECK(std::abs(blunt - std::sqrt(std::log(20.0) / 2000)) < 1e-6);

  weir::Trace priced = training;  // a cost of its own: what the stages' answers cost in cents
  priced.set_costs({{2, 0}, {7, 0}}, "cents");
  CHECK(weir::evaluate(weir::detail::fixed_policy(weir::Topology::chain({"small", "full"}), priced, 1), priced)
            .mean_cost() == 9);

  // weir's own programs know what was added: `policy` compares this learner and this rule.
  const weir::detail::TraceTable table = weir::detail::trace_to_table(make_trace(4000, 4));
  std::string csv = weir::detail::csv_line(table.header);
  for (const auto& row : table.rows) csv += weir::detail::csv_line(row);
  weir::write_file_atomically("doors/trace.csv", csv);
  std::vector<std::string> words = {
      "doors",   "--trace", "doors/trace.csv", "--learners", "below", "--rules",      "mine", "--budgets", "0.05",
      "--seeds", "1",       "--bootstrap",     "50",         "--out", "doors/results"};
  std::vector<char*> arguments;
  for (std::string& w : words) arguments.push_back(w.data());
  CHECK(weir::programs::policy(static_cast<int>(arguments.size()), arguments.data()) == 0);
  const weir::detail::Bytes result = weir::detail::read_file("doors/results/policy.csv");
  const std::string_view compared(result.data(), result.size());
  CHECK(compared.find("mine") != compared.npos && compared.find("below") != compared.npos);
  return 0;
}
