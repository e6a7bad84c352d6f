/// Further limits that a policy keeps besides its budget: on other losses, in single classes, among early leavers.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/choose/family.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

/// "Among these examples the excess loss is at most epsilon."
struct Limit {
  std::string name;                     ///< for people: "top5", "class 3"
  double epsilon = 0.01;                ///< in (0, 1]
  std::vector<Eigen::VectorXd> loss{};  ///< [stages][n] 0 or 1, of the calibration examples; empty: the trace's own
  std::optional<int> label{};           ///< only the examples of this class
};

/// All of them hold together with the budget, with the confidence that the budget has.
///
/// A policy passes where it passes every test at delta, so its p-value is the largest of them: "some limit is broken"
/// is a union of hypotheses, and whichever of them is true is rejected with probability at most delta
/// (intersection-union test: Berger, Technometrics 1982; for policies and risks, Learn then Test, section 6). Nothing
/// is divided among the limits. An example's class and exit are its own, so that the examples of a class, or those that
/// left early, are a sample of theirs, and the exact test of their number is valid.
struct FurtherLimits {
  std::vector<Limit> also;
  /// For every stage k: of the examples that left at k or before, at most this share are regressions (accumulated gap
  /// control: Ringel, Cohen, Freedman, Elad, Romano, arXiv 2402.00857). A mean over all examples may hide that the
  /// first exit answers badly for those that leave there. Where too few leave there to show anything, policies with
  /// their first exits closed are tried too. In the order of the stages.
  std::optional<double> given_exit;

  bool empty() const { return also.empty() && !given_exit; }
  /// Throws ArgumentError for a limit outside (0, 1], losses that are not 0 and 1, and ShapeError for losses of other
  /// stages or of another number of examples.
  void check(const Trace& calibration) const;
};

/// What calibration shows of a limit.
struct LimitFound {
  std::string name;
  double epsilon = 0;
  std::size_t n = 0;            ///< examples that it is about
  std::size_t regressions = 0;  ///< of these
  double p_value = 1;           ///< P(Binomial(n, epsilon) <= regressions); 1 where there is no example
  double upper_limit = 1;       ///< of their share, by itself, at delta (Clopper and Pearson)
};

}  // namespace weir

namespace weir::detail {

/// One entry for each of `also`; then, if given_exit is set, one for each stage from `first_open` on (the gates before
/// it are closed). exit [n, members]: the stage at which each example leaves. O(n (limits + stages)).
std::vector<LimitFound> limits_found(const FurtherLimits& limits, const Trace& trace, const ExitTable& exit,
                                     Eigen::Index member, std::size_t first_open, double delta);

/// Members with their first exits open or closed, and where the tests of them start.
struct OpenedFamily {
  PolicyFamily family;
  std::vector<std::size_t> first_open;  ///< [members] gates before this one send everything on
  std::vector<double> weights;          ///< [members] for reject_on_ring
};

/// A family's members, then the same with the first exit closed, then with the first two, ...: where a gate is closed,
/// all go on to its first successor. In each block the test starts at the member most likely, by the training trace, to
/// keep both limits (given_exit, and `epsilon` for the mean over all examples); the starts share delta equally.
OpenedFamily open_later(const PolicyFamily& family, const Trace& training, double epsilon, double given_exit,
                        double delta);

/// The largest p-value: that all limits are kept.
double worst_p_value(const std::vector<LimitFound>& found);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/choose/limits.ipp>
#endif
