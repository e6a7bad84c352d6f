// What WEIR_EXTERN leaves out of every other source, compiled once for all programs and tests: learners.
#include <weir/policy/learner.hpp>

namespace weir {
extern GateModel (*const emitted_fit_by_name)(const std::string&, const Dataset&);
GateModel (*const emitted_fit_by_name)(const std::string&, const Dataset&) = &fit_by_name;
}  // namespace weir
