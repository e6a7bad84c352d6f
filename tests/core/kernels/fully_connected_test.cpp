#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/kernels/fully_connected.hpp>
#include <weir/core/memory/shared_floats.hpp>
#include <weir/core/shape.hpp>

namespace WEIR_UNIT {

using weir::kernels::Clamp, weir::Context, weir::Isa;

TEST_CASE("FullyConnected: agrees with its formula; rows depend neither on n nor on threads") {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const auto noise = [&](std::int64_t n) {
    std::vector<float> v(static_cast<std::size_t>(n));
    for (float& x : v) x = uniform(random);
    return v;
  };
  const std::int64_t sizes[] = {1, 2, 3, 5, 10, 15, 16, 17, 31, 32, 33, 64, 100, 777};
  for (int round = 0; round < 100; ++round) {
    const std::int64_t in = sizes[random() % 14], out = sizes[random() % 14], n = 1 + random() % 33;
    const auto weights = noise(out * in), bias = noise(out), x = noise(n * in), residual = noise(n * out);
    const bool biased = round % 3 != 0, adds = round % 2 == 0;
    const Clamp clamp = round % 5 == 0 ? Clamp{-1, 2} : Clamp{};
    for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!weir::supported(isa)) continue;
      INFO(n, " x ", in, " -> ", out, " with ", weir::to_string(isa));
      const std::string name(weir::to_string(isa));
      const Context one({.isa = name}), two({.threads = 2, .isa = name});
      const weir::kernels::FullyConnected layer(in, out, weights,
                                                biased ? weir::SharedFloats(bias) : weir::SharedFloats(), one);
      const auto run = [&](const Context& context, std::int64_t first, std::int64_t rows) {
        constexpr float untouched = 12345.5F;
        std::vector<float> y(residual.begin() + first * out, residual.begin() + (first + rows) * out);
        y.resize(y.size() + 64, untouched);
        const std::size_t needs = layer.workspace_floats(context);
        std::vector<float> workspace(needs + 64, untouched);
        layer.run(context, x.data() + first * in, rows, adds ? y.data() : nullptr, y.data(), clamp, workspace.data());
        for (std::size_t i = 0; i < 64; ++i) REQUIRE((workspace[needs + i] == untouched));
        for (std::size_t i = y.size() - 64; i < y.size(); ++i) REQUIRE((y[i] == untouched));
        return y;
      };
      const auto y = run(one, 0, n);
      double worst = 0;
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < out; ++j) {
          double sum = biased ? double{bias[static_cast<std::size_t>(j)]} : 0;
          if (adds) sum += double{residual[static_cast<std::size_t>(i * out + j)]};
          for (std::int64_t k = 0; k < in; ++k)
            sum +=
                double{x[static_cast<std::size_t>(i * in + k)]} * double{weights[static_cast<std::size_t>(j * in + k)]};
          const auto expected = double{clamp(static_cast<float>(sum))};
          worst = std::max(worst, std::abs(expected - double{y[static_cast<std::size_t>(i * out + j)]}));
        }
      CHECK(worst <= 1e-6 * (3 + 0.1 * static_cast<double>(in)));
      CHECK(run(two, 0, n) == y);
      for (std::int64_t i : {std::int64_t{0}, n - 1}) {
        const auto alone = run(one, i, 1);
        CHECK(std::memcmp(alone.data(), y.data() + i * out, static_cast<std::size_t>(out) * sizeof(float)) == 0);
      }
    }
  }
}

TEST_CASE("FullyConnected: sizes that do not fit are refused") {
  const std::vector<float> v(12);
  const Context context;
  CHECK_THROWS_AS(weir::kernels::FullyConnected(4, 4, v, {}, context), weir::ShapeError);
  CHECK_THROWS_AS(weir::kernels::FullyConnected(0, 4, {}, {}, context), weir::ShapeError);
  CHECK_THROWS_AS(weir::kernels::FullyConnected(4, 3, v, v, context), weir::ShapeError);
  CHECK_NOTHROW(weir::kernels::FullyConnected(4, 3, v, std::vector<float>(3), context));
}

}  // namespace WEIR_UNIT
