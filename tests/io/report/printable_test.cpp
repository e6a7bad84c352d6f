#include <doctest/doctest.h>

#include <string>
#include <weir/io/report/printable.hpp>

namespace WEIR_UNIT {

TEST_CASE("printable: no control character and no broken UTF-8 reaches a terminal") {
  CHECK(weir::detail::printable("plain, \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") ==
        "plain, \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(weir::detail::printable("\x1b]0;x\x07") == "\\x1b]0;x\\x07");
  CHECK(weir::detail::printable("a\x9b"
                                "31m") == "a\\x9b31m");  // CSI of 8-bit terminals
  CHECK(weir::detail::printable("a\xC2\x9b"
                                "31m") == "a\\xc2\\x9b31m");  // the same in UTF-8
  CHECK(weir::detail::printable("\xff\xC3(") == "\\xff\\xc3(");
  CHECK(weir::detail::printable("a\nb\tc\r") == "a\\x0ab\\x09c\\x0d");
  CHECK(weir::detail::printable("a\nb\tc\r", true) == "a\nb\tc\\x0d");
  CHECK(weir::detail::printable(std::string("\0\x7f", 2)) == "\\x00\\x7f");
  for (int byte = 0; byte < 256; ++byte)
    for (const char c : weir::detail::printable(std::string(1, static_cast<char>(byte))))
      CHECK((static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F));
}

TEST_CASE("is_utf8") {
  CHECK(weir::detail::is_utf8(""));
  CHECK(weir::detail::is_utf8("a\xC3\xA4"));
  CHECK_FALSE(weir::detail::is_utf8("a\xC3"));
  CHECK_FALSE(weir::detail::is_utf8("\xff.onnx"));
}

}  // namespace WEIR_UNIT
