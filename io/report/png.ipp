// What png.hpp declares.
#pragma once
#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <weir/core/error.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/report/png.hpp>

namespace weir::detail {

WEIR_INLINE void append_big_endian(std::string& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>((value >> shift) & 0xFFU);
}

WEIR_INLINE void append_png_chunk(std::string& out, std::string_view type, std::string_view data) {
  append_big_endian(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out.append(type).append(data);
  const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(out.data() + begin), out.size() - begin);
  append_big_endian(out, static_cast<std::uint32_t>(sum));
}

WEIR_INLINE std::string encode_png(ImageView image) {
  if (!image.data || image.height < 1 || image.width < 1 || (image.channels != 1 && image.channels != 3) ||
      image.size_bytes() > (std::size_t{1} << 28))
    throw ArgumentError(detail::message(
        {"cannot encode an image of ", image.height, " x ", image.width, " x ", image.channels, " as PNG"}));
  const std::size_t row = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  std::string raw;
  raw.reserve((row + 1) * static_cast<std::size_t>(image.height));
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    raw += '\0';  // the row is not filtered
    raw.append(reinterpret_cast<const char*>(image.data) + y * row, row);
  }
  std::string packed(compressBound(raw.size()), '\0');
  uLongf packed_size = packed.size();
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &packed_size, reinterpret_cast<const Bytef*>(raw.data()),
                raw.size(), Z_DEFAULT_COMPRESSION) != Z_OK)
    throw ArgumentError("zlib cannot compress an image");
  packed.resize(packed_size);

  std::string header;
  append_big_endian(header, static_cast<std::uint32_t>(image.width));
  append_big_endian(header, static_cast<std::uint32_t>(image.height));
  header += '\x08';  // bits per channel
  header += image.channels == 1 ? '\x00' : '\x02';
  header.append(3, '\0');  // deflate, adaptive filters, not interlaced
  std::string out("\x89PNG\r\n\x1a\n", 8);
  append_png_chunk(out, "IHDR", header);
  append_png_chunk(out, "IDAT", packed);
  append_png_chunk(out, "IEND", "");
  return out;
}

WEIR_INLINE std::string base64(std::string_view bytes) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned group = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    for (std::size_t d = 0; d < 4; ++d) out += d <= bytes.size() - i ? digits[group >> (18 - 6 * d) & 63U] : '=';
  }
  return out;
}

}  // namespace weir::detail
