// The library's micro-kernels.
#include <weir/core/kernels/micro/list.ipp>
