/// SvgPlot: lines and scatters as SVG.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/finite_math.hpp>
#include <weir/io/report/axis.hpp>
#include <weir/io/report/markup.hpp>

namespace weir {

/// A point, with the lengths of its error bar (0: none) and what is shown when the mouse is over it
/// (empty: series and coordinates).
struct PlotPoint {
  double x = 0, y = 0;
  double error_below = 0, error_above = 0;
  std::string title = {};
};

/// A point that is not finite (or not above 0 on a logarithmic axis) is not drawn and interrupts the line.
struct PlotSeries {
  std::string name = {};  ///< in the legend; empty: not there
  std::vector<PlotPoint> points = {};
  bool has_line = true;
  bool has_markers = true;
  bool is_dashed = false;
};

struct PlotOptions {
  std::string title = {}, x_label = {}, y_label = {};
  bool log_x = false, log_y = false;
  std::optional<double> x_min = {}, x_max = {}, y_min = {}, y_max = {};  ///< widen the range to these values
  int width = 720, height = 430;                                         ///< in CSS pixels; scales with its container
};

/// A plot as one self-contained `<svg>` element: colours of Okabe and Ito ("Color Universal Design", 2008) that
/// colour-blind people can tell apart, a marker shape per series beside them, light or dark as the reader's system is.
class SvgPlot {
 public:
  explicit SvgPlot(PlotOptions options) : options_(std::move(options)) {}
  SvgPlot& add(PlotSeries series) {
    series_.push_back(std::move(series));
    return *this;
  }
  const PlotOptions& options() const { return options_; }

  std::string svg() const;

 private:
  struct Frame {
    PlotAxis x, y;
    double left, top, right, bottom;
    double px(double v) const { return left + x.position(v) * (right - left); }
    double py(double v) const { return bottom - y.position(v) * (bottom - top); }
  };
  struct LegendEntry {
    std::size_t series;
    double x, y;
  };

  static constexpr std::size_t colours = 7;

  static const char* style();
  static std::string num(double v) { return format_fixed(v, 2); }
  static std::string colour(std::size_t s) { return "c" + std::to_string(s % colours); }
  /// Width of text in the font at 13 px, roughly: it only has to keep things apart.
  static double text_width(const std::string& text) {
    const auto letters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
    return 7.2 * static_cast<double>(letters);
  }
  static std::string text(double x, double y, const std::string& attributes, const std::string& content) {
    return "<text x=\"" + num(x) + "\" y=\"" + num(y) + "\" " + attributes + ">" + escape_markup(content) + "</text>\n";
  }
  static std::string line(double x1, double y1, double x2, double y2, const std::string& attributes) {
    return "<line x1=\"" + num(x1) + "\" y1=\"" + num(y1) + "\" x2=\"" + num(x2) + "\" y2=\"" + num(y2) + "\" " +
           attributes + "/>\n";
  }

  bool is_drawn(const PlotPoint& p) const {
    return std::isfinite(p.x) && std::isfinite(p.y) && (!options_.log_x || p.x > 0) && (!options_.log_y || p.y > 0);
  }
  static bool has_bar(const PlotPoint& p) {
    return (p.error_below > 0 || p.error_above > 0) && std::isfinite(p.y - p.error_below) &&
           std::isfinite(p.y + p.error_above);
  }
  PlotAxis make_axis(bool is_x, int wanted) const;
  std::vector<LegendEntry> place_legend(double left, double right, double& y) const;
  static std::string marker(std::size_t s, double x, double y, const std::string& title);
  std::string axes(const Frame& f) const;
  std::string draw(std::size_t s, const Frame& f) const;
  std::string title_of(const PlotSeries& series, const PlotPoint& p) const;

