#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/kernels/resample.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "kernels_test.hpp"

namespace WEIR_UNIT {

TEST_CASE("resample: weighted sums along an axis, last or not, by any number of threads") {
  std::uint32_t random = 5;
  const auto next = [&](std::int64_t below) {
    random = random * 1664525U + 1013904223U;
    return static_cast<std::int64_t>(random >> 8) % below;
  };
  for (const weir::Context& context : {weir::Context(), weir::Context({.threads = 3})})
    for (const std::int64_t inner : {1, 2, 37})
      for (const std::int64_t from : {1, 4, 60})
        for (const std::int64_t to : {1, 3, 90})
          for (const std::int64_t taps : {1, 2, 5})
            for (const std::int64_t outer : {1, 3, 200}) {
              const bool copies = taps == 1 && to == 3;
              std::vector<float> index(static_cast<std::size_t>(to * taps)), weight(index.size(), 1.0F);
              for (float& i : index) i = static_cast<float>(next(from));
              // Quarters of whole numbers: every sum is exact.
              for (float& w : weight)
                if (!copies) w = static_cast<float>(next(17) - 8) / 4;
              weir::Tensor x({outer, from, inner});
              for (float& v : x.span()) v = static_cast<float>(next(33) - 16);
              kernels_test::Fenced y({outer, to, inner});
              weir::kernels::resample_axis(context, {from, to, taps, index.data(), weight.data(), copies}, outer, inner,
                                           x.data(), y.view().data);
              bool right = true;
              for (std::int64_t o = 0; o < outer; ++o)
                for (std::int64_t j = 0; j < to; ++j)
                  for (std::int64_t i = 0; i < inner; ++i) {
                    float sum = 0;
                    for (std::int64_t t = 0; t < taps; ++t) {
                      const auto tap = static_cast<std::size_t>(j * taps + t);
                      const auto at = (o * from + static_cast<std::int64_t>(index[tap])) * inner + i;
                      sum += weight[tap] * x[static_cast<std::size_t>(at)];
                    }
                    right = right && y.view().data[(o * to + j) * inner + i] == sum;
                  }
              CHECK(right);
              CHECK(y.fences_intact());
            }
}

TEST_CASE("resample: a copy is a copy, of NaN and zeros of either sign too") {
  const std::vector<float> index = {1, 0, 1}, weight = {1, 1, 1};
  const weir::kernels::AxisTaps taps{2, 3, 1, index.data(), weight.data(), true};
  for (const std::int64_t inner : {1, 2}) {
    const std::vector<float> x = {-0.0F, -0.0F, NAN, NAN};
    std::vector<float> y(6, 1);
    weir::kernels::resample_axis(weir::Context(), taps, 1, inner, x.data() + 2 - inner, y.data());
    for (std::int64_t i = 0; i < 3 * inner; ++i) {
      const float v = y[static_cast<std::size_t>(i)];
      if (i / inner == 1)
        CHECK((v == 0 && std::signbit(v)));
      else
        CHECK(std::isnan(v));
    }
  }
}

}  // namespace WEIR_UNIT
