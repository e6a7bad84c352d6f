/// How many pixels the bytes of an image file can hold at most, whatever its header says.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <weir/io/images/jpeg_check.hpp>

namespace weir::detail {

/// An upper bound by the file's format; decoders take memory and time by the header before they look at the data, so
/// that a file of a hundred bytes could ask for gigabytes, one of a megabyte for hours.
///   JPEG  A block of 8 x 8 values has a Huffman code of at least one bit (ITU-T T.81, F.1.2 and G.1.2). The blocks of
///         all components cover the image at least once, or half of it where one component is sampled finer across and
///         another one down: 2 x 64 pixels a bit. Each scan of a progressive file passes over all of them, of which
///         one may need next to nothing: from 8 scans on 8,192 pixels a byte, all scans taken together (real
///         photographs have 10 scans and 5 to 20 pixels a byte).
///   PNG   Deflate makes at most 1,032 bytes of one (258 of two bits); a pixel takes the header's channels x depth.
///   BMP, PPM, PGM   Not compressed: at least one bit a pixel.
inline std::uint64_t image_capacity(std::span<const char> file) {
  const auto byte = [&](std::size_t i) { return i < file.size() ? static_cast<unsigned char>(file[i]) : 0U; };
  const std::uint64_t bits = std::uint64_t{8} * file.size();
  if (byte(0) == 0xFF) return 2 * 64 * bits * 8 / std::max<std::size_t>(8, JpegCheck(file).scans());
  if (byte(0) != 0x89) return bits;
  const unsigned depth = byte(24), colour = byte(25);  // of the header, which always comes first
  const unsigned channels = colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1;
  return 1032 * bits / (depth == 0 ? 1 : depth * channels);
}

}  // namespace weir::detail
