#include "../../bench/profile.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <weir/core/isa.hpp>
#include <weir/core/plan_description.hpp>

namespace WEIR_UNIT {

namespace {

weir::PlanDescription two_steps() {
  return {weir::Isa::portable,
          1,
          1,
          {{"c", "Conv", {"Relu"}, "direct", "y", {1, 4}, 6e6, 2048}, {"f", "Flatten", {}, "view", "z", {4}, 0, 0}}};
}

}  // namespace

TEST_CASE("profile: medians, shares, rates and the share of the peak") {
  const auto times = profile::step_times(two_steps(), {{5e-3, 3e-3, 1e-3}, {1e-3, 1e-3, 9e-3}}, 4e9);
  REQUIRE(times.size() == 2);
  CHECK(times[0].seconds == 3e-3);
  CHECK(times[0].share == doctest::Approx(0.75));
  CHECK(times[0].flops_per_second == doctest::Approx(2e9));
  CHECK(times[0].of_peak == doctest::Approx(0.5));
  CHECK(times[1].seconds == 1e-3);
  CHECK(times[1].share == doctest::Approx(0.25));
  CHECK(times[1].of_peak == 0);
}

TEST_CASE("profile: a step too short for the clock divides nothing by zero") {
  const auto times = profile::step_times(two_steps(), {{0}, {0}}, 4e9);
  CHECK(times[0].share == 0);
  CHECK(times[0].flops_per_second == 0);
}

TEST_CASE("profile: the table has a line for each step and their sum") {
  const auto plan = two_steps();
  std::istringstream text(profile::to_text(plan, profile::step_times(plan, {{3e-3}, {1e-3}}, 4e9), 4e9));
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    lines.emplace_back(std::istream_iterator<std::string>(words), std::istream_iterator<std::string>());
  }
  REQUIRE(lines.size() == 5);
  CHECK(lines[0][1] == "4.0");
  using Words = std::vector<std::string>;
  CHECK(lines[2] ==
        Words{"c", "Conv+Relu", "direct", "[1,", "4]", "1", "6.000", "2.0", "3000.0", "75.0", "2.0", "50.0"});
  CHECK(lines[3] == Words{"f", "Flatten", "view", "[4]", "1", "0.000", "0.0", "1000.0", "25.0", "0.0", "0.0"});
  CHECK(lines[4] == Words{"all", "6.000", "2.0", "4000.0", "100.0", "1.5", "37.5"});
}

}  // namespace WEIR_UNIT
