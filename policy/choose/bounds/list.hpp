/// Every test of a mean by name. To add one: write its file, include it in list.ipp, and give it one line there; the
/// tests and bench/bounds go through this list. A program adds its own by register_mean_test().
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>

namespace weir {

/// A test of "the mean of these independent losses in [0, 1] is above epsilon": where it is (or equals epsilon),
/// P(p_value <= u) <= u for every u in [0, 1]. p_value never rises with epsilon. `delta`, the level that will be tested
/// at, is for tests that are designed for one level; the p-value holds for all.
struct MeanTest {
  std::string name;
  std::function<double(std::span<const double> losses, double epsilon, double delta)> p_value;
  bool needs_zero_one = false;  ///< losses of 0 and 1 only
};

/// All of them: weir's, then those that register_mean_test() added.
std::vector<MeanTest> mean_tests();

/// Makes a test of a program's own known, for the whole process: GuaranteeOptions::test names it. That its p-values are
/// valid is the program's promise. Throws ArgumentError for a name that is taken, or without a function.
void register_mean_test(MeanTest test);

/// Throws ArgumentError for a name that is not in the list.
MeanTest mean_test(std::string_view name);

/// With probability at least 1 - delta the mean is at most this: the largest epsilon that the test does not reject at
/// delta, by bisection to 1e-12, rounded up. O(40 n).
double upper_limit(const MeanTest& test, std::span<const double> losses, double delta);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/choose/bounds/list.ipp>
#endif
