/// How many calibration examples a guarantee takes, so that one that cannot be given is refused before any work.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/list.hpp>

namespace weir {

/// The smallest n for which n examples without any loss reject "the mean is above epsilon" at delta: with fewer the
/// test rejects nothing, whatever is seen. For Clopper and Pearson's the smallest n with (1 - epsilon)^n <= delta: 299
/// for 1 % with 95 %. nullopt where no n up to 2^24 does (epsilon = 0: no number of examples shows that nothing is
/// lost). Fixed-sequence testing takes no more, since its first test has all of delta.
inline std::optional<std::size_t> least_examples(const MeanTest& test, double epsilon, double delta) {
  const auto passes = [&](std::size_t n) { return test.p_value(std::vector<double>(n, 0.0), epsilon, delta) <= delta; };
  if (!(epsilon > 0)) return std::nullopt;
  constexpr std::size_t most = std::size_t{1} << 24U;
  std::size_t high = 1;
  while (!passes(high)) {
    if (high >= most) return std::nullopt;
    high *= 2;
  }
  std::size_t low = high / 2;  // does not pass; 0 rejects nothing
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (passes(middle) ? high : low) = middle;
  }
  return high;
}

namespace detail {

/// "95", "0.25": a share in percent, without digits that say nothing.
inline std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", 100 * share);
  return text;
}

}  // namespace detail

/// Throws ArgumentError where n calibration examples cannot give the guarantee "a loss of at most epsilon with this
/// confidence", whatever they show: it says how many it takes. `instead` ends the message: which option asks for less.
inline void require_examples(std::size_t n, double epsilon, double confidence,
                             std::string_view test = "clopper_pearson",
                             const std::string& instead = "give more examples, a larger limit or a smaller confidence",
                             const std::string& examples = "examples") {
  if (epsilon >= 1) return;  // no loss is above 1
  const auto least = least_examples(mean_test(test), epsilon, 1 - confidence);
  if (least && n >= *least) return;
  const std::string asked = detail::percent(confidence) + " % for " + detail::percent(epsilon) + " % needs ";
  throw ArgumentError("the guarantee that was asked for cannot be given: " + asked +
                      (least ? std::to_string(*least) + " " + examples + " with no regression; there are " +
                                   std::to_string(n) + " for calibration"
                             : "more " + examples + " than there can be") +
                      ": " + instead);
}

}  // namespace weir
