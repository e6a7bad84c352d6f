#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <new>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/memory/packed_weights.hpp>

namespace WEIR_UNIT {

using weir::detail::PackedWeights, weir::detail::WeightRegion;

namespace {

float value(std::size_t owner, std::size_t i) { return static_cast<float>(owner * 1000 + i % 997); }

/// Layers of all sizes, up to some that do not share.
std::vector<PackedWeights> layers(std::size_t first) {
  constexpr std::size_t half = WeightRegion::bytes / 2 / sizeof(float);
  std::vector<PackedWeights> all;
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{17}, std::size_t{4096}, half - 5, half,
                              half + 1, std::size_t{100'000}, half / 3}) {
    float* p = all.emplace_back().reserve(n);
    for (std::size_t i = 0; i < n; ++i) p[i] = value(first + all.size(), i);
  }
  return all;
}

/// What layers(first) wrote is still there.
bool intact(const std::vector<PackedWeights>& all, std::size_t first) {
  for (std::size_t k = 0; k < all.size(); ++k)
    for (std::size_t i = 0; i < all[k].size(); ++i)
      if (all[k].data()[i] != value(first + k + 1, i)) return false;
  return true;
}

}  // namespace

TEST_CASE("packed weights: aligned to cache lines, and no layer's are another's") {
  std::vector<PackedWeights> some = layers(0), others = layers(100);
  for (const PackedWeights& w : some)
    CHECK(reinterpret_cast<std::uintptr_t>(w.data()) % weir::detail::cache_line_bytes == 0);
  CHECK(intact(some, 0));
  CHECK(intact(others, 100));
  some.clear();
  const std::vector<PackedWeights> more = layers(200);
  CHECK(intact(others, 100));
  CHECK(intact(more, 200));
}

TEST_CASE("packed weights: small layers lie one behind the other, and a region is let go with the last of them") {
  if (WeightRegion::largest_share == 0) return;  // the address sanitizer wants them apart
  PackedWeights a, b;
  const float* first = a.reserve(20);
  CHECK(b.reserve(3) == first + 32);
  CHECK(b.size() == 3);
  // Moved or copied, they stay where they are; written anew, they do not disturb who holds them still.
  const PackedWeights moved = std::move(a), copy = moved;  // NOLINT(performance-unnecessary-copy-initialization)
  CHECK(moved.data() == first);
  CHECK(copy.data() == first);
  CHECK(b.reserve(5) != first);
  WeightRegion full;
  CHECK(full.take(WeightRegion::bytes - 64) != nullptr);
  CHECK(full.take(65) == nullptr);
  CHECK(full.take(64) != nullptr);
  CHECK(full.take(1) == nullptr);
}

TEST_CASE("packed weights: any number of threads may pack at once; sizes beyond all memory are refused") {
  std::vector<std::vector<PackedWeights>> packed(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < packed.size(); ++t) threads.emplace_back([&, t] { packed[t] = layers(100 * t); });
  }
  for (std::size_t t = 0; t < packed.size(); ++t) CHECK(intact(packed[t], 100 * t));
  PackedWeights w;
  CHECK_THROWS_AS((void)w.reserve(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  CHECK(w.size() == 0);
  CHECK(w.data() == nullptr);
}

}  // namespace WEIR_UNIT
