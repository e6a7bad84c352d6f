// weir's exceptions as Python's.
#include <exception>
#include <weir/core/error.hpp>

#include "bindings.hpp"

namespace weir::python {

namespace {

/// Immortal, as exceptions may be raised until the interpreter ends.
struct Types {
  PyObject *error, *shape, *format, *argument, *io;
};
Types types{};

PyObject* make(py::module_& m, const char* name, const char* doc, const py::tuple& bases) {
  PyObject* type = PyErr_NewExceptionWithDoc((std::string("weir.") + name).c_str(), doc, bases.ptr(), nullptr);
  if (type == nullptr) throw py::error_already_set();
  m.attr(name) = py::handle(type);
  return type;
}

}  // namespace

void bind_errors(py::module_& m) {
  const py::handle value(PyExc_ValueError), os(PyExc_OSError), base(PyExc_Exception);
  types.error = make(m, "Error", "Base of all that weir raises; its text names file, node, shape or option.",
                     py::make_tuple(base));
  const py::handle error(types.error);
  types.shape =
      make(m, "ShapeError", "A tensor or array has another shape than is expected.", py::make_tuple(error, value));
  types.format = make(m, "FormatError", "The content of a file is damaged, hostile or of an unsupported kind.",
                      py::make_tuple(error, value));
  types.argument = make(m, "ArgumentError", "A parameter, option or name is out of its range, or data holds NaN.",
                        py::make_tuple(error, value));
  types.io = make(m, "IoError", "The system refused to open, read or write a file.", py::make_tuple(error, os));
  py::register_local_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const ShapeError& e) {
      PyErr_SetString(types.shape, e.what());
    } catch (const FormatError& e) {
      PyErr_SetString(types.format, e.what());
    } catch (const ArgumentError& e) {
      PyErr_SetString(types.argument, e.what());
    } catch (const IoError& e) {
      PyErr_SetString(types.io, e.what());
    } catch (const Error& e) {
      PyErr_SetString(types.error, e.what());
    }
  });
}

void check_interrupt() {
  const py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace weir::python
