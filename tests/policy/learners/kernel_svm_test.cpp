#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/kernel_svm.hpp>
#include <weir/policy/learners/linear_svm.hpp>
#include <weir/policy/learners/models/kernel_svm_model.hpp>
#include <weir/policy/learners/smo_solver.hpp>

#include "../count_allocations.hpp"
#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::dataset, learner_cases::noisy, learner_cases::row;
using weir::Dataset, weir::detail::KernelSvm, weir::detail::KernelSvmModel;

namespace {

const nlohmann::json& vectors() {
  static const nlohmann::json cases = [] {
    std::ifstream file(WEIR_TEST_DIR "/vectors/kernel_svm.json");
    return nlohmann::json::parse(file).at("cases");
  }();
  return cases;
}

double squared_distance(const KernelSvmModel& model, const double* a, const double* b) {
  double sum = 0;
  for (std::size_t j = 0; j < model.n_features(); ++j) sum += std::pow((a[j] - b[j]) * model.factor[j], 2);
  return sum;
}

/// |f|^2, the norm in the kernel's space.
double squared_norm(const KernelSvmModel& model) {
  const std::size_t d = model.n_features();
  double sum = 0;
  for (std::size_t s = 0; s < model.n_support(); ++s)
    for (std::size_t t = 0; t < model.n_support(); ++t)
      sum += model.coef[s] * model.coef[t] *
             std::exp(-model.gamma * squared_distance(model, &model.support[s * d], &model.support[t * d]));
  return sum;
}

/// 0.5 |f|^2 + sum cost hinge, from the definition.
double primal(const KernelSvmModel& model, const Dataset& data, double C) {
  double sum = 0.5 * squared_norm(model);
  for (Eigen::Index i = 0; i < data.X.rows(); ++i) {
    const double f = model.decision_function(row(data.X, i));
    sum += C * data.sample_weight(i) * std::max(0.0, data.y[static_cast<std::size_t>(i)] == 1 ? 1 - f : 1 + f);
  }
  return sum;
}

double dual(const KernelSvmModel& model) {
  double sum = -0.5 * squared_norm(model);
  for (const double a : model.coef) sum += std::abs(a);
  return sum;
}

/// Class 1 inside a ring of class 0.
Dataset ring() {
  Dataset data{Eigen::MatrixXd(80, 2), {}, Eigen::VectorXd::Ones(80)};
  for (Eigen::Index i = 0; i < 80; ++i) {
    const double angle = 0.7 * static_cast<double>(i), radius = i < 40 ? 1 : 2;
    data.X.row(i) << radius * std::cos(angle), 100 + 10 * radius * std::sin(angle);
    data.y.push_back(i < 40 ? 1 : 0);
  }
  return data;
}

int errors(const auto& model, const Dataset& data) {
  int wrong = 0;
  for (Eigen::Index i = 0; i < data.X.rows(); ++i)
    wrong += (model.decision_function(row(data.X, i)) > 0) != (data.y[static_cast<std::size_t>(i)] == 1);
  return wrong;
}

}  // namespace

TEST_CASE("Kernel SVM: scikit-learn's optimum, decisions and gamma") {
  REQUIRE(vectors().size() == 4);
  for (const auto& c : vectors()) {
    const Dataset data = dataset(c);
    const double C = c.at("C"), gamma = c.at("gamma"), their_dual = c.at("dual");
    const KernelSvm learner{.C = C, .gamma = c.at("scale").get<bool>() ? 0 : gamma, .normalise_weights = false};
    const KernelSvmModel model = learner.fit(data);
    CHECK(model.gamma == doctest::Approx(gamma).epsilon(1e-12));
    CHECK(model.relative_gap <= learner.solver.tolerance);
    CHECK(dual(model) == doctest::Approx(their_dual).epsilon(1e-6));
    CHECK(primal(model, data, C) == doctest::Approx(their_dual).epsilon(1e-6));
    CHECK(model.intercept == doctest::Approx(c.at("intercept").get<double>()).epsilon(1e-3));
    CHECK(model.n_support() == c.at("n_support").get<std::size_t>());
    const auto test = c.at("test").get<std::vector<std::vector<double>>>();
    for (std::size_t i = 0; i < test.size(); ++i)
      CHECK(std::abs(model.decision_function(test[i]) - c.at("decision")[i].get<double>()) < 1e-3);
  }
}

