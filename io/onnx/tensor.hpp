/// ONNX's TensorProto -> Constant.
#pragma once
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/onnx/protobuf.hpp>

namespace weir::detail {

static_assert(std::endian::native == std::endian::little, "raw tensor data is read as it lies in the file");

/// IEEE 754 binary16 -> float32, exactly.
inline float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000U) << 16U;
  const std::uint32_t exponent = (h >> 10U) & 0x1FU;
  const std::uint32_t mantissa = h & 0x3FFU;
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide_exponent = exponent == 31 ? 255U : exponent + 112U;
  return std::bit_cast<float>(sign | (wide_exponent << 23U) | (mantissa << 13U));
}

/// bfloat16 -> float32, exactly: the upper half of its bits.
inline float bfloat16_to_float(std::uint16_t b) { return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16U); }

/// TensorProto.DataType, those that weir reads.
enum class OnnxType : std::int64_t {  // as wide as the field, so that no value is taken for another
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16
};

/// Bytes of one element in raw data, and the number of the TensorProto field that holds typed data.
struct OnnxTypeLayout {
  std::size_t raw_bytes;
  std::uint32_t typed_field;
  bool is_int;
};

/// Throws FormatError for strings, complex, 8-bit float and 4-bit types.
inline OnnxTypeLayout onnx_type_layout(std::int64_t type) {
  switch (static_cast<OnnxType>(type)) {
    case OnnxType::float32:
      return {4, 4, false};
    case OnnxType::uint8:
    case OnnxType::int8:
    case OnnxType::boolean:
      return {1, 5, true};
    case OnnxType::uint16:
    case OnnxType::int16:
      return {2, 5, true};
    case OnnxType::int32:
      return {4, 5, true};
    case OnnxType::int64:
      return {8, 7, true};
    case OnnxType::float16:
    case OnnxType::bfloat16:
      return {2, 5, false};
    case OnnxType::float64:
      return {8, 10, false};
    case OnnxType::uint32:
      return {4, 11, true};
    case OnnxType::uint64:
      return {8, 11, true};
  }
  throw FormatError(detail::message({"element type ", type, " is not supported"}));
}

/// The element that integers of a file are computed as where a layer reads them as such.
inline Element integer_element(std::int64_t type) {
  switch (static_cast<OnnxType>(type)) {
    case OnnxType::uint8:
      return Element::uint8;
    case OnnxType::int8:
      return Element::int8;
    case OnnxType::int32:
      return Element::int32;
    default:
      return Element::float32;
  }
}

/// What a tensor may draw on beside its own message.
struct TensorSources {
  std::optional<std::filesystem::path> folder;  ///< where external data lies; without one it is refused
  std::uint64_t left_bytes = max_file_bytes;    ///< how much of it may still be read: a small file can name it often
  std::shared_ptr<Bytes> file = {};             ///< the bytes that the message lies in, if they may be kept
  std::vector<std::string> weight_files = {};   ///< names of files of external data, each once
};

/// Float32 data in `bytes`, used where it lies. What precedes it must have been read:
/// data that is not aligned is moved to the front by up to three bytes, over its own tag and length.
inline SharedFloats floats_within(const std::shared_ptr<Bytes>& bytes, std::string_view raw) {
  char* data = bytes->data() + (raw.data() - bytes->data());
  const std::size_t off = reinterpret_cast<std::uintptr_t>(data) % alignof(float);
  if (off != 0) {
    std::memmove(data - off, data, raw.size());
    data -= off;
  }
  return {bytes, reinterpret_cast<const float*>(data), raw.size() / sizeof(float)};
}

/// Smaller data is copied: it should not keep a file alive.
inline constexpr std::size_t least_shared_bytes = 4096;

