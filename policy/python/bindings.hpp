/// What the sources of the Python module share.
#pragma once
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <weir/core/tensor.hpp>

namespace weir::python {

namespace py = pybind11;

/// Each adds its classes and functions to the module; in the order in which module.cpp calls them.
void bind_errors(py::module_& m);
void bind_engine(py::module_& m);
void bind_executor(py::module_& m);
void bind_trace(py::module_& m);
void bind_policy(py::module_& m);
void bind_learners(py::module_& m);
void bind_trainer(py::module_& m);
void bind_compare(py::module_& m);
void bind_audit(py::module_& m);
void bind_cascade(py::module_& m);
void bind_record(py::module_& m);
void bind_quantize(py::module_& m);
void bind_plot(py::module_& m);

/// A Python object that C++ may copy and drop on any thread: its count changes under the GIL only.
using Shared = std::shared_ptr<py::object>;
Shared share(py::object object);

/// Whether NumPy can read it in place: an array, or what knows DLPack or NumPy's own protocols (tensors, Pillow's
/// images).
bool knows_arrays(const py::handle& x);

/// Any array; a tensor of PyTorch's through DLPack, which copies nothing. Throws ArgumentError for what NumPy cannot
/// read.
py::array as_array(const py::handle& x, const std::string& what);

/// Floats that a network reads: a view of the array's own memory where it is float32 and C-contiguous, of a contiguous
/// copy where it is not contiguous. `keep` holds the memory.
struct Floats {
  py::array keep;
  ConstView view;
};

/// From an array, or what knows __dlpack__ (PyTorch's tensors, without a copy). Throws ArgumentError for another type
/// of numbers: a network reads float32, and what is converted unasked is copied unasked.
Floats floats(const py::handle& x, const std::string& what);

/// As a NumPy array that owns the tensor's memory: moved, not copied.
py::array to_numpy(Tensor&& t);
py::array copy_to_numpy(ConstView v);

/// Numbers of any kind but complex, as doubles or floats or integers by rows; copied only where they must be converted.
/// Throws ArgumentError for what are no numbers, ShapeError for another number of dimensions.
py::array_t<double> doubles(const py::handle& x, const std::string& what, py::ssize_t ndim);
py::array_t<float> single_floats(const py::handle& x, const std::string& what, py::ssize_t ndim);
/// Integers only (or truth values); each must fit in an int.
std::vector<int> integers(const py::handle& x, const std::string& what);
/// Rows of n: integers (negative ones count from the end), a slice, or n truth values.
std::vector<Eigen::Index> rows(const py::handle& x, std::size_t n);

template <class T>
py::array_t<T> to_numpy(std::span<const T> v) {
  return py::array_t<T>(static_cast<py::ssize_t>(v.size()), v.data());
}
inline py::array_t<double> to_numpy(const Eigen::VectorXd& v) {
  return to_numpy(std::span<const double>(v.data(), static_cast<std::size_t>(v.size())));
}
inline py::array_t<std::int64_t> to_numpy(const std::vector<std::size_t>& v) {
  py::array_t<std::int64_t> a(static_cast<py::ssize_t>(v.size()));
  std::copy(v.begin(), v.end(), a.mutable_data());
  return a;
}

/// The memory of a matrix of `owner`'s as a read-only array that keeps the owner alive.
template <class Matrix>
py::array view_of(const Matrix& m, const py::handle& owner) {
  using T = typename Matrix::Scalar;
  constexpr auto size = static_cast<py::ssize_t>(sizeof(T));
  const auto row = static_cast<py::ssize_t>(m.rowStride()) * size,
             column = static_cast<py::ssize_t>(m.colStride()) * size;
  py::array_t<T> a;
  if constexpr (Matrix::IsVectorAtCompileTime)
    a = py::array_t<T>({static_cast<py::ssize_t>(m.size())}, {size}, m.data(), owner);
  else
    a = py::array_t<T>({static_cast<py::ssize_t>(m.rows()), static_cast<py::ssize_t>(m.cols())}, {row, column},
                       m.data(), owner);
  a.attr("flags").attr("writeable") = false;
  return a;
}

/// [n, d] as Eigen's matrix; copied, as their orders differ.
Eigen::MatrixXd matrix(const py::handle& x, const std::string& what);

py::tuple shape_tuple(const Shape& shape);

/// Python's answer to a key press: throws KeyboardInterrupt where Ctrl-C was pressed. Takes the GIL.
void check_interrupt();

}  // namespace weir::python
