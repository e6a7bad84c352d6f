/// Where the images of each class leave.
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "shown.hpp"

namespace adapt {

struct ClassExits {
  int label = 0;
  std::vector<std::size_t> left;  ///< [stages]
  std::size_t n = 0, regressions = 0;
  double mean_stage() const {
    double sum = 0;
    for (std::size_t k = 0; k < left.size(); ++k) sum += static_cast<double>(k * left[k]);
    return sum / static_cast<double>(n);
  }
};

/// Of every class among the test images, those that leave first in front.
inline std::vector<ClassExits> exits_by_class(const Page& page, const ShownMode& m) {
  const Measured &c = *m.asked().run, &full = *m.full;
  std::map<int, ClassExits> by_label;
  for (std::size_t i = 0; i < c.exit.size(); ++i) {
    ClassExits& e = by_label[page.results.data.test.label(i)];
    e.label = page.results.data.test.label(i);
    e.left.resize(m.mode->spec->stages.size());
    ++e.left[c.exit[i]];
    ++e.n;
    if (c.loss[i] > full.loss[i]) ++e.regressions;
  }
  std::vector<ClassExits> all;
  for (auto& [label, e] : by_label) all.push_back(std::move(e));
  std::ranges::stable_sort(all, {}, &ClassExits::mean_stage);
  return all;
}

inline std::string classes_of(const Page& page, const ShownMode& m) {
  constexpr std::size_t most = 24;
  std::vector<ClassExits> all = exits_by_class(page, m);
  const std::size_t n = all.size();
  if (n > most) all.erase(all.begin() + most / 2, all.end() - most / 2);
  Table t;
  t.caption =
      mode_text(m) + (n > most ? ": of " + count_text(n) + " classes the " + std::to_string(most / 2) +
                                     " that leave first and the " + std::to_string(most / 2) + " that leave last"
                               : "");
  t.header = {"True class", "Where its images leave", "First stage, %", page.binary ? "New mistakes" : "Worse",
              "Images"};
  t.classes = {"-", "bar-cell", "-", "-", "w"};
  const std::size_t stages = m.mode->spec->stages.size();
  for (const ClassExits& e : all) {
    std::string parts, words;
    for (std::size_t k = 0; k < stages; ++k) {
      const double share = static_cast<double>(e.left[k]) / static_cast<double>(e.n);
      words += (k ? ", " : "") + percent_text(share, 0) + " " + stage_text(m.mode->spec->stages[k].name);
      if (e.left[k] > 0)
        parts += "<i class=\"s" + std::to_string(k * 6 / std::max<std::size_t>(stages, 1)) +
                 "\" style=\"width:" + weir::detail::format_fixed(100 * share, 2) + "%\"></i>";
    }
    t.rows.push_back({page.class_text(e.label),
                      Cell::of_markup(element("div", parts,
                                              "class=\"stack\" role=\"img\" " + attribute("title", words) + " " +
                                                  attribute("aria-label", words))),
                      weir::detail::format_fixed(100 * static_cast<double>(e.left[0]) / static_cast<double>(e.n), 1),
                      count_text(e.regressions), count_text(e.n)});
  }
  std::string key;
  for (std::size_t k = 0; k < stages; ++k)
    key += element("span", "<i class=\"s" + std::to_string(k * 6 / stages) + "\"></i> " +
                               weir::detail::escape_markup(stage_text(m.mode->spec->stages[k].name)));
  return element("p", key, "class=\"key\"") + t.html();
}

/// The first mode in the open, the others folded.
inline std::string classes_html(const Page& page) {
  std::string html = element("h2", "Easy and hard classes") + classes_of(page, page.modes.front());
  for (std::size_t i = 1; i < page.modes.size(); ++i)
    html += folded(mode_text(page.modes[i]), classes_of(page, page.modes[i]));
  return html;
}

}  // namespace adapt
