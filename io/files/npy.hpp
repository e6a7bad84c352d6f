/// NumPy's .npy files, versions 1 to 3.
#pragma once
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/file.hpp>

namespace weir {

/// Element types that weir reads, all little-endian; bool is read as uint8.
enum class NpyType { float32, float64, uint8, int64, int32, int16 };

}  // namespace weir

namespace weir::detail {

std::size_t npy_type_bytes(NpyType type);

}  // namespace weir::detail

namespace weir {

/// An array as it lay in the file: row-major elements of type dtype, shape.numel() of them.
struct NpyArray {
  Shape shape;
  NpyType dtype = NpyType::float32;
  detail::Bytes bytes;

  std::size_t size() const { return bytes.size() / detail::npy_type_bytes(dtype); }

  /// Any type, rounded to float32.
  Tensor to_tensor() const;

  /// Throws FormatError on floating-point arrays.
  std::vector<std::int64_t> to_ints() const;

 private:
  template <class T, class F>
  void visit_as(F f) const {
    for (std::size_t i = 0; i < size(); ++i) {
      T value;
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      f(i, value);
    }
  }
  template <class F>
  void visit(F f) const {
    switch (dtype) {
      case NpyType::float32:
        return visit_as<float>(f);
      case NpyType::float64:
        return visit_as<double>(f);
      case NpyType::uint8:
        return visit_as<std::uint8_t>(f);
      case NpyType::int64:
        return visit_as<std::int64_t>(f);
      case NpyType::int32:
        return visit_as<std::int32_t>(f);
      case NpyType::int16:
        return visit_as<std::int16_t>(f);
    }
  }
};

}  // namespace weir

namespace weir::detail {

NpyArray parse_npy(Bytes file);
std::string npy_bytes(const Shape& shape, const std::string& descr, std::string_view data);

}  // namespace weir::detail

namespace weir {

/// Reads a .npy file; column-major (Fortran) arrays are brought into row-major order. Throws FormatError naming the
/// file if it is damaged, of another element type, or not exactly as long as its header says; IoError.
NpyArray read_npy(const std::filesystem::path& path);

/// Writes float32. Throws IoError.
void write_npy(const std::filesystem::path& path, ConstView values);

/// Writes int64. Throws ShapeError unless there are shape.numel() values, IoError.
void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const std::int64_t> values);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/io/files/npy.ipp>
#endif
