// weir._weir: the module behind the package `weir`.
#include <weir/version.hpp>

#include "bindings.hpp"

PYBIND11_MODULE(_weir, m) {
  using namespace weir::python;
  m.doc() = "The compiled part of weir; `import weir` is the public package.";
  m.attr("__version__") = weir::version;
  bind_errors(m);
  bind_engine(m);
  bind_executor(m);
  bind_trace(m);
  bind_policy(m);
  bind_learners(m);
  bind_trainer(m);
  bind_compare(m);
  bind_audit(m);
  bind_cascade(m);
  bind_record(m);
  bind_quantize(m);
  bind_plot(m);
}
