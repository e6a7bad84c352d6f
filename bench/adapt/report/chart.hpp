/// Accuracy against measured time: the curve of each mode, the chosen policy as a ring, networks by name, rules.
#pragma once
#include <algorithm>
#include <string>
#include <tuple>
#include <vector>
#include <weir/io/report/svg.hpp>

#include "shown.hpp"

namespace adapt {

/// What a chart leaves out so that the rest can be seen: what is less right than this.
inline double least_accuracy(const Page& page) {
  const double room = std::max(4 * page.options().max_loss, 0.02);
  double least = page.results.full().accuracy() - room;
  for (const ShownMode& m : page.modes) least = std::min(least, m.asked().run->accuracy() - room / 4);
  return least;
}

inline weir::detail::PlotPoint plot_point(const Page& page, const Measured& c, const std::string& what) {
  weir::detail::PlotPoint p{page.unit.per_second * c.mean_cost(), 100 * c.accuracy()};
  p.title = what + ": " + percent_text(c.accuracy()) + " right in " + time_text(c.mean_cost()) + ", " +
            times_text(page.results.speedup(c));
  return p;
}

/// What a ring is, ahead of its figures.
inline std::string ring_text(const ShownMode& m, const Shown& s) {
  return mode_text(m) + (s.is_chosen ? ", chosen" : ", budget " + percent_text(s.budget));
}

/// Accuracy against time. What is less right than least_accuracy() is not drawn; left_out gets, for each kind of
/// contestant, how many these are.
inline weir::detail::SvgPlot tradeoff_plot(const Page& page, int width, int height, const std::string& title,
                                           std::vector<std::string>* left_out = nullptr) {
  const Results& r = page.results;
  const bool narrow = width < 500;
  weir::detail::SvgPlot plot({.title = title,
                              .x_label = std::string(page.unit.words) + " per image" +
                                         (narrow ? "" : " (" + batch_text(r.options.costs.batch) + ", runs that stop)"),
                              .y_label = page.binary ? r.options.loss + " right, %" : "100 (1 - loss)",
                              .log_x = true,
                              .width = width,
                              .height = height});
  const double least = least_accuracy(page);
  const auto add = [&](weir::detail::PlotSeries& s, const Measured& c, const std::string& what,
                       const std::string& label) {
    if (c.accuracy() < least) {
      if (left_out) left_out->push_back(what + " (" + percent_text(c.accuracy(), 1) + ")");
      return;
    }
    s.points.push_back(plot_point(page, c, what));
    s.points.back().label = label;
  };
  for (const auto& [kind, style, name] : {std::tuple{"rule", style_of_rules, "rules, tuned for the budget"},
                                          std::tuple{"network", style_of_networks, "single networks"}}) {
    weir::detail::PlotSeries s{name, {}, false};
    s.style = style;
    for (const Measured& c : r.measured)
      if (c.kind == kind) add(s, c, c.name, kind == std::string("network") ? c.name : "");
    if (!s.points.empty()) plot.add(std::move(s));
  }
  for (const ShownMode& m : page.modes) {
    weir::detail::PlotSeries s{mode_text(m), {}};
    s.style = plot_style(m);
    std::vector<const Shown*> by_time;
    for (const Shown& p : m.policies) by_time.push_back(&p);
    std::ranges::sort(by_time, {}, [](const Shown* p) { return p->run->mean_cost(); });
    for (const Shown* p : by_time)
      add(s, *p->run, mode_text(m) + ", budget " + percent_text(p->budget) + (p->is_certified ? " certified" : ""), "");
    plot.add(std::move(s));
  }
  for (const ShownMode& m : page.modes) {
    weir::detail::PlotSeries ring{"", {plot_point(page, *m.asked().run, ring_text(m, m.asked()))}, false};
    ring.points.back().label = times_text(r.speedup(*m.asked().run));
    ring.style = plot_style(m);
    ring.is_ring = true;
    plot.add(std::move(ring));
  }
  return plot;
}

inline weir::detail::SvgPlot wide_plot(const Page& page, std::vector<std::string>* left_out = nullptr) {
  return tradeoff_plot(page, 1060, 470, "", left_out);
}
inline weir::detail::SvgPlot narrow_plot(const Page& page) { return tradeoff_plot(page, 380, 400, ""); }

/// "oracles", which know all answers, and random exits: what bounds a policy from above and below.
inline std::string bounds_text(const Page& page) {
  std::string text;
  for (const Measured& c : page.results.measured)
    if (c.mode == page.modes.front().mode->name && c.kind == "oracle")
      text += (text.empty() ? "" : "; ") + c.name + " " + times_text(page.results.speedup(c));
  return text;
}

inline std::string chart_html(const Page& page) {
  std::vector<std::string> left_out;
  const weir::detail::SvgPlot wide = wide_plot(page, &left_out), narrow = narrow_plot(page);
  std::string caption = "Up and to the left is better. A ring is the policy that was chosen for the budget of " +
                        percent_text(page.options().max_loss) +
                        (page.modes.front().mode->certified ? ", with its promise" : "") +
                        "; the other points of a line keep other budgets in the mean. Point at a mark for its figures, "
                        "or go there by the Tab key.";
  if (const std::string bounds = bounds_text(page); !bounds.empty())
    caption += " Not drawn, since no method can reach them: " + bounds + ".";
  if (!left_out.empty()) {
    caption += " Too far below to be drawn: ";
    for (std::size_t i = 0; i < left_out.size() && i < 4; ++i) caption += (i ? ", " : "") + left_out[i];
    caption += left_out.size() > 4 ? " and " + std::to_string(left_out.size() - 4) + " more." : ".";
  }
  const std::string label = attribute("aria-label",
                                      "Chart: accuracy against time of an image. The tables below hold "
                                      "the same figures.");
  return element("figure",
                 element("div", wide.svg(), "class=\"wide\"") + element("div", narrow.svg(), "class=\"narrow\"") +
                     element("figcaption", weir::detail::escape_markup(caption)),
                 "id=\"chart\" " + label) +
         "<div id=\"tip\" hidden></div>\n";
}

}  // namespace adapt
