// The micro-kernels, compiled once for all programs and tests (WEIR_EXTERN_KERNELS, see core/kernels/gemm/list.hpp).
#include <weir/core/kernels/gemm/list.hpp>

namespace weir::kernels {
// Taking its address makes the compiler emit the inline function for others to link with.
extern const Microkernels& (*const emitted_microkernels)(Isa);
const Microkernels& (*const emitted_microkernels)(Isa) = &microkernels;
}  // namespace weir::kernels
