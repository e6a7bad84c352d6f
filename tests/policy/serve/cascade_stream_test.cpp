#include <doctest/doctest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_stream.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::TempFolder;
using weir::CascadeStream, weir::Decision, weir::StreamOptions;

namespace {

void check_equal(const Decision& d, const Decision& e) {
  CHECK(d.label == e.label);
  CHECK(d.exit == e.exit);
  CHECK(d.probabilities == e.probabilities);
  CHECK(d.seconds > 0);
}

struct Streaming {
  TempFolder folder;
  weir::PolicyFile file = stored_toys::file(folder.path());
  std::vector<weir::Image> images = stored_toys::images(60);
  weir::Cascade cascade{file, folder / "p.json", stored_toys::anywhere()};
  std::vector<Decision> expected = cascade.run(stored_toys::views(images));

  /// What makes image i.
  std::function<weir::Image()> maker(std::size_t i) const {
    return [this, i] { return images[i]; };
  }
};

constexpr double never_s = 3600;
constexpr auto long_time = std::chrono::seconds(60);

/// A door that opens once.
class Door {
 public:
  void open() { promise_.set_value(); }
  bool wait() const { return future_.wait_for(long_time) == std::future_status::ready; }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

/// False where this process may use one CPU only, whatever the machine has (taskset, containers).
bool can_overlap() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 1;
}

}  // namespace

TEST_CASE("CascadeStream: whatever the batches and the workers, decisions are Cascade's, to the last bit") {
  const Streaming s;
  std::set<std::string> exits;
  for (const Decision& d : s.expected) exits.insert(d.exit);
  CHECK(exits.size() == 3);  // else the test has seen too little
  const weir::Cascade threaded(s.file, s.folder / "p.json", stored_toys::anywhere(2));
  for (const StreamOptions& options :
       {StreamOptions{1, 1, 0.01}, StreamOptions{4, 7, 0.001}, StreamOptions{8, 64, never_s},
        StreamOptions{64, 64, never_s}, StreamOptions{64, 128, 0}})
    for (const int workers : {1, 2, 4}) {
      CascadeStream stream(workers == 4 ? threaded : s.cascade,
                           {options.batch, options.in_flight, options.max_wait_s, workers});
      std::vector<std::future<Decision>> decisions;
      for (std::size_t i = 0; i < s.images.size(); ++i)
        decisions.push_back(i % 3 == 0 ? stream.submit(s.maker(i)) : stream.submit(s.images[i]));
      stream.finish();
      for (std::size_t i = 0; i < s.images.size(); ++i) check_equal(decisions[i].get(), s.expected[i]);
      CHECK_THROWS_AS(stream.submit(s.images[0]), weir::ArgumentError);
      CHECK_THROWS_AS(stream.submit(s.maker(0)), weir::ArgumentError);
    }
}

TEST_CASE("CascadeStream: an image that nobody follows is answered all the same; ids are taken") {
  const Streaming s;
  CascadeStream stream(s.cascade, {.batch = 64, .in_flight = 64, .max_wait_s = 0.01});
  for (std::size_t i = 0; i < 20; ++i) {
    check_equal(stream.submit(s.images[i]).get(), s.expected[i]);
    check_equal(stream.submit(s.images[i], i).get(), s.cascade.run(s.images[i], i));
    check_equal(stream.submit(s.maker(i), i).get(), s.cascade.run(s.images[i], i));
  }
}

TEST_CASE("CascadeStream: after a flush nothing waits, and more images may come") {
  const Streaming s;
  CascadeStream stream(s.cascade, {.batch = 64, .in_flight = 64, .max_wait_s = never_s, .workers = 2});
  for (int round = 0; round < 3; ++round) {
    std::vector<std::future<Decision>> decisions;
    for (std::size_t i = 0; i < 20; ++i) decisions.push_back(stream.submit(s.images[i]));
    stream.flush();
    for (std::size_t i = 0; i < 20; ++i) check_equal(decisions[i].get(), s.expected[i]);
  }
}

