#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace WEIR_UNIT {

TEST_CASE("least_examples: the first n whose zeros pass, for every test; one fewer never passes") {
  for (const weir::MeanTest& test : weir::mean_tests())
    for (const double epsilon : {0.5, 0.1, 0.02, 0.01, 0.003})
      for (const double delta : {0.2, 0.05, 0.01}) {
        CAPTURE(std::string(test.name));
        CAPTURE(epsilon);
        CAPTURE(delta);
        const auto n = weir::detail::least_examples(test, epsilon, delta);
        REQUIRE(n);
        CHECK(test.p_value(std::vector<double>(*n, 0.0), epsilon, delta) <= delta);
        if (*n > 1) CHECK(test.p_value(std::vector<double>(*n - 1, 0.0), epsilon, delta) > delta);
      }
}

TEST_CASE("least_examples: Clopper and Pearson's by the formula, and where none suffices") {
  const weir::MeanTest& exact = weir::mean_test("clopper_pearson");
  CHECK(weir::detail::least_examples(exact, 0.01, 0.05) == 299);
  CHECK(weir::detail::least_examples(exact, 0.05, 0.05) == 59);
  CHECK(weir::detail::least_examples(exact, 0.01, 0.1) == 230);
  CHECK(weir::detail::least_examples(exact, 0.001, 0.05) == 2995);
  CHECK(weir::detail::least_examples(exact, 1, 0.05) == 1);
  for (const weir::MeanTest& test : weir::mean_tests()) CHECK_FALSE(weir::detail::least_examples(test, 0, 0.05));
}

TEST_CASE("require_examples: says how many it takes, and what to do instead") {
  CHECK_NOTHROW(weir::detail::require_examples(299, 0.01, 0.95));
  CHECK_NOTHROW(weir::detail::require_examples(1, 1, 0.95));
  CHECK_THROWS_WITH_AS(
      weir::detail::require_examples(298, 0.01, 0.95, "clopper_pearson", "say --confidence 0", "images"),
      "the guarantee that was asked for cannot be given: 95 % for 1 % needs 299 images with no "
      "regression; there are 298 for calibration: say --confidence 0",
      weir::ArgumentError);
  CHECK_THROWS_WITH_AS(weir::detail::require_examples(1000, 0, 0.95),
                       doctest::Contains("more examples than there can be"), weir::ArgumentError);
}

TEST_CASE("most_regressions: one more would not pass; as many as least_examples says allow none") {
  for (const double epsilon : {0.002, 0.01, 0.05, 0.3})
    for (const double delta : {0.05, 0.2}) {
      const std::size_t least = *weir::detail::least_examples(weir::mean_test("clopper_pearson"), epsilon, delta);
      CHECK_FALSE(weir::most_regressions(least - 1, epsilon, delta));
      CHECK(weir::most_regressions(least, epsilon, delta) == 0);
      for (const std::size_t n : {least, 2 * least + 3, 7 * least}) {
        const std::size_t most = *weir::most_regressions(n, epsilon, delta);
        CHECK(weir::clopper_pearson_upper(most, n, 1 - delta) <= epsilon + 1e-12);
        CHECK(weir::clopper_pearson_upper(most + 1, n, 1 - delta) > epsilon);
      }
    }
  CHECK(weir::most_regressions(5000, 0.01, 0.05) == 38);
  CHECK(weir::most_regressions(2500, 0.01, 0.05) == 16);
  CHECK_FALSE(weir::most_regressions(0, 0.01, 0.05));
  CHECK_FALSE(weir::most_regressions(100000, 0, 0.05));
}

TEST_CASE("most_paired_regressions: by the trinomial test, and fewer than without repairs to allow for") {
  for (const std::size_t n : {1000U, 5000U}) {
    const std::size_t most = *weir::detail::most_paired_regressions(n, 0.01, 0.05);
    CHECK(weir::bounds::trinomial_p_value(most, 0, n, 0.01, 0.05) <= 0.05);
    CHECK(weir::bounds::trinomial_p_value(most + 1, 0, n, 0.01, 0.05) > 0.05);
    CHECK(most <= *weir::most_regressions(n, 0.01, 0.05));
  }
  const std::size_t least = weir::bounds::least_paired_examples(0.01, 0.05);
  CHECK_FALSE(weir::detail::most_paired_regressions(least - 1, 0.01, 0.05));
  CHECK(weir::detail::most_paired_regressions(least, 0.01, 0.05) == 0);
  CHECK_FALSE(weir::detail::most_paired_regressions(5000, 0, 0.05));
}

}  // namespace WEIR_UNIT
