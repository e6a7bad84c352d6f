#include <cstdlib>
#include <nlohmann/json.hpp>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/image_view.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::pattern, io_test::slurp;
using weir::FormatError, weir::Image;

namespace {

std::filesystem::path images() { return io_test::vectors() / "images"; }

Image decode(const weir::detail::Bytes& bytes) { return weir::decode_image(bytes, "x"); }

/// A PNG's size field claims other numbers than its data.
std::string with_png_size(std::string png, std::uint32_t width, std::uint32_t height) {
  for (unsigned i = 0; i < 4; ++i) {
    png[16 + i] = static_cast<char>(width >> (24 - 8 * i) & 0xFFU);
    png[20 + i] = static_cast<char>(height >> (24 - 8 * i) & 0xFFU);
  }
  return png;
}

}  // namespace

TEST_CASE("Images: lossless formats that Pillow wrote come back exactly; alpha is dropped") {
  for (const char* name : {"rgb.png", "rgb.bmp", "rgb.ppm", "rgba.png"}) {
    INFO(name);
    const Image got = weir::read_image(images() / name);
    CHECK(got.height == 9);
    CHECK(got.width == 11);
    CHECK(got.channels == 3);
    CHECK(got.data == pattern(9, 11, 3).data);
  }
  for (const char* name : {"grey.png", "grey_alpha.png", "grey16.png", "grey.pgm"}) {
    INFO(name);
    const Image got = weir::read_image(images() / name);
    CHECK(got.channels == 1);
    CHECK(got.data == pattern(9, 11, 1).data);
  }
  const Image palette = weir::read_image(images() / "palette.png"), index = pattern(9, 11, 1);
  REQUIRE(palette.channels == 3);
  for (std::size_t i = 0; i < palette.data.size(); ++i)
    REQUIRE(palette.data[i] == 10 + index.data[i / 3] % 5 * 3 + static_cast<int>(i % 3));
}

TEST_CASE("Images: JPEG as libjpeg decodes it, within the rounding of another inverse DCT and chroma filter") {
  const auto json = nlohmann::json::parse(slurp(images() / "jpeg.json"));
  const std::vector<std::pair<const char*, int>> files{{"baseline.jpg", 3}, {"progressive.jpg", 6}, {"grey.jpg", 1}};
  for (const auto& file : files) {
    const char* name = file.first;
    INFO(name);
    const Image got = weir::read_image(images() / name);
    const auto expected = json[name]["pixels"].get<std::vector<int>>();
    REQUIRE(got.data.size() == expected.size());
    CHECK(got.height == 33);
    int worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, std::abs(got.data[i] - expected[i]));
    CHECK(worst <= file.second);
  }
}

TEST_CASE("Images: cut off at every byte, any bit flipped: an image of the right size or FormatError") {
  for (const char* name :
       {"rgb.png", "grey16.png", "palette.png", "rgb.bmp", "rgb.ppm", "baseline.jpg", "progressive.jpg"}) {
    INFO(name);
    const std::string file = slurp(images() / name);
    const auto check = [](const weir::detail::Bytes& bytes) {
      const Image image = decode(bytes);
      if (image.data.size() != image.view().size_bytes() || image.data.empty()) throw std::logic_error("size");
    };
    // stb_image needs nothing of a PNG's last chunk but its name, and not the filling of a BMP's last row.
    const std::size_t unread = file[0] == 'B' ? 3 : file[1] == 'P' ? 4 : 0;
    io_test::check_every_prefix_refused(file.substr(0, file.size() - unread), decode);
    // Every bit of the head, where the sizes are; a JPEG has few bytes behind it that matter in another way.
    io_test::sweep_bit_flips(file.substr(0, 700), check);
  }
}

TEST_CASE("Images: sizes are checked before anything is decoded") {
  const std::string png = slurp(images() / "rgb.png");
  const auto refused = [](const std::string& file) {
    return message_of<FormatError>([&] { decode({file.begin(), file.end()}); });
  };
  CHECK(contains(refused(with_png_size(png, 16384, 16384)), "image of 16384 x 16384 pixels"));
  CHECK_FALSE(refused(with_png_size(png, 0xFFFFFFFF, 0xFFFFFFFF)).empty());
  CHECK_FALSE(refused(with_png_size(png, 0, 9)).empty());
  CHECK_FALSE(refused("P6 99999999 99999999 255\n").empty());
  CHECK_FALSE(refused("P6 8000 8000 255\nabc").empty());
  CHECK_FALSE(refused("P6 0 5 255\n").empty());
}

TEST_CASE("Images: other formats are refused, with the file's name and the decoder's reason") {
  const io_test::TempFolder folder;
  CHECK(contains(message_of<FormatError>([&] { weir::read_image(folder.write("a.jpg", "GIF89a\1\0\1\0")); }),
                 "a.jpg: not a JPEG, PNG, BMP or PPM image ("));
  CHECK_THROWS_AS(weir::read_image(folder.write("b.jpg", "")), FormatError);
  CHECK_THROWS_AS(weir::read_image(folder / "none.jpg"), weir::IoError);
  CHECK_THROWS_AS(weir::read_image(folder.path()), weir::IoError);
}

}  // namespace WEIR_UNIT
