/// The first screen: what came out, in words and in four tiles, and whether the promise was kept.
#pragma once
#include <array>
#include <cctype>
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

/// Green where the test images keep the budget, amber where they do not.
struct Promise {
  bool is_kept;
  std::string title, text;
};

/// The title, and in words what was promised and whether it was kept.
inline Promise promise_words(const Promised& promised, const Verdict& v) {
  if (promised.confidence <= 0)
    return {v.kept, v.kept ? "Within the budget." : "Above the budget.",
            "This policy keeps its budget in the mean of the calibration images, without a guarantee."};
  if (!promised.is_certified())
    return {v.kept, "Nothing faster was certified.",
            "No policy faster than the full network could be certified with " + promised.confidence_text() +
                " confidence, so the full network answers every image."};
  if (!v.kept)
    return {false, "Above what was promised.",
            "The promise is about the draw of the calibration images: of 100 draws at least " +
                weir::detail::format_short(100 * promised.confidence, 3) + " give a policy that keeps it."};
  return {true, "Promise kept.",
          "The budget holds for images like these with " + promised.confidence_text() + " confidence." +
              (v.limits && v.limits->high > v.budget
                   ? " The test images by themselves are too few to show that: their upper limit is above the budget."
                   : "")};
}

/// One policy's promise, what the test images show of it, and the evidence beside it.
inline Promise promise(const Promised& promised, const Verdict& v) {
  Promise p = promise_words(promised, v);
  const auto sentence = [](std::string text) {
    if (text.empty()) return text;
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    return " " + text + ".";
  };
  p.text = v.seen_text() + " on test, " + percent_text(v.budget) + " allowed. " + p.text +
           sentence(promised.evidence()) + sentence(v.chance_text());
  return p;
}

inline Promise promise(const Page& page, const Shown& s) {
  const Results& r = page.results;
  return promise(r.promised(*s.run, *s.learned), r.verdict(*s.run, *s.learned));
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
