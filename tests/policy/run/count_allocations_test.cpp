#include "../count_allocations.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <vector>

// Replaces the operators of the whole test program. Inlined, g++ would take new and free for a mismatch.
static thread_local std::size_t count = 0;
std::size_t weir_test::allocations() { return count; }

static void* counted(std::size_t size, std::size_t alignment) {
  ++count;
  void* p = nullptr;
  if (posix_memalign(&p, std::max(alignment, sizeof(void*)), std::max<std::size_t>(size, 1)) != 0)
    throw std::bad_alloc();
  return p;
}
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++count;
  return std::malloc(std::max<std::size_t>(size, 1));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t a) {
  return counted(size, static_cast<std::size_t>(a));
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

TEST_CASE("Test program: allocations are counted") {
  const std::size_t before = weir_test::allocations();
  std::vector<int> some(3);
  CHECK(weir_test::allocations() == before + 1);
  some.clear();
  some.push_back(1);
  CHECK(weir_test::allocations() == before + 1);
}
