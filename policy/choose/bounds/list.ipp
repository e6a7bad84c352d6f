// What list.hpp declares: the list itself.
#pragma once
#include <utility>
#include <weir/core/additions.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/betting.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/empirical_bernstein.hpp>
#include <weir/policy/choose/bounds/hoeffding_bentkus.hpp>
#include <weir/policy/choose/bounds/list.hpp>

namespace weir {

WEIR_INLINE std::vector<MeanTest> mean_tests() {
  std::vector<MeanTest> all = {
      {"clopper_pearson", bounds::ClopperPearson::p_value, true},
      {"hoeffding_bentkus", bounds::HoeffdingBentkus::p_value, false},
      {"betting", bounds::Betting::p_value, false},
      {"empirical_bernstein", bounds::EmpiricalBernstein::p_value, false},
  };
  for (MeanTest& own : detail::Additions<MeanTest>::of_process().all()) all.push_back(std::move(own));
  return all;
}

WEIR_INLINE void register_mean_test(MeanTest test) {
  if (test.name.empty() || !test.p_value) throw ArgumentError("register_mean_test: a name and a function are needed");
  for (const MeanTest& other : mean_tests())
    if (other.name == test.name)
      throw ArgumentError(detail::message({"register_mean_test: there is a test '", test.name, "' already"}));
  detail::Additions<MeanTest>::of_process().add(std::move(test), "register_mean_test");
}

WEIR_INLINE MeanTest mean_test(std::string_view name) {
  std::string known;
  for (const MeanTest& test : mean_tests()) {
    if (test.name == name) return test;
    known += (known.empty() ? "" : ", ") + test.name;
  }
  throw ArgumentError(detail::message({"no test '", name, "'; there are ", known}));
}

WEIR_INLINE double upper_limit(const MeanTest& test, std::span<const double> losses, double delta) {
  if (test.p_value(losses, 1, delta) > delta) return 1;
  double low = 0, high = 1;
  while (high - low > 1e-12) {
    const double middle = low + (high - low) / 2;
    (test.p_value(losses, middle, delta) > delta ? low : high) = middle;
  }
  return high;
}

}  // namespace weir
