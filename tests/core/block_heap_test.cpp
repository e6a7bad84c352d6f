#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>
#include <weir/core/block_heap.hpp>

namespace WEIR_UNIT {

using weir::detail::BlockHeap;

namespace {

/// Takes and gives back at random, and looks whether every block still holds what was written to it.
void churn(BlockHeap& heap, unsigned seed) {
  struct Block {
    unsigned char* p;
    std::size_t bytes;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::size_t> sizes(1, 300'000);
  const auto give_back = [&](std::size_t i) {
    const Block b = blocks[i];
    CHECK(std::all_of(b.p, b.p + b.bytes, [&](unsigned char c) { return c == b.mark; }));
    heap.free(b.p);
    blocks[i] = blocks.back();
    blocks.pop_back();
  };
  for (unsigned round = 0; round < 1500; ++round) {
    if (!blocks.empty() && random() % 2 == 0) {
      give_back(random() % blocks.size());
      continue;
    }
    const std::size_t bytes = random() % 50 == 0 ? BlockHeap::region_bytes - random() % 3 : sizes(random);
    auto* p = static_cast<unsigned char*>(heap.allocate(bytes));
    REQUIRE(reinterpret_cast<std::uintptr_t>(p) % weir::detail::cache_line_bytes == 0);
    const auto mark = static_cast<unsigned char>(random());
    std::memset(p, mark, bytes);
    blocks.push_back({p, bytes, mark});
  }
  while (!blocks.empty()) give_back(random() % blocks.size());
}

}  // namespace

TEST_CASE("block heap: blocks are aligned and apart, and what is given back becomes whole again") {
  BlockHeap heap;
  churn(heap, 3);
  CHECK(heap.regions() == 0);
}

TEST_CASE("block heap: gaps that touch become one, and are taken again before a region is added") {
  BlockHeap heap;
  constexpr std::size_t quarter = BlockHeap::region_bytes / 4;
  void* all[4];
  for (void*& p : all) p = heap.allocate(quarter);
  CHECK(heap.regions() == 1);
  heap.free(all[1]);
  heap.free(all[2]);
  void* const both = heap.allocate(2 * quarter);
  CHECK(both == all[1]);
  CHECK(heap.regions() == 1);
  void* const more = heap.allocate(64);
  CHECK(heap.regions() == 2);
  heap.free(all[0]);
  heap.free(all[3]);
  heap.free(both);
  CHECK(heap.regions() == 1);
  heap.free(more);
  CHECK(heap.regions() == 0);
}

TEST_CASE("block heap: threads share one") {
  BlockHeap heap;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) threads.emplace_back([&heap, t] { churn(heap, t); });
  for (std::thread& t : threads) t.join();
  CHECK(heap.regions() == 0);
}

}  // namespace WEIR_UNIT
