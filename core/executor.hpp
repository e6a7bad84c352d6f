/// Executor: runs a network, shows its tensors, stops where it is asked to, and goes on from there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/context.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/network.hpp>
#include <weir/core/plan_description.hpp>

namespace weir {

/// What became of one example of a batch.
struct Answer {
  int label = -1;      ///< argmax of the first output, or what the hook said; -1 if a hook stopped the pass
  std::string exit;    ///< tensor at which it left; the output's name if it went all the way
  double seconds = 0;  ///< from the begin of the pass until it left
  bool early = false;  ///< it left at a hook
};

/// One answer for each example, and the first output for those that went all the way.
struct Result {
  std::vector<Answer> answers;
  std::vector<std::size_t> examples;  ///< which examples the rows of output belong to
  Tensor output;
};

/// One thread's way of running a network. Not to be used by two threads at once; any number of executors share one
/// network and its packed weights.
///
/// Either `run(x)` calls hooks and returns answers; or, step by step, `begin(x)`, `advance_to("tensor")`,
/// `compact(rows)` and `finish()`, which never compute anything twice. After the first pass of a batch size nothing is
/// allocated in the step-by-step form. Outputs of an example do not depend on its batch-mates or on the number of
/// threads.
///
/// A tensor that fusion hid is made visible when it is hooked or first advanced to, which changes the plan (weights of
/// the layers around it are packed again, once).
///
/// Hooks may attach and detach hooks, but not compute with the executor that called them: ArgumentError. After an
/// exception, whether a hook's or weir's own, the executor either has the pass as it was (compact() that was refused, a
/// tensor that does not exist) or says that begin() is missing; begin() and run() always start afresh.
class Executor {
 public:
  explicit Executor(Network network, const ContextOptions& options = {});
  Executor(Network network, Context context);
  Executor(Executor&& other) noexcept;
  Executor& operator=(Executor&& other) noexcept;
  ~Executor();

  const Network& network() const;
  const Context& context() const;

  /// Attaches f to every tensor whose name matches pattern (* and ? as in file names). f takes `const Step&` or
  /// `Step&`. Hooks of one tensor run in the order in which they were attached. Throws ArgumentError if nothing
  /// matches.
  HookHandle on(std::string_view pattern, std::function<void(Step&)> f);

  /// Makes tensors visible ahead of time, so that the first advance_to() does not make a new plan.
  void show(std::string_view tensor);

  /// What the next pass will do at this batch size, step by step. Throws ShapeError for a batch size that the network
  /// does not run.
  PlanDescription describe(std::int64_t batch = 1) const;

  /// Calls f(step, seconds) after each step of the plan, in the order of describe().steps; {} stops that. Unlike a hook
  /// it leaves the plan as it is. f must not throw, nor touch the executor.
  void time_steps(std::function<void(std::size_t step, double seconds)> f);

  /// Starts a pass over x [N, ...]; x is copied. Throws ShapeError if x does not fit the network's input.
  void begin(ConstView x) { begin(std::span(&x, 1)); }

  /// As above for a network of several inputs, in the order of Network::input_names().
  void begin(std::span<const ConstView> inputs);

  /// Computes up to and including a tensor, without calling hooks. The view is valid until the next begin() or
  /// compact().
  ConstView advance_to(std::string_view tensor);

  /// Computes what is left and returns the network's first output, valid until the next begin().
  ConstView finish();

  /// The i-th output after finish().
  ConstView output(std::size_t i) const;

  /// Drops all rows but these (ascending positions among the active rows). Throws ArgumentError, and changes nothing,
  /// where a tensor still needed has no batch dimension in front, or what is still to be computed mixes the examples.
  void compact(std::span<const std::size_t> keep);

  /// Which example of the batch each active row is.
  std::span<const std::size_t> examples() const;

  /// A whole pass with hooks: rows that a hook lets exit leave the batch there and then. Throws ArgumentError naming
  /// network, tensor and image if an answer is not finite; between layers NaN and infinity pass.
  Result run(ConstView x);
  Result operator()(ConstView x) { return run(x); }

 private:
  class Pass;
  std::unique_ptr<Pass> pass_;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/core/executor.ipp>
#endif