TEST_CASE("CascadeStream: several threads submit, and it may end with images on their way") {
  const Streaming s;
  std::vector<std::vector<std::future<Decision>>> decisions(3);
  {
    CascadeStream stream(s.cascade, {.batch = 8, .in_flight = 16, .max_wait_s = 0.02, .workers = 2});
    std::vector<std::thread> threads;
    for (auto& own : decisions)
      threads.emplace_back([&] {
        for (const auto& image : s.images) own.push_back(stream.submit(image));
      });
    for (auto& t : threads) t.join();
  }
  for (auto& own : decisions)
    for (std::size_t i = 0; i < s.images.size(); ++i) check_equal(own[i].get(), s.expected[i]);
}

TEST_CASE("CascadeStream: it may end at once, and with nothing submitted") {
  const Streaming s;
  for (const int workers : {1, 3}) {
    { const CascadeStream nothing(s.cascade, {.workers = workers}); }
    std::future<Decision> last;
    {
      CascadeStream stream(s.cascade, {.batch = 64, .in_flight = 64, .max_wait_s = never_s, .workers = workers});
      last = stream.submit(s.images[0]);
      stream.finish();
      stream.flush();
    }
    check_equal(last.get(), s.expected[0]);
  }
}

TEST_CASE("CascadeStream: workers run batches at once, and one that takes long holds nobody up") {
  if (!can_overlap()) return;
  const Streaming s;
  CascadeStream stream(s.cascade, {.batch = 2, .in_flight = 8, .max_wait_s = 0.01, .workers = 2});
  Door first, second, began;
  bool opened = false;
  // One batch cannot be finished before the other has begun.
  auto a = stream.submit([&] {
    opened = first.wait();
    return s.images[0];
  });
  auto b = stream.submit(s.images[1]);
  auto c = stream.submit([&] {
    first.open();
    return s.images[2];
  });
  check_equal(c.get(), s.expected[2]);  // alone in its batch: its time was up while the other ran
  check_equal(a.get(), s.expected[0]);
  check_equal(b.get(), s.expected[1]);
  CHECK(opened);
  // While one is held up, the others go all the way through the networks.
  auto held = stream.submit([&] {
    began.open();
    opened = second.wait();
    return s.images[3];
  });
  CHECK(began.wait());  // else the next image would be in its batch
  for (std::size_t i = 4; i < 40; ++i) check_equal(stream.submit(s.images[i]).get(), s.expected[i]);
  second.open();
  check_equal(held.get(), s.expected[3]);
  CHECK(opened);
}

TEST_CASE("CascadeStream: no more images are taken than may be in flight, nor made before their batch runs") {
  const Streaming s;
  for (const int workers : {1, 2}) {
    CascadeStream stream(s.cascade, {.batch = 1, .in_flight = 5, .max_wait_s = 0, .workers = workers});
    Door door;
    std::atomic<int> made = 0, taken = 0;
    std::vector<std::future<Decision>> decisions;
    std::thread submits([&] {
      for (std::size_t i = 0; i < 20; ++i) {
        decisions.push_back(stream.submit([&, i] {
          ++made;
          door.wait();
          return s.images[i];
        }));
        ++taken;
      }
    });
    while (taken < 5) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(taken == 5);
    CHECK(made <= workers);
    door.open();
    submits.join();
    for (std::size_t i = 0; i < 20; ++i) check_equal(decisions[i].get(), s.expected[i]);
    CHECK(made == 20);
  }
}

TEST_CASE("CascadeStream: networks are loaded when an image first needs them") {
  const Streaming s;
  for (const int workers : {1, 2}) {
    const weir::Cascade fresh(s.file, s.folder / "p.json", stored_toys::anywhere());
    CascadeStream stream(fresh, {.batch = 4, .in_flight = 16, .max_wait_s = 0, .workers = workers});
    CHECK(!fresh.spec().is_loaded(0));
    std::vector<std::future<Decision>> decisions;
    for (std::size_t i = 0; i < s.images.size(); ++i)
      if (s.expected[i].exit == "alexnet") decisions.push_back(stream.submit(s.images[i]));
    CHECK(!decisions.empty());
    for (auto& d : decisions) CHECK(d.get().exit == "alexnet");
    CHECK(fresh.spec().is_loaded(0));
    CHECK(!fresh.spec().is_loaded(1));
  }
}

