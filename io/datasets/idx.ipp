// What idx.hpp declares.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/datasets/idx.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/gzip.hpp>

namespace weir::detail {

/// The bytes of a plain file, read like a GzipReader.
class PlainReader {
 public:
  explicit PlainReader(std::span<const char> bytes) : left_(bytes) {}
  std::size_t read(std::span<char> out) {
    const std::size_t n = std::min(out.size(), left_.size());
    std::copy_n(left_.begin(), n, out.begin());
    left_ = left_.subspan(n);
    return n;
  }

 private:
  std::span<const char> left_;
};

/// max_bytes: what the file could hold at the very most, so that a header that claims more allocates nothing.
template <class Reader>
IdxArray parse_idx(Reader reader, std::uint64_t max_bytes) {
  std::array<char, 4 + 4 * Shape::max_rank> head{};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(head[i])); };
  if (reader.read(std::span(head).first(4)) < 4 || byte(0) != 0 || byte(1) != 0) throw FormatError("not an IDX file");
  if (byte(2) != 8)
    throw FormatError(detail::message({"element type ", byte(2), " is not supported, only 8 (unsigned byte)"}));
  const std::size_t rank = byte(3);
  if (rank == 0 || rank > Shape::max_rank) throw FormatError(detail::message({"rank ", rank, " is not 1 to 8"}));
  if (reader.read(std::span(head).subspan(4, 4 * rank)) < 4 * rank) throw FormatError("ends within its header");
  std::array<std::int64_t, Shape::max_rank> dims{};
  for (std::size_t d = 0; d < rank; ++d) {
    const std::size_t i = 4 + 4 * d;
    dims[d] = byte(i) << 24U | byte(i + 1) << 16U | byte(i + 2) << 8U | byte(i + 3);
  }
  IdxArray array;
  array.shape = Shape(std::span<const std::int64_t>(dims.data(), rank));
  const auto expected = static_cast<std::uint64_t>(array.shape.numel());
  const auto needs = [&] {
    return "shape " + array.shape.to_string() + " needs " + std::to_string(expected) + " bytes";
  };
  if (expected > max_bytes) throw FormatError(detail::message({needs(), ", more than the file can hold"}));
  array.bytes.resize(expected);
  const std::size_t present = reader.read(array.bytes);
  if (present < expected) throw FormatError(detail::message({needs(), ", the file has ", present}));
  // Reading on also makes zlib compare the checksum, which comes last.
  if (char more = 0; reader.read({&more, 1}) != 0) throw FormatError(detail::message({needs(), ", the file has more"}));
  return array;
}

WEIR_INLINE IdxArray parse_idx(std::span<const char> file) {
  // Deflate compresses to 1/1032 at best (RFC 1951: 258 bytes by two bits).
  constexpr std::uint64_t max_ratio = 1032;
  if (is_gzip(file)) return parse_idx(GzipReader(file), std::min(max_file_bytes, file.size() * max_ratio));
  return parse_idx(PlainReader(file), file.size());
}

WEIR_INLINE IdxArray read_idx(const std::filesystem::path& path) {
  const Bytes file = read_file(path);
  try {
    return parse_idx(std::span<const char>(file));
  } catch (const Error& e) {
    throw FormatError(detail::message({path.string(), ": ", e.what()}));
  }
}

}  // namespace weir::detail
