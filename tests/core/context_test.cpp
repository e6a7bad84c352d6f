#include <doctest/doctest.h>

#include <atomic>
#include <vector>
#include <weir/core/context.hpp>

TEST_CASE("Context: options out of range are refused by name") {
  CHECK_THROWS_AS(weir::Context({.threads = 0}), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Context({.threads = 5000}), weir::ArgumentError);
  CHECK_THROWS_WITH_AS(weir::Context({.isa = "sse9"}), "instruction set 'sse9' is unknown: portable, avx2, avx512",
                       weir::ArgumentError);
  CHECK_THROWS_AS(weir::Context({.gemm = "mkl"}), weir::ArgumentError);
  CHECK(weir::Context({.isa = "portable"}).isa() == weir::Isa::portable);
}

TEST_CASE("ThreadPool: split covers every index once, in multiples of the grain") {
  for (int threads : {1, 2, 3, 7}) {
    const weir::ThreadPool pool(threads);
    for (std::int64_t n : {0, 1, 5, 16, 17, 1000})
      for (std::int64_t grain : {1, 4, 16, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
        std::atomic<bool> aligned = true;
        std::atomic<int> pieces = 0;
        pool.split(n, grain, [&](std::int64_t first, std::int64_t last) {
          ++pieces;
          if (first % grain != 0 || (last != n && last % grain != 0)) aligned = false;
          for (std::int64_t i = first; i < last; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        CHECK(aligned);
        CHECK(pieces <= threads);
        for (auto& s : seen) CHECK(s == 1);
      }
  }
}
