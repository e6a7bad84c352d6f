// What none_kept.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
#include <weir/policy/choose/bounds/clopper_pearson.hpp>
#include <weir/policy/choose/bounds/trinomial.hpp>
#include <weir/policy/choose/guarantee.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/choose/none_kept.hpp>

namespace weir::detail {

/// "1 regression", "2 regressions".
inline std::string counted(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

/// What a member shows that did not pass an exact test at `level`.
struct NotPassed {
  std::size_t n = 0, regressions = 0, repairs = 0;
  double level = 0;

  double seen() const {
    return (static_cast<double>(regressions) - static_cast<double>(repairs)) / static_cast<double>(n);
  }
  bool passes(std::size_t k, std::size_t s, std::size_t of, const GuaranteeOptions& o) const {
    const double epsilon = o.epsilon / o.largest;
    return (o.risk == Risk::net ? bounds::trinomial_p_value(k, s, of, epsilon, o.delta, level)
                                : binomial_cdf(k, of, epsilon)) <= level;
  }
  /// With as many repairs.
  std::optional<std::size_t> allowed(const GuaranteeOptions& o) const {
    return largest_passing(n, [&](std::size_t k) { return passes(k, repairs, n, o); });
  }
  /// Examples with which it would pass if it lost as much of them; nullopt where a million are too few.
  std::optional<std::size_t> enough(const GuaranteeOptions& o) const {
    if (seen() >= o.epsilon / o.largest) return std::nullopt;
    const auto at = [&](std::size_t of) { return passes((regressions * of + n - 1) / n, repairs * of / n, of, o); };
    std::size_t low = n, high = 2 * n;
    for (; !at(high); high *= 2) {
      if (high > 1000000) return std::nullopt;
      low = high;
    }
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      (at(middle) ? high : low) = middle;
    }
    return high;
  }
};

WEIR_INLINE std::string none_kept(const Eigen::MatrixXd& r, const GuaranteeOptions& o,
                                  const std::vector<double>& weights) {
  if (r.cols() == 0) return "no policy of the path is faster than the full network";
  const auto n = static_cast<std::size_t>(r.rows());
  const bool net = o.risk == Risk::net;
  if (o.test != "clopper_pearson" || o.certificate == Certificate::none ||
      o.certificate == Certificate::conformal_risk_control) {
    Eigen::Index best = 0;
    r.colwise().sum().minCoeff(&best);
    const double mean = r.col(best).mean();
    return "no policy of the path kept the budget: the best had a mean of " +
           std::to_string(o.largest * (net ? 2 * mean - 1 : mean)) + " on " + std::to_string(n) +
           " examples, the limit is " + std::to_string(o.epsilon);
  }
  std::optional<NotPassed> nearest;
  std::optional<std::size_t> enough;
  std::size_t starts = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (!(weights[j] > 0)) continue;
    ++starts;
    const auto losses = r.col(static_cast<Eigen::Index>(j)).array();
    const NotPassed one{n, static_cast<std::size_t>((losses == 1).count()),
                        net ? static_cast<std::size_t>((losses == 0).count()) : 0, weights[j] * o.delta};
    const auto needs = one.enough(o);
    if (!nearest || (needs ? !enough || *needs < *enough : !enough && one.seen() < nearest->seen())) {
      nearest = one;
      enough = needs;
    }
  }
  const auto allowed = nearest->allowed(o);
  const std::string seen = percent(std::max(0.0, std::round(1e4 * nearest->seen()) / 1e4)) + " %";
  std::string text =
      std::to_string(r.cols()) + " policies faster than the full network were laid out; the test begins at " +
      (starts == 1 ? "the safest" : std::to_string(starts) + " of the safer ones") +
      ", and none of these passed. The nearest to passing had " + counted(nearest->regressions, "regression") + " " +
      (net ? "and " + counted(nearest->repairs, "repair") + " " : "") + "of " + std::to_string(n) +
      " calibration examples, where " +
      (allowed ? "at most " + counted(*allowed, "regression") + " may be seen"
               : "not even 0 regressions are few enough") +
      (starts > 1 ? ", as the " + std::to_string(starts) + " share the error of " + percent(o.delta) + " %" : "");
  if (enough)
    return text + "; if it loses as much (" + seen + ") of more examples, " + std::to_string(*enough) +
           " calibration examples would be enough";
  return text + (nearest->seen() >= o.epsilon / o.largest
                     ? "; it loses " + seen + ", the limit is " + percent(o.epsilon) +
                           " %: more examples would not help, a larger limit or better stages would"
                     : "; it is so near to the limit that a million examples would not be enough");
}

}  // namespace weir::detail
