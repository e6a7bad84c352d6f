/// Every test of a mean by name. To add one: write its file, include it, and give it one line here; the tests and
/// bench/bounds walk this list.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/betting.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/empirical_bernstein.hpp>
#include <weir/policy/choose/bounds/hoeffding_bentkus.hpp>

namespace weir {

/// A test of "the mean of these independent losses in [0, 1] is above epsilon": where it is (or equals epsilon),
/// P(p_value <= u) <= u for every u in [0, 1]. p_value never rises with epsilon. `delta`, the level that will be tested
/// at, is for tests that are designed for one level; the p-value holds for all.
struct MeanTest {
  std::string_view name;
  double (*p_value)(std::span<const double> losses, double epsilon, double delta);
  bool needs_zero_one;  ///< losses of 0 and 1 only
};

inline constexpr std::array mean_test_list{
    MeanTest{"clopper_pearson", bounds::ClopperPearson::p_value, true},
    MeanTest{"hoeffding_bentkus", bounds::HoeffdingBentkus::p_value, false},
    MeanTest{"betting", bounds::Betting::p_value, false},
    MeanTest{"empirical_bernstein", bounds::EmpiricalBernstein::p_value, false},
};

/// Throws ArgumentError for a name that is not in the list.
inline const MeanTest& mean_test(std::string_view name) {
  std::string known;
  for (const MeanTest& test : mean_test_list) {
    if (test.name == name) return test;
    known += (known.empty() ? "" : ", ") + std::string(test.name);
  }
  throw ArgumentError("no test '" + std::string(name) + "'; there are " + known);
}

/// With probability at least 1 - delta the mean is at most this: the largest epsilon that the test does not reject at
/// delta, by bisection to 1e-12, rounded up. O(40 n).
inline double upper_limit(const MeanTest& test, std::span<const double> losses, double delta) {
  if (test.p_value(losses, 1, delta) > delta) return 1;
  double low = 0, high = 1;
  while (high - low > 1e-12) {
    const double middle = low + (high - low) / 2;
    (test.p_value(losses, middle, delta) > delta ? low : high) = middle;
  }
  return high;
}

}  // namespace weir
