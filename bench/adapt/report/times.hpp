/// The distribution of times, and what was predicted of them.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/io/report/svg.hpp>
#include <weir/policy/evaluate/statistics.hpp>

#include "shown.hpp"

namespace adapt {

/// A chart with its caption, one of several side by side.
inline std::string small_figure(const weir::detail::SvgPlot& plot, const std::string& caption) {
  return element("figure", plot.svg() + element("figcaption", weir::detail::escape_markup(caption)));
}
inline constexpr int small_width = 470, small_height = 350;

/// The share of images answered within a time, at 100 points of the distribution.
inline weir::detail::PlotSeries times_series(const Page& page, const Measured& c, const std::string& name,
                                             std::size_t style) {
  weir::detail::PlotSeries s{name, {}, true, false};
  s.style = style;
  for (double q = 0; q <= 99.5; q += q < 98 ? 1 : 0.25)
    s.points.push_back({page.unit.per_second * weir::detail::percentile(c.seconds, q), q});
  return s;
}

inline std::string times_of(const Page& page, const ShownMode& m) {
  const Measured& c = *m.asked().run;
  weir::detail::SvgPlot plot({.title = mode_text(m),
                              .x_label = std::string(page.unit.words) + " until an image is answered",
                              .y_label = "images answered, %",
                              .log_x = true,
                              .width = small_width,
                              .height = small_height});
  plot.add(times_series(page, *m.full, "full network", style_of_chance));
  plot.add(times_series(page, c, "adaptive", plot_style(m)));
  for (const auto& [run, style] : {std::pair{m.full, style_of_chance}, std::pair{&c, plot_style(m)}}) {
    weir::detail::PlotSeries marks{"", {}, false};
    marks.style = style;
    for (const double q : {50.0, 90.0, 99.0}) {
      const double t = weir::detail::percentile(run->seconds, q);
      marks.points.push_back(
          {page.unit.per_second * t, q, 0, 0, "p" + weir::detail::format_short(q) + ": " + time_text(t)});
    }
    plot.add(std::move(marks));
  }
  return small_figure(plot, "Marks: p50, p90 and p99.");
}

inline std::string times_html(const Page& page) {
  std::string figures;
  Table t;
  t.caption = "Times of single test images";
  if (page.options().costs.batch > 1) t.caption = "Times of images, those of a batch divided evenly";
  t.header = {"Run", "Mean", "p50", "p90", "p99"};
  const auto add = [&](const Measured& c, const std::string& name) {
    t.rows.push_back({name, time_text(c.mean_cost())});
    for (const double q : {50.0, 90.0, 99.0})
      t.rows.back().emplace_back(time_text(weir::detail::percentile(c.seconds, q)));
  };
  for (const ShownMode& m : page.modes) {
    figures += times_of(page, m);
    add(*m.asked().run, mode_text(m));
  }
  add(page.results.full(), "Full network");
  return element("h2", "Times") + element("div", figures, "class=\"figures\"") + t.html() +
         paragraph("The slowest images gain least: one that goes all the way pays for every stage it passed.",
                   "class=\"hint\"");
}

/// Time and loss of each policy: what the traces said, and what was measured.
inline std::string predicted_html(const Page& page) {
  const Results& r = page.results;
  std::string html = element("h2", "Predicted against measured");
  html += paragraph(
      "Policies are learned from traces: what each stage answered, and what it was priced at. The prediction adds up "
      "the "
      "prices of the stages that each test image passes; the measurement runs the policy. Decisions are the same, so "
      "the "
      "answers are the same; times differ by caches, clocks and what else the machine did.");
  for (const ShownMode& m : page.modes) {
    const bool in_seconds = m.mode->prices.unit() == weir::cost_unit::seconds;
    Table t;
    t.caption = mode_text(m);
    t.header = {"Budget", "Predicted", "Measured"};
    if (in_seconds) t.header.emplace_back("Difference");
    for (const Shown& s : m.policies) {
      const double measured = s.run->mean_cost();
      t.rows.push_back(
          {percent_text(s.budget) + (s.is_chosen ? " (chosen)" : ""),
           in_seconds ? time_text(s.predicted) : weir::detail::format_cost(s.predicted, m.mode->prices.unit()),
           time_text(measured)});
      if (in_seconds) t.rows.back().emplace_back(format("%+.0f %%", 100 * (measured / s.predicted - 1)));
      t.strong.push_back(s.is_chosen);
    }
    html += &m == &page.modes.front() ? t.html() : folded(mode_text(m), t.html());
    const std::size_t strays = r.strays(*m.mode);
    html += paragraph(mode_text(m) + ": " +
                          (strays == 0 ? "every test image left where its trace says"
                                       : count_text(strays) + " test images left elsewhere than their traces say") +
                          (m.mode->repriced.empty() ? "." : "; " + m.mode->repriced + "."),
                      "class=\"hint\"");
  }
  return html;
}

}  // namespace adapt
