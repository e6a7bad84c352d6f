#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learners/random.hpp>

#include "../synthetic_trace.hpp"

namespace WEIR_UNIT {

TEST_CASE("statistics: limits, p-values and percentiles as scipy and numpy have them") {
  std::ifstream file(WEIR_TEST_DIR "/vectors/statistics.txt");
  std::map<std::string, int> seen;
  const std::vector<double> values = {3.0, -1.0, 4.0, 1.5, -5.0, 9.0, 2.0, 6.0};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::vector<double> v;
    words >> name;
    for (double x = 0; words >> x;) v.push_back(x);
    ++seen[name];
    INFO(line);
    if (name == "beta") {
      CHECK(weir::detail::incomplete_beta(v[0], v[1], v[2]) == doctest::Approx(v[3]).epsilon(1e-9));
    } else if (name == "limit") {
      const auto k = static_cast<std::size_t>(v[0]), n = static_cast<std::size_t>(v[1]);
      CHECK(weir::clopper_pearson_lower(k, n, v[2]) == doctest::Approx(v[3]).epsilon(1e-9));
      CHECK(weir::clopper_pearson_upper(k, n, v[2]) == doctest::Approx(v[4]).epsilon(1e-9));
    } else if (name == "mcnemar") {
      CHECK(weir::detail::mcnemar_p(static_cast<std::size_t>(v[0]), static_cast<std::size_t>(v[1])) ==
            doctest::Approx(v[2]).epsilon(1e-9));
    } else {
      CHECK(weir::detail::percentile(values, v[0]) == doctest::Approx(v[1]).epsilon(1e-14));
    }
  }
  CHECK(seen["beta"] == 11);
  CHECK(seen["limit"] > 100);
  CHECK(seen["mcnemar"] == 8);
  CHECK(seen["percentile"] == 6);
}

TEST_CASE("statistics: the one-sided 95 % limits that the evaluation protocol quotes, in percent") {
  struct Row {
    std::size_t n;
    double zero, fifth, half, four_fifths;
  };
  for (const Row& row :
       {Row{500, 0.60, 0.95, 1.25, 1.82}, Row{1000, 0.30, 0.63, 1.05, 1.44}, Row{2000, 0.15, 0.46, 0.85, 1.21},
        Row{5000, 0.06, 0.34, 0.70, 1.04}, Row{10000, 0.03, 0.29, 0.63, 0.96}, Row{50000, 0.01, 0.24, 0.56, 0.87}}) {
    const auto percent = [&](double share) {
      const auto seen = static_cast<std::size_t>(std::floor(share * static_cast<double>(row.n) + 1e-9));
      return std::round(1e4 * weir::clopper_pearson_upper(seen, row.n)) / 100;
    };
    CHECK(percent(0) == doctest::Approx(row.zero));
    CHECK(percent(0.002) == doctest::Approx(row.fifth));
    CHECK(percent(0.005) == doctest::Approx(row.half));
    CHECK(percent(0.008) == doctest::Approx(row.four_fifths));
  }
  CHECK(weir::clopper_pearson_upper(6, 1200) < 0.01);
  CHECK(weir::clopper_pearson_upper(0, 299) < 0.01);
  CHECK(weir::clopper_pearson_upper(0, 298) > 0.01);
  CHECK(weir::clopper_pearson_upper(0, 598) < 0.005);
}

TEST_CASE("statistics: the upper limit is where the binomial tail is 5 %; two sides have half each") {
  for (const std::size_t n : {7U, 60U})
    for (std::size_t k = 0; k < n; ++k) {
      const double upper = weir::clopper_pearson_upper(k, n);
      double tail = 0;
      for (std::size_t j = 0; j <= k; ++j) {
        const auto N = static_cast<double>(n), J = static_cast<double>(j);
        tail += std::exp(std::lgamma(N + 1) - std::lgamma(J + 1) - std::lgamma(N - J + 1) + J * std::log(upper) +
                         (N - J) * std::log1p(-upper));
      }
      CHECK(tail == doctest::Approx(0.05).epsilon(1e-9));
      const auto both = weir::clopper_pearson(k, n, 0.9);
      CHECK(both.high == doctest::Approx(upper).epsilon(1e-12));
      CHECK(both.low == doctest::Approx(weir::clopper_pearson_lower(k, n, 0.95)).epsilon(1e-12));
      CHECK(weir::clopper_pearson_lower(n - k, n) == doctest::Approx(1 - upper).epsilon(1e-12));
    }
  CHECK(weir::clopper_pearson_upper(5, 5) == 1);
  CHECK(weir::clopper_pearson_lower(0, 5) == 0);
  CHECK_THROWS_AS(weir::clopper_pearson_upper(0, 0), weir::ArgumentError);
  CHECK_THROWS_AS(weir::clopper_pearson_upper(6, 5), weir::ArgumentError);
  CHECK_THROWS_AS(weir::clopper_pearson_lower(1, 5, 1.0), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::incomplete_beta(0, 1, 0.5), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::incomplete_beta(1, 1, std::nan("")), weir::ArgumentError);
}

