// The trade-off curve as SVG, as the report draws it.
#include <weir/io/report/svg.hpp>

#include "bindings.hpp"

namespace weir::python {

namespace {

/// series: [{"name", "x", "y", "line", "markers", "dashed", "titles"}]
std::string svg(const py::list& series, const std::string& title, const std::string& x_label,
                const std::string& y_label, bool log_x, int width, int height) {
  detail::PlotOptions o;
  o.title = title, o.x_label = x_label, o.y_label = y_label, o.log_x = log_x, o.width = width, o.height = height;
  detail::SvgPlot plot(o);
  for (const auto& item : series) {
    const auto d = item.cast<py::dict>();
    detail::PlotSeries s;
    s.name = d["name"].cast<std::string>();
    s.has_line = d["line"].cast<bool>(), s.has_markers = d["markers"].cast<bool>();
    s.is_dashed = d["dashed"].cast<bool>();
    const py::array_t<double> x = doubles(d["x"], "plot: x", 1), y = doubles(d["y"], "plot: y", 1);
    if (x.size() != y.size()) throw ShapeError("plot: x and y must be of one length");
    for (py::ssize_t i = 0; i < x.size(); ++i) s.points.push_back({x.data()[i], y.data()[i], 0, 0, {}});
    plot.add(std::move(s));
  }
  return plot.svg();
}

}  // namespace

void bind_plot(py::module_& m) {
  m.def("_svg", &svg, py::arg("series"), py::arg("title"), py::arg("x_label"), py::arg("y_label"), py::arg("log_x"),
        py::arg("width") = 720, py::arg("height") = 380);
}

}  // namespace weir::python
