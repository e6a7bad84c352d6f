// The library's micro-kernels.
#include <weir/core/kernels/gemm/list.ipp>
