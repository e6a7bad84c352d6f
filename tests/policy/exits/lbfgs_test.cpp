#include <doctest/doctest.h>

#include <Eigen/Core>
#include <cmath>
#include <weir/policy/exits/lbfgs.hpp>

namespace WEIR_UNIT {

TEST_CASE("L-BFGS: a badly scaled quadratic and Rosenbrock's valley to their minima") {
  Eigen::VectorXd x = Eigen::VectorXd::Constant(20, 3.0);
  const auto quadratic = [](const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
    double sum = 0;
    for (Eigen::Index i = 0; i < at.size(); ++i) {
      const double c = std::pow(10.0, static_cast<double>(i) / 8);
      gradient(i) = c * (at(i) - 1);
      sum += 0.5 * c * (at(i) - 1) * (at(i) - 1);
    }
    return sum;
  };
  const auto nothing = [](int, int) {};
  auto result = weir::detail::minimise_lbfgs(quadratic, x, {1000, 10, 1e-8}, nothing);
  CHECK(result.converged);
  CHECK((x.array() - 1).abs().maxCoeff() < 1e-7);
  x = Eigen::VectorXd(2);
  x << -1.2, 1;
  const auto valley = [](const Eigen::VectorXd& at, Eigen::VectorXd& gradient) {
    const double a = 1 - at(0), b = at(1) - at(0) * at(0);
    gradient(0) = -2 * a - 400 * at(0) * b;
    gradient(1) = 200 * b;
    return a * a + 100 * b * b;
  };
  result = weir::detail::minimise_lbfgs(valley, x, {1000, 10, 1e-9}, nothing);
  CHECK(result.converged);
  CHECK((x.array() - 1).abs().maxCoeff() < 1e-8);
  x.setConstant(5);
  CHECK_FALSE(weir::detail::minimise_lbfgs(valley, x, {3, 10, 1e-9}, nothing).converged);
}

}  // namespace WEIR_UNIT
