#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <set>
#include <vector>
#include <weir/core/memory/blocks.hpp>
#include <weir/core/tensor.hpp>

namespace WEIR_UNIT {

TEST_CASE("memory: blocks are aligned to cache lines, and all of them is ours") {
  using weir::detail::huge_page_bytes, weir::detail::large_block_bytes;
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{63}, std::size_t{4096}, large_block_bytes - 1,
                                  large_block_bytes, 3 * huge_page_bytes + 5}) {
    auto* p = static_cast<char*>(weir::detail::allocate_block(bytes));
    CHECK(reinterpret_cast<std::uintptr_t>(p) % weir::detail::cache_line_bytes == 0);
    std::memset(p, 7, bytes);
    CHECK(p[bytes - 1] == 7);
    weir::detail::free_block(p, bytes);
  }
}

TEST_CASE("memory: large blocks do not begin at one place of their pages") {
  std::set<std::uintptr_t> places;
  std::vector<void*> blocks;
  for (int i = 0; i < 8; ++i) {
    blocks.push_back(weir::detail::allocate_block(weir::detail::large_block_bytes));
    places.insert(reinterpret_cast<std::uintptr_t>(blocks.back()) % weir::detail::huge_page_bytes);
  }
  for (void* p : blocks) weir::detail::free_block(p, weir::detail::large_block_bytes);
  CHECK(places.size() == blocks.size());
  CHECK_THROWS_AS((void)weir::detail::allocate_block(std::numeric_limits<std::size_t>::max() - 5), std::bad_alloc);
}

TEST_CASE("memory: a vector of blocks behaves as any other") {
  std::vector<int, weir::detail::BlockAllocator<int>> v(3, 5);
  v.push_back(8);
  v.resize(2'000'000);
  CHECK(v[0] == 5);
  CHECK(v[3] == 8);
  v.back() = 9;
  auto copy = v;
  CHECK(copy.back() == 9);
  CHECK(copy.size() == v.size());
  weir::detail::BlockAllocator<int> allocator;
  CHECK_THROWS_AS((void)allocator.allocate(std::numeric_limits<std::size_t>::max() / 2), std::bad_alloc);
}

TEST_CASE("memory: a buffer grows and never shrinks") {
  weir::Buffer b;
  CHECK(b.data() == nullptr);
  float* first = b.reserve(10);
  CHECK(b.reserve(5) == first);
  CHECK(b.capacity() == 10);
  b.reserve(3'000'000)[2'999'999] = 1;
  CHECK(b.capacity() == 3'000'000);
}

}  // namespace WEIR_UNIT
