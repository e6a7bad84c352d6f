#include <doctest/doctest.h>

#include <cstdint>
#include <weir/core/function_ref.hpp>

namespace {

/// What takes one is compiled once.
void twice(weir::detail::FunctionRef<std::int64_t, int&> f) {
  int sum = 0;
  f(3, sum);
  f(4, sum);
  CHECK(sum == 7);
}

TEST_CASE("FunctionRef: calls the function object itself, with references passed on") {
  std::int64_t calls = 0;
  const auto add = [&](std::int64_t n, int& sum) {
    ++calls;
    sum += static_cast<int>(n);
  };
  twice(add);
  CHECK(calls == 2);
  const weir::detail::FunctionRef<std::int64_t, int&> first(add);
  const auto copy = first;  // stands for add, not for first
  twice(copy);
  CHECK(calls == 4);
}

}  // namespace
