/// Pieces of a page: texts are escaped here, and numbers written as people read them.
#pragma once
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/io/report/markup.hpp>

namespace adapt {

/// `<tag attributes>inner</tag>`; inner is markup.
inline std::string element(const std::string& tag, const std::string& inner, const std::string& attributes = {}) {
  return "<" + tag + (attributes.empty() ? "" : " " + attributes) + ">" + inner + "</" + tag + ">\n";
}

inline std::string paragraph(const std::string& text, const std::string& attributes = {}) {
  return element("p", weir::detail::escape_markup(text), attributes);
}

/// `name="value"`, the value escaped.
inline std::string attribute(const std::string& name, const std::string& value) {
  return name + "=\"" + weir::detail::escape_markup(value) + "\"";
}

/// A file's name as a relative address.
inline std::string url_of(const std::string& file) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string url;
  for (const char c : file)
    if (plain.find(c) != std::string_view::npos)
      url += c;
    else
      url += {'%', digits[static_cast<unsigned char>(c) / 16], digits[static_cast<unsigned char>(c) % 16]};
  return url;
}

/// What is rarely asked for: closed until it is clicked.
inline std::string folded(const std::string& summary, const std::string& inner) {
  return element("details", element("summary", weir::detail::escape_markup(summary)) + inner);
}

/// A cell of markup, beside a text for those of which nothing is known.
struct Cell {
  std::string markup;
  Cell(const std::string& text) : markup(weir::detail::escape_markup(text)) {}
  Cell(const char* text) : Cell(std::string(text)) {}
  static Cell of_markup(std::string markup) {
    Cell cell("");
    cell.markup = std::move(markup);
    return cell;
  }
};

/// A table with a caption. The first column names the row, all others are numbers; classes of columns ("w": left out on
/// narrow screens) are separated by spaces, "-" for none.
struct Table {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::string> classes;  ///< of each column; may be shorter
  std::vector<std::vector<Cell>> rows;
  std::vector<bool> strong{};  ///< rows to be seen first; may be shorter

  /// Names of the first column may be broken behind _ where they are too long.
  static std::string breakable(const std::string& markup) {
    std::string out;
    for (const char c : markup) {
      out += c;
      if (c == '_') out += "<wbr>";
    }
    return out;
  }

  std::string html() const {
    const auto of_column = [&](std::size_t c) {
      std::string names = c == 0 ? "" : "n";
      if (c < classes.size() && classes[c] != "-") names += (names.empty() ? "" : " ") + classes[c];
      return names.empty() ? std::string() : attribute("class", names);
    };
    std::string head, body;
    for (std::size_t c = 0; c < header.size(); ++c)
      head += element("th", weir::detail::escape_markup(header[c]), "scope=\"col\" " + of_column(c));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::string line;
      for (std::size_t c = 0; c < rows[r].size(); ++c)
        line += element(c == 0 ? "th" : "td", c == 0 ? breakable(rows[r][c].markup) : rows[r][c].markup,
                        (c == 0 ? "scope=\"row\" " : "") + of_column(c));
      body += element("tr", line, r < strong.size() && strong[r] ? "class=\"strong\"" : "");
    }
    return element("div",
                   element("table", element("caption", weir::detail::escape_markup(caption)) +
                                        element("thead", element("tr", head)) + element("tbody", body)),
                   "class=\"table\"");
  }
};

/// 10000 -> "10,000".
inline std::string count_text(std::size_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

/// Three digits and a unit that suits: "36.0 µs", "118 µs", "1.14 ms", "2.50 s".
inline std::string time_text(double seconds) {
  const auto scaled = [](double value, const char* unit) {
    return weir::detail::format_fixed(value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2) + " " + unit;
  };
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 999.5e-6) return scaled(1e6 * seconds, "\u00b5s");
  return seconds < 0.9995 ? scaled(1e3 * seconds, "ms") : scaled(seconds, "s");
}

/// The unit of an axis or a column of times up to `longest` seconds.
struct TimeUnit {
  double per_second;
  const char* name;   ///< "us", "ms", "s"
  const char* words;  ///< "microseconds" ...

  static TimeUnit of(double longest) {
    if (longest < 0.01) return {1e6, "us", "microseconds"};
    return longest < 10 ? TimeUnit{1e3, "ms", "milliseconds"} : TimeUnit{1, "s", "seconds"};
  }
};

/// "1.14 %".
inline std::string percent_text(double share, int digits = 2) {
  return weir::detail::format_fixed(100 * share, digits) + " %";
}

/// "4.90×", "12.3×".
inline std::string times_text(double factor) {
  return weir::detail::format_fixed(factor, factor >= 99.95 ? 0 : factor >= 9.995 ? 1 : 2) + "\u00d7";
}

/// "exit1@/1/Relu_1_output_0" -> "exit 1 at /1/Relu_1"; names without @ as they are.
inline std::string stage_text(const std::string& stage) {
  const std::size_t at = stage.find('@');
  if (at == std::string::npos) return stage;
  std::string place = stage.substr(0, at), tensor = stage.substr(at + 1);
  if (const std::string_view end = "_output_0"; tensor.ends_with(end)) tensor.resize(tensor.size() - end.size());
  if (place.size() > 4 && place.starts_with("exit") && place.find_first_not_of("0123456789", 4) == std::string::npos)
    place.insert(4, " ");
  return place + " at " + tensor;
}

}  // namespace adapt
