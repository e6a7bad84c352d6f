#include <doctest/doctest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <weir/policy/learners/linear_problem.hpp>
#include <weir/policy/learners/newton.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/learners/weighted_gram.hpp>

namespace WEIR_UNIT {

namespace {

/// Numbers in [-1, 1).
Eigen::MatrixXd numbers(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  Eigen::MatrixXd m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i)
    m(i) = 2 * weir::detail::counter_uniform(seed, static_cast<std::uint64_t>(i)) - 1;
  return m;
}

/// (m - 1)^2 / 2, whose minimum is that of a linear system.
struct Squares {
  double value(double m) const { return 0.5 * (m - 1) * (m - 1); }
  double slope(double m) const { return m - 1; }
  double curvature(double) const { return 1; }
};

/// sqrt(1 + (m - 20)^2) of a steep middle and flat ends: full Newton steps from 0 overshoot.
struct Flat {
  double value(double m) const { return std::sqrt(1 + (m - 20) * (m - 20)); }
  double slope(double m) const { return (m - 20) / value(m); }
  double curvature(double m) const { return 1 / std::pow(value(m), 3); }
};

}  // namespace

TEST_CASE("weighted Gram matrices: Z' diag(w) Z below the diagonal, added, whatever rows have no weight") {
  for (const Eigen::Index n : {1, 3, 255, 256, 257, 700})
    for (const Eigen::Index d : {1, 4, 9}) {
      const Eigen::MatrixXd Z = numbers(n, d, 1), before = numbers(d, d, 2);
      Eigen::ArrayXd w = numbers(n, 1, 3).array().abs();
      for (Eigen::Index i = 0; i < n; i += 3) w(i) = 0;
      Eigen::MatrixXd H = before;
      weir::detail::add_weighted_gram(Z, w, H);
      const Eigen::MatrixXd wanted = before + Z.transpose() * w.matrix().asDiagonal() * Z;
      for (Eigen::Index i = 0; i < d; ++i)
        for (Eigen::Index j = 0; j < d; ++j)
          CHECK(H(i, j) == doctest::Approx(i >= j ? wanted(i, j) : before(i, j)).epsilon(1e-12));
    }
}

TEST_CASE("Newton: of squares the solution of the normal equations, at once") {
  for (const bool regularise_bias : {true, false}) {
    const weir::detail::LinearProblem problem{numbers(300, 5, 4), numbers(300, 1, 5).array().abs().matrix(),
                                              regularise_bias};
    Eigen::MatrixXd A = Eigen::MatrixXd::Identity(5, 5);
    if (!regularise_bias) A(4, 4) = 0;
    A += problem.Z.transpose() * problem.cost.asDiagonal() * problem.Z;
    const Eigen::VectorXd wanted = A.ldlt().solve(problem.Z.transpose() * problem.cost);
    const Eigen::VectorXd v = weir::detail::minimise_by_newton(problem, Squares{}, 1e-12, 2);
    CHECK((v - wanted).cwiseAbs().maxCoeff() < 1e-9);
  }
}

TEST_CASE("Newton: a loss that full steps overshoot is minimised all the same, and few steps never raise it") {
  const weir::detail::LinearProblem problem{numbers(200, 3, 6).array().abs().matrix(),
                                            Eigen::VectorXd::Constant(200, 10), false};
  const Flat loss;
  const auto F = [&](const Eigen::VectorXd& v) {
    return 0.5 * v.dot(problem.penalty().cwiseProduct(v)) +
           problem.cost.dot((problem.Z * v).unaryExpr([&](double m) { return loss.value(m); }));
  };
  double before = F(Eigen::VectorXd::Zero(3));
  for (const int steps : {1, 2, 5, 100}) {
    const double now = F(weir::detail::minimise_by_newton(problem, loss, 1e-14, steps));
    CHECK(now <= before);
    before = now;
  }
  const Eigen::VectorXd v = weir::detail::minimise_by_newton(problem, loss, 1e-14, 100);
  const Eigen::VectorXd slopes =
      problem.cost.cwiseProduct((problem.Z * v).unaryExpr([&](double m) { return loss.slope(m); }));
  const Eigen::VectorXd gradient = problem.penalty().cwiseProduct(v) + problem.Z.transpose() * slopes;
  CHECK(gradient.cwiseAbs().maxCoeff() < 1e-4);
}

}  // namespace WEIR_UNIT
