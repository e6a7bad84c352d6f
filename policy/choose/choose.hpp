/// From a path of policies to the one that keeps a budget, on calibration data that no policy was learned from.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/choose/redraw.hpp>
#include <weir/policy/evaluate/budget.hpp>
#include <weir/policy/learn/train.hpp>

namespace weir {

struct Choice {
  MixedPolicy policy;
  std::optional<double> lambda_a;  ///< none for a fixed exit
  std::optional<double> lambda_b;
  Estimate calibration;               ///< Margin::none: expected over the mix; upper_limit: of the mix as drawn
  std::optional<double> upper_limit;  ///< of the mean loss that the budget is on, where it was asked for
  std::size_t n_calibration = 0;
  /// "", or why no policy faster than the full network was certified (Guarantee::missing): `policy` is the full
  /// network.
  std::string missing{};
  std::vector<LimitFound> limits{};  ///< what calibration shows of the further limits, in their order
  std::optional<Redrawn> redrawn{};  ///< where Budget::redraws asks for it: how often the guarantee failed
};

/// The fastest policy that keeps a budget of loss, or the one of least loss that keeps a budget of cost, judged on a
/// calibration trace. `path` is PolicyTrainer::train_path's; policies trained here are appended to it.
///
/// Margin::none: hull of the calibration points, refined around the budget, and a mix of the hull's two vertices there,
/// so that calibration's mean is the budget exactly, in expectation over the mix. As the best of many policies on the
/// same examples, its estimate is a little too good. Margin::upper_limit: with the given confidence over the draw of
/// the calibration examples the true mean loss that the budget is on, excess or net, is within budget (guarantee.hpp:
/// Learn then Test with an exact test), and all of `further` are kept with it. The full network, whose excess and net
/// loss are 0 by definition, is its answer where nothing else passes, or nothing could because there are too few
/// examples (require_examples() asks that first): Choice::missing then says what is missing.
///
/// Throws ArgumentError for a budget that cannot be kept, options out of range, and further limits without
/// Margin::upper_limit; what FurtherLimits::check throws.
Choice choose(const PolicyTrainer& trainer, std::vector<PathPoint>& path, const Trace& calibration,
              const Budget& budget, const FurtherLimits& further = {});

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/choose/choose.ipp>
#endif