TEST_CASE("Kernel SVM: feasible, and the gap is proven, however early the solver is stopped") {
  const Dataset data = noisy(150, 3, 8);
  const double total = data.sample_weight.sum();
  for (const double C : {1.0, 1e3, 1e6}) {
    KernelSvm learner{.C = C};
    learner.solver.tolerance = 1e-9;
    const double best = primal(learner.fit(data), data, C / total);
    bool early = false;
    for (const std::size_t steps : {0U, 1U, 7U, 60U, 1000U, 100000U}) {
      learner.solver.max_iter = steps;
      const KernelSvmModel model = learner.fit(data);
      const double P = primal(model, data, C / total), D = dual(model);
      double sum = 0;
      for (const double a : model.coef) sum += a;
      CHECK(std::abs(sum) < 1e-12 * C);
      CHECK(D <= best * (1 + 1e-9));
      CHECK(std::abs((P - D) / P - model.relative_gap) < 1e-4 * model.relative_gap + 1e-10);
      CHECK(P - best <= model.relative_gap * P + 1e-9 * P);
      early = early || model.relative_gap > 0.01;
      if (steps == 100000) CHECK(model.relative_gap <= 1e-9);
    }
    CHECK(early);
  }
}

TEST_CASE("Kernel SVM: two cached rows serve as well as all") {
  const Dataset data = noisy(200, 4, 3);
  KernelSvm narrow;
  narrow.solver.cache_bytes = 0;
  CHECK(narrow.fit(data) == KernelSvm{}.fit(data));
  Eigen::MatrixXd Z(5, 2);
  Z << 0, 0, 1, 0, 0, 2, -1, 1, 0, 0;
  weir::detail::RbfRows rows(Z, 0.5, 3 * 5 * sizeof(double));
  for (const Eigen::Index i : {0, 1, 2, 3, 4, 0, 3, 1}) {
    const Eigen::VectorXd& kept = rows[i];
    rows[(i + 1) % 5];
    for (Eigen::Index j = 0; j < 5; ++j)
      CHECK(kept(j) == doctest::Approx(std::exp(-0.5 * (Z.row(i) - Z.row(j)).squaredNorm())).epsilon(1e-14));
  }
}

TEST_CASE("Kernel SVM: a ring around a disc, which no line parts") {
  const Dataset data = ring();
  CHECK(errors(weir::detail::LinearSvm{}.fit(data), data) > 20);
  CHECK(errors(KernelSvm{}.fit(data), data) == 0);
}

TEST_CASE("Kernel SVM: decides without allocation") {
  const Dataset data = ring();
  const KernelSvmModel model = KernelSvm{}.fit(data);
  const auto x = row(data.X, 3);
  const std::size_t before = weir_test::allocations();
  const double f = model.decision_function(x);
  CHECK(weir_test::allocations() == before);
  CHECK(f > 0);
}

TEST_CASE("Kernel SVM: hyper-parameters and numbers out of range are refused") {
  Dataset data = noisy(20, 2, 1);
  for (const double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(KernelSvm{.C = bad}.fit(data), weir::ArgumentError);
    CHECK_THROWS_AS(KernelSvm{.gamma = bad}.fit(data), weir::ArgumentError);
  }
  CHECK_THROWS_AS(KernelSvm{.C = 0}.fit(data), weir::ArgumentError);
  data.sample_weight.setConstant(1e305);
  CHECK_THROWS_AS((KernelSvm{.C = 1e305, .normalise_weights = false}.fit(data)), weir::ArgumentError);
}

TEST_CASE("Kernel SVM, JSON: particular lies") {
  nlohmann::json stored;
  to_json(stored, KernelSvm{}.fit(noisy(40, 3, 2)));
  const auto refused = [](const nlohmann::json& lie) {
    KernelSvmModel model;
    CHECK_THROWS_AS(from_json(lie, model), weir::FormatError);
  };
  for (const auto& [key, value] : {std::pair{"gamma", 0.0}, {"gamma", -1.0}, {"relative_gap", -1.0}}) {
    auto lie = stored;
    lie[key] = value;
    refused(lie);
  }
  for (const char* key : {"factor", "support", "coef"}) {
    auto lie = stored;
    lie[key].push_back(1.0);
    refused(lie);
    lie[key] = nlohmann::json::array();
    refused(lie);
  }
  auto lie = stored;
  lie["factor"][1] = 0.0;
  refused(lie);
}

}  // namespace WEIR_UNIT
