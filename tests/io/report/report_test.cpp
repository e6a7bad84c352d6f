#include <cmath>
#include <limits>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/report/png.hpp>
#include <weir/io/report/report.hpp>
#include <weir/io/report/svg.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains;
using weir::detail::HtmlReport, weir::detail::PlotPoint, weir::detail::PlotSeries, weir::detail::SvgPlot;

namespace {

/// "" if every tag is closed in order, every attribute quoted and every & begins an entity; else what is wrong. Reads
/// the XML that weir writes, and of HTML what it writes too (a doctype, <meta> and <img> without an end).
std::string malformed(const std::string& text) {
  std::vector<std::string> open;
  std::size_t i = 0;
  const auto around = [&](const std::string& what) { return what + " at '" + text.substr(i, 60) + "'"; };
  while (i < text.size()) {
    if (text[i] == '&') {
      const std::size_t end = text.find(';', i);
      if (end == std::string::npos || end > i + 6) return around("a bare &");
      i = end + 1;
    } else if (text[i] != '<') {
      ++i;
    } else if (text.compare(i, 9, "<!DOCTYPE") == 0) {
      i = text.find('>', i) + 1;
    } else if (text.compare(i, 2, "</") == 0) {
      const std::size_t end = text.find('>', i);
      const std::string name = text.substr(i + 2, end - i - 2);
      if (open.empty() || open.back() != name) return around("closes another tag");
      open.pop_back();
      i = end + 1;
    } else {
      std::size_t j = i + 1;
      while (j < text.size() && (std::isalnum(static_cast<unsigned char>(text[j])) != 0)) ++j;
      const std::string name = text.substr(i + 1, j - i - 1);
      if (name.empty()) return around("a bare <");
      bool is_closed = false;
      while (j < text.size() && text[j] != '>') {
        if (text[j] == '"') {
          const std::size_t end = text.find('"', j + 1);
          if (end == std::string::npos) return around("a quote is not closed");
          if (text[j - 1] != '=') return around("a quote without attribute");
          if (text.substr(j, end - j).find('<') != std::string::npos) return around("< in an attribute");
          j = end;
        } else if (text[j] == '<') {
          return around("< within a tag");
        }
        is_closed = text[j] == '/';
        ++j;
      }
      if (!is_closed && name != "meta" && name != "img") open.push_back(name);
      i = j + 1;
      if (name == "style") i = text.find("</style>", i);
    }
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

const std::string hostile = "</title></text><script>alert(\"1\")</script> & 'x' \x01 \xff";

}  // namespace

TEST_CASE("malformed: the check itself sees damage") {
  CHECK(malformed("<a><b c=\"d\"/></a>") == "");
  for (const char* bad :
       {"<a>", "<a></b>", "</a>", "a & b", "<a b=\"c></a>", "<a b=\"<\"></a>", "< a", "<a<b></b></a>"})
    CHECK(malformed(bad) != "");
}

TEST_CASE("SvgPlot: well-formed whatever the texts and numbers are") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const std::vector<double> values{0, -1, 1, 1e-300, 1e300, -1e300, nan, inf, -inf, 5e-324, 0.3};
  for (const bool log_x : {false, true})
    for (const bool log_y : {false, true})
      for (const double x : values)
        for (const double y : values) {
          SvgPlot plot({.title = hostile, .x_label = hostile, .y_label = hostile, .log_x = log_x, .log_y = log_y});
          plot.add({hostile, {{x, y, 1, 2, hostile}, {y, x, nan, inf}, {1, 1}}, true, true, true});
          const std::string svg = plot.svg();
          REQUIRE(malformed(svg) == "");
          REQUIRE_FALSE(contains(svg, "nan"));
          REQUIRE_FALSE(contains(svg, "inf"));
          REQUIRE_FALSE(contains(svg, "<script"));
        }
  CHECK(malformed(SvgPlot({}).svg()) == "");
  CHECK(malformed(SvgPlot({.title = "t", .log_x = true, .width = -5, .height = 0}).add({"empty", {}}).svg()) == "");
}

TEST_CASE("SvgPlot: points, lines, error bars, legend and hover titles") {
  SvgPlot plot({.title = "T", .x_label = "time (ms)", .y_label = "accuracy (%)"});
  plot.add({"first", {{1, 10, 1, 1}, {2, 20}, {3, 30}}});
  plot.add({"second", {{1, 15}, {2, 25, 0, 0, "my own"}}, false});
  plot.add({"", {{1, 5}, {3, 5}}, true, false, true});
  const std::string svg = plot.svg();
  CHECK(count(svg, "<path ") == 2);
  CHECK(count(svg, "class=\"bar c0\"") == 3);
  CHECK(count(svg, "<circle ") == 4);        // three points and the legend
  CHECK(count(svg, "<polygon ") == 3);       // two points and the legend
  CHECK(count(svg, "line c2 dashed") == 1);  // a series without a name is not in the legend
  CHECK(contains(svg, "<title>first\ntime (ms): 1\naccuracy (%): 10 (9 to 11)</title>"));
  CHECK(contains(svg, "<title>my own</title>"));
  CHECK(contains(svg, ">second</text>"));
}

TEST_CASE("SvgPlot: styles that stay, rings, labels and places") {
  SvgPlot plot({.x_label = "x", .log_x = true});
  PlotSeries kept{"kept", {{1, 10}, {10, 20}}}, ring{"", {{10, 20, 0, 0, "chosen", "5 times"}}, false};
  kept.style = 3;
  ring.style = 3;
  ring.is_ring = true;
  plot.add(kept).add(ring);
  const std::string svg = plot.svg();
  CHECK(malformed(svg) == "");
  CHECK(!contains(svg, "class=\"mark c0\""));
  CHECK(contains(svg, "class=\"mark c3\""));
  CHECK(contains(svg, "class=\"ring c3\" data-series=\"1\""));
  CHECK(contains(svg, "data-series=\"1\">5 times</text>"));
  const auto [x, y] = plot.place(10, 20);
  CHECK(contains(svg, "<circle cx=\"" + weir::detail::format_fixed(x, 2) + "\" cy=\"" +
                          weir::detail::format_fixed(y, 2) + "\" r=\"10\""));
  // Where there is no room that covers nothing, a label is left out.
  PlotSeries crowd{"", {}, false};
  for (int i = 0; i < 40; ++i)
    for (int j = 0; j < 20; ++j) crowd.points.push_back({1.0 + i, 1.0 + j, 0, 0, "", "label"});
  CHECK(!contains(SvgPlot({}).add(crowd).svg(), ">label<"));
}

TEST_CASE("SvgPlot: what is not finite interrupts the line; larger values lie higher and further right") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto path = [](const std::vector<PlotPoint>& points, bool is_log) {
    const std::string svg = SvgPlot({.log_x = is_log, .log_y = is_log}).add({"", points, true, false}).svg();
    const std::size_t at = svg.find(" d=\"") + 4;
    return svg.substr(at, svg.find('"', at) - at);
  };
  CHECK(count(path({{1, 1}, {2, 2}, {3, nan}, {4, 4}, {5, 5}}, false), "M") == 2);
  CHECK(count(path({{1, 1}, {2, 2}, {-3, 3}, {4, 4}}, true), "M") == 2);
  CHECK(count(path({{1, 1}, {2, 2}, {-3, 3}, {4, 4}}, false), "M") == 1);
  for (const bool is_log : {false, true}) {
    double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    REQUIRE(std::sscanf(path({{1, 1}, {20, 30}}, is_log).c_str(), "M%lf %lfL%lf %lf", &x0, &y0, &x1, &y1) == 4);
    CHECK(x0 < x1);
    CHECK(y0 > y1);
    CHECK(x0 >= 0);
    CHECK(y1 >= 0);
    CHECK(x1 <= 720);
    CHECK(y0 <= 430);
  }
}

