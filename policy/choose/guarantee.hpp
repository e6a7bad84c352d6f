/// The fastest policy of a family whose risk on new examples is bounded with a given confidence.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/choose/bounds/list.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/choose/redraw.hpp>
#include <weir/policy/choose/ring.hpp>
#include <weir/policy/evaluate/statistics.hpp>

namespace weir {

/// How a member of a family is chosen on calibration losses r [n, members], all in [0, 1]. Net losses d in [-1, 1] come
/// as (1 + d) / 2, as their limit does.
enum class Certificate {
  none,                    ///< the fastest with mean r <= epsilon: the best of many on the same examples, no bound
  conformal_risk_control,  ///< E[risk] <= epsilon, over calibration and new example
  upper_confidence_bound,  ///< P(risk <= epsilon) >= 1 - delta; the losses are made monotone
  learn_then_test          ///< P(risk <= epsilon) >= 1 - delta; the losses may do what they like
};

}  // namespace weir

namespace weir::detail {

/// The fastest member with mean r <= epsilon; nullopt if there is none.
std::optional<std::size_t> choose_naively(const Eigen::MatrixXd& r, double epsilon);

/// The fastest member with (sum of r' + 1) / (n + 1) <= epsilon, where r'(i, j) = max over k <= j of r(i, k), the worst
/// that an example meets among this member and the safer ones (Angelopoulos, Bates, Fisch, Lei, Schuster, ICLR 2024,
/// theorem 1, which needs each example's loss to be monotone, as r' is). Then the expected loss on a new example is at
/// most epsilon; in single draws of the calibration examples the risk may well be above.
std::optional<std::size_t> control_conformal_risk(const Eigen::MatrixXd& r, double epsilon);

/// The last member up to which every upper limit of the mean of r' is at most epsilon, r' as above (risk-controlling
/// prediction sets: Bates, Angelopoulos, Lei, Malik, Jordan, J. ACM 2021, theorem 1, which needs a monotone risk). It
/// crosses epsilon once, whatever single members do, but r' counts every example that any safer member failed.
std::optional<std::size_t> bound_monotone_risk(const Eigen::MatrixXd& r, double epsilon, double delta,
                                               const MeanTest& test);

/// The fastest member that reject_on_ring certifies (Learn then Test: Angelopoulos, Bates, Candes, Jordan, Lei, Ann.
/// Appl. Stat. 2025; the hypotheses are "the risk of member j is above epsilon"). Needs no monotone risk.
std::optional<std::size_t> learn_then_test(const Eigen::MatrixXd& r, double epsilon, double delta, const MeanTest& test,
                                           const std::vector<double>& weights);

/// The largest risk that n examples would certify in 99 of 100 draws, if it is itself an estimate from n_training
/// examples; 0 where not even a mean of 0 on n passes. From Clopper and Pearson's lower limit for the number of
/// examples that varies as much as both together, n n_training / (n + n_training).
double nearly_certain_risk(std::size_t n, std::size_t n_training, double epsilon, double delta);

/// Weights for reject_on_ring: equal shares on the members whose predicted risk is 0, 1/3, 2/3 and all of
/// nearly_certain_risk. If all members pass, testing goes on with all of delta, as from a single start. If one at the
/// safe end fails, the later starts still go on, each with its share.
std::vector<double> several_starts(const std::vector<double>& predicted, std::size_t n, std::size_t n_training,
                                   double epsilon, double delta);

}  // namespace weir::detail

namespace weir {

struct GuaranteeOptions {
  Risk risk = Risk::excess;
  double epsilon = 0.01;  ///< limit of the risk, in [0, largest]
  double delta = 0.05;    ///< 1 - confidence
  Certificate certificate = Certificate::learn_then_test;
  /// A name of mean_tests(); this one is for losses of 0 and 1 only, and stands for the exact test of differences
  /// (bounds/trinomial.hpp) where the risk is the net loss.
  std::string test = "clopper_pearson";
  double largest = 1;       ///< no example's risk is above this, whatever comes; nor, net, below minus this
  int steps = 100;          ///< members of the family for each epsilon of predicted risk, which goes up to 2 epsilon
  std::uint64_t seed = 0;   ///< of the mixes
  FurtherLimits further{};  ///< kept together with epsilon; Certificate::learn_then_test only
  /// Number of samples of the calibration examples on which it is counted how often the guarantee fails (redraw.hpp);
  /// 0: none. Needs Certificate::learn_then_test, the exact test, and no further limits.
  std::size_t redraws = 0;
};

/// A policy and what calibration says of it.
struct Guarantee {
  MixedPolicy policy;
  std::optional<double> lambda_a;  ///< none for a fixed exit
  std::optional<double> lambda_b;
  double mean_risk = 0;  ///< on the calibration examples
  /// Of the risk, for this policy by itself, by options.test at delta; 0 for the full network.
  double upper_limit = 0;
  std::vector<LimitFound> limits{};  ///< what calibration shows of GuaranteeOptions::further, in that order
  /// "", or why the policy is the full network: "95 % for 1 % needs 299 examples with no regression; there are 40 for
  /// calibration", or which policy came nearest to passing, and how many examples would be enough.
  std::string missing{};
  std::optional<Redrawn> redrawn{};  ///< where that was asked for, and the examples are enough for some policy to pass
};

/// The fastest policy of policy_family(trainer, path) that the certificate lets pass on the calibration trace. If none
/// passes, or there are too few examples for any to pass, the result is the full network, which has no risk by
/// definition, and Guarantee::missing says why. `path` is of this trainer; the calibration examples are independent of
/// its trace and drawn like the new ones. With Risk::disagreement the calibration trace's labels and losses are not
/// read: zeros do.
///
/// Throws what Trace::check and FurtherLimits::check throw, and ArgumentError for options out of range and a risk above
/// `largest`.
Guarantee guarantee(const PolicyTrainer& trainer, const std::vector<PathPoint>& path, const Trace& calibration,
                    const GuaranteeOptions& options = {});

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/choose/guarantee.ipp>
#endif
