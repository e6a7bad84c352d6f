// The library's part of core, but for the micro-kernels.
#include <weir/core/context.ipp>
#include <weir/core/executor.ipp>
#include <weir/core/parallel.ipp>
#include <weir/core/plan_description.ipp>
