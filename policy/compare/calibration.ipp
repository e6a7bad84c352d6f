// What calibration.hpp declares.
#pragma once
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <variant>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/compare/calibration.hpp>
#include <weir/policy/compare/calibration_metrics.hpp>
#include <weir/policy/learners/cross_fit.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/isotonic_curve_fit.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/learners/logistic.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/learners/standardise_fit.hpp>

namespace weir::detail {

WEIR_INLINE void to_json(nlohmann::json& json, const PlattScaling& p) { json = {{"a", p.a}, {"b", p.b}}; }

WEIR_INLINE void from_json(const nlohmann::json& json, PlattScaling& p) {
  refuse_unknown_keys(json, {"a", "b"});
  p = {model_json::number(json, "a"), model_json::number(json, "b")};
}

WEIR_INLINE void to_json(nlohmann::json& json, const CalibratedGate& c) {
  json = {{"gate", c.gate}};
  if (const auto* platt = std::get_if<PlattScaling>(&c.curve))
    json["platt"] = *platt;
  else
    json["isotonic"] = std::get<IsotonicCurve>(c.curve);
}

WEIR_INLINE void from_json(const nlohmann::json& json, CalibratedGate& c) {
  refuse_unknown_keys(json, {"gate", "platt", "isotonic"});
  from_json(model_json::field(json, "gate"), c.gate);
  if (json.contains("platt") == json.contains("isotonic"))
    throw FormatError("calibrated gate: one of 'platt' and 'isotonic' is needed");
  if (json.contains("platt")) {
    from_json(json.at("platt"), c.curve.emplace<PlattScaling>());
    return;
  }
  auto& curve = c.curve.emplace<IsotonicCurve>();
  from_json(json.at("isotonic"), curve);
  if (curve.y.front() < 0 || curve.y.back() > 1) throw FormatError("calibrated gate: a probability is not in [0, 1]");
}

WEIR_INLINE CalibratedGate fit_calibrated(const std::function<GateModel(const Dataset&)>& fit, const Dataset& data,
                                          Calibration calibration, std::size_t folds) {
  if (folds < 2) throw ArgumentError("calibration: at least 2 folds are needed");
  data.check();
  const Dataset used = data.without_zero_weights();
  if (used.y.empty()) throw ArgumentError("calibration: no row has a weight above 0");
  const Eigen::VectorXd score = out_of_fold_scores(used, folds, fit);
  CalibratedGate result{fit(used), {}};
  if (calibration == Calibration::platt) {
    result.curve = PlattScaling::fit(score, used.y, used.sample_weight);
  } else {
    const Eigen::Map<const Eigen::VectorXi> label(used.y.data(), score.size());
    result.curve = fit_isotonic_curve(score, label.cast<double>(), used.sample_weight);
  }
  return result;
}

WEIR_INLINE PlattScaling PlattScaling::fit(const Eigen::VectorXd& f, const std::vector<int>& y,
                                           const Eigen::VectorXd& weight) {
  using LogLoss = LogisticRegression::Loss;
  const Eigen::VectorXd w = checked_weights("Platt scaling", f, y, weight);
  double total[2] = {0, 0};
  for (Eigen::Index i = 0; i < f.size(); ++i) total[y[static_cast<std::size_t>(i)]] += w(i);
  const double target[2] = {1 / (total[0] + 2), (total[1] + 1) / (total[1] + 2)};
  const auto scaling = fit_standardise(f, w);
  const auto objective = [&](const Eigen::Vector2d& v, Eigen::Vector2d* gradient, Eigen::Matrix2d* hessian) {
    double sum = 0;
    for (Eigen::Index i = 0; i < f.size(); ++i) {
      const Eigen::Vector2d z(scaling.apply(0, f(i)), 1);
      const double m = v.dot(z), t = target[y[static_cast<std::size_t>(i)]];
      sum += w(i) * (t * LogLoss::value(-m) + (1 - t) * LogLoss::value(m));
      if (gradient == nullptr) continue;
      *gradient += w(i) * ((1 - t) * LogLoss::slope(m) - t * LogLoss::slope(-m)) * z;
      *hessian += w(i) * LogLoss::curvature(m) * z * z.transpose();
    }
    return sum;
  };
  Eigen::Vector2d v(0, std::log((total[0] + 1) / (total[1] + 1)));
  for (int iteration = 0; iteration < 100; ++iteration) {
    Eigen::Vector2d gradient = Eigen::Vector2d::Zero();
    Eigen::Matrix2d hessian = Eigen::Matrix2d::Zero();
    const double F = objective(v, &gradient, &hessian);
    // Equal scores leave the slope without curvature.
    hessian.diagonal().array() += 1e-14 * hessian.trace();
    Eigen::Vector2d step = -hessian.ldlt().solve(gradient);
    if (!step.allFinite()) break;
    for (int halvings = 0; halvings < 60 && !(objective(v + step, nullptr, nullptr) < F); ++halvings) step *= 0.5;
    if (!(objective(v + step, nullptr, nullptr) < F)) break;
    v += step;
  }
  return {v(0) * scaling.factor[0], v(1) - v(0) * scaling.factor[0] * scaling.mean[0]};
}

WEIR_INLINE double CalibratedGate::probability(std::span<const double> x) const {
  const double f = gate.decision_function(x);
  return std::visit([f](const auto& c) { return c(f); }, curve);
}

}  // namespace weir::detail