TEST_CASE("SvgPlot: many series keep the plot and its legend inside the picture") {
  SvgPlot plot({.title = std::string(300, 'W')});
  for (int s = 0; s < 12; ++s)
    plot.add({"a series with a rather long name " + std::to_string(s), {{0, 1.0 * s}, {1, 2.0 * s}}});
  const std::string svg = plot.svg();
  CHECK(malformed(svg) == "");
  for (std::size_t at = svg.find("<line "); at != std::string::npos; at = svg.find("<line ", at + 1)) {
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    REQUIRE(std::sscanf(svg.c_str() + at, "<line x1=\"%lf\" y1=\"%lf\" x2=\"%lf\" y2=\"%lf\"", &x1, &y1, &x2, &y2) ==
            4);
    for (const double x : {x1, x2}) REQUIRE((x >= 0 && x <= 720));
    for (const double y : {y1, y2}) REQUIRE((y >= 0 && y <= 430));
  }
}

TEST_CASE("HtmlReport: well-formed and escaped whatever it is told") {
  const weir::Image grey = io_test::pattern(28, 28, 1), rgb = io_test::pattern(60, 40, 3);
  HtmlReport report(hostile);
  report.section(hostile).paragraph(hostile).preformatted(hostile).list({hostile, "b"});
  report.table({hostile, {hostile, "b"}, {{hostile, "1"}, {"x", hostile}}});
  report.figure(SvgPlot({.title = hostile}).add({hostile, {{1, 2, 0, 0, hostile}}}), hostile);
  report.thumbnails({{grey, hostile, hostile, true}, {rgb}});
  const std::string html = report.html();
  CHECK(malformed(html) == "");
  CHECK_FALSE(contains(html, "<script"));
  CHECK_FALSE(contains(html, "http://www.w3.org/1999"));
  CHECK(count(html, "src=\"data:image/png;base64,") == 2);
  CHECK(count(html, "src=") == 2);  // nothing is loaded from anywhere
  CHECK(count(html, "href=") == 0);
  CHECK(count(html, "class=\"pixels\"") == 1);
  CHECK(contains(html, weir::detail::base64(weir::detail::encode_png(grey))));
}

