// Learns a policy on one source of images, or takes a learned one, and runs it on others: what becomes of the budget,
// and when a monitor and audits, which see no labels, notice.
#include <weir/weir.hpp>

#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"
#include "shift/drift.hpp"
#include "shift/of_policy.hpp"
#include "shift/report.hpp"

namespace {

void run(const shift::Options& o, const std::string& command) {
  const program::Run id = program::Run::begin(command);
  const std::string command_line = command + "  # run " + id.id;
  program::ResultsFolder out(o.adapt.out, [](const std::string& name) {
    return name == "shift.md" || name == "shift.csv" || name == "audits.csv" || name == "drift.csv";
  });
  const auto write = [&](const std::string& name, const std::string& text) {
    weir::write_file_atomically(out.path(name), text);
  };
  std::string text;
  shift::AuditStudy audits;
  if (o.simulate) {
    const shift::DriftOptions drift = shift::drift_options(o.audits);
    const auto rows = shift::drift_study(o.audits.shares, drift);
    text = "`" + command_line + "`\n\n" + shift::drift_markdown(rows, drift);
    write("drift.csv", program::csv_of_run(shift::drift_csv(rows, drift), id));
  } else if (!o.policy.empty()) {
    audits = shift::audit_policy(o);
    text = "`" + command_line + "`\n";
  } else {
    const shift::Sources sources = shift::load_sources(o);
    if (o.stream.before > sources.control.size())
      throw weir::ArgumentError("--before: there are " + std::to_string(sources.control.size()) + " control examples");
    const shift::Study study = shift::study(sources, o);
    text = shift::markdown(study, sources, o, command_line);
    write("shift.csv", program::csv_of_run(shift::csv(study), id));
    audits = study.audits;
  }
  if (!audits.sources.empty()) {
    text += "\n" + shift::audit_markdown(audits, o.audits);
    write("audits.csv", program::csv_of_run(shift::audit_csv(audits), id));
  }
  write("shift.md", text);
  out.commit();
  std::printf("%s\nwritten to %s\n", weir::detail::printable(text, true).c_str(),
              weir::detail::printable(out.folder().lexically_normal().string()).c_str());
}

}  // namespace

int weir::programs::shift(int argc, char** argv) {
  program::App app{
      "Learns a policy on one source of images and runs it on others: budget, exits, time, when a monitor notices, "
      "and\n"
      "when audits do, in simulated streams. With --policy audits of a policy that was learned elsewhere.\n"
      "With --simulate no images: streams that drift, and what audits that go over to safer policies make of them.\n"
      "Without options: Fashion-MNIST with the networks of bench/networks, and its test images with noise, blur and\n"
      "less contrast, moved and turned.",
      "  @ --policy results/policy.json --allow-outside --images folder/ --labels labels.csv\n"
      "  @ --policy-trace day.csv --calibration-trace day2.csv --shifted-trace night=night.csv\n"
      "  @ --simulate --audit-shares 0.1\n"};
  shift::Options o;
  o.adapt.out = "results/shift";
  shift::declare(app, o);
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i ? " " : "") + std::string(argv[i]);
  return program::run(app, argc, argv, [&] { ::run(o, command); });
}
