#include "../../../bench/adapt/terminal.hpp"

#include <doctest/doctest.h>

#include <weir/core/isa.hpp>

namespace WEIR_UNIT {

TEST_CASE("adapt: columns of a table on the terminal are as wide as their widest cell; numbers end at the right") {
  weir::detail::ReportTable t;
  t.header = {"stage", "us", "%", "right"};
  t.rows = {{"a", "1.5", "10", "99"}, {"a longer one", "2", "90", "8"}};
  CHECK(adapt::table_text(t) ==
        "stage          us   %  right  \n"
        "a             1.5  10     99  \n"
        "a longer one    2  90      8  ");
  t.header = {"mode", "who", "a", "b", "c"};
  t.rows = {{"m", "x", "1", "22", "3"}};
  CHECK(adapt::table_text(t) ==
        "mode  who  a   b  c  \n"
        "m     x    1  22  3  ");
}

}  // namespace WEIR_UNIT
