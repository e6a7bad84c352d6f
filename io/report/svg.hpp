/// SvgPlot: lines and scatters as SVG.
#pragma once
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/finite_math.hpp>
#include <weir/io/report/axis.hpp>
#include <weir/io/report/markup.hpp>

namespace weir::detail {

/// A point, with the lengths of its error bar (0: none) and what is shown when the mouse is over it
/// (empty: series and coordinates).
struct PlotPoint {
  double x = 0, y = 0;
  double error_below = 0, error_above = 0;
  std::string title = {};
  std::string label = {};  ///< beside it, where there is room
};

/// A point that is not finite (or not above 0 on a logarithmic axis) is not drawn and interrupts the line.
struct PlotSeries {
  std::string name = {};  ///< in the legend; empty: not there
  std::vector<PlotPoint> points = {};
  bool has_line = true;
  bool has_markers = true;
  bool is_dashed = false;
  std::optional<std::size_t> style = {};  ///< colour and shape, 0 to 6: to keep them from plot to plot; else by order
  bool is_ring = false;                   ///< its points are large rings, drawn around what is there
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

  /// Where data (x, y) lie in the viewBox of svg(), in its pixels.
  std::pair<double, double> place(double x, double y) const;

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
  /// Colour and shape of series s.
  std::size_t style_of(std::size_t s) const { return series_[s].style.value_or(s) % colours; }
  bool is_drawn(const PlotPoint& p) const {
    return std::isfinite(p.x) && std::isfinite(p.y) && (!options_.log_x || p.x > 0) && (!options_.log_y || p.y > 0);
  }
  PlotAxis make_axis(bool is_x, int wanted) const;
  std::vector<LegendEntry> place_legend(double left, double right, double& y) const;
  Frame frame(std::vector<LegendEntry>* legend = nullptr) const;
  std::string axes(const Frame& f) const;
  std::string draw(std::size_t s, const Frame& f) const;
  std::string labels(const Frame& f) const;
  std::string title_of(const PlotSeries& series, const PlotPoint& p) const;

  PlotOptions options_;
  std::vector<PlotSeries> series_;
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/io/report/svg.ipp>
#endif
