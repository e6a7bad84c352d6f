// Streams that are under load while images fail to decode, futures are dropped and the stream ends.
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_stream.hpp>

#include "stored_toys.hpp"

namespace WEIR_UNIT {

using weir::CascadeStream, weir::Decision;

namespace {

struct Load {
  io_test::TempFolder folder;
  weir::PolicyFile file = stored_toys::file(folder.path());
  std::vector<weir::Image> images = stored_toys::images(24);
  weir::Cascade cascade{file, folder / "p.json", stored_toys::anywhere()};
  std::vector<Decision> expected = cascade.run(stored_toys::views(images));

  /// Every third cannot be decoded.
  static bool fails(std::size_t i) { return i % 3 == 1; }
  std::function<weir::Image()> decoder(std::size_t i) const {
    return [this, i]() -> weir::Image {
      if (fails(i)) throw std::runtime_error("image " + std::to_string(i));
      return images[i];
    };
  }

  /// Whether the future says what it must.
  bool right(std::future<Decision>& decision, std::size_t i) const {
    try {
      const Decision d = decision.get();
      return !fails(i) && d.label == expected[i].label && d.exit == expected[i].exit &&
             d.probabilities == expected[i].probabilities;
    } catch (const std::runtime_error& e) {
      return fails(i) && e.what() == "image " + std::to_string(i);
    }
  }
};

}  // namespace

TEST_CASE("CascadeStream: decoders that throw, of several threads at once: each future says what became of its image") {
  const Load load;
  for (const int workers : {1, 3}) {
    CascadeStream stream(load.cascade, {.batch = 4, .in_flight = 12, .max_wait_s = 0.002, .workers = workers});
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        std::vector<std::future<Decision>> decisions;
        for (std::size_t i = 0; i < load.images.size(); ++i) decisions.push_back(stream.submit(load.decoder(i)));
        for (std::size_t i = 0; i < decisions.size(); ++i) wrong += load.right(decisions[i], i) ? 0 : 1;
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
}

TEST_CASE("CascadeStream: it ends while it is busy, with decoders that throw and futures that are dropped") {
  const Load load;
  for (int round = 0; round < 6; ++round) {
    std::vector<std::future<Decision>> kept;
    {
      CascadeStream stream(load.cascade, {.batch = 4, .in_flight = 24, .max_wait_s = 3600, .workers = 1 + round % 3});
      for (std::size_t i = 0; i < load.images.size(); ++i) {
        auto decision = stream.submit(load.decoder(i));
        if (i % 2 == 0) kept.push_back(std::move(decision));
      }
    }  // here every image is still answered
    int wrong = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) wrong += load.right(kept[i], 2 * i) ? 0 : 1;
    CHECK(wrong == 0);
  }
}

TEST_CASE("CascadeStream: several streams of one cascade, and calls beside them; the cascade's handle ends first") {
  const Load load;
  std::optional<weir::Cascade> cascade(load.cascade);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, own = *cascade, t] {
      if (t == 0) {
        for (std::size_t i = 0; i < load.images.size(); ++i)
          wrong += own.run(load.images[i]).label == load.expected[i].label ? 0 : 1;
        return;
      }
      CascadeStream stream(own, {.batch = 8, .in_flight = 16, .max_wait_s = 0.002, .workers = 2});
      std::vector<std::future<Decision>> decisions;
      for (std::size_t i = 0; i < load.images.size(); ++i) decisions.push_back(stream.submit(load.decoder(i)));
      for (std::size_t i = 0; i < decisions.size(); ++i) wrong += load.right(decisions[i], i) ? 0 : 1;
    });
  cascade.reset();
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace WEIR_UNIT
