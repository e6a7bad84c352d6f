/// Text and numbers for XML and HTML: escaped, valid UTF-8, the same in every locale.
#pragma once
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace weir::detail {

/// Length of the valid UTF-8 sequence at the start of text, 0 if there is none (RFC 3629: no surrogates, nothing
/// overlong, nothing above U+10FFFF).
inline std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t n = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : lead >= 0xE0 && lead <= 0xEF ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (n == 0 || text.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  const unsigned second = byte(1);
  const bool outside = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                       (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  const bool not_a_character = lead == 0xEF && second == 0xBF && byte(2) >= 0xBE;  // U+FFFE, U+FFFF: not in XML
  return outside || not_a_character ? 0 : n;
}

/// Text as content or quoted attribute of XML and HTML. What XML does not allow (control characters, broken UTF-8)
/// becomes U+FFFD.
inline std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    const bool is_control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else if (n == 0 || is_control)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(0, n);
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

/// With a fixed number of decimals (at most 17).
inline std::string format_fixed(double value, int decimals) {
  std::array<char, 400> text;
  const auto r = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals);
  return {text.data(), r.ptr};
}

/// With at most `digits` significant digits (at most 17), without trailing zeros: 0.25, 12000, 3e-07.
inline std::string format_short(double value, int digits = 6) {
  std::array<char, 400> text;
  const auto r = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits);
  return {text.data(), r.ptr};
}

}  // namespace weir::detail