  PlotOptions options_;
  std::vector<PlotSeries> series_;
};

inline const char* SvgPlot::style() {
  return R"(<style>
.weir-plot{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif;max-width:100%;height:auto}
.weir-plot text{fill:#333}
.weir-plot .title{font-size:16px;font-weight:600;fill:#111}
.weir-plot .grid{stroke:#e6e6e6;stroke-width:1}
.weir-plot .axis{stroke:#888;stroke-width:1}
.weir-plot .line{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
.weir-plot .dashed{stroke-dasharray:7 5}
.weir-plot .bar{stroke-width:1.5;opacity:.65}
.weir-plot .mark{stroke-width:1.25}
.weir-plot .mark:hover{stroke-width:5}
.weir-plot .c0{stroke:#0072b2}.weir-plot .mark.c0{fill:#0072b2}
.weir-plot .c1{stroke:#d55e00}.weir-plot .mark.c1{fill:#d55e00}
.weir-plot .c2{stroke:#009e73}.weir-plot .mark.c2{fill:#009e73}
.weir-plot .c3{stroke:#b05a8c}.weir-plot .mark.c3{fill:#b05a8c}
.weir-plot .c4{stroke:#d08f00}.weir-plot .mark.c4{fill:#d08f00}
.weir-plot .c5{stroke:#3fa0dc}.weir-plot .mark.c5{fill:#3fa0dc}
.weir-plot .c6{stroke:#555}.weir-plot .mark.c6{fill:#555}
@media (prefers-color-scheme:dark){
.weir-plot text{fill:#ccc}
.weir-plot .title{fill:#f2f2f2}
.weir-plot .grid{stroke:#333}
.weir-plot .axis{stroke:#888}
.weir-plot .c0{stroke:#4da3e0}.weir-plot .mark.c0{fill:#4da3e0}
.weir-plot .c1{stroke:#ff8434}.weir-plot .mark.c1{fill:#ff8434}
.weir-plot .c2{stroke:#2cc79a}.weir-plot .mark.c2{fill:#2cc79a}
.weir-plot .c3{stroke:#e39bc6}.weir-plot .mark.c3{fill:#e39bc6}
.weir-plot .c4{stroke:#f0b840}.weir-plot .mark.c4{fill:#f0b840}
.weir-plot .c5{stroke:#93d2ff}.weir-plot .mark.c5{fill:#93d2ff}
.weir-plot .c6{stroke:#bbb}.weir-plot .mark.c6{fill:#bbb}
}
</style>
)";
}

inline PlotAxis SvgPlot::make_axis(bool is_x, int wanted) const {
  double lo = std::numeric_limits<double>::infinity(), hi = -lo;
  const bool is_log = is_x ? options_.log_x : options_.log_y;
  const auto include = [&](double v) {
    if (!std::isfinite(v) || (is_log && v <= 0)) return;
    lo = std::min(lo, v);
    hi = std::max(hi, v);
  };
  for (const PlotSeries& series : series_)
    for (const PlotPoint& p : series.points) {
      if (!is_drawn(p)) continue;
      include(is_x ? p.x : p.y);
      if (is_x) continue;
      if (!has_bar(p)) continue;
      include(p.y - p.error_below);
      include(p.y + p.error_above);
    }
  for (const auto& bound : {is_x ? options_.x_min : options_.y_min, is_x ? options_.x_max : options_.y_max})
    if (bound) include(*bound);
  if (lo > hi) lo = is_log ? 1 : 0, hi = is_log ? 10 : 1;
  return PlotAxis(lo, hi, is_log, wanted);
}

inline std::vector<SvgPlot::LegendEntry> SvgPlot::place_legend(double left, double right, double& y) const {
  std::vector<LegendEntry> entries;
  double x = left;
  for (std::size_t s = 0; s < series_.size(); ++s) {
    if (series_[s].name.empty()) continue;
    const double width = 34 + text_width(series_[s].name) + 18;
    if (!entries.empty() && x + width > right) {
      x = left;
      y += 20;
    }
    entries.push_back({s, x, y});
    x += width;
  }
  if (!entries.empty()) y += 20;
  return entries;
}

inline std::string SvgPlot::marker(std::size_t s, double x, double y, const std::string& title) {
  const std::string attributes = "class=\"mark " + colour(s) + "\"";
  const std::string inner = title.empty() ? "/>\n" : "><title>" + escape_markup(title) + "</title>";
  const auto polygon = [&](std::initializer_list<std::pair<double, double>> corners) {
    std::string points;
    for (const auto& [dx, dy] : corners) points += num(x + dx) + "," + num(y + dy) + " ";
    points.pop_back();
    return "<polygon points=\"" + points + "\" " + attributes + inner + (title.empty() ? "" : "</polygon>\n");
  };
  switch (s % 4) {
    case 1:
      return polygon({{-3.6, -3.6}, {3.6, -3.6}, {3.6, 3.6}, {-3.6, 3.6}});
    case 2:
      return polygon({{0, -4.8}, {4.6, 3.4}, {-4.6, 3.4}});
    case 3:
      return polygon({{0, -5.2}, {5.2, 0}, {0, 5.2}, {-5.2, 0}});
    default:
      return "<circle cx=\"" + num(x) + "\" cy=\"" + num(y) + "\" r=\"4\" " + attributes + inner +
             (title.empty() ? "" : "</circle>\n");
  }
}

inline std::string SvgPlot::axes(const Frame& f) const {
  std::string out;
  for (const double t : f.y.ticks()) {
    out += line(f.left, f.py(t), f.right, f.py(t), "class=\"grid\"");
    out += text(f.left - 9, f.py(t) + 4.5, "text-anchor=\"end\"", f.y.label(t));
  }
  for (const double t : f.x.ticks()) {
    out += line(f.px(t), f.top, f.px(t), f.bottom, "class=\"grid\"");
    out += text(f.px(t), f.bottom + 20, "text-anchor=\"middle\"", f.x.label(t));
  }
  out += line(f.left, f.bottom, f.right, f.bottom, "class=\"axis\"");
  out += line(f.left, f.top, f.left, f.bottom, "class=\"axis\"");
  const double mid_y = (f.top + f.bottom) / 2;
  out += text((f.left + f.right) / 2, f.bottom + 44, "text-anchor=\"middle\"", options_.x_label);
  out += text(18, mid_y, "text-anchor=\"middle\" transform=\"rotate(-90 18 " + num(mid_y) + ")\"", options_.y_label);
  return out;
}

inline std::string SvgPlot::title_of(const PlotSeries& series, const PlotPoint& p) const {
  if (!p.title.empty()) return p.title;
  std::string out = series.name.empty() ? "" : series.name + "\n";
  out += (options_.x_label.empty() ? "x" : options_.x_label) + ": " + format_short(p.x) + "\n";
  out += (options_.y_label.empty() ? "y" : options_.y_label) + ": " + format_short(p.y);
  if (has_bar(p)) out += " (" + format_short(p.y - p.error_below) + " to " + format_short(p.y + p.error_above) + ")";
  return out;
}

inline std::string SvgPlot::draw(std::size_t s, const Frame& f) const {
  const PlotSeries& series = series_[s];
  std::string path, bars, marks;
  bool pen_down = false;
  for (const PlotPoint& p : series.points) {
    if (!is_drawn(p)) {
      pen_down = false;
      continue;
    }
    const double x = f.px(p.x), y = f.py(p.y);
    path += (pen_down ? "L" : "M") + num(x) + " " + num(y);
    pen_down = true;
    if (has_bar(p)) {
      // On a logarithmic axis a bar may reach below what the axis shows.
      const double foot = f.y.is_log() ? std::max(p.y - p.error_below, f.y.lo()) : p.y - p.error_below;
      const double low = f.py(foot), high = f.py(p.y + p.error_above);
      bars += line(x, low, x, high, "class=\"bar " + colour(s) + "\"");
      for (const double end : {low, high}) bars += line(x - 4, end, x + 4, end, "class=\"bar " + colour(s) + "\"");
    }
    if (series.has_markers) marks += marker(s, x, y, title_of(series, p));
  }
  if (!series.has_line || path.empty()) path.clear();
  const std::string classes = "line " + colour(s) + (series.is_dashed ? " dashed" : "");
  return bars + (path.empty() ? "" : "<path class=\"" + classes + "\" d=\"" + path + "\"/>\n") + marks;
}

/// The plot. Cost: linear in the points.
inline std::string SvgPlot::svg() const {
  const double width = std::max(options_.width, 200), height = std::max(options_.height, 160);
  const PlotAxis x = make_axis(true, options_.width < 500 ? 4 : 7), y = make_axis(false, 6);
  double widest = 0;
  for (const double t : y.ticks()) widest = std::max(widest, text_width(y.label(t)));
  Frame f{x, y, 16 + widest + (options_.y_label.empty() ? 0 : 26), 16, width - 24, height - 32};
  if (!options_.x_label.empty()) f.bottom -= 22;
  double top = 16;
  if (!options_.title.empty()) top += 28;
  const auto legend = place_legend(f.left, f.right, top);
  f.top = std::min(legend.empty() ? top : top + 4, f.bottom - 40);

  const std::string size = "width=\"" + format_short(width) + "\" height=\"" + format_short(height) + "\"";
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"weir-plot\" " + size + " viewBox=\"0 0 " +
                    format_short(width) + " " + format_short(height) + "\" role=\"img\">\n";
  out += "<title>" + escape_markup(options_.title) + "</title>\n";
  out += style();
  if (!options_.title.empty()) {
    const double room = (width - f.left - 8) / (text_width(options_.title) * 1.4);
    const std::string shrunk = room < 1 ? " style=\"font-size:" + num(std::max(16 * room, 9.0)) + "px\"" : "";
    out += text(f.left, 26, "class=\"title\"" + shrunk, options_.title);
  }
  out += axes(f);
  for (std::size_t s = 0; s < series_.size(); ++s) out += draw(s, f);
  for (const LegendEntry& e : legend) {
    const PlotSeries& series = series_[e.series];
    if (series.has_line)
      out +=
          line(e.x, e.y, e.x + 26, e.y, "class=\"line " + colour(e.series) + (series.is_dashed ? " dashed\"" : "\""));
    if (series.has_markers) out += marker(e.series, e.x + 13, e.y, "");
    out += text(e.x + 34, e.y + 4.5, "", series.name);
  }
  return out + "</svg>\n";
}

}  // namespace weir
