/// ProtoMessage: fields of a protocol buffer, each read only as the type the wire says it has.
#pragma once
#if !__has_include(<protozero/pbf_reader.hpp>)
#error "weir reads ONNX files by protozero, which was not found. Debian, Ubuntu: apt install libprotozero-dev"
#endif
#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>

namespace weir::detail {

/// A thin guard over protozero::pbf_reader, which asserts (aborts) on a wrong wire type in debug builds: here that is
/// a FormatError. Truncation still shows as protozero::exception; the caller of the whole parse translates it.
class ProtoMessage {
 public:
  explicit ProtoMessage(std::string_view bytes) : reader_(bytes.data(), bytes.size()) {}

  /// Goes to the next field; false at the end.
  bool next() { return reader_.next(); }
  std::uint32_t tag() const { return reader_.tag(); }
  void skip() { reader_.skip(); }

  std::string_view bytes() {
    expect(protozero::pbf_wire_type::length_delimited);
    const auto view = reader_.get_view();
    return {view.data(), view.size()};
  }
  std::string string() { return std::string(bytes()); }
  ProtoMessage message() { return ProtoMessage(bytes()); }
  std::int64_t int64() {
    expect(protozero::pbf_wire_type::varint);
    return reader_.get_int64();
  }
  float float32() {
    expect(protozero::pbf_wire_type::fixed32);
    return reader_.get_float();
  }

  /// Repeated fields, which a writer may pack or not.
  void append_int64(std::vector<std::int64_t>& out) {
    if (!packed()) return out.push_back(int64());
    for (const auto value : reader_.get_packed_int64()) out.push_back(value);
  }
  void append_float32(std::vector<float>& out) {
    if (!packed()) return out.push_back(float32());
    const auto values = reader_.get_packed_float();
    out.insert(out.end(), values.begin(), values.end());
  }
  /// Doubles, rounded to float32.
  void append_float64(std::vector<float>& out) {
    if (!packed()) {
      expect(protozero::pbf_wire_type::fixed64);
      return out.push_back(static_cast<float>(reader_.get_double()));
    }
    for (const double value : reader_.get_packed_double()) out.push_back(static_cast<float>(value));
  }

 private:
  bool packed() const { return reader_.has_wire_type(protozero::pbf_wire_type::length_delimited); }
  void expect(protozero::pbf_wire_type type) const {
    if (!reader_.has_wire_type(type))
      throw FormatError(detail::message({"damaged: field ", tag(), " is of another type than ONNX says"}));
  }

  protozero::pbf_reader reader_;
};

}  // namespace weir::detail
