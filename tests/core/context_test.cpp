#include <doctest/doctest.h>

#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>

namespace WEIR_UNIT {

TEST_CASE("Context: options out of range are refused by name") {
  CHECK_THROWS_AS(weir::Context({.threads = 0}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Context({.threads = 5000}), weir::ArgumentError);
  CHECK_THROWS_WITH_AS(weir::Context({.isa = "sse9"}), "instruction set 'sse9' is unknown: portable, avx2, avx512",
                       weir::ArgumentError);
  CHECK_THROWS_AS(weir::Context({.gemm = "mkl"}), weir::ArgumentError);
  CHECK(weir::Context({.isa = "portable"}).isa() == weir::Isa::portable);
}

}  // namespace WEIR_UNIT
