/// The first screen: what came out, in words and in four tiles, and whether the promise was kept.
#pragma once
#include <array>
#include <string>
#include <weir/policy/evaluate/statistics.hpp>

#include "shown.hpp"

namespace adapt {

/// "4.9 times faster, 1.0 % of images newly wrong"; a gain that is none within its interval is not called one.
inline std::string headline(const Page& page) {
  const ShownMode& m = page.modes.front();
  const Shown& s = m.asked();
  const double speedup = page.results.speedup(*s.run);
  const weir::Interval seen = page.results.speedup_interval(*s.run);
  const std::string faster = speedup < 1.005 ? "not faster (" + times_text(speedup) + ")"
                             : seen.low < 1
                                 ? "not faster as far as was measured (" + times_text(speedup) + ", 95 % interval " +
                                       weir::detail::format_fixed(seen.low, 2) + " to " +
                                       weir::detail::format_fixed(seen.high, 2) + ")"
                                 : weir::detail::format_fixed(speedup, speedup < 9.995 ? 1 : 0) + " times faster";
  if (!page.binary)
    return faster + ", mean loss " + (s.pairs.net >= 0 ? "+" : "") + weir::detail::format_short(s.pairs.net, 3);
  return faster + ", " + percent_text(s.pairs.excess, 1) + " of images newly wrong";
}

inline std::string summary_text(const Page& page) {
  const Results& r = page.results;
  const ShownMode& m = page.modes.front();
  const Shown& s = m.asked();
  std::string text;
  if (page.binary)
    text = "Of " + count_text(s.pairs.n) + " test images, " + count_text(s.pairs.regressions) +
           " that the full network gets right are now wrong, " + count_text(s.pairs.repairs) +
           " that it gets wrong are now right. ";
  return text + "Full network: " + m.full->name + ", " + percent_text(m.full->accuracy()) + " right (" +
         r.options.loss + "), " + time_text(m.full->mean_cost()) + " an image. Measured on runs that really stop, on " +
         "images that nothing was learned or chosen from.";
}

struct Tile {
  std::string name, value, note;
};

/// What changes with the budget.
inline std::array<Tile, 4> tiles(const Page& page, const ShownMode& m, const Shown& s) {
  const Results& r = page.results;
  std::string interval = "over the full network, measured";
  if (s.is_chosen) {
    const weir::Interval i = r.speedup_interval(*s.run);
    interval = "95 % interval " + weir::detail::format_fixed(i.low, 2) + " to " + weir::detail::format_fixed(i.high, 2);
  }
  const std::string limit =
      s.is_certified ? ", " + weir::detail::format_short(100 * page.options().confidence, 3) + " % confidence"
                     : ", in the mean";
  const Tile loss =
      page.is_net() ? Tile{"Accuracy lost", percent_text(s.pairs.net), "budget " + percent_text(s.budget) + limit}
      : page.binary ? Tile{"New mistakes", percent_text(s.pairs.excess), "budget " + percent_text(s.budget) + limit}
                    : Tile{"Excess loss", weir::detail::format_short(s.pairs.excess, 3),
                           "budget " + weir::detail::format_short(s.budget, 3) + limit};
  return {Tile{"Speed-up", times_text(r.speedup(*s.run)), interval},
          Tile{"Time", time_text(s.run->mean_cost()), "a mean image; full " + time_text(m.full->mean_cost())},
          Tile{page.binary ? "Right" : "1 - loss", percent_text(s.run->accuracy()),
               "full network " + percent_text(m.full->accuracy())},
          loss};
}

/// What a test part is too small for; "" where its images show by themselves that the budget is kept.
inline std::string too_few_text(const Page& page, const Shown& s) {
  if (!page.binary || page.is_net() || s.pairs.excess_upper95() <= s.budget) return "";
  return " These " + count_text(s.pairs.n) + " test images by themselves show less: their 95 % limit is " +
         percent_text(s.pairs.excess_upper95()) + ".";
}

/// Green where the test images keep the budget, amber where they do not.
struct Promise {
  bool is_kept;
  std::string title, text;
};

inline Promise promise(const Page& page, const Shown& s) {
  const Results& r = page.results;
  const double seen = r.budgeted(s.pairs);
  const bool kept = seen <= s.budget;
  const std::string what = page.is_net() ? "accuracy lost" : page.binary ? "new mistakes" : "excess loss";
  const std::string figures = percent_text(seen) + " " + what + " on test, " + percent_text(s.budget) + " allowed. ";
  if (!s.is_certified)
    return {kept, kept ? "Within the budget." : "Above the budget.",
            figures + "This policy keeps its budget in the mean of the calibration images, without a guarantee."};
  const std::string confidence = weir::detail::format_short(100 * page.options().confidence, 3);
  std::string text = figures;
  if (kept)
    text += "The budget holds for images like these with " + confidence + " % confidence." + too_few_text(page, s);
  else
    text += "The promise is about the draw of the calibration images: of 100 draws at least " + confidence +
            " give a policy that keeps it.";
  if (const auto chance = r.chance_of_as_much(s.pairs); chance && !kept)
    text += " A policy whose true loss is exactly " + percent_text(s.budget) + " shows this much or more in " +
            percent_text(*chance, 1) + " of such tests.";
  return {kept, kept ? "Promise kept." : "Above what was promised.", text};
}

inline std::string headline_html(const Page& page) {
  const ShownMode& m = page.modes.front();
  const Shown& s = m.asked();
  std::string html = element("h1", weir::detail::escape_markup(page.results.data.name + ": " + headline(page)));
  html += paragraph(summary_text(page), "class=\"lead\"");
  std::string all;
  for (const Tile& t : tiles(page, m, s))
    all += element("div",
                   element("dt", weir::detail::escape_markup(t.name)) +
                       element("dd", element("b", weir::detail::escape_markup(t.value)) +
                                         element("span", weir::detail::escape_markup(t.note))),
                   "class=\"tile\"");
  html += element("dl", all, "class=\"tiles\" aria-label=\"The chosen policy in four numbers\"");
  const Promise p = promise(page, s);
  html += element(
      "p",
      element("b", weir::detail::escape_markup(p.title)) + " " + element("span", weir::detail::escape_markup(p.text)),
      std::string("id=\"promise\" role=\"status\" class=\"note ") + (p.is_kept ? "kept" : "above") + "\"");
  return html;
}

}  // namespace adapt
