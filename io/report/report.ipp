// What report.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/resample.hpp>
#include <weir/io/report/markup.hpp>
#include <weir/io/report/png.hpp>
#include <weir/io/report/report.hpp>
#include <weir/io/report/svg.hpp>

namespace weir::detail {

WEIR_INLINE HtmlReport& HtmlReport::section(const std::string& heading) {
  body_ += "<h2>" + escape_markup(heading) + "</h2>\n";
  return *this;
}

WEIR_INLINE HtmlReport& HtmlReport::paragraph(const std::string& text) {
  body_ += "<p>" + escape_markup(text) + "</p>\n";
  return *this;
}

WEIR_INLINE HtmlReport& HtmlReport::preformatted(const std::string& text) {
  body_ += "<pre>" + escape_markup(text) + "</pre>\n";
  return *this;
}

WEIR_INLINE HtmlReport& HtmlReport::list(const std::vector<std::string>& items) {
  body_ += "<ul>\n";
  for (const std::string& item : items) body_ += "<li>" + escape_markup(item) + "</li>\n";
  body_ += "</ul>\n";
  return *this;
}

WEIR_INLINE HtmlReport& HtmlReport::table(const ReportTable& table) {
  for (const auto& row : table.rows)
    if (row.size() != table.header.size())
      throw ArgumentError(
          detail::message({"report: a row of ", row.size(), " cells under a header of ", table.header.size()}));
  std::vector<const char*> align;
  for (std::size_t c = 0; c < table.header.size(); ++c) align.push_back(is_numeric(table, c) ? " class=\"n\"" : "");
  body_ += "<div class=\"wide\"><table>\n";
  if (!table.caption.empty()) body_ += "<caption>" + escape_markup(table.caption) + "</caption>\n";
  const auto add_row = [&](const std::vector<std::string>& cells, const std::string& tag) {
    body_ += "<tr>";
    for (std::size_t c = 0; c < cells.size(); ++c)
      body_ += "<" + tag + align[c] + ">" + escape_markup(cells[c]) + "</" + tag + ">";
    body_ += "</tr>\n";
  };
  body_ += "<thead>\n";
  add_row(table.header, "th");
  body_ += "</thead>\n<tbody>\n";
  for (const auto& row : table.rows) add_row(row, "td");
  body_ += "</tbody>\n</table></div>\n";
  return *this;
}

WEIR_INLINE HtmlReport& HtmlReport::figure(const SvgPlot& plot, const std::string& caption) {
  body_ += "<figure>\n" + plot.svg();
  if (!caption.empty()) body_ += "<figcaption>" + escape_markup(caption) + "</figcaption>\n";
  body_ += "</figure>\n";
  return *this;
}

WEIR_INLINE HtmlReport& HtmlReport::thumbnails(const std::vector<Thumbnail>& pictures, int height_px) {
  body_ += "<div class=\"thumbs\">\n";
  Image small;
  for (const Thumbnail& t : pictures) {
    const bool is_small = t.image.height * 2 <= height_px;
    body_ += "<figure" + (t.title.empty() ? std::string() : " title=\"" + escape_markup(t.title) + "\"") +
             (t.is_marked ? " class=\"marked\"" : "") + "><img" + (is_small ? " class=\"pixels\"" : "") + " height=\"" +
             std::to_string(height_px) + "\" alt=\"" + escape_markup(t.caption) + "\" src=\"data:image/png;base64," +
             base64(encode_png(shrunk(t.image, height_px, small))) + "\">";
    if (!t.caption.empty()) body_ += "<figcaption>" + escape_markup(t.caption) + "</figcaption>";
    body_ += "</figure>\n";
  }
  body_ += "</div>\n";
  return *this;
}

WEIR_INLINE std::string HtmlReport::html() const {
  const std::string title = escape_markup(title_);
  return std::string("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n") +
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + title + "</title>\n" +
         style() + "</head>\n<body>\n<main>\n<h1>" + title + "</h1>\n" + body_ + "</main>\n</body>\n</html>\n";
}

WEIR_INLINE ImageView HtmlReport::shrunk(ImageView image, int height, Image& memory) {
  if (!image.data || image.height <= height || image.width < 1 || (image.channels != 1 && image.channels != 3))
    return image;
  const double width = static_cast<double>(image.width) * height / image.height;
  memory = {{}, height, std::max(1, static_cast<int>(std::lround(width))), image.channels};
  memory.data.resize(memory.view().size_bytes());
  ResampleScratch scratch;
  resample({image.data, static_cast<std::ptrdiff_t>(image.width) * image.channels, image.height, image.width,
            image.channels},
           {height, memory.width, 0, 0, height, memory.width}, scratch, memory.data.data());
  return memory;
}

WEIR_INLINE bool HtmlReport::is_numeric(const ReportTable& table, std::size_t column) {
  bool any = false;
  for (const auto& row : table.rows) {
    const std::string& cell = row[column];
    if (cell.empty() || cell == "-" || cell == "\xE2\x80\x93") continue;  // the last is an en dash
    // "93.2 %", "1.8x", "-0.3 (0.1)", "1e-05", "+-": digits and what stands beside them in figures
    if (cell.find_first_of("0123456789") == std::string::npos) return false;
    const auto first = cell.find_first_not_of("+-.0123456789<>~= ");
    if (first == 0 || cell.find_first_of("0123456789") > first) return false;
    any = true;
  }
  return any;
}

WEIR_INLINE const char* HtmlReport::style() {
  return R"(<style>
:root{color-scheme:light dark}
body{margin:0;background:#fafafa;color:#222;font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1000px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:1.75rem;line-height:1.25;margin:0 0 .6em}
h2{font-size:1.25rem;margin:2em 0 .5em;padding-top:.7em;border-top:1px solid #ddd}
figure{margin:1.2em 0}
figcaption,caption{font-size:.875rem;color:#666}
caption{text-align:left;padding-bottom:.4em}
pre{background:#f0f0f0;padding:.8em 1em;border-radius:6px;overflow:auto;font-size:.85rem;line-height:1.45}
.wide{overflow-x:auto;margin:1.2em 0}
table{border-collapse:collapse;font-size:.925rem}
th,td{text-align:left;padding:.35em .9em .35em 0;border-bottom:1px solid #e4e4e4;white-space:nowrap}
th{border-bottom:2px solid #bbb}
.n{text-align:right;font-variant-numeric:tabular-nums;padding-left:.9em}
.thumbs{display:flex;flex-wrap:wrap;gap:12px;margin:1.2em 0}
.thumbs figure{margin:0;text-align:center}
.thumbs img{display:block;margin:0 auto 4px;border-radius:3px}
.thumbs .marked img{outline:3px solid #d55e00}
.pixels{image-rendering:pixelated}
@media (prefers-color-scheme:dark){
body{background:#161616;color:#ddd}
h2{border-color:#3a3a3a}
figcaption,caption{color:#9a9a9a}
pre{background:#222}
th,td{border-color:#303030}
th{border-color:#666}
.thumbs .marked img{outline-color:#ff8434}
}
</style>
)";
}

}  // namespace weir::detail
