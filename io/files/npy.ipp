// What npy.hpp declares.
#pragma once
#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/npy.hpp>

namespace weir::detail {

WEIR_INLINE std::size_t npy_type_bytes(NpyType type) {
  switch (type) {
    case NpyType::float64:
    case NpyType::int64:
      return 8;
    case NpyType::float32:
    case NpyType::int32:
      return 4;
    case NpyType::int16:
      return 2;
    case NpyType::uint8:
      return 1;
  }
  return 0;
}

static_assert(std::endian::native == std::endian::little, "arrays are read as they lie in the file");

/// A reader of the header, which is a Python dictionary literal of fixed keys:
/// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class NpyHeader {
 public:
  explicit NpyHeader(std::string_view text) : text_(text) { parse(); }

  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> dims;

 private:
  void parse() {
    expect('{');
    bool has_descr = false, has_order = false, has_shape = false;
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_descr) {
        descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        fortran_order = truth();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        tuple();
        has_shape = true;
      } else {
        throw FormatError(detail::message({"unexpected key '", key, "' in the header"}));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!has_descr || !has_order || !has_shape) throw FormatError("incomplete header");
  }

  void skip_blanks() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n' || text_[0] == '\t')) text_.remove_prefix(1);
  }
  bool accept(char c) {
    skip_blanks();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) throw FormatError(detail::message({"damaged header: '", std::string(1, c), "' expected"}));
  }
  std::string quoted() {
    skip_blanks();
    const char quote = !text_.empty() && text_[0] == '"' ? '"' : '\'';
    expect(quote);
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) throw FormatError("damaged header: a quote is not closed");
    std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }
  bool truth() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"})
      if (text_.starts_with(word)) {
        text_.remove_prefix(word.size());
        return word == "True";
      }
    throw FormatError("damaged header: True or False expected");
  }
  void tuple() {
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (error != std::errc{}) throw FormatError("damaged header: a dimension expected");
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      accept('L');  // Python 2 wrote long integers so
      if (dims.size() == Shape::max_rank) throw FormatError("rank above 8");
      dims.push_back(value);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }

  std::string_view text_;
};

inline NpyType npy_type(const std::string& descr) {
  if (descr == "<f4") return NpyType::float32;
  if (descr == "<f8") return NpyType::float64;
  if (descr == "|u1" || descr == "<u1" || descr == "|b1") return NpyType::uint8;
  if (descr == "<i8") return NpyType::int64;
  if (descr == "<i4") return NpyType::int32;
  if (descr == "<i2") return NpyType::int16;
  throw FormatError(
      detail::message({"element type '", descr,
                       "' is not supported (float32, float64, uint8, bool, int64, int32, int16, little-endian)"}));
}

/// Column-major elements of the given size -> row-major.
inline Bytes to_row_major(std::span<const char> in, const Shape& shape, std::size_t element) {
  Bytes out(in.size());
  std::array<std::size_t, Shape::max_rank> index{}, stride{};
  std::size_t step = 1;
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    stride[d] = step;
    step *= static_cast<std::size_t>(shape[d]);
  }
  for (std::size_t to = 0; to < out.size(); to += element) {
    std::size_t from = 0;
    for (std::size_t d = 0; d < shape.rank(); ++d) from += index[d] * stride[d];
    std::memcpy(out.data() + to, in.data() + from * element, element);
    for (std::size_t d = shape.rank(); d-- > 0;) {
      if (++index[d] < static_cast<std::size_t>(shape[d])) break;
      index[d] = 0;
    }
  }
  return out;
}

WEIR_INLINE NpyArray parse_npy(Bytes file) {
  const std::string_view all(file.data(), file.size());
  if (!all.starts_with("\x93NUMPY") || all.size() < 10) throw FormatError("not a .npy file");
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(all[i])); };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) throw FormatError(detail::message({"version ", version, " is not supported"}));
  const std::size_t start = version == 1 ? 10 : 12;
  if (all.size() < start) throw FormatError("ends within its header");
  std::size_t length = byte(8) | byte(9) << 8U;
  if (version > 1) length |= byte(10) << 16U | byte(11) << 24U;
  if (length > all.size() - start) throw FormatError("ends within its header");

  const NpyHeader header(all.substr(start, length));
  NpyArray array;
  array.dtype = npy_type(header.descr);
  array.shape = Shape(header.dims);
  const std::size_t element = npy_type_bytes(array.dtype);
  const std::size_t expected = static_cast<std::size_t>(array.shape.numel()) * element;
  const std::size_t present = all.size() - start - length;
  if (present != expected)
    throw FormatError(
        detail::message({"shape ", array.shape.to_string(), " needs ", expected, " bytes, the file has ", present}));
  if (header.fortran_order) {
    array.bytes = to_row_major(std::span<const char>(file).last(present), array.shape, element);
  } else {
    file.erase(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(start + length));
    array.bytes = std::move(file);
  }
  return array;
}

WEIR_INLINE std::string npy_bytes(const Shape& shape, const std::string& descr, std::string_view data) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t d : shape) header += std::to_string(d) + ", ";
  if (shape.rank() > 0) header.erase(header.size() - (shape.rank() > 1 ? 2 : 1));
  header += "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');  // so that the data begin at a multiple of 64
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xFFU);
  out += static_cast<char>(header.size() >> 8U);
  return (out += header).append(data);
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE NpyArray read_npy(const std::filesystem::path& path) {
  try {
    return detail::parse_npy(detail::read_file(path));
  } catch (const IoError&) {
    throw;
  } catch (const Error& e) {
    const std::string what = e.what();
    throw FormatError(what.starts_with(path.string()) ? what : path.string() + ": " + what);
  }
}

WEIR_INLINE void write_npy(const std::filesystem::path& path, ConstView values) {
  const auto bytes = std::as_bytes(values.span());
  write_file_atomically(
      path, detail::npy_bytes(values.shape, "<f4", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

WEIR_INLINE void write_npy(const std::filesystem::path& path, const Shape& shape,
                           std::span<const std::int64_t> values) {
  if (static_cast<std::size_t>(shape.numel()) != values.size())
    throw ShapeError(detail::message({"shape ", shape.to_string(), " does not hold ", values.size(), " values"}));
  const auto bytes = std::as_bytes(values);
  write_file_atomically(path,
                        detail::npy_bytes(shape, "<i8", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

WEIR_INLINE Tensor NpyArray::to_tensor() const {
  Tensor out(shape);
  visit([&](std::size_t i, auto value) { out[i] = static_cast<float>(value); });
  return out;
}

WEIR_INLINE std::vector<std::int64_t> NpyArray::to_ints() const {
  if (dtype == NpyType::float32 || dtype == NpyType::float64)
    throw FormatError(
        detail::message({"array of shape ", shape.to_string(), ": integers expected, it holds floating point"}));
  std::vector<std::int64_t> out(size());
  visit([&](std::size_t i, auto value) { out[i] = static_cast<std::int64_t>(value); });
  return out;
}

}  // namespace weir
