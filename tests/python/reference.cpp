// What C++ computes, for the tests of the Python module to compare bit by bit:
//   reference run NETWORK.onnx x.npy y.npy | learn TRACE.csv policy.json decisions.csv |
//   cascade policy.json images.npy out.csv | audit policy.json images.npy out.json | losses SHARE losses.npy out.csv
#include <cstdio>
#include <fstream>
#include <iostream>
#include <weir/learn.hpp>
#include <weir/policy/run/loss_audit.hpp>
#include <weir/run.hpp>

namespace {

int run(char** argv) {
  const weir::NpyArray x = weir::read_npy(argv[2]);
  weir::Executor executor(weir::load_onnx(argv[1]));
  weir::write_npy(argv[3], executor(x.to_tensor()).output);
  return 0;
}

int learn(char** argv) {
  const weir::Trace trace = weir::read_trace(argv[1]);
  std::vector<Eigen::Index> training, calibration;
  for (std::size_t i = 0; i < trace.size(); ++i)
    (i % 2 == 0 ? training : calibration).push_back(static_cast<Eigen::Index>(i));
  weir::LearnOptions options;
  options.budget.value = 0.02;
  const weir::Choice choice = weir::learn_policy(trace.rows(training), trace.rows(calibration), options);
  weir::write_file_atomically(argv[2], weir::to_text(weir::policy_file(choice, trace.rows(training), options.budget)));
  const weir::Evaluation e = weir::evaluate(choice.policy, trace);
  std::ofstream out(argv[3]);
  char text[128];
  for (std::size_t i = 0; i < e.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    std::snprintf(text, sizeof text, "%zu,%.17g,%.17g\n", e.exit[i], e.cost(row), e.excess(row));
    out << text;
  }
  return 0;
}

int audit(char** argv) {
  weir::AuditOptions audit;
  audit.share = 0.7, audit.budget = 0.1, audit.confidence = 0.9, audit.seed = 3;
  const weir::Cascade c = weir::load_policy(argv[1], {.allow_outside = true, .audit = audit});
  const weir::NpyArray images = weir::read_npy(argv[2]);  // uint8 [N, H, W]
  const auto height = images.shape[1], width = images.shape[2];
  std::vector<weir::ImageView> views;
  for (std::int64_t i = 0; i < images.shape[0]; ++i)
    views.push_back({reinterpret_cast<const std::uint8_t*>(images.bytes.data()) + i * height * width,
                     static_cast<int>(height), static_cast<int>(width), 1});
  c.run(views);
  c.finish_audits();
  std::ofstream(argv[3]) << weir::to_json_text(c.audit().value());
  return 0;
}

/// Of each example: whether it was audited, and what is known then. Half-way another policy comes into force.
int losses(char** argv) {
  weir::LossAudit audit({.share = std::stod(argv[1]), .budget = 0.05, .confidence = 0.9, .seed = 7});
  const weir::NpyArray given = weir::read_npy(argv[2]);  // uint8 [N]
  std::ofstream out(argv[3]);
  for (std::int64_t i = 0; i < given.shape[0]; ++i) {
    if (i == given.shape[0] / 2) audit.restart();
    const bool taken = audit.take();
    if (taken) audit.observe(reinterpret_cast<const std::uint8_t*>(given.bytes.data())[i] != 0);
    char text[128];
    std::snprintf(text, sizeof text, "%d,%d,%d,%.17g,%.17g\n", taken, audit.certified(), audit.alarm(),
                  audit.upper_limit(), audit.total_upper_limit());
    out << text;
  }
  return 0;
}

int cascade(char** argv) {
  const weir::Cascade c = weir::load_policy(argv[1], {.allow_outside = true});
  const weir::NpyArray images = weir::read_npy(argv[2]);  // uint8 [N, H, W]
  std::ofstream out(argv[3]);
  const auto height = images.shape[1], width = images.shape[2];
  for (std::int64_t i = 0; i < images.shape[0]; ++i) {
    const auto* pixels = reinterpret_cast<const std::uint8_t*>(images.bytes.data()) + i * height * width;
    const weir::Decision d = c.run(weir::ImageView{pixels, static_cast<int>(height), static_cast<int>(width), 1});
    out << d.label << ',' << d.exit;
    char text[32];
    for (const float p : d.probabilities)
      std::snprintf(text, sizeof text, ",%.9g", static_cast<double>(p)), out << text;
    out << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 5) throw weir::ArgumentError("usage: see reference.cpp");
    const std::string what = argv[1];
    if (what == "run") return run(argv + 1);
    if (what == "learn") return learn(argv + 1);
    if (what == "audit") return audit(argv + 1);
    if (what == "losses") return losses(argv + 1);
    return cascade(argv + 1);
  } catch (const weir::Error& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
