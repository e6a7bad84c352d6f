/// From the score of a gate to a probability: Platt scaling, isotonic calibration, and a gate that carries one of them.
#pragma once
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <variant>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/learners/cross_fit.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/logistic.hpp>

namespace weir::detail {

/// P(y = 1 | score f) = 1 / (1 + exp(a f + b)).
struct PlattScaling {
  double a = -1;
  double b = 0;

  double operator()(double f) const { return 1 / (1 + std::exp(a * f + b)); }

  /// Maximum likelihood with Platt's targets (N1 + 1) / (N1 + 2) and 1 / (N0 + 2) in place of 1 and 0, N1 and N0 being
  /// the weights of the classes (Platt, Advances in Large Margin Classifiers, 1999), by damped Newton (Lin, Lin, Weng,
  /// Machine Learning 2007). So a weight counts examples: weights in seconds must first be scaled, say to mean 1.
  /// The objective is that of scikit-learn's CalibratedClassifierCV(method="sigmoid"). O(n) a step, some 10 steps.
  /// f, y [n]; weight [n] or empty (all 1). Throws ShapeError and ArgumentError as checked_weights does, and
  /// ArgumentError where the spread of f overflows.
  static PlattScaling fit(const Eigen::VectorXd& f, const std::vector<int>& y, const Eigen::VectorXd& weight = {});

  bool operator==(const PlattScaling&) const = default;
};

void to_json(nlohmann::json& json, const PlattScaling& p);

void from_json(const nlohmann::json& json, PlattScaling& p);

/// A gate whose score becomes a probability of class 1.
struct CalibratedGate {
  GateModel gate;
  std::variant<PlattScaling, IsotonicCurve> curve;

  std::size_t n_features() const { return gate.n_features(); }

  /// In [0, 1]. Allocates nothing; throws ShapeError where x has not n_features() values.
  double probability(std::span<const double> x) const;

  bool operator==(const CalibratedGate&) const = default;
};

/// {"gate": {...}, "platt": {...}} or {"gate": {...}, "isotonic": {...}}
void to_json(nlohmann::json& json, const CalibratedGate& c);

/// Throws FormatError for anything but what to_json wrote.
void from_json(const nlohmann::json& json, CalibratedGate& c);

enum class Calibration { platt, isotonic };

/// A gate fitted to all of `data`, and the calibration of the scores that its rows get from gates fitted without them
/// (out_of_fold_scores): fitted to scores of rows that the gate has seen, probabilities would be too sure. Platt's
/// two parameters serve few examples, isotonic regression about a thousand or more (Niculescu-Mizil, Caruana, ICML
/// 2005). Weights as in PlattScaling::fit. Cost: folds + 1 fits.
///
/// fit: any learner, such as [](const Dataset& d) { return fit_by_name("svm", d); }. Throws what it throws, and
/// ArgumentError for fewer than 2 folds or no row of weight > 0.
CalibratedGate fit_calibrated(const std::function<GateModel(const Dataset&)>& fit, const Dataset& data,
                              Calibration calibration = Calibration::platt, std::size_t folds = 5);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/compare/calibration.ipp>
#endif
