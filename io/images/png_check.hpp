/// Finds PNG files with a chunk that is longer than the rest of the file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::detail {

/// stb_image takes memory for as many bytes as a chunk says that it has, before it looks how many there are: a file of
/// 100 bytes takes 256 MiB. A PNG is 8 bytes and then chunks (W3C, PNG specification, third edition, 5.3):
///
///     | length, 4 bytes, big-endian | name, 4 bytes | data, length bytes | checksum, 4 bytes |  ...  | 0 | IEND | ...
///
/// False if the data of one before IEND reach behind the end of the file; true for all other files, whatever they are.
inline bool png_chunks_fit(std::span<const char> file) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(file[i])); };
  if (file.size() < 8 || byte(0) != 0x89) return true;
  for (std::size_t at = 8; at + 8 <= file.size();) {
    const std::uint64_t length = byte(at) << 24U | byte(at + 1) << 16U | byte(at + 2) << 8U | byte(at + 3);
    if (byte(at + 4) == 'I' && byte(at + 5) == 'E' && byte(at + 6) == 'N' && byte(at + 7) == 'D') return true;
    if (length > file.size() - (at + 8)) return false;
    at += 12 + static_cast<std::size_t>(length);
  }
  return true;
}

}  // namespace weir::detail
