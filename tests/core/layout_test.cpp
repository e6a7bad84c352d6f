#include <doctest/doctest.h>

#include <cstdint>
#include <weir/core/element.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/layout.hpp>
#include <weir/core/shape.hpp>

namespace WEIR_UNIT {

using weir::Isa, weir::Layout, weir::Shape;

TEST_CASE("layout: a blocked tensor takes whole vectors of channels, a plain one what it holds") {
  static_assert(weir::lanes(Isa::portable) == 4 && weir::lanes(Isa::avx2) == 8 && weir::lanes(Isa::avx512) == 16);
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
    for (std::int64_t C = 1; C < 40; ++C) {
      std::int64_t vectors = 0;
      while (vectors * weir::lanes(isa) < C) ++vectors;
      CHECK(weir::round_up(C, weir::lanes(isa)) == vectors * weir::lanes(isa));
      CHECK(weir::floats_of({3, C, 5, 7}, Layout::blocked, isa) == 3 * vectors * weir::lanes(isa) * 35);
      CHECK(weir::floats_of({3, C}, Layout::blocked, isa) == 3 * vectors * weir::lanes(isa));
      CHECK(weir::floats_of({3, C, 5, 7}, Layout::plain, isa) == 3 * C * 35);
    }
  // Of so many examples of one channel only the blocks are too large.
  const Shape many{std::int64_t{1} << 38, 1};
  CHECK(weir::floats_of(many, Layout::plain, Isa::avx512) == std::int64_t{1} << 38);
  CHECK_THROWS_AS((void)weir::floats_of(many, Layout::blocked, Isa::avx512), weir::ShapeError);
}

TEST_CASE("elements: each takes the bytes of its type") {
  using weir::Element;
  static_assert(weir::bytes_of(Element::float32) == sizeof(float));
  static_assert(weir::bytes_of(Element::int32) == sizeof(std::int32_t));
  static_assert(weir::bytes_of(Element::int8) == sizeof(std::int8_t));
  static_assert(weir::bytes_of(Element::uint8) == sizeof(std::uint8_t));
}

}  // namespace WEIR_UNIT
