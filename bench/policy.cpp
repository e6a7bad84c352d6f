// Policies against rules: every learner and every rule of the field on the same traces, for the same budgets.
#include <weir/core/isa.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/compare/rules/list.hpp>
#include <weir/policy/trace/loss.hpp>

#include "policy/report.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"

namespace {

void run(const compare::Options& o, const std::string& command) {
  static_cast<void>(weir::Loss(o.loss));
  for (const std::string& name : o.rules) static_cast<void>(weir::find_rule(name));
  if (o.learners.empty()) throw weir::ArgumentError("--learners: at least one is needed");
  if (o.topology == "all_later" && !o.networks)
    throw weir::ArgumentError(
        "--topology all_later: needs --networks; a path that skips an exit inside a network runs the layers in front "
        "of the next all the same, which the seconds of its stage do not say");
  const program::Run id = program::Run::begin(command);
  program::ResultsFolder out(o.out, [](const std::string& name) {
    return name == "policy.md" || name == "policy.csv" || name == "policy.svg";
  });
  const compare::Parts parts = compare::load_parts(o);
  if (o.confidence > 0)
    for (const double budget : o.budgets)
      weir::detail::require_examples(
          parts.pool.size() - parts.n_policy, budget, o.confidence, "clopper_pearson",
          "leave budgets so small out of --budgets, or say --confidence 0 to keep them in the mean, "
          "without a guarantee");
  const compare::Setting setting(o, parts);
  std::vector<std::string> notes;
  const auto rules = compare::usable_rules(setting, [&](const std::string& note) { notes.push_back(note); });
  const auto contestants = compare::run_all(setting, rules);
  const compare::Comparison comparison(setting, contestants);
  const std::string text = compare::markdown(comparison, notes, command + "  # run " + id.id);
  weir::write_file_atomically(out.path("policy.md"), text);
  weir::write_file_atomically(out.path("policy.csv"), program::csv_of_run(compare::csv(comparison), id));
  weir::write_file_atomically(out.path("policy.svg"), program::svg_of_run(compare::svg(comparison), id));
  out.commit();
  std::printf("%s\nwritten to %s: policy.md, policy.csv, policy.svg\n",
              weir::detail::printable(text.substr(0, text.find("## Budget")), true).c_str(),
              weir::detail::printable(out.folder().lexically_normal().string()).c_str());
}

}  // namespace

int weir::programs::policy(int argc, char** argv) {
  program::App app{
      "Compares learned policies with the rules of the field, on traces: predicted from measured stage times.\n"
      "Traces: adapt --save-traces DIR, or CSV of any framework (weir/policy/trace/trace_file.hpp).",
      "  @ --trace trace.csv --out results/policy\n"
      "  @ --policy-trace traces/early_exit_policy.csv --calibration-trace traces/early_exit_calibration.csv \\\n"
      "      --test-trace traces/early_exit_test.csv --learners logistic,boosting --budgets 0.005,0.01\n"};
  compare::Options o;
  compare::declare(app, o);
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i ? " " : "") + std::string(argv[i]);
  return program::run(app, argc, argv, [&] { ::run(o, command); });
}
