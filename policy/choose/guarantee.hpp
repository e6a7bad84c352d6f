/// The fastest policy of a family whose risk on new examples is bounded with a given confidence.
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
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace weir {

/// How a member of a family is chosen on calibration losses r [n, members], all in [0, 1].
enum class Certificate {
  none,                    ///< the fastest with mean r <= epsilon: the best of many on the same examples, no bound
  conformal_risk_control,  ///< E[risk] <= epsilon, over calibration and new example
  upper_confidence_bound,  ///< P(risk <= epsilon) >= 1 - delta; the losses are made monotone
  learn_then_test          ///< P(risk <= epsilon) >= 1 - delta; the losses may do what they like
};

namespace detail {

inline std::span<const double> column(const Eigen::MatrixXd& r, std::size_t j) {
  return {r.col(static_cast<Eigen::Index>(j)).data(), static_cast<std::size_t>(r.rows())};
}

}  // namespace detail

/// The fastest member with mean r <= epsilon; nullopt where there is none.
inline std::optional<std::size_t> choose_naively(const Eigen::MatrixXd& r, double epsilon) {
  for (std::size_t j = static_cast<std::size_t>(r.cols()); j-- > 0;)
    if (r.col(static_cast<Eigen::Index>(j)).mean() <= epsilon) return j;
  return std::nullopt;
}

/// The fastest member with (sum of r' + 1) / (n + 1) <= epsilon, where r'(i, j) = max over k <= j of r(i, k), the worst
/// that an example meets among this member and the safer ones (Angelopoulos, Bates, Fisch, Lei, Schuster, ICLR 2024,
/// theorem 1, which needs each example's loss to be monotone, as r' is). Then the expected loss on a new example is at
/// most epsilon; in single draws of the calibration examples the risk may well be above.
inline std::optional<std::size_t> control_conformal_risk(const Eigen::MatrixXd& r, double epsilon) {
  std::optional<std::size_t> last;
  Eigen::VectorXd worst = Eigen::VectorXd::Zero(r.rows());
  for (Eigen::Index j = 0; j < r.cols(); ++j) {
    worst = worst.cwiseMax(r.col(j));
    if (worst.sum() + 1 > epsilon * (static_cast<double>(r.rows()) + 1)) break;
    last = static_cast<std::size_t>(j);
  }
  return last;
}

/// The last member up to which every upper limit of the mean of r' is at most epsilon, r' as above (risk-controlling
/// prediction sets: Bates, Angelopoulos, Lei, Malik, Jordan, J. ACM 2021, theorem 1, which needs a monotone risk). It
/// crosses epsilon once, whatever single members do, but r' counts every example that any safer member failed.
inline std::optional<std::size_t> bound_monotone_risk(const Eigen::MatrixXd& r, double epsilon, double delta,
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

/// Which of m hypotheses are rejected, at familywise error delta: hypothesis j holds the share weights[j] of delta
/// (>= 0, sum <= 1) and is rejected where p_value(j) <= its share; then the share goes to the next that is not yet
/// rejected, cyclically (the graphical procedure of Bretz, Maurer, Brannath, Posch, Stat. Med. 2009, on a ring). All on
/// one j is fixed-sequence testing from j on; equal shares are Bonferroni's with Holm's gain. The weights must not
/// depend on the data that the p-values come from. p_value is called at most once for each j, with a share > 0 only.
inline std::vector<bool> reject_on_ring(std::vector<double> weights, double delta,
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

/// The fastest member that reject_on_ring certifies (Learn then Test: Angelopoulos, Bates, Candes, Jordan, Lei, Ann.
/// Appl. Stat. 2025; the hypotheses are "the risk of member j is above epsilon"). Needs no monotone risk.
inline std::optional<std::size_t> learn_then_test(const Eigen::MatrixXd& r, double epsilon, double delta,
                                                  const MeanTest& test, const std::vector<double>& weights) {
  const auto rejected =
      reject_on_ring(weights, delta, [&](std::size_t j) { return test.p_value(detail::column(r, j), epsilon, delta); });
  for (std::size_t j = rejected.size(); j-- > 0;)
    if (rejected[j]) return j;
  return std::nullopt;
}

/// The largest risk that n examples would certify in 99 of 100 draws, if it is itself an estimate from n_training
/// examples; 0 where not even a mean of 0 on n passes. From Clopper and Pearson's lower limit for the number of
/// examples that varies as much as both together, n n_training / (n + n_training).
inline double nearly_certain_risk(std::size_t n, std::size_t n_training, double epsilon, double delta) {
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

/// Weights for reject_on_ring: equal shares on the members whose predicted risk is 0, 1/3, 2/3 and all of
/// nearly_certain_risk. Where each passes, the walk goes on with all of delta, as from a single start; where the safe
/// end has a member that fails, the later starts still go on, each with its share.
inline std::vector<double> several_starts(const std::vector<double>& predicted, std::size_t n, std::size_t n_training,
                                          double epsilon, double delta) {
  std::vector<double> weights(predicted.size(), 0.0);
  const double certain = nearly_certain_risk(n, n_training, epsilon, delta);
  for (const int third : {0, 1, 2, 3}) {
    std::size_t start = 0;
    while (start + 1 < predicted.size() && predicted[start + 1] <= certain * third / 3) ++start;
    if (!weights.empty()) weights[start] += 0.25;
  }
  return weights;
}

struct GuaranteeOptions {
  Risk risk = Risk::excess;
  double epsilon = 0.01;  ///< limit of the risk, in [0, largest]
  double delta = 0.05;    ///< 1 - confidence
  Certificate certificate = Certificate::learn_then_test;
  std::string test = "clopper_pearson";  ///< a name of mean_test_list; this one is for losses of 0 and 1 only
  double largest = 1;                    ///< no example's risk is above this, whatever comes
  int steps = 100;         ///< members of the family for each epsilon of predicted risk, which goes up to 2 epsilon
  std::uint64_t seed = 0;  ///< of the mixes
};

/// A policy and what calibration says of it.
struct Guarantee {
  MixedPolicy policy;
  std::optional<double> lambda_a;  ///< none for a fixed exit
  std::optional<double> lambda_b;
  double mean_risk = 0;  ///< on the calibration examples
  /// Of the risk, for this policy by itself, by options.test at delta; 0 for the full network.
  double upper_limit = 0;
};

namespace detail {

/// Throws ArgumentError where n examples let nothing pass, whatever they show.
inline void require_examples(std::size_t n, const GuaranteeOptions& o) {
  const double epsilon = o.epsilon / o.largest;
  if (o.certificate == Certificate::none) return;
  if (o.certificate != Certificate::conformal_risk_control) {
    weir::require_examples(n, epsilon, 1 - o.delta, o.test);
  } else if (1 > epsilon * (static_cast<double>(n) + 1)) {
    throw ArgumentError("the guarantee that was asked for cannot be given: a mean of at most " + percent(epsilon) +
                        " % needs " +
                        (epsilon > 0 ? std::to_string(static_cast<std::size_t>(std::ceil(1 / epsilon - 1 - 1e-9)))
                                     : std::string("more")) +
                        " examples with no regression; there are " + std::to_string(n) +
                        " for calibration: give more examples or a larger limit");
  }
}

}  // namespace detail

/// The fastest policy of policy_family(trainer, path) that the certificate lets pass on the calibration trace; the full
/// network, which has no risk by definition, where none does. `path` is of this trainer, the calibration examples are
/// independent of its trace and come from where the new ones will. With Risk::disagreement the calibration trace's
/// labels and losses change nothing: zeros do.
///
/// Throws what Trace::check throws, and ArgumentError for options out of range, a risk above `largest`, and fewer
/// examples than could let anything pass (see least_examples).
inline Guarantee guarantee(const PolicyTrainer& trainer, const std::vector<PathPoint>& path, const Trace& calibration,
                           const GuaranteeOptions& options = {}) {
  calibration.check();
  if (!(options.largest > 0) || !(options.epsilon >= 0 && options.epsilon <= options.largest) ||
      !(options.delta > 0 && options.delta < 1) || options.steps < 1)
    throw ArgumentError("guarantee: needs 0 <= epsilon <= largest, largest > 0, delta in (0, 1) and steps >= 1");
  detail::require_examples(calibration.size(), options);
  const MeanTest& test = mean_test(options.test);
  std::vector<double> risks;
  for (int step = 1; step <= 2 * options.steps; ++step) risks.push_back(options.epsilon * step / options.steps);
  const PolicyFamily family = policy_family(trainer, path, options.risk, risks, options.seed);
  const Eigen::MatrixXd r = evaluate(family, calibration).risk / options.largest;
  if (r.size() > 0 && r.maxCoeff() > 1)
    throw ArgumentError("guarantee: a risk of " + std::to_string(r.maxCoeff() * options.largest) +
                        " is above the largest, " + std::to_string(options.largest));
  const double epsilon = options.epsilon / options.largest;
  std::optional<std::size_t> j;
  switch (options.certificate) {
    case Certificate::none:
      j = choose_naively(r, epsilon);
      break;
    case Certificate::conformal_risk_control:
      j = control_conformal_risk(r, epsilon);
      break;
    case Certificate::upper_confidence_bound:
      j = bound_monotone_risk(r, epsilon, options.delta, test);
      break;
    case Certificate::learn_then_test: {
      std::vector<double> predicted;
      for (const TradeoffPoint& point : family.predicted) predicted.push_back(point.loss / options.largest);
      j = learn_then_test(
          r, epsilon, options.delta, test,
          several_starts(predicted, calibration.size(), trainer.trace().size(), epsilon, options.delta));
      break;
    }
  }
  if (!j) return {MixedPolicy::pure(family.full), {}, {}};
  const auto losses = detail::column(r, *j);
  return {family.policy(*j), family.faster(*j).lambda, family.safer(*j).lambda,
          options.largest * bounds::sum(losses) / static_cast<double>(losses.size()),
          options.largest * upper_limit(test, losses, options.delta)};
}

}  // namespace weir
