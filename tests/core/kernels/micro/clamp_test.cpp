#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <limits>
#include <weir/core/kernels/micro/clamp.hpp>

namespace WEIR_UNIT {

TEST_CASE("clamp: min(max(v, lo), hi); the default changes nothing, NaN stays NaN") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const float v : {-inf, -7.5F, -0.0F, 0.0F, 1e-45F, 3.0F, 6.0F, 8.0F, inf}) {
    CHECK(weir::kernels::Clamp{}(v) == v);
    CHECK(weir::kernels::Clamp{0, inf}(v) == std::fmin(std::fmax(v, 0.0F), inf));
    CHECK(weir::kernels::Clamp{0, 6}(v) == std::fmin(std::fmax(v, 0.0F), 6.0F));
    CHECK(weir::kernels::Clamp{2, 2}(v) == 2);
  }
  for (const weir::kernels::Clamp& c :
       {weir::kernels::Clamp{}, weir::kernels::Clamp{0, inf}, weir::kernels::Clamp{0, 6}})
    CHECK(std::isnan(c(NAN)));
}

}  // namespace WEIR_UNIT
