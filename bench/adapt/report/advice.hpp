/// Whether further limits are kept; why it was not faster, and what would help.
#pragma once
#include <string>

#include "../advice.hpp"
#include "../limits.hpp"
#include "shown.hpp"

namespace adapt {

inline std::string limits_html(const Page& page) {
  std::string html;
  for (const ShownMode& m : page.modes) {
    std::string list;
    for (const LimitShown& limit : shown_limits(page.results, *m.mode))
      list += element("li", weir::detail::escape_markup(limit_line(limit) + "."));
    if (!list.empty()) html += paragraph(mode_text(m) + ":") + element("ul", list);
  }
  return html.empty() ? "" : element("h2", "Further limits") + html;
}

inline std::string advice_html(const Page& page) {
  std::string list;
  for (const std::string& text : advice(page.results)) list += element("li", weir::detail::escape_markup(text + "."));
  return limits_html(page) +
         (list.empty() ? "" : element("h2", "What to know, and what would save more") + element("ul", list));
}

}  // namespace adapt
