#include <weir/core/known_names.hpp>
#include <weir/io/images/image.hpp>
#include <weir/io/images/jpeg_check.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::slurp;

namespace {

bool fits(const std::string& file) { return weir::detail::JpegCheck(file).tables_fit(); }

/// A marker and its content.
std::string segment(int marker, const std::string& content) {
  const std::size_t n = content.size() + 2;
  return std::string{'\xff', static_cast<char>(marker), static_cast<char>(n >> 8U), static_cast<char>(n & 0xFFU)} +
         content;
}
std::string table(const std::vector<int>& counts) {
  std::string out(17, '\0');
  std::size_t symbols = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out[i + 1] = static_cast<char>(counts[i]);
    symbols += static_cast<std::size_t>(counts[i]);
  }
  return out + std::string(symbols, 's');
}

const std::string start("\xff\xd8", 2);
const std::string app = segment(0xE0, "JFIF");
const std::string good = segment(0xC4, table({0, 1, 255}) + table({0, 2}));
const std::string bad = segment(0xC4, table({0, 2}) + table({0, 2, 255}));
const std::string scan = segment(0xDA, std::string(10, '\1')) + std::string("\x12\xff\x00\x34\xff\xd0\x56", 7);

}  // namespace

TEST_CASE("JpegCheck: a Huffman table of more than 256 symbols is found wherever a decoder may meet it") {
  CHECK(fits(start + app + good + scan));
  CHECK_FALSE(fits(start + bad));
  CHECK_FALSE(fits(start + app + good + bad + scan));
  CHECK_FALSE(fits(start + app + "filling" + bad));
  CHECK_FALSE(fits(start + app + "\xff" + bad));
  CHECK_FALSE(fits("\xff" + start + bad));
  CHECK_FALSE(fits(start + app + good + scan + bad));
  CHECK_FALSE(fits(start + good + scan + start + bad));
  CHECK_FALSE(fits(bad));
  for (std::size_t n = 0; n < bad.size(); ++n) CHECK(fits(start + bad.substr(0, std::min<std::size_t>(n, 20))));
}

TEST_CASE("JpegCheck: bytes that look so within other segments in front do not matter") {
  CHECK(fits(start + segment(0xE1, "Exif" + bad) + good + scan));
  CHECK(fits(start + segment(0xFE, bad) + segment(0xE2, bad) + scan));
}

TEST_CASE("JpegCheck: scans are counted, those within other segments are not") {
  const auto scans = [](const std::string& file) { return weir::detail::JpegCheck(file).scans(); };
  CHECK(scans("") == 0);
  CHECK(scans(start + app + good) == 0);
  CHECK(scans(start + app + good + scan) == 1);
  CHECK(scans(start + segment(0xE1, "Exif" + scan) + good + scan + good + scan) == 2);
  CHECK(scans(slurp(io_test::vectors() / "images" / "baseline.jpg")) == 1);
  CHECK(scans(slurp(io_test::vectors() / "images" / "progressive.jpg")) == 10);
}

TEST_CASE("JpegCheck: files of the test vectors pass; with a table grown in them they are refused with the reason") {
  for (const char* name : {"baseline.jpg", "progressive.jpg", "grey.jpg"}) {
    std::string file = slurp(io_test::vectors() / "images" / name);
    CHECK(fits(file));
    for (std::size_t at = file.find("\xff\xc4"); at != std::string::npos; at = file.find("\xff\xc4", at + 1)) {
      std::string damaged = file;
      damaged.replace(at + 5, 16, 16, '\x7f');
      CHECK(io_test::contains(
          io_test::message_of<weir::FormatError>([&] { (void)weir::decode_image(damaged, "x.jpg"); }), "256 symbols"));
    }
  }
}

}  // namespace WEIR_UNIT
