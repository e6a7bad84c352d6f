// What guarantee.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace weir::detail {

inline std::span<const double> column(const Eigen::MatrixXd& r, std::size_t j) {
  return {r.col(static_cast<Eigen::Index>(j)).data(), static_cast<std::size_t>(r.rows())};
}

WEIR_INLINE std::optional<std::size_t> choose_naively(const Eigen::MatrixXd& r, double epsilon) {
  for (std::size_t j = static_cast<std::size_t>(r.cols()); j-- > 0;)
    if (r.col(static_cast<Eigen::Index>(j)).mean() <= epsilon) return j;
  return std::nullopt;
}

WEIR_INLINE std::optional<std::size_t> control_conformal_risk(const Eigen::MatrixXd& r, double epsilon) {
  std::optional<std::size_t> last;
  Eigen::VectorXd worst = Eigen::VectorXd::Zero(r.rows());
  for (Eigen::Index j = 0; j < r.cols(); ++j) {
    worst = worst.cwiseMax(r.col(j));
    if (worst.sum() + 1 > epsilon * (static_cast<double>(r.rows()) + 1)) break;
    last = static_cast<std::size_t>(j);
  }
  return last;
}

WEIR_INLINE std::optional<std::size_t> bound_monotone_risk(const Eigen::MatrixXd& r, double epsilon, double delta,
                                                           const MeanTest& test) {
  std::optional<std::size_t> last;
  Eigen::VectorXd worst = Eigen::VectorXd::Zero(r.rows());
  for (Eigen::Index j = 0; j < r.cols(); ++j) {
    worst = worst.cwiseMax(r.col(j));
    const std::span<const double> losses(worst.data(), static_cast<std::size_t>(worst.size()));
    if (test.p_value(losses, epsilon, delta) > delta) break;
    last = static_cast<std::size_t>(j);
  }
  return last;
}

WEIR_INLINE std::vector<bool> reject_on_ring(std::vector<double> weights, double delta,
                                             const std::function<double(std::size_t)>& p_value) {
  const std::size_t m = weights.size();
  std::vector<bool> rejected(m, false);
  std::vector<double> p(m, -1);
  for (bool again = true; again;) {
    again = false;
    for (std::size_t j = 0; j < m; ++j) {
      if (rejected[j] || !(weights[j] > 0)) continue;
      if (p[j] < 0) p[j] = p_value(j);
      if (p[j] > weights[j] * delta) continue;
      rejected[j] = again = true;
      std::size_t heir = j;
      for (std::size_t step = 1; step < m && rejected[heir]; ++step) heir = (j + step) % m;
      if (!rejected[heir]) weights[heir] += weights[j];
    }
  }
  return rejected;
}

WEIR_INLINE std::optional<std::size_t> learn_then_test(const Eigen::MatrixXd& r, double epsilon, double delta,
                                                       const MeanTest& test, const std::vector<double>& weights) {
  const auto rejected =
      reject_on_ring(weights, delta, [&](std::size_t j) { return test.p_value(column(r, j), epsilon, delta); });
  for (std::size_t j = rejected.size(); j-- > 0;)
    if (rejected[j]) return j;
  return std::nullopt;
}

WEIR_INLINE double nearly_certain_risk(std::size_t n, std::size_t n_training, double epsilon, double delta) {
  if (n == 0 || n_training == 0 || binomial_cdf(0, n, epsilon) > delta) return 0;
  std::size_t passes = 0, fails = n;
  while (fails - passes > 1) {
    const std::size_t middle = passes + (fails - passes) / 2;
    (binomial_cdf(middle, n, epsilon) <= delta ? passes : fails) = middle;
  }
  const double N = static_cast<double>(n),
               both = N * static_cast<double>(n_training) / (N + static_cast<double>(n_training));
  const double seen = std::floor(static_cast<double>(passes) / N * both);
  return incomplete_beta_inverse(seen + 1, both - seen, 0.01);
}

WEIR_INLINE std::vector<double> several_starts(const std::vector<double>& predicted, std::size_t n,
                                               std::size_t n_training, double epsilon, double delta) {
  std::vector<double> weights(predicted.size(), 0.0);
  const double certain = nearly_certain_risk(n, n_training, epsilon, delta);
  for (const int third : {0, 1, 2, 3}) {
    std::size_t start = 0;
    while (start + 1 < predicted.size() && predicted[start + 1] <= certain * third / 3) ++start;
    if (!weights.empty()) weights[start] += 0.25;
  }
  return weights;
}