TEST_CASE("CascadeStream: where batches cannot flow, images run one by one") {
  Streaming s;
  for (auto& network : s.file.cascade["networks"]) network["rows_leave"] = false;
  const weir::Cascade single(s.file, s.folder / "p.json", stored_toys::anywhere());
  CHECK(!single.spec().flows_in_batches());
  CascadeStream alone(single), together(single, {.batch = 4, .in_flight = 16, .max_wait_s = 0.01, .workers = 2});
  std::vector<std::future<Decision>> decisions;
  for (std::size_t i = 0; i < 20; ++i) {
    check_equal(alone.submit(s.images[i]).get(), s.expected[i]);
    decisions.push_back(together.submit(s.images[i]));
  }
  for (std::size_t i = 0; i < 20; ++i) check_equal(decisions[i].get(), s.expected[i]);
}

TEST_CASE("CascadeStream: what goes wrong reaches those images alone that it concerns") {
  const Streaming s;
  std::filesystem::create_directories(s.folder / "networks");
  for (const char* name : {"fashion_alexnet.onnx", "fashion_googlenet.onnx"})
    std::filesystem::copy_file(stored_toys::networks() / name, s.folder / "networks" / name);
  const weir::Cascade broken(s.file, s.folder / "p.json", {.networks = s.folder / "networks", .context = {}});
  s.folder.write("networks/fashion_googlenet.onnx", "not a network");
  for (const int workers : {1, 2}) {
    CascadeStream stream(broken, {.batch = 16, .in_flight = 32, .max_wait_s = never_s, .workers = workers});
    std::vector<std::future<Decision>> decisions;
    for (const auto& image : s.images) decisions.push_back(stream.submit(image));
    stream.finish();
    for (std::size_t i = 0; i < s.images.size(); ++i) {
      if (s.expected[i].exit == "alexnet")
        check_equal(decisions[i].get(), s.expected[i]);
      else
        CHECK_THROWS_AS(decisions[i].get(), weir::FormatError);
    }
  }
}

TEST_CASE("CascadeStream: an image that cannot be made fails alone, whatever is thrown") {
  const Streaming s;
  for (const int workers : {1, 2}) {
    CascadeStream stream(s.cascade, {.batch = 8, .in_flight = 16, .max_wait_s = 0.01, .workers = workers});
    for (int round = 0; round < 2; ++round) {
      std::vector<std::future<Decision>> decisions;
      for (std::size_t i = 0; i < s.images.size(); ++i)
        decisions.push_back(stream.submit([&, i]() -> weir::Image {
          if (i % 5 == 0) throw std::runtime_error("unreadable");
          if (i % 5 == 1) return {};
          if (i % 5 == 2) throw static_cast<int>(i);
          return s.images[i];
        }));
      for (std::size_t i = 0; i < s.images.size(); ++i) {
        if (i % 5 == 0)
          CHECK_THROWS_AS(decisions[i].get(), std::runtime_error);
        else if (i % 5 == 1)
          CHECK_THROWS_AS(decisions[i].get(), weir::ArgumentError);
        else if (i % 5 == 2)
          CHECK_THROWS_AS(decisions[i].get(), int);
        else
          check_equal(decisions[i].get(), s.expected[i]);
      }
    }
  }
}

TEST_CASE("CascadeStream: bad images and options are refused") {
  const Streaming s;
  CascadeStream stream(s.cascade);
  CHECK_THROWS_AS(stream.submit(weir::Image{}), weir::ArgumentError);
  CHECK_THROWS_AS(stream.submit(weir::Image{{1, 2}, 1, 1, 2}), weir::ArgumentError);
  CHECK_THROWS_AS(stream.submit(std::function<weir::Image()>()), weir::ArgumentError);
  for (const StreamOptions& options :
       {StreamOptions{0, 1, 1}, StreamOptions{2, 1, 1}, StreamOptions{1, 1, -1}, StreamOptions{1, 1, std::nan("")},
        StreamOptions{1, 1, 1e9}, StreamOptions{1, std::size_t{1} << 40, 1}, StreamOptions{1, 1, 1, 0},
        StreamOptions{1, 1, 1, 2000}})
    CHECK_THROWS_AS(CascadeStream(s.cascade, options), weir::ArgumentError);
  weir::PolicyFile floats = s.file;
  for (auto& network : floats.cascade["networks"]) network["preprocess"] = nullptr;
  CHECK_THROWS_AS(CascadeStream(weir::Cascade(floats, s.folder / "p.json", stored_toys::anywhere())),
                  weir::ArgumentError);
}

}  // namespace WEIR_UNIT
