#include <doctest/doctest.h>

#include <map>
#include <set>
#include <thread>
#include <weir/core/context.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "../count_allocations.hpp"
#include "stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::TempFolder;
using weir::Cascade, weir::Decision, weir::ImageView;

namespace {

/// By plain means: an executor of its own, every network preprocesses for itself.
Decision reference(const weir::PolicyFile& file, const weir::detail::StoredCascade& stored, ImageView image,
                   std::uint64_t id) {
  weir::CascadeExecutor executor(stored.spec, weir::Context());
  weir::Preprocess::Scratch scratch;
  const auto a = executor.run_one(
      file.policy,
      [&](std::size_t network, std::size_t, weir::View out) {
        stored.networks[network].preprocess->apply(image, out.data, scratch);
      },
      id);
  return {a.label, {a.probabilities.begin(), a.probabilities.end()}, stored.spec->stages[a.exit].name, 0};
}

std::uint64_t hash(ImageView v) { return weir::detail::fnv1a({reinterpret_cast<const char*>(v.data), v.size_bytes()}); }

void check_equal(const Decision& d, const Decision& e) {
  CHECK(d.label == e.label);
  CHECK(d.exit == e.exit);
  CHECK(d.probabilities == e.probabilities);
}

weir::PolicyFile write(const std::filesystem::path& path, bool same = true) {
  const auto file = stored_toys::file(path.parent_path(), same);
  weir::write_file_atomically(path, weir::to_text(file));
  return file;
}

}  // namespace

TEST_CASE("Cascade: loaded from a file it answers as a CascadeExecutor does, alone and in batches, to the last bit") {
  const TempFolder folder;
  for (const bool same : {true, false}) {
    const auto file = write(folder / "policy.json", same);
    const Cascade cascade = weir::load_policy(folder / "policy.json", stored_toys::anywhere());
    const auto stored = weir::detail::read_cascade(file, folder / "policy.json", {{}, true});
    CHECK((stored.networks[0].preprocess == stored.networks[1].preprocess) == same);
    const auto images = stored_toys::images(40);
    std::set<std::string> exits;
    std::vector<Decision> expected;
    for (const auto& image : images) {
      expected.push_back(reference(file, stored, image, hash(image)));
      exits.insert(expected.back().exit);
      check_equal(cascade.run(image), expected.back());
      CHECK(cascade.run(image).seconds > 0);
    }
    CHECK(exits.size() == 3);  // else the test has seen too little
    for (const std::size_t n : {1U, 7U, 40U}) {
      const auto views = stored_toys::views(images);
      const auto decisions = cascade.run(std::span(views).first(n));
      REQUIRE(decisions.size() == n);
      for (std::size_t i = 0; i < n; ++i) check_equal(decisions[i], expected[i]);
      const auto with_ids = cascade.run(std::span(views).first(n), 100);
      for (std::size_t i = 0; i < n; ++i) check_equal(with_ids[i], reference(file, stored, images[i], 100 + i));
    }
    CHECK(cascade.run(std::span<const ImageView>{}).empty());
  }
}

TEST_CASE("Cascade: tensors are taken where all networks read the same, and give the image's answer") {
  const TempFolder folder;
  write(folder / "policy.json");
  const Cascade cascade = weir::load_policy(folder / "policy.json", stored_toys::anywhere());
  const auto stored = weir::detail::read_cascade(stored_toys::file(folder.path()), folder / "policy.json", {{}, true});
  const auto images = stored_toys::images(6);
  weir::Tensor x(weir::Shape{6, 1, 28, 28});
  weir::Preprocess::Scratch scratch;
  for (std::size_t i = 0; i < 6; ++i) stored.networks[0].preprocess->apply(images[i], x.data() + i * 784, scratch);
  const auto views = stored_toys::views(images);
  const auto from_tensor = cascade.run(x, 5), from_images = cascade.run(views, 5);
  for (std::size_t i = 0; i < 6; ++i) check_equal(from_tensor[i], from_images[i]);
  CHECK_THROWS_AS(cascade.run(weir::Tensor(weir::Shape{2, 1, 27, 28})), weir::ShapeError);
  CHECK_THROWS_AS(cascade.run(weir::Tensor(weir::Shape{5})), weir::ShapeError);
  check_equal(cascade.run(images[2], 7), from_images[2]);  // and goes on after a refusal
  write(folder / "policy.json", false);
  CHECK_THROWS_AS(weir::load_policy(folder / "policy.json", stored_toys::anywhere()).run(x), weir::ArgumentError);
}

TEST_CASE("Cascade: networks are loaded when an image first needs them") {
  const TempFolder folder;
  const auto file = write(folder / "policy.json");
  const Cascade cascade = weir::load_policy(folder / "policy.json", stored_toys::anywhere());
  CHECK(!cascade.spec().is_loaded(0));
  const auto stored = weir::detail::read_cascade(file, folder / "policy.json", {{}, true});
  std::uint64_t id = 0;  // of the policy that stops sooner
  while (!(file.policy.pick(id) == file.policy.a)) ++id;
  bool stopped_early = false;
  for (const auto& image : stored_toys::images(40)) {
    if (reference(file, stored, image, id).exit != "alexnet") continue;
    cascade.run(image, id);
    stopped_early = true;
  }
  CHECK(stopped_early);
  CHECK(cascade.spec().is_loaded(0));
  CHECK(!cascade.spec().is_loaded(1));
}

