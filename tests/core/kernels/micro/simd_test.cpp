#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>
#include <weir/core/kernels/micro/list.hpp>
#include <weir/core/kernels/micro/simd.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

namespace {

namespace simd = weir::simd;

/// What the helpers make of two vectors, one result behind the other.
struct Helpers {
  template <int W>
  [[gnu::always_inline]] static void run(const float* const& a, const float* const& b, float* const& out,
                                         int* const& width) {
    *width = W;
    simd::Floats<W> x, y, z;
    simd::load(x, a), simd::load(y, b);
    z = x, simd::take_max(z, y), simd::store(z, out);
    z = x, simd::take_min(z, y), simd::store(z, out + W);
    z = x, simd::take_even(z, y), simd::store(z, out + 2 * W);
    z = x, simd::take_odd(z, y), simd::store(z, out + 3 * W);
    z = x, simd::take_next(z, b[0]), simd::store(z, out + 4 * W);
    simd::load_part(z, a, 3), simd::store(z, out + 5 * W);
    simd::fill(z, -0.0F), simd::store(z, out + 6 * W);
    simd::store_part(x, out + 7 * W, 2);
    out[7 * W + 2] = simd::sum<W>(x);
    out[7 * W + 3] = simd::max<W>(x);
  }
};

bool same(float a, float b) { return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b); }

}  // namespace

TEST_CASE("simd: each helper does to vectors of every width what it says of their lanes") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const weir::Isa isa : kernels_test::isas()) {
    std::vector<float> a(16), b(16), out(16 * 8, 77.0F);
    for (std::size_t i = 0; i < 16; ++i) a[i] = static_cast<float>(i * 7 % 16), b[i] = static_cast<float>(20 - 3 * i);
    for (const bool nans : {false, true}) {
      if (nans) a[1] = b[2] = nan;
      int found = 0, *width = &found;
      const float *first = a.data(), *second = b.data();
      float* to = out.data();
      simd::simd_call<Helpers>(isa, first, second, to, width);
      const auto W = static_cast<std::size_t>(found);
      CHECK(found == weir::kernels::microkernels(isa).lanes);
      const auto got = [&](std::size_t row, std::size_t i) { return out[row * W + i]; };
      for (std::size_t i = 0; i < W; ++i) {
        const bool none = std::isnan(a[i]) || std::isnan(b[i]);
        CHECK(same(got(0, i), none ? nan : std::max(a[i], b[i])));
        CHECK(same(got(1, i), none ? nan : std::min(a[i], b[i])));
        const std::size_t two = 2 * i;
        CHECK(same(got(2, i), two < W ? a[two] : b[two - W]));
        CHECK(same(got(3, i), two < W ? a[two + 1] : b[two + 1 - W]));
        CHECK(same(got(4, i), i + 1 < W ? a[i + 1] : b[0]));
        CHECK(same(got(5, i), i < 3 ? a[i] : 0.0F));
        CHECK(same(got(6, i), -0.0F));
      }
      for (const std::size_t i : {0U, 1U}) CHECK(same(got(7, i), a[i]));
      float sum = 0;  // of whole numbers: exact in any order
      for (std::size_t i = 0; i < W; ++i) sum += a[i];
      CHECK(same(got(7, 2), sum));
      CHECK(same(got(7, 3), nans ? nan : *std::max_element(a.begin(), a.begin() + found)));
    }
  }
}

}  // namespace WEIR_UNIT