/// raw, little-endian elements of type Stored, each through convert to out. raw must be a multiple of the element.
template <class Stored, class Out, class Convert>
void decode_raw(std::string_view raw, Out& out, Convert convert) {
  std::vector<decltype(convert(Stored{}))> values(raw.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored value;
    std::memcpy(&value, raw.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(value);
  }
  out = std::move(values);
}

inline void decode_raw(OnnxType type, std::string_view raw, Constant& out) {
  const auto widen = [](auto value) { return static_cast<std::int64_t>(value); };
  const auto narrow = [](auto value) { return static_cast<float>(value); };
  switch (type) {
    case OnnxType::float32:
      return decode_raw<float>(raw, out.floats, narrow);
    case OnnxType::float64:
      return decode_raw<double>(raw, out.floats, narrow);
    case OnnxType::float16:
      return decode_raw<std::uint16_t>(raw, out.floats, half_to_float);
    case OnnxType::bfloat16:
      return decode_raw<std::uint16_t>(raw, out.floats, bfloat16_to_float);
    case OnnxType::boolean:
      return decode_raw<std::uint8_t>(raw, out.ints, [](auto v) { return std::int64_t{v != 0}; });
    case OnnxType::uint8:
      return decode_raw<std::uint8_t>(raw, out.ints, widen);
    case OnnxType::int8:
      return decode_raw<std::int8_t>(raw, out.ints, widen);
    case OnnxType::uint16:
      return decode_raw<std::uint16_t>(raw, out.ints, widen);
    case OnnxType::int16:
      return decode_raw<std::int16_t>(raw, out.ints, widen);
    case OnnxType::uint32:
      return decode_raw<std::uint32_t>(raw, out.ints, widen);
    case OnnxType::int32:
      return decode_raw<std::int32_t>(raw, out.ints, widen);
    case OnnxType::uint64:
    case OnnxType::int64:
      return decode_raw<std::int64_t>(raw, out.ints, widen);
  }
}

/// The fields of a TensorProto as they come, in any order.
struct TensorFields {
  std::vector<std::int64_t> dims;
  std::int64_t type = 0;
  std::string name;
  std::optional<std::string_view> raw;
  std::uint32_t typed_field = 0;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  bool is_external = false;
  std::string location;
  std::optional<std::uint64_t> offset, length;
};

inline std::uint64_t parse_unsigned(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    throw FormatError(detail::message({"external data: '", text, "' is not a number of bytes"}));
  return value;
}

/// One StringStringEntryProto of external_data.
inline void read_external_entry(ProtoMessage message, TensorFields& fields) {
  std::string key, value;
  while (message.next()) switch (message.tag()) {
      case 1:
        key = message.string();
        break;
      case 2:
        value = message.string();
        break;
      default:
        message.skip();
    }
  if (key == "location") fields.location = value;
  if (key == "offset") fields.offset = parse_unsigned(value);
  if (key == "length") fields.length = parse_unsigned(value);
}

inline void read_tensor_fields(ProtoMessage message, TensorFields& fields) {
  while (message.next()) {
    const std::uint32_t tag = message.tag();
    const bool is_typed = tag == 4 || tag == 5 || tag == 7 || tag == 10 || tag == 11;
    if (is_typed && std::exchange(fields.typed_field, tag) != tag && !(fields.floats.empty() && fields.ints.empty()))
      throw FormatError("data of two types");
    switch (tag) {
      case 1:
        message.append_int64(fields.dims);
        break;
      case 2:
        fields.type = message.int64();
        break;
      case 3:
        throw FormatError("segmented tensors are not supported");
      case 4:
        message.append_float32(fields.floats);
        break;
      case 5:
      case 7:
      case 11:
        message.append_int64(fields.ints);
        break;
      case 8:
        fields.name = message.string();
        break;
      case 9:
        fields.raw = message.bytes();
        break;
      case 10:
        message.append_float64(fields.floats);
        break;
      case 13:
        read_external_entry(message.message(), fields);
        break;
      case 14:
        fields.is_external = message.int64() == 1;
        break;
      default:
        message.skip();
    }
  }
}

/// Whether an integer of typed data is one of its tensor's type, or the bits of one: the fields are wider than most
/// types.
inline bool fits_type(OnnxType type, std::int64_t v) {
  switch (type) {
    case OnnxType::uint8:
      return v >= 0 && v <= 0xFF;
    case OnnxType::int8:
      return v >= -0x80 && v <= 0x7F;
    case OnnxType::uint16:
    case OnnxType::float16:
    case OnnxType::bfloat16:
      return v >= 0 && v <= 0xFFFF;
    case OnnxType::int16:
      return v >= -0x8000 && v <= 0x7FFF;
    case OnnxType::int32:
      return v >= -0x80000000LL && v <= 0x7FFFFFFFLL;
    case OnnxType::uint32:
      return v >= 0 && v <= 0xFFFFFFFFLL;
    default:
      return true;
  }
}

/// Throws FormatError unless fields holds exactly count elements of its type in its typed data; moves them to out.
inline void take_typed(TensorFields& fields, const OnnxTypeLayout& layout, std::size_t count, Constant& out) {
  const std::size_t present = fields.floats.size() + fields.ints.size();
  if (present != count || (count > 0 && fields.typed_field != layout.typed_field))
    throw FormatError(detail::message({"shape ", out.shape.to_string(), " needs ", count, " values of element type ",
                                       fields.type, ", the file has ", present, " in field ", fields.typed_field}));
  const auto type = static_cast<OnnxType>(fields.type);
  for (const std::int64_t v : fields.ints)
    if (!fits_type(type, v))
      throw FormatError(detail::message({"value ", v, " is none of element type ", fields.type}));
  if (type == OnnxType::float16 || type == OnnxType::bfloat16) {  // their bits lie in int32_data
    const auto convert = type == OnnxType::float16 ? half_to_float : bfloat16_to_float;
    std::vector<float> values;
    for (const std::int64_t bits : fields.ints) values.push_back(convert(static_cast<std::uint16_t>(bits)));
    out.floats = std::move(values);
  } else {
    out.floats = std::move(fields.floats);
    out.ints = std::move(fields.ints);
    if (type == OnnxType::boolean)
      for (std::int64_t& v : out.ints) v = v != 0;
  }
}

/// A tensor with its name. Floating-point types become float32 (doubles rounded), integers and bool int64; float32 data
/// stays in the file's bytes if these may be kept. External data is read from a file inside the folder. Nothing is
/// allocated that the bytes present do not back. Throws FormatError naming the tensor, IoError if an external file
/// cannot be read.
inline std::pair<std::string, Constant> read_onnx_tensor(ProtoMessage message, TensorSources& sources) {
  TensorFields fields;
  try {
    read_tensor_fields(message, fields);
    const OnnxTypeLayout layout = onnx_type_layout(fields.type);
    Constant out;
    out.shape = Shape(fields.dims);
    out.is_int = layout.is_int;
    out.element = integer_element(fields.type);
    out.type = static_cast<int>(fields.type);
    const auto count = static_cast<std::size_t>(out.shape.numel());
    const std::size_t expected_bytes = count * layout.raw_bytes;
    std::shared_ptr<Bytes> bytes = sources.file;
    if (fields.is_external) {
      if (!sources.folder) throw FormatError("external data, but it is not known beside which file");
      if (fields.length.value_or(expected_bytes) != expected_bytes)
        throw FormatError(detail::message(
            {"external data of ", *fields.length, " bytes, shape ", out.shape.to_string(), " needs ", expected_bytes}));
      if (expected_bytes > sources.left_bytes) throw FormatError("too much external data");
      sources.left_bytes -= expected_bytes;
      if (std::ranges::find(sources.weight_files, fields.location) == sources.weight_files.end())
        sources.weight_files.push_back(fields.location);
      bytes = std::make_shared<Bytes>(
          read_file_range(path_inside(*sources.folder, fields.location), fields.offset.value_or(0), expected_bytes));
      fields.raw = std::string_view(bytes->data(), bytes->size());
    }
    if (fields.raw && (count == 0 || fields.typed_field == 0 || !fields.raw->empty())) {
      if (fields.raw->size() != expected_bytes)
        throw FormatError(detail::message(
            {"shape ", out.shape.to_string(), " needs ", expected_bytes, " bytes, the file has ", fields.raw->size()}));
      if (static_cast<OnnxType>(fields.type) == OnnxType::float32 && bytes && expected_bytes >= least_shared_bytes)
        out.floats = floats_within(bytes, *fields.raw);
      else
        decode_raw(static_cast<OnnxType>(fields.type), *fields.raw, out);
    } else {
      take_typed(fields, layout, count, out);
    }
    if (static_cast<OnnxType>(fields.type) == OnnxType::uint64)
      for (const std::int64_t v : out.ints)
        if (v < 0) throw FormatError("an unsigned value is above 2^63 - 1");
    return {fields.name, std::move(out)};
  } catch (const IoError& e) {
    throw IoError(detail::message({"tensor '", fields.name, "': ", e.what()}));
  } catch (const Error& e) {
    throw FormatError(detail::message({"tensor '", fields.name, "': ", e.what()}));
  }
}

}  // namespace weir::detail
