#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <weir/core/message.hpp>

namespace {

using weir::detail::message;

TEST_CASE("message: text of all kinds and numbers as std::to_string writes them") {
  const std::string name = "conv1";
  const std::string_view part = std::string_view("kernels").substr(0, 6);
  CHECK(message({"node '", name, "': ", part, " ", name + "!"}) == "node 'conv1': kernel conv1!");
  const std::size_t large = std::numeric_limits<std::size_t>::max();
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  CHECK(message({large, " ", least, " ", -7, " ", 0, " ", 3U, " ", true}) ==
        std::to_string(large) + " " + std::to_string(least) + " -7 0 3 1");
  CHECK(message({0.1F, " ", -2.5, " ", 1e20}) ==
        std::to_string(0.1F) + " " + std::to_string(-2.5) + " " + std::to_string(1e20));
}

TEST_CASE("message: empty text is no number") {
  CHECK(message({std::string_view(), "", std::string(), "x"}) == "x");
  CHECK(message({}).empty());
}

}  // namespace