TEST_CASE("statistics: paired counts and McNemar by hand") {
  const auto trace = weir_test::difficulty_trace(500, 3, 3);
  const auto e = weir::evaluate(weir::detail::fixed_policy(weir_test::chain_of(trace), trace, 0), trace);
  std::size_t regressions = 0, repairs = 0;
  for (Eigen::Index i = 0; i < 500; ++i) {
    regressions += trace.stages[0].loss(i) > trace.stages[2].loss(i) ? 1 : 0;
    repairs += trace.stages[0].loss(i) < trace.stages[2].loss(i) ? 1 : 0;
  }
  REQUIRE(repairs > 0);
  const auto counts = weir::paired_counts(e);
  CHECK(counts.n == 500);
  CHECK(counts.regressions == regressions);
  CHECK(counts.repairs == repairs);
  CHECK(counts.net_loss() == doctest::Approx(e.mean_difference()));
  CHECK(weir::detail::mcnemar_p(0, 5) == doctest::Approx(2.0 / 32));
  CHECK(weir::detail::mcnemar_p(5, 0) == weir::detail::mcnemar_p(0, 5));
  CHECK(weir::detail::mcnemar_p(1, 4) == doctest::Approx(2.0 * 6 / 32));
}

TEST_CASE("percentile: one value, ends, refusals") {
  CHECK(weir::detail::percentile({7}, 99) == 7);
  CHECK(weir::detail::percentile({2, 1}, 50) == 1.5);
  CHECK_THROWS_AS(weir::detail::percentile({}, 50), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::percentile({1}, 101), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::percentile({1, std::nan("")}, 50), weir::ArgumentError);
}

TEST_CASE("bootstrap: repeats with its seed, has the normal width, covers, cancels in pairs") {
  int covered = 0;
  const std::size_t n = 200;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<double> values;
    for (std::size_t i = 0; i < n; ++i) values.push_back(weir::detail::counter_uniform(seed, i));
    const auto interval = weir::detail::bootstrap_mean(values, {.resamples = 400, .seed = seed});
    const auto again = weir::detail::bootstrap_mean(values, {.resamples = 400, .seed = seed});
    CHECK(interval.low == again.low);
    CHECK(interval.high == again.high);
    covered += interval.low <= 0.5 && 0.5 <= interval.high ? 1 : 0;
    const double deviation = std::sqrt(1.0 / 12 / static_cast<double>(n));
    CHECK(interval.high - interval.low == doctest::Approx(2 * 1.96 * deviation).epsilon(0.25));
  }
  CHECK(covered >= 33);  // 38 expected; fewer than 33 has a chance below 1 %

  std::vector<double> slow, fast;
  for (std::size_t i = 0; i < n; ++i) {
    slow.push_back(1 + 9 * weir::detail::counter_uniform(1, i));
    fast.push_back(slow.back() / 2);
  }
  const auto ratio = weir::detail::bootstrap_ratio(slow, fast);
  CHECK(ratio.low == doctest::Approx(2));
  CHECK(ratio.high == doctest::Approx(2));
  CHECK_THROWS_AS(weir::detail::bootstrap_ratio(slow, std::vector<double>(3, 1.0)), weir::ShapeError);
  CHECK_THROWS_AS(weir::detail::bootstrap_ratio(slow, std::vector<double>(n, 0.0)), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::bootstrap_mean({}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::bootstrap_mean(slow, {.confidence = 1}), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
