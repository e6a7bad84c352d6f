/// Text from files and file names, made safe for a terminal.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <weir/io/report/markup.hpp>

namespace weir::detail {

/// Control characters (ESC, which moves the cursor and renames windows, among them; also those of U+0080 to U+009F) and
/// bytes that are no UTF-8 become `\x1b` and so on; with keep_lines line feeds and tabs stay. All else is as it was.
inline std::string printable(std::string_view text, bool keep_lines = false) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    const bool line = keep_lines && (c == '\n' || c == '\t');
    const bool control = c < 0x20 || c == 0x7F || (n == 2 && c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0);
    const std::size_t length = n == 0 ? 1 : n;
    if (line || (n > 0 && !control))
      out += text.substr(0, length);
    else
      for (const char b : text.substr(0, length)) {
        const auto byte = static_cast<unsigned char>(b);
        out += {'\\', 'x', digits[byte / 16], digits[byte % 16]};
      }
    text.remove_prefix(length);
  }
  return out;
}

/// Whether a text is UTF-8 throughout, so that JSON can hold it.
inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

}  // namespace weir::detail
