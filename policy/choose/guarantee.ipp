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
  const auto passes = most_regressions(n, epsilon, delta);
  if (n_training == 0 || !passes) return 0;
  const double N = static_cast<double>(n),
               both = N * static_cast<double>(n_training) / (N + static_cast<double>(n_training));
  const double seen = std::floor(static_cast<double>(*passes) / N * both);
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

/// "", or what is missing where n examples let nothing pass, whatever they show.
inline std::string too_few(std::size_t n, const GuaranteeOptions& o) {
  const double epsilon = o.epsilon / o.largest;
  if (o.certificate == Certificate::none) return "";
  if (o.risk == Risk::net) return o.test == "clopper_pearson" ? missing_paired_examples(n, epsilon, 1 - o.delta) : "";
  if (o.certificate != Certificate::conformal_risk_control) return missing_examples(n, epsilon, 1 - o.delta, o.test);
  if (1 <= epsilon * (static_cast<double>(n) + 1)) return "";
  return "a mean of at most " + percent(epsilon) + " % needs " +
         (epsilon > 0 ? std::to_string(static_cast<std::size_t>(std::ceil(1 / epsilon - 1 - 1e-9)))
                      : std::string("more")) +
         " examples with no regression; there are " + std::to_string(n) + " for calibration";
}

inline std::string allowed_text(const std::optional<std::size_t>& allowed) {
  return allowed ? std::to_string(*allowed) : std::string("not even 0");
}

/// What the best member of a family shows that has none to certify. r in [0, 1], a net loss as (1 + d) / 2.
inline std::string none_kept(const Eigen::MatrixXd& r, const GuaranteeOptions& o) {
  if (r.cols() == 0) return "no policy of the path is faster than the full network";
  Eigen::Index best = 0;
  r.colwise().sum().minCoeff(&best);
  const auto n = static_cast<std::size_t>(r.rows());
  const std::string begin = "no policy of the path kept the budget: the best had ";
  const double epsilon = o.epsilon / o.largest;
  if (o.test != "clopper_pearson" || o.certificate == Certificate::none ||
      o.certificate == Certificate::conformal_risk_control) {
    const double mean = r.col(best).mean();
    return begin + "a mean of " + std::to_string(o.largest * (o.risk == Risk::net ? 2 * mean - 1 : mean)) + " on " +
           std::to_string(n) + " examples, the limit is " + std::to_string(o.epsilon);
  }
  const auto count = [&](double value) { return static_cast<std::size_t>((r.col(best).array() == value).count()); };
  const auto allowed =
      o.risk == Risk::net ? most_paired_regressions(n, epsilon, o.delta) : most_regressions(n, epsilon, o.delta);
  return begin + std::to_string(count(1)) + " regressions " +
         (o.risk == Risk::net ? "and " + std::to_string(count(0)) + " repairs " : "") + "of " + std::to_string(n) +
         ", allowed are " + allowed_text(allowed) + (o.risk == Risk::net ? " without a repair" : "") +
         (allowed && count(1) <= *allowed ? " to one that is tested by itself" : "");
}

/// The members of a family tested on the budget and on all further limits.
class JointTests {
 public:
  JointTests(OpenedFamily opened, const Trace& calibration, const GuaranteeOptions& o)
      : opened_(std::move(opened)), calibration_(calibration), options_(o) {}

  std::vector<LimitFound> found(const FamilyTable& table, std::size_t j) const {
    return limits_found(options_.further, calibration_, table.exit, static_cast<Eigen::Index>(j), opened_.first_open[j],
                        options_.delta);
  }

  /// The cheapest that passes all; nullopt where none does.
  std::optional<std::size_t> choose(const FamilyTable& table, const Eigen::MatrixXd& r, double epsilon,
                                    const MeanTest& test) const {
    const auto rejected = reject_on_ring(opened_.weights, options_.delta, [&](std::size_t j) {
      return std::max(test.p_value(column(r, j), epsilon, options_.delta), worst_p_value(found(table, j)));
    });
    std::optional<std::size_t> best;
    const auto cost = [&](std::size_t j) { return table.cost.col(static_cast<Eigen::Index>(j)).mean(); };
    for (std::size_t j = 0; j < rejected.size(); ++j)
      if (rejected[j] && (!best || cost(j) < cost(*best))) best = j;
    return best;
  }

