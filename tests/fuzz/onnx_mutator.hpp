/// Changes an ONNX file as a protocol buffer: bytes changed at random almost always break the length of some message
/// around them, so that only the reader of messages is tried. Here fields are changed, and lengths written again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/layers/build_network.hpp>

#include "bounds.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace fuzz {

/// Messages of onnx.proto that hold others, so far as weir reads them.
enum class Message { none, model, graph, node, attribute, tensor, value, type, tensor_type, shape, dimension, opset };

/// The message that field `tag` of `m` holds, or none.
inline Message message_in(Message m, std::uint64_t tag) {
  switch (m) {
    case Message::model:
      return tag == 7 ? Message::graph : tag == 8 ? Message::opset : Message::none;
    case Message::graph:
      return tag == 1                 ? Message::node
             : tag == 5               ? Message::tensor
             : tag >= 11 && tag <= 13 ? Message::value
                                      : Message::none;
    case Message::node:
      return tag == 5 ? Message::attribute : Message::none;
    case Message::attribute:
      return tag == 5 ? Message::tensor : Message::none;
    case Message::value:
      return tag == 2 ? Message::type : Message::none;
    case Message::type:
      return tag == 1 ? Message::tensor_type : Message::none;
    case Message::tensor_type:
      return tag == 2 ? Message::shape : Message::none;
    case Message::shape:
      return tag == 1 ? Message::dimension : Message::none;
    default:
      return Message::none;
  }
}

/// A field: a number (varint or 4 or 8 bytes), bytes, or the fields of a message.
struct Field {
  std::uint64_t tag = 0;
  unsigned wire = 0;  ///< 0: varint, 1: 8 bytes, 2: bytes or message, 5: 4 bytes
  std::uint64_t number = 0;
  std::string bytes;
  Message message = Message::none;
  std::vector<Field> fields;
};

