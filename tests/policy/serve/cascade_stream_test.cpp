#include <doctest/doctest.h>

#include <set>
#include <thread>
#include <weir/policy/serve/cascade_stream.hpp>

#include "stored_toys.hpp"

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
  weir::Cascade cascade{file, folder / "p.json"};
  std::vector<Decision> expected = cascade.run(stored_toys::views(images));
};

}  // namespace

TEST_CASE("CascadeStream: whatever the batches, decisions are Cascade's, to the last bit") {
  const Streaming s;
  std::set<std::string> exits;
  for (const Decision& d : s.expected) exits.insert(d.exit);
  CHECK(exits.size() == 3);  // else the test has seen too little
  for (const StreamOptions& options :
       {StreamOptions{1, 1, 0.01}, StreamOptions{4, 7, 0.001}, StreamOptions{8, 64, 3600}, StreamOptions{64, 64, 3600},
        StreamOptions{64, 128, 0}}) {
    CascadeStream stream(s.cascade, options);
    std::vector<std::future<Decision>> decisions;
    for (const auto& image : s.images) decisions.push_back(stream.submit(image));
    stream.finish();
    for (std::size_t i = 0; i < s.images.size(); ++i) check_equal(decisions[i].get(), s.expected[i]);
    CHECK_THROWS_AS(stream.submit(s.images[0]), weir::ArgumentError);
  }
}

TEST_CASE("CascadeStream: an image that nobody follows is answered all the same; ids are taken") {
  const Streaming s;
  CascadeStream stream(s.cascade, {.batch = 64, .in_flight = 64, .max_wait_s = 0.01});
  for (std::size_t i = 0; i < 20; ++i) {
    check_equal(stream.submit(s.images[i]).get(), s.expected[i]);
    check_equal(stream.submit(s.images[i], i).get(), s.cascade.run(s.images[i], i));
  }
}

TEST_CASE("CascadeStream: after a flush nothing waits, and more images may come") {
  const Streaming s;
  CascadeStream stream(s.cascade, {.batch = 64, .in_flight = 64, .max_wait_s = 3600});
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
    CascadeStream stream(s.cascade, {.batch = 8, .in_flight = 16, .max_wait_s = 0.02});
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

TEST_CASE("CascadeStream: where batches cannot flow, images run one by one") {
  Streaming s;
  for (auto& network : s.file.cascade["networks"]) network["rows_leave"] = false;
  const weir::Cascade single(s.file, s.folder / "p.json");
  CHECK(!single.spec().flows_in_batches());
  CascadeStream stream(single);
  for (std::size_t i = 0; i < 20; ++i) check_equal(stream.submit(s.images[i]).get(), s.expected[i]);
}

TEST_CASE("CascadeStream: what goes wrong reaches those images alone that it concerns") {
  const Streaming s;
  std::filesystem::create_directories(s.folder / "networks");
  for (const char* name : {"fashion_alexnet.onnx", "fashion_googlenet.onnx"})
    std::filesystem::copy_file(stored_toys::networks() / name, s.folder / "networks" / name);
  const weir::Cascade broken(s.file, s.folder / "p.json", {.networks = s.folder / "networks", .context = {}});
  s.folder.write("networks/fashion_googlenet.onnx", "not a network");
  CascadeStream stream(broken, {.batch = 16, .in_flight = 32, .max_wait_s = 3600});
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

TEST_CASE("CascadeStream: bad images and options are refused") {
  const Streaming s;
  CascadeStream stream(s.cascade);
  CHECK_THROWS_AS(stream.submit(weir::Image{}), weir::ArgumentError);
  CHECK_THROWS_AS(stream.submit(weir::Image{{1, 2}, 1, 1, 2}), weir::ArgumentError);
  for (const StreamOptions& options :
       {StreamOptions{0, 1, 1}, StreamOptions{2, 1, 1}, StreamOptions{1, 1, -1}, StreamOptions{1, 1, std::nan("")},
        StreamOptions{1, 1, 1e9}, StreamOptions{1, std::size_t{1} << 40, 1}})
    CHECK_THROWS_AS(CascadeStream(s.cascade, options), weir::ArgumentError);
  weir::PolicyFile floats = s.file;
  for (auto& network : floats.cascade["networks"]) network["preprocess"] = nullptr;
  CHECK_THROWS_AS(CascadeStream(weir::Cascade(floats, s.folder / "p.json")), weir::ArgumentError);
}
