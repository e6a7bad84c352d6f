/// How it was measured, the files beside the page, how to go on, and what the words mean.
#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "../machine.hpp"
#include "shown.hpp"

namespace adapt {

/// Where the costs come from, for the list of how things were measured.
inline std::string costs_text(const Options& o) {
  const std::string batches = o.costs.batch > 1 ? ", in several sizes of batch" : "";
  if (o.costs.kind == "seconds") return "seconds, measured on policy images" + batches;
  const std::string times = ". Times in this report are measured apart from that, and were not what was saved";
  if (o.costs.kind == "flops") return "FLOP, counted: a multiply-add is two; layers and exit heads alone" + times;
  if (o.costs.kind == "energy")
    return "joules of the processor packages, idle power and all (" + o.costs.powercap +
           "), measured on policy images" + batches + times;
  return "the table " + o.costs.kind + times;
}

/// "gates learn from labels": of all modes, or of each where they differ.
inline std::string lessons_text(const std::vector<TestedMode>& modes) {
  std::string text = "gates learn from " + modes.front().learned_from;
  for (const TestedMode& m : modes)
    if (m.learned_from != modes.front().learned_from) text += "; in " + m.name + " from " + m.learned_from;
  return text;
}

inline std::string method_html(const Page& page) {
  const Results& r = page.results;
  const Options& o = r.options;
  const auto n = [](const Part& p) { return count_text(p.size()); };
  std::string heads = !has_heads(r.modes)       ? "none trained"
                      : r.data.heads.size() > 0 ? n(r.data.heads) + " images apart"
                                                : "cross-fitted on the policy part";
  for (const TestedMode& m : r.modes)
    if (std::ranges::any_of(m.spec->stages, [](const weir::CascadeStage& s) { return !s.sees.empty(); }))
      heads += "; in " + m.name + " each sees the logits of the exit before it";
  const std::array<std::pair<const char*, std::string>, 9> rows = {{
      {"Machine", machine()},
      {"Program", "compiler " + compiler() + ", instruction set " +
                      std::string(weir::to_string(weir::Context({.threads = 1, .isa = o.isa}).isa()))},
      {"Threads", std::to_string(o.threads)},
      {"Runs", batch_text(o.costs.batch) + "; all methods in turn on blocks of " +
                   std::to_string(block_size(o.costs.batch)) + " images, " + std::to_string(o.rounds) + " round(s)"},
      {"A time", "from decoded pixels to the answer: preprocessing, layers, heads, features, gates" +
                     std::string(o.costs.batch == 1 ? "" : "; that of a batch is divided evenly among its images") +
                     (r.data.decode_s > 0 ? "; decoding a file takes " + time_text(r.data.decode_s) + " besides" : "")},
      {"Images", "policy " + n(r.data.policy) + ", calibration " + n(r.data.calibration) + ", test " + n(r.data.test) +
                     "; " + count_text(r.data.n_images_in_two_parts) + " test images also occur in another part"},
      {"Exit heads", heads},
      {"Costs learned from", costs_text(o)},
      {"Lessons", lessons_text(r.modes)},
  }};
  std::string list;
  for (const auto& [name, text] : rows)
    list += element("dt", weir::detail::escape_markup(name)) + element("dd", weir::detail::escape_markup(text));
  return element("h2", "How it was measured") + element("dl", list, "class=\"facts\"") +
         element("pre", weir::detail::escape_markup("run " + r.run.id + "\n" + r.run.command), "tabindex=\"0\"");
}

/// Links to what lies beside the page, and three lines that load the policy.
inline std::string next_html(const Page& page) {
  const Results& r = page.results;
  std::string links;
  const auto link = [&](const std::string& file, const std::string& what) {
    links += element("li", element("a", weir::detail::escape_markup(file), attribute("href", url_of(file))) + " " +
                               weir::detail::escape_markup(what));
  };
  const auto mode_file = [&](const ShownMode& m, const char* stem, const char* end) {
    return file_of(page, m, stem, end);
  };
  for (const ShownMode& m : page.modes) link(mode_file(m, "policy", ".json"), "the policy: " + mode_text(m));
  link("summary.json", "all figures of this page");
  link("curve.csv", "a line for every method");
  for (const ShownMode& m : page.modes)
    link(mode_file(m, "decisions", ".csv"), "every test image: label, answers, exit, time; " + mode_text(m));
  const bool outside = r.names_outside(*page.modes.front().mode);
  const std::string cpp = "const weir::Cascade cascade = weir::load_policy(\"policy.json\"" +
                          std::string(outside ? ", {.allow_outside = true}" : "") +
                          ");  // #include <weir/run.hpp>\n"
                          "const weir::Decision d = cascade.run(weir::read_image(\"photo.jpg\"));\n"
                          "std::cout << d.label << \" left at \" << d.exit << '\\n';";
  const std::string python = "import weir\ncascade = weir.Cascade(\"policy.json\"" +
                             std::string(outside ? ", allow_outside=True" : "") +
                             ")\nlabels = cascade.predict([\"photo.jpg\"])  # or arrays";
  return element("h2", "Use it") + element("ul", links) + paragraph("In C++:") +
         element("pre", weir::detail::escape_markup(cpp), "tabindex=\"0\"") + paragraph("In Python:") +
         element("pre", weir::detail::escape_markup(python), "tabindex=\"0\"") +
         paragraph(
             outside ? "The policy names networks outside its folder, which are loaded where that is allowed, or where "
                       "CascadeOptions::networks or --networks names their folder; adapt --bundle DIR puts policy and "
                       "networks into one folder, which can be moved."
                     : "The networks lie in the policy's folder, which can be moved as it is.",
             "class=\"hint\"");
}

inline std::string glossary_html(const Page&) {
  constexpr std::array<std::pair<const char*, const char*>, 13> words = {{
      {"Full network", "the last stage: what would answer every image without weir; losses are counted against it"},
      {"Stage", "a place that can answer: a network, or a layer of one with an exit head"},
      {"Exit", "a stage that an image stops at; its answer counts, and nothing behind it is computed"},
      {"Gate", "decides behind a stage whether the image stops there"},
      {"Policy", "the stages, their order and their gates: what policy.json holds"},
      {"New mistake, regression", "an image that the full network gets right and the policy does not"},
      {"Repair", "the other way round"},
      {"Excess loss, net loss", "the share of regressions; the same less the share of repairs, what accuracy falls by"},
      {"Budget", "the most of that loss that was allowed"},
      {"Certified, 95 % confidence",
       "of 100 draws of calibration images at least 95 give a policy whose true loss is "
       "within the budget (an exact binomial test: Clopper-Pearson)"},
      {"Policy, calibration and test part",
       "images that gates learn from; that choose and certify; that nothing has seen"},
      {"Rule", "a method of the literature with one number to tune, such as a threshold on the entropy"},
      {"Oracle", "the best decisions in hindsight, with all answers known: a bound, not a method"},
  }};
  std::string list;
  for (const auto& [word, meaning] : words) list += element("dt", word) + element("dd", meaning);
  return element("h2", "Words") + folded("What the words on this page mean", element("dl", list, "class=\"facts\""));
}

}  // namespace adapt
