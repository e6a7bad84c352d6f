/// report.html: one file, no network; whole without scripts, and with them a slider that moves the first screen.
///
/// A section is a file and a line in sections(): a function from Page to markup, in which every text is escaped.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "../terminal.hpp"
#include "advice.hpp"
#include "browser.hpp"
#include "chart.hpp"
#include "classes.hpp"
#include "compare.hpp"
#include "copies.hpp"
#include "headline.hpp"
#include "loss.hpp"
#include "method.hpp"
#include "script.hpp"
#include "shown.hpp"
#include "slider.hpp"
#include "style.hpp"
#include "tables.hpp"
#include "times.hpp"

namespace adapt {

using Section = std::string (*)(const Page&);

inline const auto& sections() {
  static constexpr std::array<Section, 15> all = {
      headline_html, chart_html,       slider_html,  copies_html,    tables_html, advice_html, classes_html, times_html,
      loss_html,     reliability_html, browser_html, predicted_html, method_html, next_html,   glossary_html};
  return all;
}

/// The whole document. compared: lines of --compare, or none.
inline std::string report_html(const Results& r, const std::vector<Compared>& compared) {
  const Page page(r);
  const std::string title = weir::detail::escape_markup(r.data.name + ": " + headline(page));
  std::string body;
  for (const Section section : sections()) {
    body += section(page);
    if (section == tables_html && !compared.empty()) body += compare_html(compared);
  }
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
         "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
         "<link rel=\"icon\" href=\"data:,\">\n<title>" +
         title + "</title>\n" + style() + "</head>\n<body>\n<main>\n" + body + "</main>\n" + slider_data(page) +
         script() + "</body>\n</html>\n";
}

}  // namespace adapt
