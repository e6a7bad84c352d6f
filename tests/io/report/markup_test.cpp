#include <weir/io/report/markup.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using weir::detail::escape_markup, weir::detail::format_fixed, weir::detail::format_short;

TEST_CASE("escape_markup: what means something to XML and HTML, in content and attributes") {
  CHECK(escape_markup("a<b>&\"c\"'d'") == "a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;");
  CHECK(escape_markup("&lt;") == "&amp;lt;");
  CHECK(escape_markup("tab\tline\nreturn\r") == "tab\tline\nreturn\r");
  CHECK(escape_markup("") == "");
}

TEST_CASE("escape_markup: valid UTF-8 stays, anything else becomes U+FFFD") {
  const std::string bad = "\xEF\xBF\xBD";
  for (const std::string& good :
       {std::string("\xC3\xA9"), std::string("\xE2\x82\xAC"), std::string("\xF0\x9F\x98\x80"),
        std::string("\xED\x9F\xBF"), std::string("\xEE\x80\x80"), std::string("\xF4\x8F\xBF\xBF")})
    CHECK(escape_markup("x" + good + "y") == "x" + good + "y");
  CHECK(escape_markup(std::string("a\0b", 3)) == "a" + bad + "b");
  CHECK(escape_markup("\x1b[31m") == bad + "[31m");
  CHECK(escape_markup("\x80") == bad);
  CHECK(escape_markup("\xC3") == bad);
  CHECK(escape_markup("\xC3<") == bad + "&lt;");
  CHECK(escape_markup("\xC0\xBC") == bad + bad);                      // an overlong <
  CHECK(escape_markup("\xE0\x80\xBC") == bad + bad + bad);            // overlong
  CHECK(escape_markup("\xED\xA0\x80") == bad + bad + bad);            // a surrogate
  CHECK(escape_markup("\xF4\x90\x80\x80") == bad + bad + bad + bad);  // above U+10FFFF
  CHECK(escape_markup("\xEF\xBF\xBF") == bad + bad + bad);            // U+FFFF is not in XML
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string out = escape_markup(std::string{static_cast<char>(a), static_cast<char>(b)});
      REQUIRE(out.find_first_of("<>\"'") == std::string::npos);
      REQUIRE(escape_markup(out).find('\0') == std::string::npos);
    }
}

TEST_CASE("numbers: short, exact, without a locale") {
  CHECK(format_fixed(1.0 / 3, 2) == "0.33");
  CHECK(format_fixed(-2.5, 0) == "-2");
  CHECK(format_fixed(1e300, 1).size() == 303);
  CHECK(format_short(0.25) == "0.25");
  CHECK(format_short(12000) == "12000");
  CHECK(format_short(3e-7) == "3e-07");
  CHECK(format_short(1.0 / 3, 3) == "0.333");
}

}  // namespace WEIR_UNIT
