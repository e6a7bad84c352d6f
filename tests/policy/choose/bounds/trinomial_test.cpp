#include <doctest/doctest.h>

#include <cmath>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/least_examples.hpp>

namespace WEIR_UNIT {

namespace {

double binomial(std::size_t k, std::size_t n, double p) {
  if (p <= 0 || p >= 1) return k == (p <= 0 ? 0 : n) ? 1 : 0;
  const auto N = static_cast<double>(n), K = static_cast<double>(k);
  return std::exp(std::lgamma(N + 1) - std::lgamma(K + 1) - std::lgamma(N - K + 1) + K * std::log(p) +
                  (N - K) * std::log1p(-p));
}

}  // namespace

TEST_CASE("trinomial: p-values as scipy's binomials give them") {
  using weir::bounds::trinomial_p_value;
  CHECK(trinomial_p_value(3, 1, 50, 0.1, 0.05) == doctest::Approx(0.28894699182958467).epsilon(1e-8));
  CHECK(trinomial_p_value(10, 4, 400, 0.05, 0.05) == doctest::Approx(0.02431246464233106).epsilon(1e-8));
  CHECK(trinomial_p_value(40, 12, 5000, 0.01, 0.05) == doctest::Approx(0.01726254172881851).epsilon(1e-8));
  CHECK(trinomial_p_value(70, 60, 5000, 0.01, 0.05) == doctest::Approx(0.006197012673958195).epsilon(1e-8));
  CHECK(trinomial_p_value(0, 0, 900, 0.01, 0.05) == doctest::Approx(0.031037228893461808).epsilon(1e-8));
  CHECK(trinomial_p_value(5, 0, 100, 0.05, 0.05) == 1);  // a mean of epsilon or more shows nothing
  CHECK(weir::bounds::trinomial_cdf(28, 5000, 0.03, 0.02) == doctest::Approx(0.08642060076663864).epsilon(1e-8));
}

TEST_CASE("trinomial: a mean difference of epsilon is rejected with probability delta at most, however many repairs") {
  constexpr std::size_t n = 40;
  for (const double delta : {0.05, 0.3})
    for (const double epsilon : {0.02, 0.1, 0.2}) {
      std::vector<std::size_t> first_kept(n + 1, 0);  // by repairs: regressions from which on nothing is rejected
      for (std::size_t s = 0; s <= n; ++s)
        while (first_kept[s] + s <= n && weir::bounds::trinomial_p_value(first_kept[s], s, n, epsilon, delta) <= delta)
          ++first_kept[s];
      double most = 0;
      for (const double repaired : {0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4}) {
        double rejected = 0;
        for (std::size_t s = 0; s <= n; ++s)
          for (std::size_t r = 0; r < first_kept[s]; ++r)
            rejected += binomial(s, n, repaired) * binomial(r, n - s, (repaired + epsilon) / (1 - repaired));
        CHECK(rejected <= delta + 1e-9);
        most = std::max(most, rejected);
      }
      if (delta == 0.3) CHECK(most > 0.05);  // and it does reject
    }
}

TEST_CASE("trinomial: as a test of losses 0, 1/2 and 1, its limit and the examples that it takes") {
  const weir::MeanTest test = weir::bounds::trinomial_test();
  std::vector<double> losses(900, 0.5);
  CHECK(test.p_value(losses, 0.505, 0.05) == weir::bounds::trinomial_p_value(0, 0, 900, 2 * 0.505 - 1, 0.05));
  for (std::size_t i = 0; i < 9; ++i) losses[i] = i < 6 ? 1 : 0;
  const double limit = 2 * weir::upper_limit(test, losses, 0.05) - 1;
  CHECK(limit > 3.0 / 900);
  CHECK(limit < 0.03);
  CHECK(weir::bounds::trinomial_p_value(6, 3, 900, limit, 0.05) == doctest::Approx(0.05).epsilon(1e-6));
  losses[0] = 0.7;
  CHECK_THROWS_AS(static_cast<void>(test.p_value(losses, 0.5, 0.05)), weir::ArgumentError);
  const std::size_t least = weir::bounds::least_paired_examples(0.01, 0.05);
  CHECK(least > 750);
  CHECK(least <= 800);
  CHECK_NOTHROW(weir::detail::require_paired_examples(least, 0.01, 0.95));
  CHECK_THROWS_AS(weir::detail::require_paired_examples(least - 1, 0.01, 0.95), weir::ArgumentError);
  CHECK_THROWS_AS(weir::detail::require_paired_examples(1000000, 0, 0.95), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
