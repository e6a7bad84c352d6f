/// The slider over the budget: what it needs to know, and where images leave at each of its places.
#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <weir/io/report/printable.hpp>

#include "chart.hpp"
#include "headline.hpp"

namespace adapt {

inline std::string exit_bar(const Page& page, const ShownMode& m, const ExitRow& e) {
  const std::string right = e.n == 0 ? "" : percent_text(e.accuracy, 1) + (page.binary ? " right" : " of 1 - loss");
  return element("div",
                 element("span", weir::detail::escape_markup(stage_text(e.stage)), "class=\"stage\"") +
                     element("span",
                             element("i", "",
                                     "class=\"c" + std::to_string(plot_style(m)) +
                                         "\" style=\"width:" + weir::detail::format_fixed(100 * e.share, 2) + "%\""),
                             "class=\"track\" aria-hidden=\"true\"") +
                     element("span", percent_text(e.share, 1), "class=\"share\"") +
                     element("span", right, "class=\"right\""),
                 "class=\"bar\" role=\"listitem\"");
}

/// Modes and budgets to choose from (shown by the script), and where images leave. Each mode has bars of its own.
inline std::string slider_html(const Page& page) {
  const ShownMode& first = page.modes.front();
  std::string radios, bars;
  for (std::size_t i = 0; i < page.modes.size(); ++i)
    radios +=
        element("label", "<input type=\"radio\" name=\"mode\" value=\"" + std::to_string(i) + "\"" +
                             (i == 0 ? " checked" : "") + "> " + weir::detail::escape_markup(mode_text(page.modes[i])));
  std::string html = page.modes.size() > 1
                         ? element("fieldset", element("legend", "Way of stopping") + radios, "class=\"modes\"")
                         : "";
  html += element("label",
                  std::string(page.is_net() ? "Accuracy you give up: " : "New mistakes you accept: ") +
                      "<output id=\"budget\">" + percent_text(first.asked().budget) + "</output>",
                  "for=\"slider\"");
  html += "<input type=\"range\" id=\"slider\" min=\"0\" max=\"" + std::to_string(first.policies.size() - 1) +
          "\" step=\"1\" value=\"" + std::to_string(first.chosen) + "\">\n";
  html +=
      paragraph("Every place of the slider is a policy that was measured on all test images; nothing is interpolated.",
                "class=\"hint\"");
  html = element("div", html, "id=\"controls\" hidden");
  for (std::size_t i = 0; i < page.modes.size(); ++i) {
    std::string rows;
    for (const ExitRow& e : page.modes[i].asked().exits) rows += exit_bar(page, page.modes[i], e);
    bars += element("div", rows, std::string("class=\"bars\" role=\"list\"") + (i > 0 ? " hidden" : ""));
  }
  return html + element("h2", "Where images leave") + bars;
}

/// What the script moves, as JSON that is safe inside a script element: texts are made here, it only puts them in
/// place.
inline std::string slider_data(const Page& page) {
  using nlohmann::json;
  json modes = json::array();
  const weir::detail::SvgPlot wide = wide_plot(page), narrow = narrow_plot(page);
  for (const ShownMode& m : page.modes) {
    json policies = json::array();
    for (const Shown& s : m.policies) {
      json p, exits = json::array(), all = json::array();
      for (const Tile& t : tiles(page, m, s)) all.push_back({t.value, t.note, t.name});
      for (const ExitRow& e : s.exits)
        exits.push_back({100 * e.share, percent_text(e.share, 1),
                         e.n == 0 ? "" : percent_text(e.accuracy, 1) + (page.binary ? " right" : " of 1 - loss")});
      const Promise kept = promise(page, s);
      const double x = page.unit.per_second * s.run->mean_cost(), y = 100 * s.run->accuracy();
      p["budget"] =
          percent_text(s.budget) + (s.is_chosen ? " (the policy of " + file_of(page, m, "policy", ".json") + ")" : "");
      p["tiles"] = all;
      p["exits"] = exits;
      p["note"] = {kept.title, kept.text, kept.is_kept};
      p["at"] = {wide.place(x, y), narrow.place(x, y)};
      p["says"] = plot_point(page, *s.run, ring_text(m, s)).title;
      p["drawn"] = s.run->accuracy() >= least_accuracy(page);
      policies.push_back(std::move(p));
    }
    modes.push_back({{"policies", policies}, {"chosen", m.chosen}});
  }
  std::string text = modes.dump(-1, ' ', true, json::error_handler_t::replace);
  std::string safe;
  for (const char c : text)
    safe += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : c == '&' ? "\\u0026" : std::string(1, c);
  return "<script type=\"application/json\" id=\"data\">" + safe + "</script>\n";
}

}  // namespace adapt
