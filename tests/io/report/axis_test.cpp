#include <limits>
#include <weir/io/report/axis.hpp>
#include <weir/io/report/svg.hpp>

#include "../io_test.hpp"

namespace WEIR_UNIT {

using weir::detail::PlotAxis;

namespace {

std::vector<std::string> labels(const PlotAxis& axis) {
  std::vector<std::string> out;
  for (const double t : axis.ticks()) out.push_back(axis.label(t));
  return out;
}
using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("PlotAxis: round ticks") {
  CHECK(labels(PlotAxis(0, 1, false)) == Labels{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(labels(PlotAxis(0.3, 97, false)) == Labels{"0", "20", "40", "60", "80", "100"});
  CHECK(labels(PlotAxis(-3, 7, false)) == Labels{"-4", "-2", "0", "2", "4", "6", "8"});
  CHECK(labels(PlotAxis(0.93, 0.94, false)) == Labels{"0.930", "0.932", "0.934", "0.936", "0.938", "0.940"});
  CHECK(labels(PlotAxis(0, 5e8, false)) == Labels{"0", "1e+08", "2e+08", "3e+08", "4e+08", "5e+08"});
  CHECK(labels(PlotAxis(1, 1000, true)) == Labels{"1", "10", "100", "1000"});
  CHECK(labels(PlotAxis(0.02, 2, true)) == Labels{"0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"});
  CHECK(labels(PlotAxis(1e-9, 1e9, true)).size() <= 8);
  CHECK(labels(PlotAxis(20, 30, true)) == Labels{"20", "22", "24", "26", "28", "30"});
}

TEST_CASE("PlotAxis: for any range, ticks increase, have different labels, and the range is within the axis") {
  std::vector<double> ends{0,
                           -0.0,
                           1e-300,
                           -1e300,
                           1e300,
                           1e-12,
                           -1e-12,
                           0.1,
                           0.3,
                           1,
                           -1,
                           7,
                           100,
                           100.0000001,
                           12345.678,
                           1e7,
                           1e15,
                           std::numeric_limits<double>::denorm_min(),
                           std::numeric_limits<double>::max()};
  for (const double a : ends)
    for (const double b : ends)
      for (const int wanted : {-1, 2, 4, 6, 10})
        for (const bool is_log : {false, true}) {
          if (is_log && (a <= 0 || b <= 0)) continue;
          INFO(a, " ", b, " ", wanted, is_log ? " log" : "");
          const PlotAxis axis(a, b, is_log, wanted);
          const double lo = std::clamp(std::min(a, b), is_log ? 1e-280 : -1e300, is_log ? 1e280 : 1e300);
          const double hi = std::clamp(std::max(a, b), is_log ? 1e-280 : -1e300, is_log ? 1e280 : 1e300);
          REQUIRE(axis.lo() < axis.hi());
          const double slack = (axis.hi() - axis.lo()) * 1e-6;
          REQUIRE(axis.lo() <= lo + slack);
          REQUIRE(axis.hi() >= hi - slack);
          REQUIRE(axis.position(axis.lo()) == doctest::Approx(0));
          REQUIRE(axis.position(axis.hi()) == doctest::Approx(1));
          REQUIRE(axis.ticks().size() >= 1);
          REQUIRE(axis.ticks().size() <= 30);
          for (std::size_t i = 0; i < axis.ticks().size(); ++i) {
            REQUIRE(axis.ticks()[i] >= axis.lo());
            REQUIRE(axis.ticks()[i] <= axis.hi());
            if (i > 0) REQUIRE(axis.ticks()[i] > axis.ticks()[i - 1]);
          }
        }
}

TEST_CASE("PlotAxis: neighbouring ticks have different labels on axes of figures") {
  for (double lo = 1e-5; lo < 1e6; lo *= 3.7)
    for (double width = 1e-3; width < 1e4; width *= 2.3)
      for (const bool is_log : {false, true}) {
        const Labels l = labels(PlotAxis(lo, lo * (1 + width), is_log));
        INFO(lo, " ", width);
        REQUIRE(std::adjacent_find(l.begin(), l.end()) == l.end());
      }
}

}  // namespace WEIR_UNIT
