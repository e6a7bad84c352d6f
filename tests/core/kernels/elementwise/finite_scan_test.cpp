#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/elementwise/finite_scan.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

namespace {

using Limits = std::numeric_limits<float>;
constexpr float not_finite[] = {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()};

}  // namespace

TEST_CASE("all_finite: one number among many tells, wherever it lies; none behind them does") {
  for (const weir::Isa isa : kernels_test::isas())
    for (std::int64_t n = 0; n < 150; n += n < 70 ? 1 : 13) {
      std::vector<float> x(static_cast<std::size_t>(n + 32), Limits::max());
      for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -Limits::denorm_min();
      std::fill(x.begin() + n, x.end(), Limits::quiet_NaN());
      CHECK(weir::kernels::all_finite(isa, x.data(), n));
      for (std::int64_t i = 0; i < n; ++i) {
        float& v = x[static_cast<std::size_t>(i)];
        const float before = v;
        v = not_finite[i % 3];
        CHECK_FALSE(weir::kernels::all_finite(isa, x.data(), n));
        v = before;
      }
    }
}

TEST_CASE("finite scan: of planes apart, but not of the last one's lanes behind the channels, nor between planes") {
  for (const weir::Isa isa : kernels_test::isas()) {
    const std::int64_t L = weir::lanes(isa), planes = 3, pixels = 5, plane = pixels * L, apart = plane + 2 * L;
    for (std::int64_t used = 1; used <= L; ++used) {
      std::vector<float> x(static_cast<std::size_t>(planes * apart), 1.0F);
      for (std::int64_t i = 0; i < planes * apart; ++i) {
        float& v = x[static_cast<std::size_t>(i)];
        v = not_finite[i % 3];
        const std::int64_t p = i / apart, at = i % apart;
        const bool counts = at < plane && (p + 1 < planes || at % L < used);
        bool finite = true;
        weir::simd::simd_call<weir::kernels::FiniteScan>(isa, x.data(), planes, apart, plane, used, &finite);
        CHECK(finite != counts);
        v = 1;
      }
    }
  }
}

}  // namespace WEIR_UNIT
