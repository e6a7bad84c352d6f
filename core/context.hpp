/// Context: with what a network runs. Chosen by the caller, never global.
#pragma once
#include <memory>
#include <string>
#include <weir/core/compile.hpp>
#include <weir/core/isa.hpp>

namespace weir::detail {

struct MachineCosts;  // core/machine_costs.hpp
class ThreadPool;     // core/parallel.hpp

}  // namespace weir::detail

namespace weir {

/// threads: 1 to 1024. isa: "" (best of this CPU, or WEIR_ISA), "portable", "avx2", "avx512".
/// winograd: computes 3x3 convolutions of stride 1 and 2 by transforms where that is faster; a little more rounding.
/// gemm: "weir", or "openblas", which is then loaded from where the system has it; nothing else loads it.
/// schedule_costs: what the caches hold and what starting a step takes, by which steps are grouped; null: the row of
/// core/machine_costs.hpp. Answers do not depend on it: tests cut networks into the smallest groups by it. It must
/// outlive the context.
struct ContextOptions {
  int threads = 1;
  std::string isa = {};
  std::string gemm = "weir";
  bool winograd = true;
  const detail::MachineCosts* schedule_costs = nullptr;
};

/// Checked options; copies are cheap and share the threads. Throws ArgumentError naming the option at fault.
class Context {
 public:
  Context() : Context(ContextOptions{}) {}
  explicit Context(const ContextOptions& options);

  /// The same with one thread.
  Context single_threaded() const;

  int threads() const { return threads_; }
  Isa isa() const { return isa_; }
  /// True if matrix products go to OpenBLAS.
  bool openblas() const { return openblas_; }
  /// True if 3x3 convolutions may be transformed.
  bool winograd() const { return winograd_; }
  /// By what steps are grouped; include core/machine_costs.hpp to read it.
  const detail::MachineCosts& schedule_costs() const { return *schedule_costs_; }
  /// The threads; include core/parallel.hpp to use them.
  const detail::ThreadPool& pool() const { return *pool_; }

 private:
  std::shared_ptr<const detail::ThreadPool> pool_;
  int threads_;
  Isa isa_;
  bool openblas_ = false, winograd_ = true;
  const detail::MachineCosts* schedule_costs_;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/core/context.ipp>
#endif