TEST_CASE("HtmlReport: columns of numbers are right-aligned, others not") {
  const std::string html = HtmlReport("t")
                               .table({"",
                                       {"name", "ms", "accuracy", "gain", "mixed", "empty", "sha"},
                                       {{"a", "1.25", "93.2 %", "2.8x", "3", "", "1st net"},
                                        {"b", "-", "<0.1 %", "-1.5x", "n/a", "", "a1"}}})
                               .html();
  CHECK(contains(html,
                 "<tr><th>name</th><th class=\"n\">ms</th><th class=\"n\">accuracy</th><th class=\"n\">gain</th>"
                 "<th>mixed</th><th>empty</th><th>sha</th></tr>"));
  CHECK(contains(html, "<tr><td>b</td><td class=\"n\">-</td><td class=\"n\">&lt;0.1 %</td>"));
  CHECK_THROWS_AS(HtmlReport("t").table({"", {"a", "b"}, {{"1"}}}), weir::ArgumentError);
  CHECK_THROWS_AS(HtmlReport("t").thumbnails({{}}), weir::ArgumentError);
}

TEST_CASE("HtmlReport: photographs are stored no larger than they are shown") {
  for (const int channels : {1, 3}) {
    weir::Image photo{{}, 1200, 1601, channels};
    photo.data.resize(photo.view().size_bytes());
    for (std::size_t i = 0; i < photo.data.size(); ++i)
      photo.data[i] = static_cast<std::uint8_t>(i * 2654435761U >> 24);
    const std::string html = HtmlReport("t").thumbnails({{photo, "", "", false}}).html();
    CHECK(html.size() < 96 * 128 * 3 * 2 + 20000);
    CHECK(contains(html, "height=\"96\""));
    weir::Image flat{std::vector<std::uint8_t>(photo.data.size(), 77), 1200, 1601, channels};
    const weir::Image small{std::vector<std::uint8_t>(static_cast<std::size_t>(96 * 128 * channels), 77), 96, 128,
                            channels};
    CHECK(contains(HtmlReport("t").thumbnails({{flat, "", "", false}}).html(),
                   weir::detail::base64(weir::detail::encode_png(small))));
  }
}

TEST_CASE("HtmlReport: written as a whole or not at all") {
  const io_test::TempFolder folder;
  const HtmlReport report("t");
  report.write(folder / "r.html");
  CHECK(io_test::slurp(folder / "r.html") == report.html());
  CHECK_THROWS_AS(report.write("/dev/full"), weir::IoError);
  CHECK_THROWS_AS(report.write(folder / "none/r.html"), weir::IoError);
}

}  // namespace WEIR_UNIT
