/// Losses expected under the full network's class probabilities: what gates learn from where labels are few.
#pragma once
#include <weir/core/compile.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir::detail {

/// The temperature at which the full network's probabilities fit the labels of the trace best (fit_temperature).
/// Throws ArgumentError where the full network has no probabilities, and what fit_temperature throws.
double full_temperature(const Trace& trace);

/// The same examples with the losses that are expected if the true class is drawn from the full network's probabilities
/// at this temperature, q_c proportional to p_c^(1/T):
///
///     LossSide::excess       L_k = sum_c q_c max(0, L(p_k, c) - L(p_full, c)),   L_full = 0
///     LossSide::difference   L_k = sum_c q_c L(p_k, c)                           for all stages
///
/// An early answer that costs something is rare: of some hundred images a handful shows a regression, by chance of the
/// label. Here every image says how likely one is. If q is the distribution of the class given the image, this is the
/// conditional mean of the loss: its average is the same, its variance smaller (Rao and Blackwell; Menon, Rawat, Reddi,
/// Kim, Kumar, "A statistical perspective on distillation", ICML 2021). If it is not, gates learn something biased, so
/// never judge by these losses: ways to learn are compared (DesignTrace), budgets certified and results counted on
/// labels.
///
/// Classes of a probability below 1e-4 / classes are passed over. O(n stages c' classes), c' the number of the others.
/// The result has no probabilities. Throws ArgumentError where lacks_probabilities says why or T is not above 0, and
/// what `loss` throws.
Trace with_expected_losses(const Trace& trace, const Loss& loss, LossSide side, double temperature);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/learn/expected_loss.ipp>
#endif
