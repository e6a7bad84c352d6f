#include <weir/core/known_names.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/png_check.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::slurp;

TEST_CASE("png_chunks_fit: a chunk that reaches behind the end is found, wherever it stands; other files pass") {
  const auto fit = [](const std::string& file) { return weir::detail::png_chunks_fit(file); };
  const std::string signature = "\x89PNG\r\n\x1a\n";
  const auto chunk = [](std::uint32_t length, const std::string& name, std::size_t there) {
    std::string text;
    for (unsigned shift = 24; shift < 32; shift -= 8) text += static_cast<char>(length >> shift & 0xFFU);
    return text + name + std::string(there, 'x');
  };
  CHECK(fit(""));
  CHECK(fit("\x89PNG"));
  CHECK(fit(signature + "abc"));
  CHECK(fit("BM" + chunk(100, "IDAT", 0)));
  CHECK(fit(signature + chunk(13, "IHDR", 17) + chunk(20, "IDAT", 24) + chunk(0, "IEND", 4)));
  CHECK(fit(signature + chunk(20, "IDAT", 20)));  // its checksum is missing
  CHECK_FALSE(fit(signature + chunk(20, "IDAT", 19)));
  CHECK_FALSE(fit(signature + chunk(13, "IHDR", 17) + chunk(0x10000000, "IDAT", 50)));
  CHECK_FALSE(fit(signature + chunk(0xFFFFFFFF, "IHDR", 17)));
  CHECK(fit(signature + chunk(13, "IHDR", 17) + chunk(0, "IEND", 4) +
            chunk(100, "junk", 0)));  // behind IEND nothing is read
}

TEST_CASE(
    "Images: the PNG files of the test vectors pass; with a longer chunk they are refused before memory is taken") {
  for (const char* name : {"rgb.png", "rgba.png", "grey.png", "grey_alpha.png", "grey16.png", "palette.png"}) {
    std::string file = slurp(io_test::vectors() / "images" / name);
    CHECK(weir::detail::png_chunks_fit(file));
    const std::size_t at = file.find("IDAT");
    REQUIRE(at != std::string::npos);
    file[at - 4] = 0x10;
    CHECK(io_test::contains(io_test::message_of<weir::FormatError>([&] { (void)weir::decode_image(file, "x.png"); }),
                            "x.png: image is cut off"));
  }
}

}  // namespace WEIR_UNIT
