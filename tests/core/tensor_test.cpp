#include <doctest/doctest.h>

#include <cstdint>
#include <utility>
#include <vector>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>

namespace WEIR_UNIT {

using weir::Shape, weir::Tensor;

TEST_CASE("Tensor: zero-filled, aligned, deep copies") {
  Tensor a(Shape{2, 3});
  CHECK(a.size() == 6);
  for (float v : a.span()) CHECK(v == 0.0F);
  CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
  a[4] = 2.5F;
  Tensor b = a;
  b[4] = 1.0F;
  CHECK(a[4] == 2.5F);
  const Tensor c = std::move(b);
  CHECK(c[4] == 1.0F);
  CHECK(c.view().shape == Shape{2, 3});
}

TEST_CASE("Tensor: the number of values must fit the shape") {
  const std::vector<float> five(5);
  CHECK_THROWS_AS((Tensor(Shape{2, 3}, five)), weir::ShapeError);
  CHECK_NOTHROW((Tensor(Shape{5}, five)));
}

TEST_CASE("Buffer: grows and never shrinks") {
  weir::Buffer b;
  CHECK(b.reserve(100) != nullptr);
  float* p = b.reserve(1000);
  CHECK(b.reserve(10) == p);
  CHECK(b.capacity() == 1000);
}

}  // namespace WEIR_UNIT
