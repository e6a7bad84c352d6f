#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/choose/redraw.hpp>
#include <weir/policy/learners/random.hpp>

namespace WEIR_UNIT {

namespace {

/// [n, members] 1 for the first `worse[j]` rows, 0 for the last `better[j]`, else `neither`.
Eigen::MatrixXd losses(Eigen::Index n, const std::vector<Eigen::Index>& worse, const std::vector<Eigen::Index>& better,
                       double neither) {
  Eigen::MatrixXd r = Eigen::MatrixXd::Constant(n, static_cast<Eigen::Index>(worse.size()), neither);
  for (std::size_t j = 0; j < worse.size(); ++j) {
    const auto column = static_cast<Eigen::Index>(j);
    r.col(column).head(worse[j]).setOnes();
    if (!better.empty()) r.col(column).tail(better[j]).setZero();
  }
  return r;
}

}  // namespace

TEST_CASE("redraw: counts what learn_then_test does on the same draws") {
  constexpr std::size_t n = 400, draws = 200;
  for (const bool paired : {false, true}) {
    const Eigen::MatrixXd r = losses(n, {0, 2, 4, 8, 16, 24}, {0, 0, 2, 4, 6, 8}, paired ? 0.5 : 0);
    const double epsilon = paired ? (1 + 0.03) / 2 : 0.03;
    const std::vector<double> weights{0.5, 0, 0.25, 0.25, 0, 0};
    const auto found = weir::detail::redraw(r, epsilon, 0.3, paired, weights, draws, 5);
    const weir::MeanTest test = paired ? weir::bounds::trinomial_test() : weir::mean_test("clopper_pearson");
    std::size_t above = 0, none = 0;
    std::uint64_t counter = 0;
    for (std::size_t d = 0; d < draws; ++d) {
      std::vector<Eigen::Index> rows;
      for (std::size_t i = 0; i < n; ++i)
        rows.push_back(static_cast<Eigen::Index>(weir::detail::counter_uniform(5, counter++) * n));
      const auto j = weir::detail::learn_then_test(r(rows, Eigen::all), epsilon, 0.3, test, weights);
      none += j ? 0 : 1;
      above += j && r.col(static_cast<Eigen::Index>(*j)).mean() > epsilon + 1e-12 ? 1 : 0;
    }
    CHECK(found.draws == draws);
    CHECK(found.above == above);
    CHECK(found.none == none);
    CHECK(above > 0);
    const auto again = weir::detail::redraw(r, epsilon, 0.3, paired, weights, draws, 5);
    CHECK(again.above == found.above);
  }
}

TEST_CASE(
    "redraw: a member just above the limit is chosen as often as delta allows, one far above never, one below is no "
    "failure") {
  const std::vector<double> one{1};
  const auto at = [&](Eigen::Index worse) {
    return weir::detail::redraw(losses(2000, {worse}, {}, 0), 0.01, 0.05, false, one, 1000, 1);
  };
  CHECK(at(20).above == 0);  // exactly the limit keeps it
  CHECK(at(21).above > 5);
  CHECK(at(21).above < 50);
  CHECK(at(21).share95().low < 0.05);
  CHECK(at(60).above == 0);
  CHECK(at(60).none == 1000);
  CHECK(at(2).above == 0);
  CHECK(at(2).none < 10);
  // A test that promises less fails more often: the count sees it.
  CHECK(weir::detail::redraw(losses(2000, {21}, {}, 0), 0.01, 0.3, false, one, 1000, 1).above > 150);
}

}  // namespace WEIR_UNIT
