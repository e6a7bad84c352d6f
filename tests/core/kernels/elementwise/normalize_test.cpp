#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/elementwise/normalize.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

using weir::kernels::NormalizedRows, weir::Tensor;

namespace {

/// In double, as the formula reads.
void check(const weir::Context& context, const NormalizedRows& p, float offset, bool with_bias) {
  const std::int64_t parameters = p.each ? p.length : p.parts * p.period;
  Tensor x = kernels_test::numbers({p.rows, p.length}, 1);
  const Tensor scale = kernels_test::numbers({parameters}, 2), bias = kernels_test::numbers({parameters}, 3);
  for (float& v : x.span()) v += offset;
  kernels_test::Fenced y(x.shape()), means({p.rows}), factors({p.rows});
  weir::kernels::normalize_rows(context, p, x.data(), scale.data(), with_bias ? bias.data() : nullptr, y.view().data,
                                means.view().data, factors.view().data);
  double worst = 0;
  for (std::int64_t r = 0; r < p.rows; ++r) {
    const float* row = x.data() + r * p.length;
    const auto n = static_cast<double>(p.length);
    double mean = 0, square = 0;
    for (std::int64_t i = 0; i < p.length; ++i) mean += double{row[i]} / n;
    if (!p.centred) mean = 0;
    for (std::int64_t i = 0; i < p.length; ++i) square += (double{row[i]} - mean) * (double{row[i]} - mean) / n;
    const double factor = 1 / std::sqrt(square + double{p.epsilon});
    CHECK(std::abs(double{means.view().data[r]} - mean) <= 3e-7 + 7e-8 * std::abs(mean));  // rounded once
    CHECK(std::abs(double{factors.view().data[r]} / factor - 1) < 1e-5);
    for (std::int64_t i = 0; i < p.length; ++i) {
      const std::int64_t k = p.each ? i : r % p.period * p.parts + i / (p.length / p.parts);
      const auto at = static_cast<std::size_t>(k);
      const double wanted = (double{row[i]} - mean) * factor * double{scale[at]} + (with_bias ? double{bias[at]} : 0.0);
      worst = std::max(worst, std::abs(wanted - double{y.view().data[r * p.length + i]}));
    }
  }
  // A float near the offset is that coarse itself, and is divided by deviations of about 2.
  CHECK(worst < 2e-5 + 1e-6 * double{std::abs(offset)});
  CHECK(y.fences_intact());
  CHECK(means.fences_intact());
  CHECK(factors.fences_intact());
}

}  // namespace

TEST_CASE("normalize: rows by their mean and variance, scales for each value or each part, with and without bias") {
  for (const weir::Context& context : kernels_test::contexts())
    for (const bool centred : {true, false}) {
      INFO(weir::to_string(context.isa()), ", ", centred);
      for (const std::int64_t length : {1, 3, 16, 37, 130, 1000}) {
        check(context, {.rows = 5, .length = length, .each = true, .centred = centred}, 0, length % 2 == 0);
        check(context, {.rows = 6, .length = length, .period = 3, .centred = centred}, 0, length % 2 == 1);
      }
      check(context, {.rows = 8, .length = 60, .parts = 5, .period = 2, .centred = centred}, 0, true);
      check(context, {.rows = 8, .length = 5, .parts = 5, .period = 4, .centred = centred}, 0, false);
      check(context, {.rows = 300, .length = 77, .parts = 7, .period = 3, .centred = centred}, 0, true);
      check(context, {.rows = 3, .length = 64, .centred = centred, .epsilon = 10}, 0, true);
    }
}

TEST_CASE("normalize: a mean far from zero costs no more accuracy than the numbers have") {
  for (const weir::Context& context : kernels_test::contexts())
    for (const float offset : {100.0F, -3000.0F, 50000.0F}) check(context, {.rows = 4, .length = 333}, offset, true);
}

TEST_CASE("normalize: rows of one value become the bias, empty ones nothing") {
  for (const weir::Context& context : kernels_test::contexts()) {
    const std::vector<float> x(40, 7.25F), scale(20, 3), bias(20, -2);
    std::vector<float> y(40, 1);
    weir::kernels::normalize_rows(context, {.rows = 2, .length = 20, .each = true}, x.data(), scale.data(), bias.data(),
                                  y.data());
    CHECK(std::ranges::all_of(y, [](float v) { return v == -2; }));
    weir::kernels::normalize_rows(context, {.rows = 2}, x.data(), scale.data(), bias.data(), y.data());
    CHECK(y[0] == -2);
  }
}

}  // namespace WEIR_UNIT
