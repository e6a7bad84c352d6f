/// Exceptions of weir. Building, loading, fitting and attaching throw; running does not, once a shape has run.
#pragma once
#include <stdexcept>
#include <string>
#include <weir/core/finite_math.hpp>
#include <weir/core/message.hpp>

namespace weir {

/// Base of everything that weir throws; what() names the file, node, shape or option at fault.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A tensor has another shape than the layer or network expects.
struct ShapeError : Error {
  using Error::Error;
};

/// The content of a file is damaged, hostile or of an unsupported kind.
struct FormatError : Error {
  using Error::Error;
};

/// A parameter, option or name is out of its range, or data holds NaN where numbers are needed.
struct ArgumentError : Error {
  using Error::Error;
};

/// The operating system refused to open, read or write a file.
struct IoError : Error {
  using Error::Error;
};

}  // namespace weir
