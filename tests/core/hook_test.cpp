#include <doctest/doctest.h>

#include <weir/core/hook.hpp>

namespace WEIR_UNIT {

TEST_CASE("matches: * and ? as in file names") {
  using weir::detail::matches;
  CHECK(matches("*", ""));
  CHECK(matches("layer?.out", "layer1.out"));
  CHECK(matches("*conv*", "a/conv2/b"));
  CHECK(matches("a*b*c", "aXbYbZc"));
  CHECK(matches("*a", "aba"));
  CHECK_FALSE(matches("", "a"));
  CHECK_FALSE(matches("layer?", "layer"));
  CHECK_FALSE(matches("a*b", "acbd"));
}

}  // namespace WEIR_UNIT
