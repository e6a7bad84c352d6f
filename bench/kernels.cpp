// The micro-kernels, compiled once for all programs and tests (WEIR_EXTERN_KERNELS, see core/kernels/gemm/list.hpp).
#include <weir/core/kernels/conv2d/winograd_transforms.hpp>
#include <weir/core/kernels/gemm/list.hpp>

namespace weir::kernels {
// Taking its address makes the compiler emit the inline function for others to link with.
extern const Microkernels& (*const emitted_microkernels)(Isa);
const Microkernels& (*const emitted_microkernels)(Isa) = &microkernels;
namespace winograd {
template void transform_row<4, 6, 1>(Isa, const InputRow&, std::int64_t);
template void transform_row<2, 4, 1>(Isa, const InputRow&, std::int64_t);
template void transform_row<4, 5, 2>(Isa, const InputRow&, std::int64_t);
template void transform_row<2, 3, 2>(Isa, const InputRow&, std::int64_t);
template void transform_tile<4, 6>(Isa, const OutputTile&);
template void transform_tile<2, 4>(Isa, const OutputTile&);
template void transform_tile<4, 5>(Isa, const OutputTile&);
template void transform_tile<2, 3>(Isa, const OutputTile&);
}  // namespace winograd
}  // namespace weir::kernels