/// Throws ArgumentError where n examples let nothing pass, whatever they show.
inline void require_examples(std::size_t n, const GuaranteeOptions& o) {
  const double epsilon = o.epsilon / o.largest;
  if (o.certificate == Certificate::none) return;
  if (o.risk == Risk::net) {
    if (o.certificate != Certificate::learn_then_test)
      throw ArgumentError("guarantee: a net loss is certified by Certificate::learn_then_test only");
    if (o.test == "clopper_pearson") require_paired_examples(n, epsilon, 1 - o.delta);
    return;
  }
  if (o.certificate != Certificate::conformal_risk_control) {
    weir::detail::require_examples(n, epsilon, 1 - o.delta, o.test);
  } else if (1 > epsilon * (static_cast<double>(n) + 1)) {
    throw ArgumentError("the guarantee that was asked for cannot be given: a mean of at most " + percent(epsilon) +
                        " % needs " +
                        (epsilon > 0 ? std::to_string(static_cast<std::size_t>(std::ceil(1 / epsilon - 1 - 1e-9)))
                                     : std::string("more")) +
                        " examples with no regression; there are " + std::to_string(n) +
                        " for calibration: give more examples or a larger limit");
  }
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Guarantee guarantee(const PolicyTrainer& trainer, const std::vector<PathPoint>& path,
                                const Trace& calibration, const GuaranteeOptions& options) {
  calibration.check();
  if (!(options.largest > 0) || !(options.epsilon >= 0 && options.epsilon <= options.largest) ||
      !(options.delta > 0 && options.delta < 1) || options.steps < 1)
    throw ArgumentError("guarantee: needs 0 <= epsilon <= largest, largest > 0, delta in (0, 1) and steps >= 1");
  detail::require_examples(calibration.size(), options);
  const bool net = options.risk == Risk::net;
  const MeanTest test = net && options.test == "clopper_pearson" ? bounds::trinomial_test() : mean_test(options.test);
  std::vector<double> risks;
  for (int step = 1; step <= 2 * options.steps; ++step) risks.push_back(options.epsilon * step / options.steps);
  const PolicyFamily family = policy_family(trainer, path, options.risk, risks, options.seed);
  Eigen::MatrixXd r = evaluate(family, calibration).risk / options.largest;
  if (r.size() > 0 && r.cwiseAbs().maxCoeff() > 1)
    throw ArgumentError("guarantee: a risk of " + std::to_string(r.cwiseAbs().maxCoeff() * options.largest) +
                        " is above the largest, " + std::to_string(options.largest));
  const double limit = options.epsilon / options.largest, epsilon = net ? (1 + limit) / 2 : limit;
  if (net) r = (r.array() + 1) / 2;
  std::optional<std::size_t> j;
  switch (options.certificate) {
    case Certificate::none:
      j = detail::choose_naively(r, epsilon);
      break;
    case Certificate::conformal_risk_control:
      j = detail::control_conformal_risk(r, epsilon);
      break;
    case Certificate::upper_confidence_bound:
      j = detail::bound_monotone_risk(r, epsilon, options.delta, test);
      break;
    case Certificate::learn_then_test: {
      std::vector<double> predicted;
      for (const detail::TradeoffPoint& point : family.predicted) predicted.push_back(point.loss / options.largest);
      j = detail::learn_then_test(
          r, epsilon, options.delta, test,
          detail::several_starts(predicted, calibration.size(), trainer.trace().size(), limit, options.delta));
      break;
    }
  }
  if (!j) return {MixedPolicy::pure(family.full), {}, {}};
  const auto losses = detail::column(r, *j);
  const auto risk = [&](double loss) { return options.largest * (net ? 2 * loss - 1 : loss); };
  return {family.policy(*j), family.faster(*j).lambda, family.safer(*j).lambda,
          risk(bounds::sum(losses) / static_cast<double>(losses.size())),
          risk(upper_limit(test, losses, options.delta))};
}

}  // namespace weir
