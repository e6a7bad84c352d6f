// What least_examples.hpp declares.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/least_examples.hpp>

namespace weir::detail {

WEIR_INLINE std::optional<std::size_t> least_examples(const MeanTest& test, double epsilon, double delta) {
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

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::optional<std::size_t> most_regressions(std::size_t n, double epsilon, double delta) {
  return detail::largest_passing(n, [&](std::size_t k) { return detail::binomial_cdf(k, n, epsilon) <= delta; });
}

}  // namespace weir

namespace weir::detail {

WEIR_INLINE std::optional<std::size_t> most_paired_regressions(std::size_t n, double epsilon, double delta) {
  if (!(epsilon > 0 && epsilon <= 1)) return std::nullopt;
  return largest_passing(n, [&](std::size_t k) { return bounds::trinomial_p_value(k, 0, n, epsilon, delta) <= delta; });
}

WEIR_INLINE std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", 100 * share);
  return text;
}

WEIR_INLINE std::string missing_examples(std::size_t n, double epsilon, double confidence, std::string_view test,
                                         const std::string& examples) {
  if (epsilon >= 1) return "";  // no loss is above 1
  const auto least = least_examples(mean_test(test), epsilon, 1 - confidence);
  if (least && n >= *least) return "";
  return percent(confidence) + " % for " + percent(epsilon) + " % needs " +
         (least ? std::to_string(*least) + " " + examples + " with no regression; there are " + std::to_string(n) +
                      " for calibration"
                : "more " + examples + " than there can be");
}

WEIR_INLINE std::string missing_paired_examples(std::size_t n, double epsilon, double confidence,
                                                const std::string& examples) {
  if (epsilon >= 1) return "";
  const std::string asked = percent(confidence) + " % for a net loss of " + percent(epsilon) + " % needs ";
  if (!(epsilon > 0)) return asked + "more " + examples + " than there can be";
  const std::size_t least = bounds::least_paired_examples(epsilon, 1 - confidence);
  if (n >= least) return "";
  return asked + std::to_string(least) + " " + examples + " on which nothing differs; there are " + std::to_string(n) +
         " for calibration";
}

/// Throws ArgumentError with what is missing, unless that is nothing.
inline void refuse_guarantee(const std::string& missing, const std::string& instead) {
  if (!missing.empty())
    throw ArgumentError(
        detail::message({"the guarantee that was asked for cannot be given: ", missing, ": ", instead}));
}

WEIR_INLINE void require_examples(std::size_t n, double epsilon, double confidence, std::string_view test,
                                  const std::string& instead, const std::string& examples) {
  refuse_guarantee(missing_examples(n, epsilon, confidence, test, examples), instead);
}

WEIR_INLINE void require_paired_examples(std::size_t n, double epsilon, double confidence, const std::string& instead,
                                         const std::string& examples) {
  refuse_guarantee(missing_paired_examples(n, epsilon, confidence, examples), instead);
}

}  // namespace weir::detail