TEST_CASE("Cascade: preload() makes an executor ready with all plans; the first image makes none") {
  const TempFolder folder;
  const auto file = write(folder / "policy.json");
  const auto images = stored_toys::images(2);
  std::uint64_t id = 0;  // of the policy that goes on for longer
  while (!(file.policy.pick(id) == file.policy.b)) ++id;
  const auto allocations = [&](const Cascade& cascade) {
    const std::size_t before = weir_test::allocations();
    CHECK(cascade.run(images[1], id).exit != "alexnet");
    return weir_test::allocations() - before;
  };
  const auto made = [&] { return weir::load_policy(folder / "policy.json", stored_toys::anywhere()); };
  const Cascade loaded = made(), preloaded = made();
  static_cast<void>(loaded.spec().networks());  // what the networks are is not yet how they run
  CHECK(!loaded.is_preloaded());
  preloaded.preload();
  CHECK(preloaded.is_preloaded());
  CHECK(!preloaded.is_preloaded(5));
  const std::size_t cold = allocations(loaded), ready = allocations(preloaded), later = allocations(loaded);
  CHECK(ready < later + 30);  // buffers that grow with the images
  CHECK(cold > later + 1000);
  CHECK(!loaded.is_preloaded());
  preloaded.preload(5);
  CHECK(preloaded.is_preloaded(5));
  CHECK(preloaded.is_preloaded(1));  // the same executor, which keeps both plans
}

TEST_CASE("Cascade: any number of threads may run it") {
  const TempFolder folder;
  write(folder / "policy.json");
  const auto images = stored_toys::images(12);
  const auto views = stored_toys::views(images);
  const auto expected = weir::load_policy(folder / "policy.json", stored_toys::anywhere()).run(views);
  const Cascade cascade =
      weir::load_policy(folder / "policy.json", stored_toys::anywhere());  // its networks are loaded by the threads
  std::vector<std::vector<Decision>> got(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < got.size(); ++t)
    threads.emplace_back([&, t, own = cascade] {
      if (t % 2 == 0)
        got[t] = own.run(views);
      else
        for (const ImageView v : views) got[t].push_back(own.run(v));
    });
  for (auto& thread : threads) thread.join();
  for (const auto& decisions : got) {
    REQUIRE(decisions.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) check_equal(decisions[i], expected[i]);
  }
}

TEST_CASE("Cascade: threads mix single images, batches, tensors and what is refused, on contexts of several threads") {
  const TempFolder folder;
  write(folder / "policy.json");
  const auto images = stored_toys::images(16);
  const auto views = stored_toys::views(images);
  const Cascade single = weir::load_policy(folder / "policy.json", stored_toys::anywhere());
  const auto expected = single.run(views, 0);
  weir::Tensor x(weir::Shape{16, 1, 28, 28});
  weir::Preprocess::Scratch scratch;
  for (std::size_t i = 0; i < 16; ++i)
    single.stored().networks[0].preprocess->apply(images[i], x.data() + i * 784, scratch);
  for (const int n_threads : {1, 2}) {
    const Cascade cascade = weir::load_policy(folder / "policy.json", stored_toys::anywhere(n_threads));
    std::vector<std::vector<Decision>> got(8);
    std::vector<int> refused(8, 0);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < got.size(); ++t)
      threads.emplace_back([&, t] {
        try {
          cascade.run(ImageView{});
        } catch (const weir::ArgumentError&) {
          ++refused[t];
        }
        for (std::size_t first = 0; first < 16; first += 4) {
          if (t % 4 == 0) {
            for (std::size_t i = first; i < first + 4; ++i) got[t].push_back(cascade.run(images[i], i));
            continue;
          }
          const auto some =
              t % 4 == 1 ? cascade.run(std::span(views).subspan(first, 4), first)
                         : cascade.run(weir::ConstView{x.data() + first * 784, weir::Shape{4, 1, 28, 28}}, first);
          got[t].insert(got[t].end(), some.begin(), some.end());
        }
      });
    for (auto& thread : threads) thread.join();
    CHECK(refused == std::vector<int>(8, 1));
    for (const auto& decisions : got) {
      REQUIRE(decisions.size() == 16);
      for (std::size_t i = 0; i < 16; ++i) check_equal(decisions[i], expected[i]);
    }
  }
}

TEST_CASE("Cascade: images that are none are refused, and the cascade goes on") {
  const TempFolder folder;
  write(folder / "policy.json");
  const Cascade cascade = weir::load_policy(folder / "policy.json", stored_toys::anywhere());
  const auto images = stored_toys::images(3);
  auto views = stored_toys::views(images);
  const auto expected = cascade.run(views[1]);
  views[1].channels = 2;
  CHECK_THROWS_AS(cascade.run(views), weir::ArgumentError);
  CHECK_THROWS_AS(cascade.run(ImageView{}), weir::ArgumentError);
  check_equal(cascade.run(images[1]), expected);
}

}  // namespace WEIR_UNIT
