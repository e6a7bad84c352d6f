#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learners/random.hpp>

namespace WEIR_UNIT {

namespace {

/// All sequences of n losses from these values, with their probability: 1 - the share of those that a test at delta
/// rejects "the mean is above epsilon" for, epsilon being their true mean, must be at least 1 - delta.
double rejected(const weir::MeanTest& test, const std::vector<double>& values, const std::vector<double>& probability,
                std::size_t n, double delta) {
  double mean = 0, share = 0;
  for (std::size_t v = 0; v < values.size(); ++v) mean += probability[v] * values[v];
  std::vector<std::size_t> digit(n, 0);
  std::vector<double> losses(n);
  for (bool more = true; more;) {
    double p = 1;
    for (std::size_t i = 0; i < n; ++i) {
      losses[i] = values[digit[i]];
      p *= probability[digit[i]];
    }
    if (test.p_value(losses, mean, delta) <= delta) share += p;
    more = false;
    for (std::size_t i = 0; i < n && !more; ++i) {
      digit[i] = (digit[i] + 1) % values.size();
      more = digit[i] != 0;
    }
  }
  return share;
}

}  // namespace

TEST_CASE("bounds: p-values and limits as scipy and numpy have them") {
  std::ifstream file(WEIR_TEST_DIR "/vectors/bounds.txt");
  std::map<std::string, int> seen;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name, kind;
    double epsilon = 0, delta = 0, p = 0, limit = 0;
    words >> name >> epsilon >> delta >> p >> limit >> kind;
    std::vector<double> losses;
    if (kind == "pattern") {
      std::size_t k = 0, n = 0;
      words >> k >> n;
      for (std::size_t i = 0; i < n; ++i) losses.push_back((i + 1) * k / n > i * k / n ? 1 : 0);
    } else {
      for (double loss = 0; words >> loss;) losses.push_back(loss);
    }
    ++seen[name];
    INFO(line.substr(0, 100));
    const weir::MeanTest& test = weir::mean_test(name);
    CHECK(test.p_value(losses, epsilon, delta) == doctest::Approx(p).epsilon(1e-8));
    CHECK(std::abs(weir::upper_limit(test, losses, delta) - limit) < 1e-9);
  }
  for (const weir::MeanTest& test : weir::mean_tests()) CHECK(seen[std::string(test.name)] >= 27);
}

TEST_CASE("bounds: the exact binomial limit is Clopper and Pearson's") {
  const weir::MeanTest& test = weir::mean_test("clopper_pearson");
  for (const std::size_t k : {0U, 1U, 5U, 39U, 40U}) {
    std::vector<double> losses(40, 0.0);
    std::fill_n(losses.begin(), k, 1.0);
    CHECK(weir::upper_limit(test, losses, 0.05) == doctest::Approx(weir::clopper_pearson_upper(k, 40)).epsilon(1e-9));
  }
  CHECK(weir::detail::binomial_cdf(0, 3, 0.5) == doctest::Approx(0.125));
  CHECK(weir::detail::binomial_cdf(2, 3, 0.5) == doctest::Approx(0.875));
  CHECK(weir::detail::binomial_cdf(3, 3, 1) == 1);
  CHECK(weir::detail::binomial_cdf(2, 3, 1) == 0);
  CHECK(weir::detail::binomial_cdf(0, 3, 0) == 1);
  CHECK_THROWS_AS(weir::detail::binomial_cdf(4, 3, 0.5), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::binomial_cdf(1, 3, std::nan("")), weir::ArgumentError);
}

