/// Examples to look at: images by the exit that they took, and those that became wrong.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/io/report/png.hpp>
#include <weir/io/report/report.hpp>

#include "shown.hpp"

namespace adapt {

/// What all pictures of the page together may take, in bytes of base64.
inline constexpr std::size_t most_bytes_of_pictures = 1100 << 10;
inline constexpr int picture_height = 56;

/// Test images of an exit: the surest right answers, the least sure ones, and the new mistakes.
inline std::vector<std::size_t> examples_of(const ShownMode& m, std::size_t exit, std::size_t most) {
  const Measured &c = *m.asked().run, &full = *m.full;
  std::vector<std::size_t> regressions, others;
  for (std::size_t i = 0; i < c.exit.size(); ++i)
    if (c.exit[i] == exit) (c.loss[i] > full.loss[i] ? regressions : others).push_back(i);
  const auto surer = [&](std::size_t a, std::size_t b) { return c.confidence[a] > c.confidence[b]; };
  std::ranges::stable_sort(regressions, surer);
  std::ranges::stable_sort(others, surer);
  regressions.resize(std::min(regressions.size(), most / 2));
  const std::size_t rest = std::min(others.size(), most - regressions.size());
  std::vector<std::size_t> all(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(rest - rest / 2));
  all.insert(all.end(), others.end() - static_cast<std::ptrdiff_t>(rest / 2), others.end());
  all.insert(all.end(), regressions.begin(), regressions.end());
  return all;
}

class Browser {
 public:
  explicit Browser(const Page& page) : page_(page) {}

  std::string html() {
    const weir::ImageSet& set = *page_.results.data.test.set;
    if (set.is_float() || page_.results.data.test.size() == 0) return "";
    std::string html = element("h2", "Examples");
    html += paragraph(
        "From each exit the surest answers, the least sure ones, and new mistakes (framed twice: the full network is "
        "right). Below a picture: its class, and what was answered where that is something else, with the confidence.",
        "class=\"hint\"");
    html += "<input type=\"checkbox\" id=\"only\"><label for=\"only\">new mistakes only</label>\n";
    std::size_t wanted = 0;
    for (const ShownMode& m : page_.modes)
      for (std::size_t k = 0; k < m.mode->spec->stages.size(); ++k) wanted += examples_of(m, k, most_of(m)).size();
    const std::size_t one = picture(0).size();
    share_ = std::min(
        1.0, static_cast<double>(most_bytes_of_pictures) / static_cast<double>(one * std::max<std::size_t>(wanted, 1)));
    std::string modes;
    for (const ShownMode& m : page_.modes) {
      const std::string exits = exits_html(m);
      modes += &m == &page_.modes.front() ? exits : folded(mode_text(m), exits);
    }
    return html + element("div", modes, "class=\"browser\"");
  }

 private:
  std::size_t most_of(const ShownMode& m) const { return m.mode == page_.modes.front().mode ? 32 : 16; }

  std::string picture(std::size_t i) {
    const weir::ImageView image = page_.results.data.test.set->image(page_.results.data.test.rows[i]);
    return weir::detail::base64(
        weir::detail::encode_png(weir::detail::HtmlReport::shrunk(image, picture_height, memory_)));
  }

  std::string exits_html(const ShownMode& m) {
    std::string html;
    for (std::size_t k = 0; k < m.mode->spec->stages.size(); ++k) {
      const auto most = static_cast<std::size_t>(std::ceil(share_ * static_cast<double>(most_of(m))));
      std::string figures;
      std::size_t n_regressions = 0;
      for (const std::size_t i : examples_of(m, k, most)) {
        figures += figure(m, i);
        n_regressions += m.asked().run->loss[i] > m.full->loss[i] ? 1 : 0;
      }
      const ExitRow& e = m.asked().exits[k];
      html += element("h3", weir::detail::escape_markup(stage_text(e.stage)) + " " +
                                element("small", percent_text(e.share, 1) + " of the images" +
                                                     (e.n == 0 ? "" : ", " + percent_text(e.accuracy, 1) + " right")));
      html += element("div", figures, std::string("class=\"thumbs") + (n_regressions == 0 ? " none" : "") + "\"");
    }
    return html;
  }

  std::string figure(const ShownMode& m, std::size_t i) {
    const Results& r = page_.results;
    const Measured& c = *m.asked().run;
    const int label = r.data.test.label(i);
    const bool regression = c.loss[i] > m.full->loss[i];
    const std::string sure = weir::detail::format_fixed(static_cast<double>(c.confidence[i]), 2);
    const std::string truth = page_.class_text(label), answer = page_.class_text(c.answer[i]);
    const std::string words = r.data.test.set->name(r.data.test.rows[i]) + ": class " + truth + ", answer " + answer +
                              ", confidence " + sure + ", full network " + page_.class_text(m.full->answer[i]) + ", " +
                              time_text(c.seconds[i]) + (regression ? "; a new mistake" : "");
    const bool is_small = r.data.test.set->image(r.data.test.rows[i]).height * 2 <= picture_height;
    std::string caption = element("span", weir::detail::escape_markup(truth));
    if (c.answer[i] != label) caption += element("em", "\u2192 " + weir::detail::escape_markup(answer));
    caption += element("small", sure);
    return element("figure",
                   std::string("<img height=\"") + std::to_string(picture_height) + "\"" +
                       (is_small ? " class=\"pixels\" " : " ") + attribute("alt", words) +
                       " src=\"data:image/png;base64," + picture(i) + "\">" + element("figcaption", caption),
                   std::string(regression      ? "class=\"regression\" "
                               : c.loss[i] > 0 ? "class=\"wrong\" "
                                               : "") +
                       attribute("title", words));
  }

  const Page& page_;
  double share_ = 1;
  weir::Image memory_;
};

inline std::string browser_html(const Page& page) { return Browser(page).html(); }

}  // namespace adapt
