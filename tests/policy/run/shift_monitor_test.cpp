#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/shift_monitor.hpp>

namespace WEIR_UNIT {

using weir::ShiftMonitor;
using weir::ShiftTest;
using weir::detail::counter_uniform;

namespace {

/// Uniform numbers; a share of `shift` of them is moved up.
struct Source {
  std::uint64_t seed;
  double shift = 0;
  std::uint64_t counter = 0;
  double next() {
    const double x = counter_uniform(seed, counter++);
    return counter_uniform(seed, counter++) < shift ? 0.7 + 0.3 * x : x;
  }
};

ShiftMonitor monitor(std::uint64_t seed, double run_length, std::size_t n = 500) {
  Source source{seed};
  std::vector<std::size_t> exit;
  Eigen::MatrixXd features(static_cast<Eigen::Index>(n), 1);
  for (std::size_t i = 0; i < n; ++i) {
    features(static_cast<Eigen::Index>(i), 0) = source.next();
    exit.push_back(source.next() < 0.8 ? 0 : 1);
  }
  return {exit, features, run_length, seed};
}

/// Examples until the alarm, `most` if there is none.
std::size_t run_until_alarm(ShiftMonitor& m, Source source, double exit_0, std::size_t most) {
  for (std::size_t i = 1; i <= most; ++i) {
    const double x = source.next();
    if (m.observe(source.next() < exit_0 ? 0 : 1, std::vector<double>{x})) return i;
  }
  return most;
}

}  // namespace

TEST_CASE("ShiftTest: p-values and bets by hand") {
  const std::vector<double> reference{1, 2, 3, 4};
  ShiftTest test(reference, 4);
  // 3.5 falls into the bin of 3: one reference number is larger, itself and 3 are equal; p = (1 + 0.5 * 2) / 5.
  const double p = 2.0 / 5;
  double capital = 0;
  for (const double e : {-1.0, 0.0, 1.0}) capital += (1 + e * (p - 0.5)) / 3;
  CHECK(test.factor(3.5, 0.5) == doctest::Approx(capital));
  // The larger number follows with p = 0.25 * 2 / 6, bet on by what each bettor has left.
  const double q = 0.25 * 2 / 6;
  double again = 0;
  for (const double e : {-1.0, 0.0, 1.0})
    again += (0.99 * (1 + e * (p - 0.5)) / 3 / capital + 0.01 / 3) * (1 + e * (q - 0.5));
  CHECK(test.factor(100, 0.25) == doctest::Approx(again));
}

TEST_CASE("ShiftTest: without a shift the mean of the capital stays 1, ties or not") {
  for (const double step : {0.0, 0.25}) {  // 0.25: four different numbers
    double mean = 0;
    const int runs = 4000;
    for (int r = 0; r < runs; ++r) {
      Source source{static_cast<std::uint64_t>(r)};
      const auto next = [&] {
        const double x = source.next();
        return step > 0 ? std::floor(x / step) : x;
      };
      std::vector<double> reference(20);
      for (double& x : reference) x = next();
      ShiftTest test(reference, 10);
      double capital = 1;
      for (int i = 0; i < 30; ++i)
        capital *= test.factor(next(), counter_uniform(99, static_cast<std::uint64_t>(100 * r + i)));
      mean += capital / runs;
    }
    CHECK(mean == doctest::Approx(1).epsilon(0.06));
  }
}

TEST_CASE("ShiftMonitor: false alarms are as rare as was asked for") {
  double until = 0;
  const int runs = 200;
  for (int r = 0; r < runs; ++r) {
    ShiftMonitor m = monitor(static_cast<std::uint64_t>(r), 200);
    until += static_cast<double>(run_until_alarm(m, {static_cast<std::uint64_t>(1000 + r)}, 0.8, 2000)) / runs;
  }
  CHECK(until >= 200);
}

TEST_CASE("ShiftMonitor: notices changed exits and changed features, late ones too, and says which") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    ShiftMonitor exits = monitor(seed, 1e4);
    CHECK(run_until_alarm(exits, {100 + seed}, 0.5, 600) < 600);
    CHECK(exits.loudest() == 0);
    ShiftMonitor features = monitor(seed, 1e4);
    CHECK(run_until_alarm(features, {200 + seed, 0.8}, 0.8, 600) < 600);
    CHECK(features.loudest() == 1);
    ShiftMonitor late = monitor(seed, 1e5);
    CHECK(run_until_alarm(late, {300 + seed}, 0.8, 1000) == 1000);
    CHECK(run_until_alarm(late, {400 + seed, 0.9}, 0.5, 1000) < 1000);
    CHECK(late.seen() > 1000);
    CHECK(late.statistic() >= 1e5);
  }
}

TEST_CASE("ShiftMonitor: what does not fit is refused") {
  const std::vector<std::size_t> exit{0, 1};
  const Eigen::MatrixXd features = Eigen::MatrixXd::Ones(2, 1), none(2, 0);
  CHECK_THROWS_AS(ShiftMonitor(exit, Eigen::MatrixXd::Ones(3, 1)), weir::ArgumentError);
  CHECK_THROWS_AS(ShiftMonitor(exit, features, 0.5), weir::ArgumentError);
  CHECK_THROWS_AS(ShiftMonitor({}, Eigen::MatrixXd(0, 0)), weir::ArgumentError);
  CHECK_THROWS_AS(ShiftMonitor(exit, features * std::nan("")), weir::ArgumentError);
  ShiftMonitor alone(exit, none);
  CHECK(!alone.observe(0, {}));
  ShiftMonitor m(exit, features);
  CHECK_THROWS_AS(m.observe(0, {}), weir::ArgumentError);
  CHECK_THROWS_AS(m.observe(0, std::vector<double>{std::nan("")}), weir::ArgumentError);
  CHECK(m.seen() == 0);
  CHECK_THROWS_AS(ShiftTest(std::vector<double>{1}, 1), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
