#include <doctest/doctest.h>

#include <memory>
#include <vector>
#include <weir/core/memory/shared_floats.hpp>

namespace WEIR_UNIT {

using weir::SharedFloats;

TEST_CASE("SharedFloats: copies share, and keep alive what the floats lie in") {
  auto whole = std::make_shared<std::vector<float>>(std::vector<float>{0, 1, 2, 3, 4});
  const std::weak_ptr<std::vector<float>> watched = whole;
  SharedFloats part(whole, whole->data() + 1, 3);
  const SharedFloats copy = part;
  CHECK(copy.data() == whole->data() + 1);
  whole.reset();
  part = {};
  REQUIRE_FALSE(watched.expired());
  CHECK(copy.size() == 3);
  CHECK(copy[2] == 3);
  CHECK(std::vector<float>(copy.begin(), copy.end()) == std::vector<float>{1, 2, 3});
}

TEST_CASE("SharedFloats: equal by value; empty ones too") {
  const std::vector<float> values{1, -2};
  CHECK(SharedFloats(values) == SharedFloats(values));
  CHECK_FALSE(SharedFloats(values) == SharedFloats(std::vector<float>{1}));
  CHECK_FALSE(SharedFloats(values) == SharedFloats(std::vector<float>{1, 2}));
  CHECK(SharedFloats() == SharedFloats(std::vector<float>()));
  CHECK(SharedFloats().empty());
}

}  // namespace WEIR_UNIT
