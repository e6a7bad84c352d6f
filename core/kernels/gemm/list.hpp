/// The list of micro-kernels: one line for each instruction set (in list.ipp).
#pragma once
#include <weir/core/compile.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/gemm/microkernel.hpp>

namespace weir::kernels {

/// The micro-kernels of an instruction set that this CPU supports.
const Microkernels& microkernels(Isa isa);

}  // namespace weir::kernels

#if WEIR_DEFINITIONS
#include <weir/core/kernels/gemm/list.ipp>
#endif
