/// The ways of choosing that are compared.
#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/guarantee.hpp>

#include "population.hpp"

namespace bounds_bench {

struct Method {
  std::string name;
  bool confident = true;  ///< promises P(risk <= epsilon) >= 1 - delta
  std::function<std::optional<std::size_t>(const Eigen::MatrixXd&)> choose;
};

inline std::vector<double> all_on(std::size_t m, std::size_t j) {
  std::vector<double> weights(m, 0.0);
  if (m > 0) weights[j] = 1;
  return weights;
}

inline std::vector<Method> methods(const Population& p, double epsilon, double delta) {
  const std::size_t m = p.predicted.size();
  std::vector<Method> all;
  if (p.paired) {
    const double limit = (1 + epsilon) / 2;
    all.push_back({"naive", false, [=](const Eigen::MatrixXd& r) { return weir::detail::choose_naively(r, limit); }});
    const auto weights = weir::detail::several_starts(p.predicted, p.n, p.n_training, epsilon, delta);
    for (const weir::MeanTest& test : {weir::bounds::trinomial_test(), weir::mean_test("betting")})
      all.push_back({"LTT several starts, " + test.name, true, [=](const Eigen::MatrixXd& r) {
                       return weir::detail::learn_then_test(r, limit, delta, test, weights);
                     }});
    return all;
  }
  all.push_back({"naive", false, [=](const Eigen::MatrixXd& r) { return weir::detail::choose_naively(r, epsilon); }});
  all.push_back({"conformal risk control", false,
                 [=](const Eigen::MatrixXd& r) { return weir::detail::control_conformal_risk(r, epsilon); }});
  const auto learn_then_test = [&](const std::string& name, const weir::MeanTest& test, std::vector<double> weights) {
    all.push_back({"LTT " + name + ", " + std::string(test.name), true, [=](const Eigen::MatrixXd& r) {
                     return weir::detail::learn_then_test(r, epsilon, delta, test, weights);
                   }});
  };
  const auto several = weir::detail::several_starts(p.predicted, p.n, p.n_training, epsilon, delta);
  for (const weir::MeanTest& test : weir::mean_tests()) {
    if (test.needs_zero_one && !p.zero_one) continue;
    all.push_back({"upper bound, " + std::string(test.name), true, [=](const Eigen::MatrixXd& r) {
                     return weir::detail::bound_monotone_risk(r, epsilon, delta, test);
                   }});
    learn_then_test("several starts", test, several);
  }
  const weir::MeanTest& sharpest = weir::mean_test(p.zero_one ? "clopper_pearson" : "betting");
  std::size_t last = 0;
  for (std::size_t j = 0; j < m; ++j)
    if (several[j] > 0) last = j;
  learn_then_test("from the safest", sharpest, all_on(m, 0));
  learn_then_test("predicted start", sharpest, all_on(m, last));
  learn_then_test("Bonferroni-Holm", sharpest, std::vector<double>(m, 1 / static_cast<double>(m)));
  return all;
}

}  // namespace bounds_bench
