/// One table for each way of stopping: what was chosen beside networks and rules; the rest is folded away.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "../terminal.hpp"
#include "shown.hpp"

namespace adapt {

inline std::string contestant_text(const Measured& c) {
  if (c.kind == "learned") return "chosen: " + c.name;
  if (c.kind == "rule") return "rule: " + c.name;
  return c.name;
}

inline Table contestants_table(const Page& page, const std::string& caption) {
  const std::string time = page.unit.name[0] == 'u' ? "\u00b5s" : page.unit.name;
  Table t;
  t.caption = caption;
  t.header = {"Method",
              "Speed-up",
              time,
              page.binary ? "Right, %" : "1 - loss",
              page.binary ? "New mistakes, %" : "Excess loss",
              "95 % limits",
              "Accuracy lost, %",
              "95 % limits"};
  t.classes = {"-", "-", "-", "-", "-", "w", "w", "w"};
  return t;
}

inline void add_row(Table& t, const Page& page, const Measured& c, const std::string& name, bool is_strong = false) {
  const Pairs p = page.results.pairs(c);
  const bool itself = &c == &page.results.full_of(c.mode);
  const double time = page.unit.per_second * c.mean_cost();
  t.rows.push_back({name, times_text(page.results.speedup(c)), weir::detail::format_fixed(time, time < 100 ? 1 : 0),
                    weir::detail::format_fixed(100 * c.accuracy(), 2),
                    itself ? "-" : weir::detail::format_fixed(100 * p.excess, 2),
                    itself || !page.binary ? "-" : limits_cell(p, weir::BudgetOn::excess),
                    itself ? "-" : weir::detail::format_fixed(100 * p.net, 2),
                    itself || !page.binary ? "-" : limits_cell(p, weir::BudgetOn::difference)});
  t.strong.resize(t.rows.size());
  t.strong.back() = is_strong;
}

inline std::string mode_table(const Page& page, const ShownMode& m) {
  constexpr std::size_t most_rules = 5;
  const Results& r = page.results;
  std::vector<const Measured*> rules;
  for (const Measured& c : r.measured)
    if (c.mode == m.mode->name && c.kind == "rule") rules.push_back(&c);
  std::ranges::stable_sort(rules, [&](const Measured* a, const Measured* b) { return r.speedup(*a) > r.speedup(*b); });
  Table main = contestants_table(page, "The policy that was chosen, and what it is compared with");
  add_row(main, page, *m.asked().run, contestant_text(*m.asked().run), true);
  for (const Measured& c : r.measured)  // the paper's reduction, and other budgets that were asked for beside
    if (c.mode == m.mode->name && c.kind == "beside") add_row(main, page, c, c.name);
  for (std::size_t n = r.models.all.size(); n-- > 0;)  // the networks that take part, the full one first
    if (std::ranges::find(m.mode->nets, n) != m.mode->nets.end())
      add_row(main, page, r.measured[n], r.measured[n].name + (&r.measured[n] == m.full ? " (full)" : ""));
  for (std::size_t i = 0; i < rules.size() && i < most_rules; ++i)
    add_row(main, page, *rules[i], contestant_text(*rules[i]));
  Table rest = contestants_table(page, "Further methods, and what bounds all of them");
  for (std::size_t i = most_rules; i < rules.size(); ++i) add_row(rest, page, *rules[i], contestant_text(*rules[i]));
  for (const Measured& c : r.measured)
    if (c.mode == m.mode->name && (c.kind == "random" || c.kind == "oracle")) add_row(rest, page, c, c.name);
  Table curve = contestants_table(page, "The learned policies of other budgets");
  for (const Shown& s : m.policies)
    add_row(curve, page, *s.run,
            "budget " + percent_text(s.budget) + (s.is_certified ? ", certified" : ", in the mean"), s.is_chosen);
  return main.html() +
         (rest.rows.empty() ? "" : folded("Further methods: other rules, random exits, oracles", rest.html())) +
         folded("Other budgets", curve.html());
}

inline std::string stage_table(const Page& page, const ShownMode& m) {
  const TestedMode& mode = *m.mode;
  const bool in_seconds = mode.prices.unit() == weir::cost_unit::seconds;
  Table t;
  t.caption = "Where images leave, by stage";
  t.header = {"Stage", in_seconds ? "Adds" : "Adds, " + mode.prices.unit(), "Leave here, %",
              page.binary ? "Right of those, %" : "1 - loss of those"};
  t.classes = {"-", "w"};
  for (std::size_t k = 0; k < m.asked().exits.size(); ++k) {
    const ExitRow& e = m.asked().exits[k];
    const double cost = mode.costs()[k].cost;
    t.rows.push_back({stage_text(e.stage),
                      in_seconds ? time_text(cost) : weir::detail::format_cost(cost, mode.prices.unit()),
                      weir::detail::format_fixed(100 * e.share, 1),
                      e.n == 0 ? "-" : weir::detail::format_fixed(100 * e.accuracy, 1)});
  }
  return t.html();
}

/// What was promised of the policies beside the chosen one, folded away, and who is not in the table.
inline std::string beside_html(const Page& page, const ShownMode& m) {
  const auto list = [](const std::vector<std::string>& lines) {
    std::string items;
    for (const std::string& line : lines) items += element("li", weir::detail::escape_markup(line + "."));
    return items.empty() ? "" : element("ul", items);
  };
  const std::string promises = list(beside_lines(page.results, *m.mode));
  return list(m.mode->left_out) +
         (promises.empty() ? ""
                           : folded("What was promised of the policies beside it, and whether it was kept", promises));
}

inline std::string tables_html(const Page& page) {
  const Results& r = page.results;
  std::string html = element("h2", "What it is compared with");
  if (const std::string lead = lead_line(r.modes, r.options); !lead.empty()) html += paragraph(lead + ".");
  for (const ShownMode& m : page.modes) {
    html += element("h3", weir::detail::escape_markup(mode_text(m)));
    if (m.mode->name == "search") html += paragraph("Topology: " + to_text(m.mode->spec->topology) + ".");
    html += mode_table(page, m) + beside_html(page, m);
    html += folded("Stages, statistics and prices of this policy",
                   stage_table(page, m) + paragraph(budget_line(r, *m.asked().run) + ".") +
                       paragraph(timing_line(r, *m.mode) + ".") +
                       (cost_line(r, *m.mode).empty() ? "" : paragraph(cost_line(r, *m.mode) + ".")));
  }
  return html +
         paragraph(
             "New mistakes are images that the full network gets right and the method does not; accuracy lost also "
             "counts those that it repairs. Between its limits the true loss lies with 95 % confidence. Speed-up: the "
             "full network's mean time over the method's, measured in "
             "turn on the same images. Rules are tuned to the same budget on the same calibration images; the five "
             "fastest are shown.",
             "class=\"hint\"");
}

}  // namespace adapt
