/// HtmlReport: one HTML file that needs nothing else.
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/report/svg.hpp>

namespace weir::detail {

/// Rows as text; columns in which every cell is a number (or empty, or a dash) are right-aligned.
struct ReportTable {
  std::string caption = {};
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};
};

/// A picture with a caption, and what is shown when the mouse is over it.
struct Thumbnail {
  ImageView image = {};
  std::string caption = {};
  std::string title = {};
  bool is_marked = false;  ///< drawn with a coloured frame (a wrong answer, say)
};

/// A document in the order of the calls. All texts are plain: everything is escaped here, nothing by the caller.
/// No scripts, no network: works from a USB stick in ten years. Light or dark as the reader's system is.
class HtmlReport {
 public:
  explicit HtmlReport(std::string title) : title_(std::move(title)) {}

  HtmlReport& section(const std::string& heading);
  HtmlReport& paragraph(const std::string& text);
  /// Text with its line breaks, in a fixed-width font: a command, a topology.
  HtmlReport& preformatted(const std::string& text);
  HtmlReport& list(const std::vector<std::string>& items);

  /// Throws ArgumentError if a row is not as long as the header.
  HtmlReport& table(const ReportTable& table);

  HtmlReport& figure(const SvgPlot& plot, const std::string& caption = {});

  /// Pictures side by side, each scaled to height_px; small ones with their pixels as squares, and of large
  /// ones no more pixels are stored. Throws ArgumentError on pictures that are not grey or RGB.
  HtmlReport& thumbnails(const std::vector<Thumbnail>& pictures, int height_px = 96);

  /// The whole document.
  std::string html() const;

  /// Throws IoError; path is then as it was.
  void write(const std::filesystem::path& path) const { write_file_atomically(path, html()); }

  /// The image, or what it is at this height, in `memory`.
  static ImageView shrunk(ImageView image, int height, Image& memory);

 private:
  static bool is_numeric(const ReportTable& table, std::size_t column);

  static const char* style();

  std::string title_, body_;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/report/report.ipp>
#endif
