#include <doctest/doctest.h>

#include <Eigen/Core>
#include <cstddef>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/hinge_solver.hpp>
#include <weir/policy/learners/linear_problem.hpp>
#include <weir/policy/learners/standardise_fit.hpp>

#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::noisy;
using weir::Dataset;

TEST_CASE("Hinge solver: the proven gap bounds the distance from the optimum") {
  const Dataset used = noisy(150, 3, 8).without_zero_weights();
  const auto scaling = weir::detail::fit_standardise(used.X, used.sample_weight);
  for (const double C : {1e-2, 1.0, 1e4}) {
    weir::detail::LinearProblem problem{Eigen::MatrixXd(used.X.rows(), 4), C * used.sample_weight};
    problem.Z.leftCols(3) = weir::detail::standardised(scaling, used.X);
    problem.Z.col(3).setOnes();
    for (Eigen::Index i = 0; i < problem.Z.rows(); ++i)
      if (used.y[static_cast<std::size_t>(i)] == 0) problem.Z.row(i) *= -1;
    const auto P = [&](const Eigen::VectorXd& v) {
      return 0.5 * v.squaredNorm() + problem.cost.dot((1 - (problem.Z * v).array()).max(0.0).matrix());
    };
    double gap = -1, loose_gap = -1;
    const Eigen::VectorXd v = weir::detail::minimise_hinge(problem, 1e-9, 200, &gap);
    const Eigen::VectorXd loose = weir::detail::minimise_hinge(problem, 0.05, 200, &loose_gap);
    CHECK(gap >= 0);
    CHECK(gap <= 1e-9 * P(v) * 1.0001);
    CHECK(P(loose) - P(v) <= loose_gap * (1 + 1e-9) + 1e-9);
    // Convexity: no step in any direction of a net of them goes down by more than the gap.
    for (Eigen::Index j = 0; j < 4; ++j)
      for (const double step : {-0.1, -1e-3, 1e-3, 0.1})
        CHECK(P(v + step * Eigen::VectorXd::Unit(4, j)) >= P(v) - gap - 1e-12 * P(v));
  }
}

TEST_CASE("Hinge solver: reaches its tolerance at any C, also for copies, constants, separable and heavy rows") {
  Dataset overlapping = noisy(200, 4, 5), apart = overlapping, copies = overlapping, heavy = overlapping;
  for (Eigen::Index i = 0; i < 200; ++i) {
    apart.y[static_cast<std::size_t>(i)] = apart.X(i, 1) > 1.01 ? 1 : 0;
    copies.X.row(i) = overlapping.X.row(i % 10);
    copies.X(i, 3) = 7;
    heavy.sample_weight(i) *= i % 7 == 0 ? 1e6 : 1e-6;
  }
  for (const Dataset& data : {overlapping, apart, copies, heavy})
    for (const double C : {1e-6, 1e-3, 1.0, 1e3, 1e6}) {
      INFO("C = " << C);
      const Dataset used = data.without_zero_weights();
      const auto scaling = weir::detail::fit_standardise(used.X, used.sample_weight);
      const auto n = used.X.rows();
      weir::detail::LinearProblem problem{Eigen::MatrixXd(n, 5), C * used.sample_weight / used.sample_weight.sum()};
      problem.Z.leftCols(4) = weir::detail::standardised(scaling, used.X);
      problem.Z.col(4).setOnes();
      for (Eigen::Index i = 0; i < n; ++i)
        if (used.y[static_cast<std::size_t>(i)] == 0) problem.Z.row(i) *= -1;
      double gap = -1;
      const Eigen::VectorXd v = weir::detail::minimise_hinge(problem, 1e-9, 200, &gap);
      const double P = 0.5 * v.squaredNorm() + problem.cost.dot((1 - (problem.Z * v).array()).max(0.0).matrix());
      CHECK(gap <= 1e-9 * P * 1.0001);
      CHECK(weir::detail::minimise_hinge(problem, 1e-9, 200) == v);
    }
}

}  // namespace WEIR_UNIT
