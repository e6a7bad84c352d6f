/// What --also and --given-exit ask for, checked, and as limits on a trace.
#pragma once
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "data.hpp"

namespace adapt {

/// "top5:0.005" -> top5 and 0.005. Throws ArgumentError for anything else.
inline std::pair<std::string, double> parse_also(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  double limit = 0;
  if (colon == std::string::npos || colon == 0 || !CLI::detail::lexical_cast(text.substr(colon + 1), limit) ||
      !(limit > 0 && limit <= 1))
    throw weir::ArgumentError("--also " + text +
                              ": say LOSS:LIMIT or class:LIMIT with a limit above 0 and at most 1, "
                              "such as top5:0.005");
  const std::string name = text.substr(0, colon);
  if (name != "class" && !weir::Loss(name).binary())
    throw weir::ArgumentError("--also " + text + ": losses of " + name + " are not 0 or 1, so no exact limit is known");
  return {name, limit};
}

inline bool has_further(const Options& o) { return !o.also.empty() || o.given_exit > 0; }

/// Before anything is loaded.
inline void check_further(const Options& o) {
  for (const std::string& text : o.also) static_cast<void>(parse_also(text));
  if (has_further(o) && o.confidence <= 0)
    throw weir::ArgumentError("--also and --given-exit are certified limits: they need a --confidence above 0");
  if (has_further(o) && !weir::Loss(o.loss).binary())
    throw weir::ArgumentError("--also and --given-exit need a --loss of 0 and 1, such as top1");
}

/// As soon as labels are known: whether the calibration images can show what is asked for.
inline void check_further(const Options& o, const Data& data, std::size_t classes) {
  const std::string instead = "give more images, a larger limit or a smaller --confidence";
  if (o.given_exit > 0)
    weir::detail::require_examples(data.calibration.size(), o.given_exit, o.confidence, "clopper_pearson", instead,
                                   "images");
  for (const std::string& text : o.also) {
    const auto [name, limit] = parse_also(text);
    if (name != "class") {
      check_loss(name, classes);
      weir::detail::require_examples(data.calibration.size(), limit, o.confidence, "clopper_pearson", instead,
                                     "images");
      continue;
    }
    std::map<int, std::size_t> count;
    for (std::size_t c = 0; c < classes; ++c) count[static_cast<int>(c)] = 0;
    for (const int label : data.calibration.labels()) ++count[label];
    const auto least =
        std::ranges::min_element(count, [](const auto& a, const auto& b) { return a.second < b.second; });
    weir::detail::require_examples(least->second, limit, o.confidence, "clopper_pearson", instead,
                                   "images of class " + std::to_string(least->first));
  }
}

/// The limits on the examples of a trace, which has class probabilities where other losses are asked for.
inline weir::FurtherLimits further_limits(const Options& o, const weir::Trace& trace) {
  weir::FurtherLimits limits;
  if (o.given_exit > 0) limits.given_exit = o.given_exit;
  for (const std::string& text : o.also) {
    const auto parsed = parse_also(text);
    if (parsed.first == "class") {
      const auto classes = static_cast<int>(trace.stages.back().probabilities.cols());
      for (int c = 0; c < classes; ++c) limits.also.push_back({"class " + std::to_string(c), parsed.second, {}, c});
      continue;
    }
    const weir::Loss loss(parsed.first);
    weir::Limit limit{parsed.first, parsed.second};
    for (const weir::StageTrace& s : trace.stages) {
      Eigen::VectorXd of_stage(static_cast<Eigen::Index>(trace.size()));
      std::vector<float> p(static_cast<std::size_t>(s.probabilities.cols()));
      for (Eigen::Index i = 0; i < of_stage.size(); ++i) {
        for (std::size_t c = 0; c < p.size(); ++c) p[c] = s.probabilities(i, static_cast<Eigen::Index>(c));
        of_stage(i) = loss(p, trace.label[static_cast<std::size_t>(i)]);
      }
      limit.loss.push_back(std::move(of_stage));
    }
    limits.also.push_back(std::move(limit));
  }
  return limits;
}

}  // namespace adapt
