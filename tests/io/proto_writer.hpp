/// Writes protocol buffers field by field, damaged ones too: what the onnx package would refuse to write.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace io_test {

inline std::string varint(std::uint64_t v) {
  std::string out;
  for (; v >= 128; v >>= 7U) out += static_cast<char>(v | 128U);
  return out + static_cast<char>(v);
}

/// One message; each call adds a field and returns the message.
struct Proto {
  std::string bytes = {};

  Proto number(unsigned field, std::uint64_t value) && { return std::move(add(field, 0, varint(value))); }
  Proto text(unsigned field, const std::string& value) && {
    return std::move(add(field, 2, varint(value.size()) + value));
  }
  Proto message(unsigned field, const Proto& value) && { return std::move(*this).text(field, value.bytes); }
  Proto real(unsigned field, float value) && {
    std::string raw(4, '\0');
    std::memcpy(raw.data(), &value, 4);
    return std::move(add(field, 5, raw));
  }

 private:
  Proto& add(unsigned field, unsigned wire, const std::string& content) {
    bytes += varint(field << 3U | wire) + content;
    return *this;
  }
};

/// TensorProto of float32.
inline Proto onnx_tensor(const std::string& name, const std::vector<std::uint64_t>& dims,
                         const std::vector<float>& values) {
  Proto t;
  for (const std::uint64_t d : dims) t = std::move(t).number(1, d);
  std::string raw(values.size() * 4, '\0');
  if (!values.empty()) std::memcpy(raw.data(), values.data(), raw.size());
  return std::move(t).number(2, 1).text(8, name).text(9, raw);
}

/// NodeProto.
inline Proto onnx_node(const std::string& op, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs, const std::string& name = "") {
  Proto n;
  for (const std::string& i : inputs) n = std::move(n).text(1, i);
  for (const std::string& o : outputs) n = std::move(n).text(2, o);
  return std::move(n).text(3, name).text(4, op);
}

/// ValueInfoProto of float32 [.., dims].
inline Proto onnx_value(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint64_t type = 1) {
  Proto shape;
  for (const std::uint64_t d : dims) shape = std::move(shape).message(1, Proto().number(1, d));
  return Proto().text(1, name).message(2, Proto().message(1, Proto().number(1, type).message(2, shape)));
}

/// GraphProto with input x and output y.
inline Proto onnx_graph(const std::vector<Proto>& nodes, const std::vector<Proto>& tensors = {}) {
  Proto g;
  for (const Proto& n : nodes) g = std::move(g).message(1, n);
  for (const Proto& t : tensors) g = std::move(g).message(5, t);
  return std::move(g).message(11, onnx_value("x", {1, 4})).message(12, onnx_value("y", {1, 4}));
}

/// ModelProto.
inline std::string onnx_model(const Proto& graph, std::uint64_t opset = 13) {
  return Proto().number(1, 7).message(7, graph).message(8, Proto().text(1, "").number(2, opset)).bytes;
}

}  // namespace io_test
