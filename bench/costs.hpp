/// Which cost a policy is to save, and where it comes from: what --costs of adapt and train says.
#pragma once
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/energy_counter.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/measure/energy_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/trace/cost_table.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "progress.hpp"

namespace program {

struct CostOptions {
  std::string kind = "seconds";  ///< or flops, energy, the name of a CSV file; trace: those that a trace has
  std::string powercap = "/sys/class/powercap";
  std::size_t batch = 1;

  bool is_table() const { return kind != "seconds" && kind != "flops" && kind != "energy" && kind != "trace"; }
};

/// `seconds` is what the help says of the seconds.
inline void declare(CLI::App& app, CostOptions& o, const std::string& seconds, const std::string& group) {
  app.add_option("--costs", o.kind,
                 "what is to be saved. seconds: " + seconds +
                     "; flops: counted operations of the layers and heads; energy: joules of the processor (Linux "
                     "powercap), measured; FILE.csv: a table with the columns stage,cost and, if wanted, answer (the "
                     "part that only an exit head costs), unit, and cost@B,answer@B for batches of B")
      ->check(CLI::IsMember({"seconds", "flops", "energy"}) | CLI::ExistingFile)
      ->group(group);
  app.add_option("--batch", o.batch,
                 "images that run together; those that stop leave the batch. What a stage costs then depends on how "
                 "many get there")
      ->check(CLI::Range(1, 4096))
      ->group(group);
  app.add_option("--powercap", o.powercap, "folder of the energy counters")->group(group);
}

/// The table that --costs names, if it does.
inline std::optional<weir::detail::CostTable> read_cost_table(const CostOptions& o) {
  if (!o.is_table()) return std::nullopt;
  const weir::detail::CsvTable csv = weir::detail::read_csv(o.kind);
  return weir::detail::CostTable(csv.header, csv.rows, o.kind);
}

/// Throws, before any work is done, what reading the table or finding the energy counter will throw.
inline void check(const CostOptions& o) {
  static_cast<void>(read_cost_table(o));
  if (o.kind == "energy") static_cast<void>(weir::detail::EnergyCounter(o.powercap));
}

/// Seconds, FLOP or joules of every stage of a cascade, at sizes up to the batch where it flows in batches. maker is
/// asked for rows 0 .. n_rows - 1. `what` names the work on the terminal.
inline weir::CostModel cascade_costs(const std::shared_ptr<const weir::CascadeSpec>& spec, const weir::Context& context,
                                     const weir::InputMaker& maker, std::size_t n_rows, const CostOptions& o,
                                     bool quick, const std::string& what) {
  if (o.kind == "flops") return {weir::cost_unit::flop, {1}, {weir::detail::count_costs(*spec)}};
  const auto batches = weir::detail::batch_sizes(spec->flows_in_batches() ? o.batch : 1);
  std::vector<std::size_t> rows(std::min<std::size_t>(n_rows, quick ? 60 : 400));
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (o.kind == "energy") {
    weir::detail::EnergyCounter counter(o.powercap);
    ProgressLine progress("measuring the energy of " + what);
    const weir::detail::EnergyRuns runs{
        .batches = batches, .rounds = quick ? std::size_t{2} : 5, .block_s = quick ? 0.1 : 0.3};
    return weir::detail::measure_energy(
        *spec, context, maker, rows, [&] { return counter.joules(); }, runs,
        [&](std::size_t done, std::size_t total) { progress(done, total); });
  }
  ProgressLine progress("measuring the stages of " + what);
  weir::CascadeExecutor cascade(spec, context);
  weir::detail::CostRuns runs{batches, rows.size(), 10};
  if (batches.size() > 1) runs.rounds = std::max(runs.rounds, 10 + 2 * batches.back());  // 8 runs of the largest
  return weir::detail::measure_cost_model(
      cascade, maker, rows, runs, [](std::size_t, std::span<const double>) {},
      [&](std::size_t done, std::size_t total) { progress(done, total); });
}

}  // namespace program
