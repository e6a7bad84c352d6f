// What image.hpp declares.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/message.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/image_capacity.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/jpeg_check.hpp>
#include <weir/io/images/png_check.hpp>
#include <weir/io/images/stb_image.hpp>

namespace weir::detail {

/// Feeds stb_image from memory and notices when it asks for more than there is: by itself it takes the missing rest
/// of a file that was cut off for zeros, or leaves it unwritten.
class ImageBytes {
 public:
  explicit ImageBytes(std::span<const char> bytes) : left_(bytes) {}
  bool ran_out() const { return ran_out_; }

  static stb::stbi_io_callbacks callbacks() { return {read, skip, at_end}; }

 private:
  static int read(void* self, char* to, int size) {
    ImageBytes& in = *static_cast<ImageBytes*>(self);
    const std::size_t wanted = size > 0 ? static_cast<std::size_t>(size) : 0;
    const std::size_t n = std::min(wanted, in.left_.size());
    // The first read shows where the decoder's look-ahead lies, which near the end is never full.
    if (!in.look_ahead_) in.look_ahead_ = to;
    if (to == in.look_ahead_ ? n == 0 : n < wanted) in.ran_out_ = true;
    std::copy_n(in.left_.begin(), n, to);
    in.left_ = in.left_.subspan(n);
    return static_cast<int>(n);
  }
  static void skip(void* self, int size) {
    ImageBytes& in = *static_cast<ImageBytes*>(self);
    const std::size_t wanted = size > 0 ? static_cast<std::size_t>(size) : 0;
    if (wanted > in.left_.size()) in.ran_out_ = true;
    in.left_ = in.left_.subspan(std::min(wanted, in.left_.size()));
  }
  static int at_end(void* self) { return static_cast<ImageBytes*>(self)->left_.empty() ? 1 : 0; }

  std::span<const char> left_;
  const char* look_ahead_ = nullptr;
  bool ran_out_ = false;
};

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Image decode_image(std::span<const char> bytes, const std::string& source) {
  namespace stb = detail::stb;
  const auto refuse = [&](const std::string& what) { return FormatError(source + ": " + what); };
  if (bytes.size() > max_image_file_bytes) throw refuse("too large for an image");
  if (!bytes.empty() && bytes[0] == '\xff' && !detail::JpegCheck(bytes).tables_fit())
    throw refuse("image cannot be decoded (a Huffman table of more than 256 symbols)");
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  if (!stb::stbi_info_from_memory(data, size, &width, &height, &channels))
    throw refuse(std::string("not a JPEG, PNG, BMP or PPM image (") + stb::stbi_failure_reason() + ")");
  if (width <= 0 || height <= 0 || std::int64_t{width} * height > max_image_pixels)
    throw refuse("image of " + std::to_string(width) + " x " + std::to_string(height) + " pixels, 1 to " +
                 std::to_string(max_image_pixels) + " are supported");
  if (static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) > detail::image_capacity(bytes))
    throw refuse(detail::message({"image is cut off: ", bytes.size(), " bytes cannot hold the ", width, " x ", height,
                                  " pixels that its header says"}));
  if (!detail::png_chunks_fit(bytes)) throw refuse("image is cut off");
  const int wanted = channels <= 2 ? 1 : 3;
  struct Free {
    void operator()(unsigned char* p) const { stb::stbi_image_free(p); }
  };
  const stb::stbi_io_callbacks callbacks = detail::ImageBytes::callbacks();
  detail::ImageBytes input(bytes);
  const std::unique_ptr<unsigned char, Free> pixels(
      stb::stbi_load_from_callbacks(&callbacks, &input, &width, &height, &channels, wanted));
  if (input.ran_out()) throw refuse("image is cut off");
  if (!pixels) throw refuse(std::string("image cannot be decoded (") + stb::stbi_failure_reason() + ")");
  Image image{{}, height, width, wanted};
  image.data.assign(pixels.get(), pixels.get() + image.view().size_bytes());
  return image;
}

WEIR_INLINE Image read_image(const std::filesystem::path& path) {
  return decode_image(detail::read_file(path, max_image_file_bytes), path.string());
}

}  // namespace weir
