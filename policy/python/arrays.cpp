// Between NumPy's arrays and weir's tensors.
#include <limits>
#include <weir/core/error.hpp>

#include "bindings.hpp"

namespace weir::python {

namespace {

std::string type_name(const py::array& a) { return py::str(a.dtype()).cast<std::string>(); }

void demand_dimensions(const py::array& a, const std::string& what, py::ssize_t ndim) {
  if (a.ndim() == ndim) return;
  std::string shape;
  for (py::ssize_t i = 0; i < a.ndim(); ++i) shape += (i > 0 ? ", " : "") + std::to_string(a.shape(i));
  throw ShapeError(what + ": " + std::to_string(ndim) + " dimensions are expected, got [" + shape + "]");
}

py::array numbers(const py::handle& x, const std::string& what, py::ssize_t ndim) {
  py::array a = as_array(x, what);
  if (a.size() > 0 && std::string("fiub").find(a.dtype().kind()) == std::string::npos)
    throw ArgumentError(what + ": numbers are expected, got an array of " + type_name(a));
  demand_dimensions(a, what, ndim);
  return a;
}

}  // namespace

bool knows_arrays(const py::handle& x) {
  if (py::isinstance<py::array>(x)) return true;
  // Of the type where it has one: asked of one of Pillow's images, it would be encoded for that.
  for (const py::handle& where : {py::handle(py::type::handle_of(x)), x})
    for (const char* name : {"__dlpack__", "__array__", "__array_interface__"})
      if (py::hasattr(where, name)) return true;
  return false;
}

py::array as_array(const py::handle& x, const std::string& what) {
  if (py::isinstance<py::array>(x)) return py::reinterpret_borrow<py::array>(x);
  const py::module_ numpy = py::module_::import("numpy");
  if (py::hasattr(x, "__dlpack__")) try {
      return numpy.attr("from_dlpack")(x);
    } catch (const py::error_already_set& e) {  // a type or device that it does not know: __array__ says why
      if (!e.matches(PyExc_BufferError) && !e.matches(PyExc_TypeError) && !e.matches(PyExc_RuntimeError) &&
          !e.matches(PyExc_AttributeError))
        throw;
    }
  try {
    return numpy.attr("asarray")(x);
  } catch (const py::error_already_set& e) {
    if (!e.matches(PyExc_Exception) || e.matches(PyExc_MemoryError)) throw;
    throw ArgumentError(what + ": cannot be read as an array: " + py::str(e.value()).cast<std::string>());
  }
}

Shared share(py::object object) {
  return Shared(new py::object(std::move(object)), [](py::object* p) {
    if (Py_IsInitialized() == 0) return;  // the interpreter is gone, and its objects with it
    const py::gil_scoped_acquire gil;
    delete p;
  });
}

Floats floats(const py::handle& x, const std::string& what) {
  const py::array a = as_array(x, what);
  if (!py::isinstance<py::array_t<float>>(a)) {
    const bool rounds_only = a.dtype().kind() == 'f';
    throw ArgumentError(what + ": float32 is expected, got " + type_name(a) + ": " +
                        (rounds_only
                             ? "x.astype('float32') converts it"
                             : "a network reads what its preprocessing makes of pixels, (pixel * scale - mean) / "
                               "std in most; weir.Cascade does it, as policy.json says"));
  }
  if (a.ndim() > static_cast<py::ssize_t>(Shape::max_rank))
    throw ShapeError(what + ": rank " + std::to_string(a.ndim()) + " is above 8");
  const py::array_t<float, py::array::c_style> dense = py::array_t<float, py::array::c_style>::ensure(a);
  if (!dense) throw py::error_already_set();
  std::vector<std::int64_t> dims(dense.shape(), dense.shape() + dense.ndim());
  return {dense, {dense.data(), Shape(std::span<const std::int64_t>(dims))}};
}

py::array to_numpy(Tensor&& t) {
  auto owned = std::make_unique<Tensor>(std::move(t));
  const Shape shape = owned->shape();
  float* data = owned->data();
  const py::capsule owner(owned.release(), [](void* p) { delete static_cast<Tensor*>(p); });
  if (data == nullptr) return py::array_t<float>(std::vector<py::ssize_t>{0});
  return py::array_t<float>(std::vector<py::ssize_t>(shape.begin(), shape.end()), data, owner);
}

py::array copy_to_numpy(ConstView v) {
  py::array_t<float> a(std::vector<py::ssize_t>(v.shape.begin(), v.shape.end()));
  if (v.size() > 0) std::copy_n(v.data, v.size(), a.mutable_data());
  return a;
}

py::array_t<double> doubles(const py::handle& x, const std::string& what, py::ssize_t ndim) {
  auto a = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(numbers(x, what, ndim));
  if (!a) throw py::error_already_set();
  return a;
}

py::array_t<float> single_floats(const py::handle& x, const std::string& what, py::ssize_t ndim) {
  auto a = py::array_t<float, py::array::c_style | py::array::forcecast>::ensure(numbers(x, what, ndim));
  if (!a) throw py::error_already_set();
  return a;
}

std::vector<int> integers(const py::handle& x, const std::string& what) {
  const py::array a = numbers(x, what, 1);
  if (a.size() > 0 && a.dtype().kind() == 'f')
    throw ArgumentError(what + ": integers are expected, got " + type_name(a));
  const auto wide = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(a);
  if (!wide) throw py::error_already_set();
  std::vector<int> out(static_cast<std::size_t>(wide.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t v = wide.data()[i];
    if (v < std::numeric_limits<int>::min() || v > std::numeric_limits<int>::max())
      throw ArgumentError(what + ": " + std::to_string(v) + " at row " + std::to_string(i) + " is out of range");
    out[i] = static_cast<int>(v);
  }
  return out;
}

std::vector<Eigen::Index> rows(const py::handle& x, std::size_t n) {
  std::vector<Eigen::Index> index;
  if (py::isinstance<py::slice>(x)) {
    py::ssize_t start = 0, stop = 0, step = 0, length = 0;
    if (!py::reinterpret_borrow<py::slice>(x).compute(static_cast<py::ssize_t>(n), &start, &stop, &step, &length))
      throw py::error_already_set();
    for (py::ssize_t i = 0; i < length; ++i) index.push_back(start + i * step);
    return index;
  }
  const py::array a = as_array(x, "rows");
  if (a.dtype().kind() == 'b') {
    const auto mask = py::array_t<bool, py::array::c_style>::ensure(a);
    if (mask.ndim() != 1 || static_cast<std::size_t>(mask.size()) != n)
      throw ShapeError("rows: " + std::to_string(n) + " truth values are expected, got " + std::to_string(mask.size()));
    for (std::size_t i = 0; i < n; ++i)
      if (mask.data()[i]) index.push_back(static_cast<Eigen::Index>(i));
    return index;
  }
  for (const int i : integers(a, "rows")) {
    const auto from_front = static_cast<std::int64_t>(i) + (i < 0 ? static_cast<std::int64_t>(n) : 0);
    if (from_front < 0 || from_front >= static_cast<std::int64_t>(n))
      throw ArgumentError("rows: " + std::to_string(i) + " of " + std::to_string(n));
    index.push_back(from_front);
  }
  return index;
}

Eigen::MatrixXd matrix(const py::handle& x, const std::string& what) {
  const py::array_t<double> a = doubles(x, what, 2);
  using ByRows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const ByRows>(a.data(), a.shape(0), a.shape(1));
}

py::tuple shape_tuple(const Shape& shape) {
  py::tuple t(shape.rank());
  for (std::size_t i = 0; i < shape.rank(); ++i) t[i] = shape[i];
  return t;
}

}  // namespace weir::python
