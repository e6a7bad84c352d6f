// The micro-kernels of the fuzz targets, watched for addresses only: they are some hundred functions, which clang
// compiles for a quarter of an hour where overflows and the way of the program are to be seen too.
#include <weir/core/kernels/gemm/list.hpp>

namespace weir::kernels {
extern const Microkernels& (*const emitted_microkernels)(Isa);
const Microkernels& (*const emitted_microkernels)(Isa) = &microkernels;
}  // namespace weir::kernels
