#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>

namespace WEIR_UNIT {

TEST_CASE("share: pieces follow each other, cover everything once, and are as many as the work is worth") {
  for (const int threads : {1, 2, 3, 8}) {
    const weir::detail::ThreadPool pool(threads);
    for (const std::int64_t n : {0, 1, 2, 7, 1000})
      for (const double worth : {0.0, 0.9, 1.0, 2.5, 1e30}) {
        CAPTURE(threads);
        CAPTURE(n);
        CAPTURE(worth);
        const double operations = worth * weir::detail::machine_costs.piece_operations;
        const std::int64_t expected = std::min({std::int64_t{threads}, n, worth < 2 ? 1 : worth < 3 ? 2 : n});
        CHECK(weir::kernels::pieces_of(pool, n, operations) == expected);
        std::mutex mutex;
        std::vector<int> seen(static_cast<std::size_t>(n), 0);
        std::vector<std::int64_t> lengths(static_cast<std::size_t>(threads), -1);
        weir::kernels::share(pool, n, operations, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
          const std::lock_guard lock(mutex);
          for (std::int64_t i = first; i < last; ++i) ++seen[static_cast<std::size_t>(i)];
          CHECK(lengths[static_cast<std::size_t>(piece)] == -1);
          lengths[static_cast<std::size_t>(piece)] = last - first;
        });
        CHECK(std::ranges::count(seen, 1) == n);
        // Even: no piece is longer than another by more than one.
        std::erase(lengths, -1);
        CHECK(static_cast<std::int64_t>(lengths.size()) == expected);
        if (!lengths.empty()) CHECK(std::ranges::max(lengths) - std::ranges::min(lengths) <= 1);
      }
  }
}

TEST_CASE("share: asking for lines changes nothing, whoever they belong to") {
  std::vector<float> y(1000, 1.5F);
  weir::kernels::prefetch_for_write(y.data(), 62);
  weir::kernels::prefetch_for_write(y.data() + 3, 0);
  weir::kernels::prefetch_for_write(nullptr, 0);
  CHECK(std::ranges::count(y, 1.5F) == 1000);
}

}  // namespace WEIR_UNIT
