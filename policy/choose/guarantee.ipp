// What guarantee.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
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
#include <weir/policy/choose/none_kept.hpp>
#include <weir/policy/choose/redraw.hpp>
#include <weir/policy/choose/ring.hpp>
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
  const std::vector<double>& weights() const { return opened_.weights; }

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
  if (options.redraws > 0 && (options.certificate != Certificate::learn_then_test ||
                              options.test != "clopper_pearson" || !options.further.empty()))
    throw ArgumentError("guarantee: only Learn then Test with the exact test, without further limits, is drawn anew");
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
  const std::vector<double> weights = [&] {  // that the test begins at
    if (joint) return joint->weights();
    if (options.certificate == Certificate::learn_then_test) return starts();
    std::vector<double> first(family.size(), 0.0);
    if (!first.empty()) first[0] = 1;
    return first;
  }();
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
                : detail::learn_then_test(r, epsilon, options.delta, test, weights);
      break;
  }
  std::optional<Redrawn> redrawn;
  if (options.redraws > 0)
    redrawn = detail::redraw(r, epsilon, options.delta, net, weights, options.redraws, options.seed + 1);
  if (!j) {
    Guarantee none{MixedPolicy::pure(family.full), {}, {}};
    if (joint) none.missing = joint->missing(table);
    if (none.missing.empty()) none.missing = detail::none_kept(r, options, weights);
    none.redrawn = redrawn;
    return none;
  }
  const auto losses = detail::column(r, *j);
  const auto risk = [&](double loss) { return options.largest * (net ? 2 * loss - 1 : loss); };
  return {family.policy(*j),
          family.faster(*j).lambda,
          family.safer(*j).lambda,
          risk(bounds::sum(losses) / static_cast<double>(losses.size())),
          risk(upper_limit(test, losses, options.delta)),
          joint ? joint->found(table, *j) : std::vector<LimitFound>(),
          {},
          redrawn};
}

}  // namespace weir
