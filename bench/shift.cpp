// Learns a policy on one source of images and runs it on others: what becomes of the budget, and when a monitor that
// sees no labels notices.
#include <weir/weir.hpp>

#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"
#include "shift/report.hpp"

namespace {

void run(const shift::Options& o, const std::string& command) {
  const program::Run id = program::Run::begin(command);
  program::ResultsFolder out(o.adapt.out,
                             [](const std::string& name) { return name == "shift.md" || name == "shift.csv"; });
  const shift::Sources sources = shift::load_sources(o);
  if (o.stream.before > sources.control.size())
    throw weir::ArgumentError("--before: there are " + std::to_string(sources.control.size()) + " control examples");
  const shift::Study study = shift::study(sources, o);
  const std::string text = shift::markdown(study, sources, o, command + "  # run " + id.id);
  weir::write_file_atomically(out.path("shift.md"), text);
  weir::write_file_atomically(out.path("shift.csv"), program::csv_of_run(shift::csv(study), id));
  out.commit();
  std::printf("%s\nwritten to %s: shift.md, shift.csv\n", weir::detail::printable(text, true).c_str(),
              weir::detail::printable(out.folder().lexically_normal().string()).c_str());
}

}  // namespace

int weir::programs::shift(int argc, char** argv) {
  program::App app{
      "Learns a policy on one source of images and runs it on others: budget, exits, time, and when a monitor "
      "notices.\n"
      "Without options: Fashion-MNIST with the networks of bench/networks, and its test images with noise, turned and "
      "blurred."};
  shift::Options o;
  o.adapt.out = "results/shift";
  shift::declare(app, o);
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i ? " " : "") + std::string(argv[i]);
  return program::run(app, argc, argv, [&] { ::run(o, command); });
}
