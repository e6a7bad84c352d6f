#include <limits>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/elementwise/map.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

#include "../kernels_test.hpp"

namespace WEIR_UNIT {

namespace {

/// Largest error of Function against f over [low, high], relative to f but at least to floor.
template <class Function>
double error(const weir::Context& context, float low, float high, double (*f)(double), weir::kernels::MapParams p = {},
             double floor = 1e-37) {
  constexpr std::int64_t n = 50'001;
  weir::Tensor x(weir::Shape{n}), expected(weir::Shape{n});
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = low + (high - low) * static_cast<float>(i) / static_cast<float>(n - 1);
    expected[i] = static_cast<float>(f(double{x[i]}));
  }
  weir::kernels::map<Function>(context, x.data(), x.data(), n, p);
  return kernels_test::relative_error(x, expected, floor);
}

}  // namespace

TEST_CASE("map: within a few units in the last place over the whole range") {
  constexpr double ulp = 1.2e-7;
  for (const weir::Context& c : kernels_test::contexts()) {
    CAPTURE(weir::to_string(c.isa()));
    CHECK(error<weir::kernels::maps::Exp>(c, -87.0F, 88.7F, [](double x) { return std::exp(x); }) < 2 * ulp);
    CHECK(error<weir::kernels::maps::Tanh>(c, -20.0F, 20.0F, [](double x) { return std::tanh(x); }) < 4 * ulp);
    CHECK(error<weir::kernels::maps::Tanh>(c, -1e-3F, 1e-3F, [](double x) { return std::tanh(x); }) < 4 * ulp);
    CHECK(error<weir::kernels::maps::Sigmoid>(c, -80.0F, 80.0F, [](double x) { return 1 / (1 + std::exp(-x)); }) <
          4 * ulp);
    CHECK(error<weir::kernels::maps::Elu>(c, -50.0F, 5.0F, [](double x) { return x < 0 ? std::expm1(x) : x; }, {1.0F}) <
          5 * ulp);
    CHECK(error<weir::kernels::maps::LeakyRelu>(c, -5.0F, 5.0F, [](double x) { return x < 0 ? 0.25 * x : x; },
                                                {0.25F}) == 0);
    CHECK(error<weir::kernels::maps::Clip>(c, -5.0F, 9.0F, [](double x) { return std::clamp(x, -1.0, 6.0); },
                                           {-1, 6}) == 0);
  }
}

TEST_CASE("map: infinities and NaN") {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const weir::Context& c : kernels_test::contexts()) {
    const auto of = [&](auto function, float x, weir::kernels::MapParams p = {}) {
      weir::kernels::map<decltype(function)>(c, &x, &x, 1, p);
      return x;
    };
    CHECK(of(weir::kernels::maps::Exp{}, inf) == inf);
    CHECK(of(weir::kernels::maps::Exp{}, 89.0F) == inf);
    CHECK(of(weir::kernels::maps::Exp{}, -inf) == 0);
    CHECK(of(weir::kernels::maps::Exp{}, 0) == 1);
    CHECK(std::isnan(of(weir::kernels::maps::Exp{}, nan)));
    CHECK(of(weir::kernels::maps::Tanh{}, inf) == 1);
    CHECK(of(weir::kernels::maps::Tanh{}, -inf) == -1);
    CHECK(std::isnan(of(weir::kernels::maps::Tanh{}, nan)));
    CHECK(of(weir::kernels::maps::Sigmoid{}, -inf) == 0);
    CHECK(of(weir::kernels::maps::Sigmoid{}, inf) == 1);
    CHECK(std::isnan(of(weir::kernels::maps::Clip{}, nan, {0, inf})));
    CHECK(of(weir::kernels::maps::Clip{}, inf, {0, 6}) == 6);
  }
}

TEST_CASE("map: an element's result does not depend on its place, and nothing else is written") {
  for (const weir::Context& c : kernels_test::contexts())
    for (std::int64_t n : {0, 1, 3, 4, 15, 16, 17, 33, 100'000}) {
      kernels_test::Fenced y(weir::Shape{n});
      std::fill_n(y.view().data, n, 0.7F);
      weir::kernels::map<weir::kernels::maps::Sigmoid>(c, y.view().data, y.view().data, n, {});
      CHECK(y.fences_intact());
      bool same = true;
      for (float v : y.view().span()) same = same && v == y.view().data[0];
      CHECK(same);
    }
}

}  // namespace WEIR_UNIT
