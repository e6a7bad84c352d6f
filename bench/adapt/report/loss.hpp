/// Loss against budget: what was asked for, what calibration showed, what the test images show.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>
#include <weir/io/report/svg.hpp>
#include <weir/policy/evaluate/statistics.hpp>

#include "times.hpp"

namespace adapt {

inline weir::detail::SvgPlot loss_plot(const Page& page, const ShownMode& m) {
  weir::detail::SvgPlot plot({.title = mode_text(m),
                              .x_label = "budget, %",
                              .y_label = page.is_net() ? "accuracy lost, %" : "new mistakes, %",
                              .width = small_width,
                              .height = small_height});
  weir::detail::PlotSeries asked{"allowed", {}, true, false, true}, calibration{"calibration", {}}, test{"test", {}},
      ring{"", {}, false};
  asked.style = style_of_chance;
  calibration.style = style_of_networks;
  test.style = ring.style = plot_style(m);
  ring.is_ring = true;
  for (const Shown& s : m.policies) {
    if (s.budget > 3.1 * std::max(page.options().max_loss, 0.005) && !s.is_chosen) continue;
    const double seen = page.results.budgeted(s.pairs);
    asked.points.push_back({100 * s.budget, 100 * s.budget});
    calibration.points.push_back(
        {100 * s.budget, 100 * s.on_calibration, 0, 0,
         "calibration: " + percent_text(s.on_calibration) + " at a budget of " + percent_text(s.budget)});
    weir::detail::PlotPoint p{100 * s.budget, 100 * seen, 0, 0,
                              "test: " + percent_text(seen) + " at a budget of " + percent_text(s.budget)};
    if (page.binary) {
      const weir::Interval i = s.pairs.limits95(s.learned->on);
      p.error_below = 100 * (seen - i.low);
      p.error_above = 100 * (i.high - seen);
    }
    test.points.push_back(p);
    if (s.is_chosen) ring.points.push_back({100 * s.budget, 100 * seen, 0, 0, p.title});
  }
  return plot.add(asked).add(calibration).add(test).add(ring);
}

inline std::string loss_html(const Page& page) {
  std::string figures;
  for (const ShownMode& m : page.modes)
    figures +=
        small_figure(loss_plot(page, m),
                     m.mode->certified ? "The ring has the promise; the other budgets are kept in the mean of the "
                                         "calibration images. Bars: 95 % intervals of the test."
                                       : "Budgets are kept in the mean of the calibration images.");
  return element("h2", "Loss against budget") + element("div", figures, "class=\"figures\"");
}

/// Of the images of each exit: how often the answer is right, by how sure it is.
inline weir::detail::SvgPlot reliability_plot(const ShownMode& m) {
  constexpr std::size_t bins = 10, least = 10;
  const Measured& c = *m.asked().run;
  weir::detail::SvgPlot plot({.title = mode_text(m),
                              .x_label = "confidence of the answer, %",
                              .y_label = "right, %",
                              .x_max = 100.0,
                              .y_max = 100.0,
                              .width = small_width,
                              .height = small_height});
  weir::detail::PlotSeries ideal{"", {{0, 0}, {100, 100}}, true, false, true};
  double lowest = 1;
  std::vector<weir::detail::PlotSeries> all;
  for (std::size_t k = 0; k < m.mode->spec->stages.size(); ++k) {
    weir::detail::PlotSeries s{
        m.mode->spec->stages.size() > 4 ? "exit " + std::to_string(k + 1) : stage_text(m.mode->spec->stages[k].name),
        {}};
    std::vector<double> sure(bins), right(bins), n(bins);
    for (std::size_t i = 0; i < c.exit.size(); ++i) {
      if (c.exit[i] != k) continue;
      const double p = static_cast<double>(c.confidence[i]);
      const std::size_t b = std::min(bins - 1, static_cast<std::size_t>(p * static_cast<double>(bins)));
      sure[b] += p, right[b] += c.right[i] ? 1 : 0, n[b] += 1;
    }
    for (std::size_t b = 0; b < bins; ++b)
      if (n[b] >= least) {
        s.points.push_back({100 * sure[b] / n[b], 100 * right[b] / n[b], 0, 0,
                            stage_text(m.mode->spec->stages[k].name) + ": " +
                                count_text(static_cast<std::size_t>(n[b])) + " images, confidence " +
                                percent_text(sure[b] / n[b], 1) + ", right " + percent_text(right[b] / n[b], 1)});
        lowest = std::min({lowest, sure[b] / n[b], right[b] / n[b]});
      }
    if (!s.points.empty()) all.push_back(std::move(s));
  }
  const double corner = std::min(90.0, 10 * std::floor(10 * lowest));
  ideal.points.front() = {corner, corner};
  ideal.style = style_of_chance;
  for (std::size_t k = 0; k < all.size(); ++k) {
    all[k].style = k % style_of_chance;
    plot.add(std::move(all[k]));
  }
  return plot.add(std::move(ideal));
}

inline std::string reliability_html(const Page& page) {
  std::string figures;
  for (const ShownMode& m : page.modes)
    figures += small_figure(reliability_plot(m),
                            "On the dashed line an exit is right as often as it says. Groups of at least 10 images.");
  return element("h2", "Can confidence be believed?") + element("div", figures, "class=\"figures\"");
}

}  // namespace adapt
