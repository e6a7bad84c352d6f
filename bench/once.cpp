// What WEIR_EXTERN leaves out of every other source: micro-kernels, operators and learners, compiled once for all
// programs and tests.
#include <weir/core/kernels/gemm/list.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/learner.hpp>

// Taking their addresses makes the compiler emit the inline functions for others to link with.
namespace weir {
extern const kernels::Microkernels& (*const emitted_microkernels)(Isa);
extern Network (*const emitted_build_network)(const GraphDef&, const BuildOptions&);
extern GateModel (*const emitted_fit_by_name)(const std::string&, const Dataset&);

const kernels::Microkernels& (*const emitted_microkernels)(Isa) = &kernels::microkernels;
Network (*const emitted_build_network)(const GraphDef&, const BuildOptions&) = &build_network;
GateModel (*const emitted_fit_by_name)(const std::string&, const Dataset&) = &fit_by_name;
}  // namespace weir
