/// Fitting exit heads with a hidden layer to what the full network says.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <weir/core/compile.hpp>
#include <weir/core/context.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>

namespace weir {

/// What a head reads: its own layer only, or also the previous exit's logits.
enum class HeadSees { own_layer, earlier_exit };

/// minimises  mean_i sum_c q_ic (-ln p_c(x_i))  over heads with one hidden layer, q_i the class probabilities of the
/// full network (Hinton, Vinyals, Dean, Distilling the knowledge in a neural network, 2015): no labels are asked for,
/// and an image that the full network doubts says so. Features are scaled to mean 0 and variance 1 (a constant one is
/// ignored); Adam on mini-batches with a decay of the weights that the gradient's scale does not change (Loshchilov,
/// Hutter, ICLR 2019), steps that fall along a cosine; of the states after each epoch the one with the least loss on
/// examples held back counts. The products run on the engine's kernels.
///
/// The same seed, examples and instruction set give the same bits, whatever the number of threads.
struct DistilledHeadLearner {
  std::size_t hidden = 128;  ///< units, 1 to max_hidden_units
  int epochs = 12;           ///< at least; more where there are few examples, until there are least_steps, at most 200
  std::size_t least_steps = 2000;
  std::size_t batch = 128;
  double step = 2e-3;
  double decay = 0.02;     ///< share of a weight that steps of size 1 would take away
  double held_back = 0.1;  ///< share of the examples that say when to stop; at least 1 example
  std::uint64_t seed = 0;  ///< of first weights, batches, and what is held back

  /// X [n, d] pooled activations, and with HeadSees::earlier_exit behind them [n, classes] the logits of the exit
  /// before on the same examples; q [n, classes], rows that add up to 1. The same seed holds back the same examples, so
  /// that the exit before has not been fitted to those that say when to stop either. Throws ShapeError, ArgumentError
  /// (NaN, no distribution, options out of range). O(epochs n hidden (d + classes)).
  ExitHead fit(detail::GridPool pool, const Eigen::Ref<const Eigen::MatrixXf>& X, const Eigen::MatrixXf& q,
               const Context& context, const Progress& progress = {}, HeadSees sees = HeadSees::own_layer) const;

 private:
  void check(const Eigen::Ref<const Eigen::MatrixXf>& X, const Eigen::MatrixXf& q) const;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/exits/distilled_head_fit.ipp>
#endif