TEST_CASE("bounds: a mean of epsilon is rejected with probability delta at most, over all sequences there are") {
  for (const weir::MeanTest& test : weir::mean_tests())
    for (const double delta : {0.01, 0.05, 0.1, 0.3}) {
      INFO(test.name << " at " << delta);
      double most = 0;
      for (const double q : {0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 0.95})
        most = std::max(most, rejected(test, {0, 1}, {1 - q, q}, 11, delta));
      CHECK(most <= delta + 1e-12);
      if (delta == 0.3 && test.name != "empirical_bernstein") CHECK(most > 0.05);  // and it does reject
      if (test.needs_zero_one) continue;
      for (const double q : {0.02, 0.1, 0.3})
        CHECK(rejected(test, {0, 0.3, 1}, {1 - 2 * q, q, q}, 7, delta) <= delta + 1e-12);
      CHECK(rejected(test, {0.01, 1}, {0.97, 0.03}, 11, delta) <= delta + 1e-12);
    }
}

TEST_CASE("bounds: counts decide the exact test with the binomial's probability, also for large n") {
  for (const std::size_t n : {60U, 300U, 1000U})
    for (const double q : {0.004, 0.01, 0.1, 0.4})
      for (const double delta : {0.01, 0.05, 0.2}) {
        double level = 0;
        for (std::size_t k = 0; k < n && weir::detail::binomial_cdf(k, n, q) <= delta; ++k) {
          const auto N = static_cast<double>(n), K = static_cast<double>(k);
          level += std::exp(std::lgamma(N + 1) - std::lgamma(K + 1) - std::lgamma(N - K + 1) + K * std::log(q) +
                            (N - K) * std::log1p(-q));
        }
        CHECK(level <= delta + 1e-9);
      }
}

TEST_CASE("bounds: p never rises with epsilon; the limit lies above the mean and grows with the losses") {
  std::vector<double> losses;
  for (std::uint64_t i = 0; i < 50; ++i) losses.push_back(std::pow(weir::detail::counter_uniform(3, i), 6));
  std::vector<double> rounded = losses;
  for (double& loss : rounded) loss = loss > 0.5 ? 1 : 0;
  for (const weir::MeanTest& test : weir::mean_tests()) {
    const auto& x = test.needs_zero_one ? rounded : losses;
    double last = 1;
    CHECK(test.p_value(x, 0, 0.05) == 1);
    for (int step = 0; step <= 1000; ++step) {
      const double p = test.p_value(x, step / 1000.0, 0.05);
      CHECK(p <= last + 1e-12);
      CHECK((p >= 0 && p <= 1));
      last = p;
    }
    CHECK(last < 0.01);
    const double limit = weir::upper_limit(test, x, 0.05);
    CHECK(limit > weir::bounds::sum(x) / 50);
    CHECK(weir::upper_limit(test, x, 0.01) > limit);
    auto worse = x;
    worse.back() = 1;
    CHECK(weir::upper_limit(test, worse, 0.05) >= limit);
    CHECK(weir::upper_limit(test, std::vector<double>(20, 1.0), 0.05) == 1);
  }
}

TEST_CASE("bounds: what cannot be is refused") {
  const double nan = std::nan("");
  for (const weir::MeanTest& test : weir::mean_tests()) {
    CHECK_THROWS_AS(test.p_value({}, 0.1, 0.05), weir::ArgumentError);
    for (const double loss : {-1.0, 1.5, nan, std::numeric_limits<double>::infinity()})
      CHECK_THROWS_AS(test.p_value(std::vector{0.0, loss}, 0.1, 0.05), weir::ArgumentError);
    for (const double epsilon : {-0.1, 1.1, nan})
      CHECK_THROWS_AS(test.p_value(std::vector{0.0, 1.0}, epsilon, 0.05), weir::ArgumentError);
    for (const double delta : {0.0, 1.0, nan})
      CHECK_THROWS_AS(test.p_value(std::vector{0.0, 1.0}, 0.1, delta), weir::ArgumentError);
    CHECK(test.p_value(std::vector{0.0}, 0.5, 0.05) <= 1);
  }
  CHECK_THROWS_AS(weir::mean_test("clopper_pearson").p_value(std::vector{0.0, 0.5}, 0.1, 0.05), weir::ArgumentError);
  CHECK_THROWS_WITH_AS(weir::mean_test("student"), doctest::Contains("betting"), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
