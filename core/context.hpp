/// Context: with what a network runs. Chosen by the caller, never global.
#pragma once
#include <string>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/parallel.hpp>

namespace weir {

/// threads: 1 to 1024. isa: "" (best of this CPU, or WEIR_ISA), "portable", "avx2", "avx512".
/// winograd: computes 3x3 convolutions of stride 1 and 2 by transforms where that is faster; a little more rounding.
/// gemm: "weir", or "openblas", which is then loaded from where the system has it; nothing else loads it.
struct ContextOptions {
  int threads = 1;
  std::string isa = {};
  std::string gemm = "weir";
  bool winograd = true;
};

/// Checked options; copies are cheap and share the threads. Throws ArgumentError naming the option at fault.
class Context {
 public:
  Context() : Context(ContextOptions{}) {}
  explicit Context(const ContextOptions& options)
      : pool_(options.threads), isa_(options.isa.empty() ? default_isa() : isa_by_name(options.isa)) {
    if (options.gemm != "weir" && options.gemm != "openblas")
      throw ArgumentError("gemm backend '" + options.gemm + "' is unknown: weir, openblas");
    openblas_ = options.gemm == "openblas";
    if (openblas_) kernels::require_openblas();
    winograd_ = options.winograd;
  }

  /// The same for one thread.
  Context alone() const {
    Context one = *this;
    one.pool_ = ThreadPool(1);
    return one;
  }

  int threads() const { return pool_.threads(); }
  Isa isa() const { return isa_; }
  /// True if matrix products go to OpenBLAS.
  bool openblas() const { return openblas_; }
  /// True if 3x3 convolutions may be transformed.
  bool winograd() const { return winograd_; }
  const ThreadPool& pool() const { return pool_; }

 private:
  ThreadPool pool_;
  Isa isa_;
  bool openblas_ = false, winograd_ = true;
};

}  // namespace weir
