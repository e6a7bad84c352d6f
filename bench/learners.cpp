// Times every learner of policies on one synthetic weighted problem: seconds to fit, nanoseconds a decision. Prints
// `learner,n,d,fit_s_min,fit_s_median,decision_ns_min,decision_ns_median`. learners_peers.py compares with
// scikit-learn.
#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/learners/random.hpp>

#include "program.hpp"
#include "programs.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// n rows of d features: sums of two uniforms, classes apart by a sum, a product and a step, with noise in the label;
/// weights in (0, 2].
weir::Dataset problem(Eigen::Index n, Eigen::Index d) {
  std::uint64_t counter = 0;
  const auto uniform = [&] { return weir::detail::counter_uniform(1, counter++); };
  weir::Dataset data{Eigen::MatrixXd(n, d), {}, Eigen::VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < d; ++j) data.X(i, j) = uniform() + uniform() - 1;
    const auto x = data.X.row(i);
    double score = uniform() + uniform() - 1 + 3 * x(0) * x(d - 1) + (x(d / 2) > 0.2 ? 0.7 : 0.0);
    for (Eigen::Index j = 0; j < d; ++j) score += x(j) / static_cast<double>(j + 1);
    data.y.push_back(score > 0.2 ? 1 : 0);
    data.sample_weight(i) = 2 - 2 * uniform();
  }
  return data;
}

/// The problem as rows of d features, label, weight: doubles as this machine stores them.
void write(const weir::Dataset& data, const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](double value) { file.write(reinterpret_cast<const char*>(&value), sizeof value); };
  for (Eigen::Index i = 0; i < data.X.rows(); ++i) {
    for (Eigen::Index j = 0; j < data.X.cols(); ++j) put(data.X(i, j));
    put(data.y[static_cast<std::size_t>(i)]);
    put(data.sample_weight(i));
  }
  if (!file.flush()) throw weir::IoError(path.string() + ": cannot write");
}

/// A sum that nobody reads, but that the compiler must make.
volatile double sink = 0;

/// Nanoseconds of one decision, over the first rows of the problem.
double time_decisions(const weir::detail::GateModel& gate, const std::vector<std::vector<double>>& rows) {
  double sum = 0;
  const auto start = Clock::now();
  for (const auto& x : rows) sum += gate.decision_function(x);
  const double seconds = seconds_since(start);
  sink = sink + sum;
  return seconds / static_cast<double>(rows.size()) * 1e9;
}

struct Times {
  std::vector<double> fit_s, decision_ns;
};

void report(const std::string& learner, const weir::Dataset& data, const Times& t) {
  std::printf("%s,%lld,%lld,%.6f,%.6f,%.2f,%.2f\n", learner.c_str(), static_cast<long long>(data.X.rows()),
              static_cast<long long>(data.X.cols()), weir::detail::percentile(t.fit_s, 0),
              weir::detail::percentile(t.fit_s, 50), weir::detail::percentile(t.decision_ns, 0),
              weir::detail::percentile(t.decision_ns, 50));
}

}  // namespace

int weir::programs::learners(int argc, char** argv) {
  program::App app{"Times learners: learner,n,d,fit_s_min,fit_s_median,decision_ns_min,decision_ns_median.",
                   "  @ --learner logistic tree --examples 5000\n"
                   "  @ --learner logistic --examples 5000 --model gate.json\n"};
  std::vector<std::string> learners;
  Eigen::Index n = 50000, d = 20;
  int repeats = 3;
  std::string out, model;
  app.add_option("--learner", learners, CLI::detail::join(weir::learner_names(), ", ") + "; all if not given")
      ->check(CLI::IsMember(weir::learner_names()));
  app.add_option("--examples", n, "rows of the problem")->check(CLI::Range(10, 10000000))->capture_default_str();
  app.add_option("--features", d, "columns of the problem")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--repeats", repeats, "fits of each learner, in turns")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--write", out,
                 "write the problem to this file, rows of features, label, weight as doubles, and stop");
  app.add_option("--model", model, "write the gate that was fitted last to this file, as in a policy file");
  return program::run(app, argc, argv, [&] {
    const weir::Dataset data = problem(n, d);
    if (!out.empty()) return write(data, out);
    if (learners.empty()) learners = weir::learner_names();
    std::vector<std::vector<double>> rows(static_cast<std::size_t>(std::min<Eigen::Index>(n, 2000)));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto x = data.X.row(static_cast<Eigen::Index>(i));
      rows[i].assign(x.begin(), x.end());
    }
    std::vector<Times> times(learners.size());
    for (int repeat = 0; repeat < repeats; ++repeat)
      for (std::size_t l = 0; l < learners.size(); ++l) {
        const auto start = Clock::now();
        const weir::detail::GateModel gate = weir::fit_by_name(learners[l], data);
        times[l].fit_s.push_back(seconds_since(start));
        if (!model.empty() && repeat + 1 == repeats && l + 1 == learners.size())
          weir::write_file_atomically(model, nlohmann::json(gate).dump() + "\n");
        for (int again = 0; again < 5; ++again) times[l].decision_ns.push_back(time_decisions(gate, rows));
      }
    std::printf("learner,n,d,fit_s_min,fit_s_median,decision_ns_min,decision_ns_median\n");
    for (std::size_t l = 0; l < learners.size(); ++l) report(learners[l], data, times[l]);
  });
}
