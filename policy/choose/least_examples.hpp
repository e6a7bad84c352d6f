/// How many calibration examples a guarantee takes, so that one that cannot be given is refused before any work.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/list.hpp>

namespace weir::detail {

/// The smallest n for which n examples without any loss reject "the mean is above epsilon" at delta: with fewer the
/// test rejects nothing, whatever is seen. For Clopper and Pearson's the smallest n with (1 - epsilon)^n <= delta: 299
/// for 1 % with 95 %. nullopt where no n up to 2^24 does (epsilon = 0: no number of examples shows that nothing is
/// lost). Fixed-sequence testing takes no more, since its first test has all of delta.
std::optional<std::size_t> least_examples(const MeanTest& test, double epsilon, double delta);

}  // namespace weir::detail

namespace weir {

/// The most regressions among n examples with which Clopper and Pearson's test rejects "the mean is above epsilon" at
/// delta: what a policy that is tested by itself may show, so that most / n is the budget in effect. 38 of 5,000 for
/// 1 % with 95 %; nullopt where not even 0 will do. O(log n) incomplete beta functions. Throws ArgumentError for an
/// epsilon outside [0, 1].
std::optional<std::size_t> most_regressions(std::size_t n, double epsilon, double delta);

}  // namespace weir

namespace weir::detail {

/// The largest k < n for which passes(k), which holds for all smaller ones too; nullopt where not even 0 passes.
template <class Passes>
std::optional<std::size_t> largest_passing(std::size_t n, const Passes& passes) {
  if (n == 0 || !passes(0)) return std::nullopt;
  std::size_t low = 0, high = n;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (passes(middle) ? low : high) = middle;
  }
  return low;
}

/// most_regressions for a net loss (BudgetOn::difference) of a policy that repairs nothing; each repair allows about
/// one more. nullopt too for an epsilon outside (0, 1].
std::optional<std::size_t> most_paired_regressions(std::size_t n, double epsilon, double delta);

/// "95", "0.25": a share in percent, without digits that say nothing.
std::string percent(double share);

/// "" where n calibration examples can give the guarantee "a loss of at most epsilon with this confidence", else what
/// is missing: "95 % for 1 % needs 299 examples with no regression; there are 40 for calibration".
std::string missing_examples(std::size_t n, double epsilon, double confidence, std::string_view test,
                             const std::string& examples = "examples");

/// The same for a net loss.
std::string missing_paired_examples(std::size_t n, double epsilon, double confidence,
                                    const std::string& examples = "examples");

/// Throws ArgumentError where n calibration examples cannot give the guarantee "a loss of at most epsilon with this
/// confidence", whatever they show: it says how many it takes. `instead` ends the message: which option asks for less.
void require_examples(std::size_t n, double epsilon, double confidence, std::string_view test = "clopper_pearson",
                      const std::string& instead = "give more examples, a larger limit or a smaller confidence",
                      const std::string& examples = "examples");

/// The same for a net loss (BudgetOn::difference) where losses are 0 and 1: more examples, because those that repairs
/// might hide are allowed for.
void require_paired_examples(std::size_t n, double epsilon, double confidence,
                             const std::string& instead = "give more examples, a larger limit or a smaller confidence",
                             const std::string& examples = "examples");

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/choose/least_examples.ipp>
#endif
