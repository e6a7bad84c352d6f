/// What the stages of a run's modes cost.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "mode.hpp"

namespace adapt {

/// The lines of a table of costs that the stages of a mode go by: "mode:stage" where there is one, else "stage", which
/// must not be in several modes: what a network adds there depends on the exits before it. Throws FormatError.
inline std::vector<std::string> cost_lines(const Mode& m, const std::vector<Mode>& modes,
                                           const weir::CostTable& table) {
  std::vector<std::string> lines;
  for (const weir::CascadeStage& s : m.spec->stages) {
    const std::string qualified = m.name + ":" + s.name;
    std::string everywhere;
    for (const Mode& other : modes)
      if (std::ranges::count(other.spec->stages, s.name, &weir::CascadeStage::name) > 0)
        everywhere += (everywhere.empty() ? "'" : ", '") + other.name + ":" + s.name + "'";
    const bool several = everywhere.find(',') != std::string::npos;
    if (several && !table.has(qualified))
      throw weir::FormatError("costs: stage '" + s.name + "' is in several modes, and what it adds may differ: give " +
                              "lines for " + everywhere);
    lines.push_back(table.has(qualified) ? qualified : s.name);
  }
  return lines;
}

/// Fills Mode::model from the table that --costs names, if it does. Throws FormatError for stages that it lacks, and
/// for lines of no stage.
inline void take_costs_from_table(std::vector<Mode>& modes, const Options& o) {
  const auto table = program::read_cost_table(o.costs);
  if (!table) return;
  std::vector<std::string> known;
  for (const Mode& m : modes)
    for (const weir::CascadeStage& s : m.spec->stages) {
      if (std::ranges::find(known, s.name) == known.end()) known.push_back(s.name);
      known.push_back(m.name + ":" + s.name);
    }
  table->check_known(known);
  for (Mode& m : modes) m.model = table->model(cost_lines(m, modes, *table));
}

/// Batches need networks that examples can leave. Throws ArgumentError naming one that they cannot.
inline void check_batch(const Models& models, const Options& o) {
  if (o.costs.batch == 1) return;
  for (const Model& m : models.all)
    if (!weir::rows_may_leave(m.network))
      throw weir::ArgumentError("--batch " + std::to_string(o.costs.batch) + ": images cannot leave batches of " +
                                m.file + " (it was exported for a fixed batch, or mixes the images of a batch)");
}

/// Measures or counts what the mode's stages cost, unless a table said so.
inline void find_costs(Mode& m, const Options& o, const Data& data, Models& models) {
  if (!o.costs.is_table())
    m.model = program::cascade_costs(m.spec, weir::Context({.threads = o.threads, .isa = o.isa}),
                                     models.maker(data.policy, m.nets), data.policy.size(), o.costs, o.quick, m.name);
  m.batch = m.spec->flows_in_batches() ? o.costs.batch : 1;
  m.price_full_batches();
}

}  // namespace adapt
