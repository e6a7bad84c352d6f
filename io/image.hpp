/// Decodes JPEG, PNG, BMP and PPM/PGM images.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <weir/core/compile.hpp>
#include <weir/io/image_view.hpp>

namespace weir {

inline constexpr std::int64_t max_image_pixels = std::int64_t{64} << 20;
inline constexpr std::uint64_t max_image_file_bytes = std::uint64_t{1} << 28;

/// An image from the bytes of its file: grey images (with or without alpha) get one channel, others three (RGB; alpha
/// is dropped, 16 bits are cut to 8). EXIF orientation is not applied. The size is checked before anything is
/// decoded: at most max_image_pixels. Throws FormatError naming source, with the decoder's reason.
Image decode_image(std::span<const char> bytes, const std::string& source);

/// As decode_image, from a file. Throws IoError too.
Image read_image(const std::filesystem::path& path);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/io/image.ipp>
#endif
