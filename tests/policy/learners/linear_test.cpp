#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/hinge_solver.hpp>
#include <weir/policy/learners/linear_problem.hpp>
#include <weir/policy/learners/linear_svm.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/learners/models/standardise.hpp>
#include <weir/policy/learners/standardise_fit.hpp>

#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::dataset, learner_cases::noisy, learner_cases::row;
using weir::Dataset, weir::detail::LinearModel, weir::detail::LinearSvm, weir::detail::LogisticRegression,
    weir::detail::SvmLoss;

namespace {

/// The objective in scikit-learn's form, from its definition: 0.5 w'w [+ 0.5 b^2] + C sum weight loss(margin).
template <class Loss>
double objective(const Dataset& data, const weir::detail::Standardise& scaling, const std::vector<double>& coef,
                 double intercept, double C, bool regularise_bias, const Loss& loss) {
  double sum = regularise_bias ? 0.5 * intercept * intercept : 0.0;
  for (const double w : coef) sum += 0.5 * w * w;
  for (Eigen::Index i = 0; i < data.X.rows(); ++i) {
    double f = intercept;
    for (std::size_t j = 0; j < coef.size(); ++j)
      f += coef[j] * (data.X(i, static_cast<Eigen::Index>(j)) - scaling.mean[j]) * scaling.factor[j];
    sum += C * data.sample_weight(i) * loss(data.y[static_cast<std::size_t>(i)] == 1 ? f : -f);
  }
  return sum;
}

double hinge(double m) { return std::max(0.0, 1 - m); }
double squared_hinge(double m) { return hinge(m) * hinge(m); }
double logistic(double m) { return std::log1p(std::exp(-m)); }

/// Where scikit-learn stands in the objective, against the model; also demands equal coefficients to `coef_tolerance`.
template <class Loss>
void compare(const nlohmann::json& c, const char* key, const LinearModel& model, bool regularise_bias, const Loss& loss,
             double coef_tolerance) {
  INFO(key);
  const Dataset data = dataset(c);
  const double C = c.at("C");
  const auto theirs = c.at(key).at("coef").get<std::vector<double>>();
  const double their_intercept = c.at(key).at("intercept");
  const double F = objective(data, model.scaling, model.coef, model.intercept, C, regularise_bias, loss);
  const double their_F = objective(data, model.scaling, theirs, their_intercept, C, regularise_bias, loss);
  CHECK(F <= their_F * (1 + 1e-8));
  CHECK(F == doctest::Approx(their_F).epsilon(1e-6));
  for (std::size_t j = 0; j < theirs.size(); ++j) CHECK(std::abs(model.coef[j] - theirs[j]) < coef_tolerance);
  CHECK(std::abs(model.intercept - their_intercept) < coef_tolerance);
}

}  // namespace

TEST_CASE("Linear learners: scikit-learn's optimum with the same weights, C and bias") {
  REQUIRE(learner_cases::vectors().size() == 3);
  for (const auto& c : learner_cases::vectors()) {
    const Dataset data = dataset(c);
    const double C = c.at("C");
    LogisticRegression free_bias{.C = C, .normalise_weights = false};
    compare(c, "logistic_free_bias", free_bias.fit(data), false, logistic, 1e-4);
    LogisticRegression regularised{.C = C, .normalise_weights = false, .regularise_bias = true};
    compare(c, "logistic_regularised_bias", regularised.fit(data), true, logistic, 1e-4);
    const LinearSvm svm{.loss = SvmLoss::hinge, .C = C, .normalise_weights = false};
    compare(c, "svm_hinge", svm.fit(data), true, hinge, 1e-4);
    const LinearSvm squared{.loss = SvmLoss::squared_hinge, .C = C, .normalise_weights = false};
    compare(c, "svm_squared_hinge", squared.fit(data), true, squared_hinge, 1e-4);
  }
}

TEST_CASE("Linear learners: the weighted standardisation is scikit-learn's") {
  for (const auto& c : learner_cases::vectors()) {
    const Dataset used = dataset(c).without_zero_weights();
    const auto scaling = weir::detail::fit_standardise(used.X, used.sample_weight);
    for (std::size_t j = 0; j < scaling.mean.size(); ++j) {
      CHECK(scaling.mean[j] == doctest::Approx(c.at("mean")[j].get<double>()).epsilon(1e-12));
      CHECK(1 / scaling.factor[j] == doctest::Approx(c.at("deviation")[j].get<double>()).epsilon(1e-12));
    }
  }
}

TEST_CASE("Linear learners: normalised weights make C the price of the mean loss") {
  Dataset data = noisy(100, 3, 2);
  const double total = data.sample_weight.sum();
  const auto a = LogisticRegression{.C = 5}.fit(data);
  const auto b = LogisticRegression{.C = 5 / total, .normalise_weights = false}.fit(data);
  for (std::size_t j = 0; j < 3; ++j) CHECK(a.coef[j] == doctest::Approx(b.coef[j]).epsilon(1e-8));
  for (const double bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(LogisticRegression{.C = bad}.fit(data), weir::ArgumentError);
    CHECK_THROWS_AS(LinearSvm{.C = bad}.fit(data), weir::ArgumentError);
  }
}

TEST_CASE("Linear learners: stationary at any C, also where classes can be told apart") {
  Dataset overlapping = noisy(200, 4, 5), apart = overlapping;
  for (Eigen::Index i = 0; i < 200; ++i) apart.y[static_cast<std::size_t>(i)] = apart.X(i, 1) > 1.01 ? 1 : 0;
  for (const Dataset& data : {overlapping, apart})
    for (const double C : {1e-3, 1.0, 1e3, 1e6}) {
      INFO("C = " << C);
      const Dataset used = data.without_zero_weights();
      const LogisticRegression learner{.C = C};
      const LinearModel model = learner.fit(data);
      // Gradient of the objective, against the size of its largest term.
      Eigen::VectorXd gradient = Eigen::VectorXd::Zero(5);
      const double total = used.sample_weight.sum();
      for (Eigen::Index i = 0; i < used.X.rows(); ++i) {
        const double sign = used.y[static_cast<std::size_t>(i)] == 1 ? 1 : -1;
        const auto x = row(used.X, i);
        const double slope =
            -sign / (1 + std::exp(sign * model.decision_function(x))) * C * used.sample_weight(i) / total;
        for (std::size_t j = 0; j < 4; ++j)
          gradient(static_cast<Eigen::Index>(j)) += slope * model.scaling.apply(j, x[j]);
        gradient(4) += slope;
      }
      for (std::size_t j = 0; j < 4; ++j) gradient(static_cast<Eigen::Index>(j)) += model.coef[j];
      CHECK(gradient.cwiseAbs().maxCoeff() < 1e-5 * C);
    }
}

}  // namespace WEIR_UNIT
