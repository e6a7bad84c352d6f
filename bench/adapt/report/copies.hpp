/// The report's section on the 8-bit copies: which were made, and whether the copy of the full network makes gates
/// useless.
#pragma once
#include <string>

#include "../copies_text.hpp"
#include "shown.hpp"

namespace adapt {

inline std::string copies_html(const Page& page) {
  const Results& r = page.results;
  if (r.models.made_copies.empty()) return "";
  std::string html = element("h2", "Members made of the networks given"), lines;
  if (const std::string alone = copy_alone_text(r); !alone.empty())
    html += paragraph("Worth knowing: " + alone + ".", "class=\"note\"");
  for (const MadeCopy& c : r.models.made_copies)
    lines += element("li", weir::detail::escape_markup(copy_line(c) + "."));
  return html + element("ul", lines);
}

}  // namespace adapt