  /// Which limit keeps the member out that comes nearest to passing all of them.
  std::string missing(const FamilyTable& table) const {
    std::optional<LimitFound> nearest;
    for (std::size_t j = 0; j < opened_.first_open.size(); ++j) {
      const auto all = found(table, j);
      const auto worst =
          std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.p_value < b.p_value; });
      if (!nearest || worst->p_value < nearest->p_value) nearest = *worst;
    }
    if (!nearest || nearest->p_value <= options_.delta) return "";
    if (const std::string few = missing_examples(nearest->n, nearest->epsilon, 1 - options_.delta, "clopper_pearson");
        !few.empty())
      return "limit '" + nearest->name + "': " + few;
    return "no policy of the path kept the limit '" + nearest->name + "' of " + percent(nearest->epsilon) +
           " %: the best had " + std::to_string(nearest->regressions) + " regressions of " +
           std::to_string(nearest->n) + ", allowed are " +
           allowed_text(most_regressions(nearest->n, nearest->epsilon, options_.delta));
  }

  const PolicyFamily& family() const { return opened_.family; }

 private:
  OpenedFamily opened_;
  const Trace& calibration_;
  const GuaranteeOptions& options_;
};

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Guarantee guarantee(const PolicyTrainer& trainer, const std::vector<PathPoint>& path,
                                const Trace& calibration, const GuaranteeOptions& options) {
  calibration.check();
  if (!(options.largest > 0) || !(options.epsilon >= 0 && options.epsilon <= options.largest) ||
      !(options.delta > 0 && options.delta < 1) || options.steps < 1)
    throw ArgumentError("guarantee: needs 0 <= epsilon <= largest, largest > 0, delta in (0, 1) and steps >= 1");
  if (!options.further.empty()) {
    options.further.check(calibration);
    if (options.certificate != Certificate::learn_then_test)
      throw ArgumentError("guarantee: further limits are certified by Certificate::learn_then_test only");
  }
  if (std::string missing = detail::too_few(calibration.size(), options); !missing.empty()) {
    Guarantee none{
        MixedPolicy::pure(detail::fixed_policy(trainer.topology(), trainer.trace(), trainer.trace().full())), {}, {}};
    none.missing = std::move(missing);
    return none;
  }
  const bool net = options.risk == Risk::net;
  const MeanTest test = net && options.test == "clopper_pearson" ? bounds::trinomial_test() : mean_test(options.test);
  std::vector<double> risks;
  for (int step = 1; step <= 2 * options.steps; ++step) risks.push_back(options.epsilon * step / options.steps);
  PolicyFamily family = policy_family(trainer, path, options.risk, risks, options.seed);
  const double limit = options.epsilon / options.largest, epsilon = net ? (1 + limit) / 2 : limit;
  const auto starts = [&] {
    std::vector<double> predicted;
    for (const detail::TradeoffPoint& point : family.predicted) predicted.push_back(point.loss / options.largest);
    return detail::several_starts(predicted, calibration.size(), trainer.trace().size(), limit, options.delta);
  };
  std::optional<detail::JointTests> joint;
  if (!options.further.empty()) {
    detail::OpenedFamily opened =
        options.further.given_exit
            ? detail::open_later(family, trainer.trace(), limit, *options.further.given_exit, options.delta)
            : detail::OpenedFamily{family, std::vector<std::size_t>(family.size(), 0), starts()};
    family = opened.family;
    joint.emplace(std::move(opened), calibration, options);
  }
  const FamilyTable table = evaluate(family, calibration);
  Eigen::MatrixXd r = table.risk / options.largest;
  if (r.size() > 0 && r.cwiseAbs().maxCoeff() > 1)
    throw ArgumentError(detail::message({"guarantee: a risk of ", r.cwiseAbs().maxCoeff() * options.largest,
                                         " is above the largest, ", options.largest}));
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
    case Certificate::learn_then_test:
      j = joint ? joint->choose(table, r, epsilon, test)
                : detail::learn_then_test(r, epsilon, options.delta, test, starts());
      break;
  }
  if (!j) {
    Guarantee none{MixedPolicy::pure(family.full), {}, {}};
    if (joint) none.missing = joint->missing(table);
    if (none.missing.empty()) none.missing = detail::none_kept(r, options);
    return none;
  }
  const auto losses = detail::column(r, *j);
  const auto risk = [&](double loss) { return options.largest * (net ? 2 * loss - 1 : loss); };
  return {family.policy(*j),
          family.faster(*j).lambda,
          family.safer(*j).lambda,
          risk(bounds::sum(losses) / static_cast<double>(losses.size())),
          risk(upper_limit(test, losses, options.delta)),
          joint ? joint->found(table, *j) : std::vector<LimitFound>()};
}

}  // namespace weir
