/// What the stages of a run's modes cost.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/cascade_stage.hpp>
#include <weir/policy/trace/cost_table.hpp>

#include "recorded.hpp"

namespace adapt {

/// The lines of a table of costs that the stages of a mode go by: "mode:stage" where there is one, else "stage", which
/// must not be in several modes: what a network adds there depends on the exits before it. Throws FormatError.
inline std::vector<std::string> cost_lines(const Mode& m, const std::vector<Mode>& modes,
                                           const weir::detail::CostTable& table) {
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

/// The modes with the costs of the table that --costs names, if it does (Mode::given_costs). Throws FormatError for
/// stages that it lacks, and for lines of no stage.
inline std::vector<Mode> with_given_costs(std::vector<Mode> modes, const Options& o) {
  const auto table = program::read_cost_table(o.costs);
  if (!table) return modes;
  std::vector<std::string> known;
  for (const Mode& m : modes)
    for (const weir::CascadeStage& s : m.spec->stages) {
      if (std::ranges::find(known, s.name) == known.end()) known.push_back(s.name);
      known.push_back(m.name + ":" + s.name);
    }
  table->check_known(known);
  for (Mode& m : modes) m.given_costs = table->model(cost_lines(m, modes, *table));
  return modes;
}

/// Throws FormatError for a line of the table that --costs names which no stage can have, before any image is looked
/// at; with_given_costs() says the rest when it is known which exits there are.
inline void check_cost_table(const std::vector<Heads>& heads, const Options& o, const Models& models) {
  const auto table = program::read_cost_table(o.costs);
  if (!table) return;
  std::vector<std::string> known;
  const auto add = [&](const std::string& mode, const std::string& stage) {
    if (std::ranges::find(known, stage) == known.end()) known.push_back(stage);
    known.push_back(mode + ":" + stage);
  };
  for (const Model& m : models.all)
    for (const char* mode : {"selection", "search"}) add(mode, m.name);
  for (const Heads& h : heads) {
    const std::string mode = early_exit_name(h, models, heads.size() > 1);
    add(mode, models.all[h.model].name);
    for (std::size_t e = 0; e < h.points.size(); ++e) {
      add(mode, exit_name(h, e));
      add("search", models.all[h.model].name + "@" + h.points[e].tensor);
    }
  }
  table->check_known(known);
}

/// Batches need networks that examples can leave. Throws ArgumentError naming one that they cannot.
inline void check_batch(const Models& models, const Options& o) {
  if (o.costs.batch == 1) return;
  for (const Model& m : models.all)
    if (!weir::detail::rows_may_leave(m.network))
      throw weir::ArgumentError("--batch " + std::to_string(o.costs.batch) + ": images cannot leave batches of " +
                                m.file + " (it was exported for a fixed batch, or mixes the images of a batch)");
}

/// What the mode's stages cost in full batches: by the table, or measured or counted.
inline Prices find_costs(const Mode& m, const Options& o, const Data& data, const Models& models) {
  weir::CostModel model =
      m.given_costs
          ? *m.given_costs
          : program::cascade_costs(m.spec, weir::Context({.threads = o.threads, .isa = o.isa}),
                                   models.maker(data.policy, m.nets), data.policy.size(), o.costs, o.quick, m.name);
  return full_batches(std::move(model), m.spec->flows_in_batches() ? o.costs.batch : 1);
}

/// The mode priced, and recorded on the policy part.
inline PricedMode priced(Mode m, const Options& o, const Data& data, const Models& models, const weir::Loss& loss) {
  Prices prices = find_costs(m, o, data, models);
  return recorded(std::move(m), std::move(prices), o, data, models, loss);
}

}  // namespace adapt
