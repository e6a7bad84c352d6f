// What WEIR_EXTERN leaves out of every other source, compiled once for all programs and tests: micro-kernels and
// operators. Taking their addresses makes the compiler emit the inline functions for others to link with.
#include <weir/core/kernels/gemm/list.hpp>
#include <weir/layers/build_network.hpp>

namespace weir {
extern const kernels::Microkernels& (*const emitted_microkernels)(Isa);
extern Network (*const emitted_build_network)(const GraphDef&, const BuildOptions&);

const kernels::Microkernels& (*const emitted_microkernels)(Isa) = &kernels::microkernels;
Network (*const emitted_build_network)(const GraphDef&, const BuildOptions&) = &build_network;
}  // namespace weir