/// Reads fields; false where the bytes are none.
inline bool parse_fields(std::string_view in, Message of, std::vector<Field>& out) {
  const auto varint = [&](std::uint64_t& v) {
    v = 0;
    for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(in.front());
      in.remove_prefix(1);
      v |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  while (!in.empty()) {
    Field f;
    std::uint64_t key = 0, length = 0;
    if (!varint(key)) return false;
    f.tag = key >> 3;
    f.wire = static_cast<unsigned>(key & 7);
    if (f.wire == 0) {
      if (!varint(f.number)) return false;
    } else if (f.wire == 1 || f.wire == 5) {
      const std::size_t n = f.wire == 1 ? 8 : 4;
      if (in.size() < n) return false;
      for (std::size_t i = 0; i < n; ++i) f.number |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
      in.remove_prefix(n);
    } else if (f.wire == 2) {
      if (!varint(length) || length > in.size()) return false;
      f.bytes = in.substr(0, length);
      in.remove_prefix(length);
      const Message m = message_in(of, f.tag);
      if (m != Message::none && parse_fields(f.bytes, m, f.fields)) f.message = m;
    } else {
      return false;
    }
    out.push_back(std::move(f));
  }
  return true;
}

inline void write_varint(std::uint64_t v, std::string& out) {
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  out += static_cast<char>(v);
}

inline void write_fields(const std::vector<Field>& fields, std::string& out) {
  for (const Field& f : fields) {
    write_varint(f.tag << 3 | f.wire, out);
    if (f.wire == 0) {
      write_varint(f.number, out);
    } else if (f.wire == 2) {
      std::string inside;
      if (f.message == Message::none)
        inside = f.bytes;
      else
        write_fields(f.fields, inside);
      write_varint(inside.size(), out);
      out += inside;
    } else {
      for (unsigned i = 0; i < (f.wire == 1 ? 8 : 4); ++i) out += static_cast<char>(f.number >> (8 * i) & 0xFF);
    }
  }
}

/// One change of a network, or of it and another one.
class OnnxMutation {
 public:
  explicit OnnxMutation(unsigned seed) : numbers_(seed) {}

  /// False if there is nothing to change.
  bool apply(std::vector<Field>& model, std::vector<Field>* other = nullptr) {
    collect(model, Message::model, here_);
    if (here_.empty()) return false;
    if (other != nullptr) collect(*other, Message::model, donors_);
    const Place p = any(here_);
    Field& field = (*p.list)[p.index];
    switch (numbers_.below(donors_.empty() ? 8 : 12)) {
      case 0:  // leaves
        p.list->erase(std::next(p.list->begin(), static_cast<std::ptrdiff_t>(p.index)));
        return true;
      case 1: {  // is there twice
        Field copy = field;
        p.list->insert(std::next(p.list->begin(), static_cast<std::ptrdiff_t>(p.index)), std::move(copy));
        return true;
      }
      case 2: {  // becomes another field of its kind
        const Place q = alike(here_, p);
        Field copy = (*q.list)[q.index];
        (*p.list)[p.index] = std::move(copy);
        return true;
      }
      case 8:
      case 9:
      case 10: {  // comes from the other network
        const Place q = alike(donors_, p);
        if (q.list == nullptr) return change(field, p.of);
        Field copy = (*q.list)[q.index];
        if (numbers_.below(2) == 0)
          (*p.list)[p.index] = std::move(copy);
        else
          p.list->push_back(std::move(copy));
        return true;
      }
      default:
        return change(field, p.of);
    }
  }

 private:
  struct Place {
    std::vector<Field>* list = nullptr;
    std::size_t index = 0;
    Message of = Message::none;
  };

  static void collect(std::vector<Field>& fields, Message of, std::vector<Place>& out) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      out.push_back({&fields, i, of});
      collect(fields[i].fields, fields[i].message, out);
    }
  }

  Place any(const std::vector<Place>& places) { return places[numbers_.below(places.size())]; }

  /// Another place of the same tag in the same kind of message; list is null if there is none.
  Place alike(const std::vector<Place>& places, const Place& p) {
    const std::size_t start = numbers_.below(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Place& q = places[(start + i) % places.size()];
      if (q.of == p.of && (*q.list)[q.index].tag == (*p.list)[p.index].tag) return q;
    }
    return {};
  }

  bool change(Field& f, Message of) {
    static constexpr std::uint64_t telling[] = {0,
                                                1,
                                                2,
                                                3,
                                                4,
                                                5,
                                                7,
                                                8,
                                                9,
                                                10,
                                                11,
                                                13,
                                                16,
                                                17,
                                                64,
                                                255,
                                                256,
                                                4096,
                                                65536,
                                                65537,
                                                1U << 24,
                                                0x7FFFFFFF,
                                                0x80000000,
                                                0xFFFFFFFF,
                                                std::uint64_t{1} << 33,
                                                std::uint64_t{1} << 40,
                                                0x7FFFFFFFFFFFFFFF,
                                                0x8000000000000000,
                                                ~std::uint64_t{0},
                                                ~std::uint64_t{0} - 1,
                                                ~std::uint64_t{0} - 2,
                                                ~std::uint64_t{0} - 7};
    if (f.wire == 5 && numbers_.below(2) == 0) {  // a float
      static constexpr std::uint64_t floats[] = {0,          0x80000000, 0x3F800000, 0xBF800000, 0x7F800000,
                                                 0xFF800000, 0x7FC00000, 0x7F7FFFFF, 1,          0x5F000000};
      f.number = floats[numbers_.below(std::size(floats))];
      return true;
    }
    if (f.wire != 2) {
      f.number =
          numbers_.below(3) == 0 ? f.number + numbers_.below(5) - 2 : telling[numbers_.below(std::size(telling))];
      return true;
    }
    if (of == Message::node && f.tag == 4 && numbers_.below(4) != 0) {
      static const std::vector<std::string> names = weir::operator_names();
      f.bytes = names[numbers_.below(names.size())];
      return true;
    }
    if (of == Message::node && f.tag <= 2 && numbers_.below(8) != 0) {  // another tensor's name
      std::vector<const std::string*> names;
      for (const Place& q : here_)
        if (const Field& g = (*q.list)[q.index]; g.wire == 2 && q.of == Message::node && g.tag <= 2)
          names.push_back(&g.bytes);
      f.bytes = std::string(*names[numbers_.below(names.size())]);
      return true;
    }
    if (f.message != Message::none) return false;
    if (f.bytes.size() >= 8 && f.bytes.size() % 8 == 0 && numbers_.below(2) == 0) {  // whole numbers, raw
      const std::uint64_t v = telling[numbers_.below(std::size(telling))];
      const std::size_t at = numbers_.below(f.bytes.size() / 8) * 8;
      for (unsigned i = 0; i < 8; ++i) f.bytes[at + i] = static_cast<char>(v >> (8 * i) & 0xFF);
      return true;
    }
    const std::size_t size = f.bytes.size();
    f.bytes.resize(size + 16);
    f.bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(f.bytes.data()), size, size + 16));
    return true;
  }

  Numbers numbers_;
  std::vector<Place> here_, donors_;
};

}  // namespace fuzz
