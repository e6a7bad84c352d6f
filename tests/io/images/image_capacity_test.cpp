#include <string>
#include <weir/core/known_names.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/image_capacity.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::slurp;

namespace {

std::uint64_t capacity(const std::string& file) { return weir::detail::image_capacity(file); }

std::string png_header(int depth, int colour, std::size_t bytes) {
  std::string file = "\x89PNG\r\n\x1a\n" + std::string(bytes - 8, '\0');
  file[24] = static_cast<char>(depth);
  file[25] = static_cast<char>(colour);
  return file;
}

/// A JPEG that is a header only: size, three components, and nothing more.
std::string jpeg_header(int height, int width) {
  const auto word = [](int n) { return std::string{static_cast<char>(n >> 8), static_cast<char>(n & 0xFF)}; };
  return "\xff\xd8\xff\xc0" + word(17) + "\x08" + word(height) + word(width) +
         std::string("\x03\x01\x22\x00\x02\x11\x00\x03\x11\x00", 10);
}

}  // namespace

TEST_CASE("image_capacity: by format, and never less than what real files hold") {
  CHECK(capacity(std::string("BM") + std::string(98, 'x')) == 800);
  CHECK(capacity(std::string("P6") + std::string(98, 'x')) == 800);
  CHECK(capacity(std::string("\xff\xd8") + std::string(98, 'x')) == 102400);
  CHECK(capacity(png_header(8, 2, 100)) == 34400);
  CHECK(capacity(png_header(16, 6, 100)) == 12900);
  CHECK(capacity(png_header(1, 3, 100)) == 825600);
  CHECK(capacity(png_header(4, 4, 100)) == 103200);
  CHECK(capacity(std::string("\x89PNG")) == 33024);  // cut off before its depth
  CHECK(capacity("") == 0);
}

TEST_CASE("Images: a header that claims more pixels than its file can hold is refused before memory is taken") {
  const auto refused = [](const std::string& file) {
    return message_of<weir::FormatError>([&] { weir::decode_image(file, "x.png"); });
  };
  CHECK(contains(refused("P6 8000 8000 255\nabc"),
                 "x.png: image is cut off: 20 bytes cannot hold the 8000 x 8000 pixels that its header says"));
  CHECK(contains(refused(jpeg_header(8000, 8000)), "cannot hold the 8000 x 8000 pixels"));
  // Empty scans cost as much time as full ones.
  std::string scans = jpeg_header(1000, 1000) + std::string(2000, '\0');
  CHECK(capacity(scans) > 1000 * 1000);
  for (int i = 0; i < 40; ++i) scans += std::string("\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00", 10);
  CHECK(capacity(scans) < 1000 * 1000);
  CHECK(contains(refused(scans), "cannot hold the 1000 x 1000 pixels"));
  std::string png = slurp(io_test::vectors() / "images" / "rgb.png"),
              bmp = slurp(io_test::vectors() / "images" / "rgb.bmp");
  png[18] = png[22] = bmp[19] = bmp[23] = 0x10;  // 4096 and more pixels a side
  CHECK(contains(refused(png), "cannot hold the 4107 x 4105 pixels"));
  CHECK(contains(refused(bmp), "cannot hold the 4107 x 4105 pixels"));
}

}  // namespace WEIR_UNIT
