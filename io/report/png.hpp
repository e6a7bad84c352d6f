/// Encodes 8-bit images as PNG.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <weir/core/compile.hpp>
#include <weir/io/images/image_view.hpp>

namespace weir::detail {

void append_big_endian(std::string& out, std::uint32_t value);
void append_png_chunk(std::string& out, std::string_view type, std::string_view data);

/// A PNG file of the image (grey or RGB). Throws ArgumentError unless it has 1 or 3 channels, at least one pixel and
/// at most 2^28 bytes. Source: W3C, "Portable Network Graphics", third edition.
std::string encode_png(ImageView image);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/report/png.ipp>
#endif
