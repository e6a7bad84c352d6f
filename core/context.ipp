// What context.hpp declares.
#pragma once
#include <weir/core/context.hpp>
#include <weir/core/kernels/gemm/openblas.hpp>
#include <weir/core/machine_costs.hpp>
#include <weir/core/parallel.hpp>

namespace weir {

WEIR_INLINE Context::Context(const ContextOptions& options)
    : pool_(std::make_shared<const detail::ThreadPool>(options.threads)),
      threads_(options.threads),
      isa_(options.isa.empty() ? default_isa() : isa_by_name(options.isa)),
      schedule_costs_(options.schedule_costs != nullptr ? options.schedule_costs : &detail::machine_costs) {
  if (options.gemm != "weir" && options.gemm != "openblas")
    throw ArgumentError(detail::message({"gemm backend '", options.gemm, "' is unknown: weir, openblas"}));
  openblas_ = options.gemm == "openblas";
  if (openblas_) kernels::require_openblas();
  winograd_ = options.winograd;
}

WEIR_INLINE Context Context::single_threaded() const {
  Context one = *this;
  one.pool_ = std::make_shared<const detail::ThreadPool>(1);
  one.threads_ = 1;
  return one;
}

}  // namespace weir
