#include "../../../bench/adapt/data.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/npy.hpp>

#include "../../io/io_test.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of;

TEST_CASE("adapt: how many images are for policy, calibration and test") {
  adapt::Options o;
  const auto parts = [&](std::size_t n) {
    const adapt::Division d(n, o);
    CHECK(d.policy + d.calibration + d.test == n);
    return std::vector<std::size_t>{d.policy, d.calibration, d.test};
  };
  CHECK(parts(400) == std::vector<std::size_t>{200, 100, 100});
  o.test_part = "2/5";
  CHECK(parts(1000) == std::vector<std::size_t>{533, 267, 200});
  o.test_part.clear();
  o.test_images = "elsewhere";
  {
    const adapt::Division d(1000, o);
    CHECK(d.test == 0);
    CHECK(d.policy == 500);
    CHECK(d.calibration == 500);
  }
  o.test_images.clear();
  for (const std::vector<double>& bad : {std::vector<double>{-1, 1, 1}, {0, 0, 1}, {1, -1, 1}, {1, 1, -0.1}}) {
    o.split = bad;
    CHECK(contains(message_of<weir::ArgumentError>([&] { adapt::Division(400, o); }), "--split"));
  }
  o.split = {0.5, 0.25, 0.25};
  CHECK(contains(message_of<weir::ArgumentError>([&] { adapt::Division(79, o); }), "at least 20"));
  o.test_part = "5/5";
  CHECK(contains(message_of<weir::ArgumentError>([&] { adapt::Division(400, o); }), "5/5"));
}

TEST_CASE(
    "adapt: over the parts of --test-part every image is tested once, and never learned from where it is tested") {
  const io_test::TempFolder folder;
  weir::Tensor images(weir::Shape{203, 1, 1, 2});
  for (std::size_t i = 0; i < images.size(); ++i) images.data()[i] = static_cast<float>(i);
  weir::write_npy(folder / "x.npy", images.view());
  std::string labels;
  for (int i = 0; i < 203; ++i) labels += std::to_string(i % 3) + "\n";
  folder.write("y.csv", labels);
  std::multiset<std::size_t> tested;
  for (int part = 0; part < 4; ++part) {
    adapt::Options o;
    o.images = (folder / "x.npy").string();
    o.labels = (folder / "y.csv").string();
    o.test_part = std::to_string(part) + "/4";
    o.seed = 3;
    o.confidence = 0;  // 50 calibration images
    const adapt::Data data = adapt::decoded(adapt::load_data(o));
    std::set<std::size_t> all;
    for (const adapt::Part* p : {&data.policy, &data.calibration, &data.test})
      all.insert(p->rows.begin(), p->rows.end());
    CHECK(all.size() == 203);
    CHECK(data.policy.size() + data.calibration.size() + data.test.size() == 203);
    CHECK(data.n_images_in_two_parts == 0);
    tested.insert(data.test.rows.begin(), data.test.rows.end());
  }
  CHECK(tested.size() == 203);
  CHECK(std::set<std::size_t>(tested.begin(), tested.end()).size() == 203);
  adapt::Options fashion;
  fashion.test_part = "0/2";
  CHECK_THROWS_AS(adapt::with_default_images(fashion), weir::ArgumentError);
}

TEST_CASE("adapt: head images need labels only where heads learn them") {
  const io_test::TempFolder folder;
  weir::Tensor images(weir::Shape{30, 1, 1, 2});
  weir::write_npy(folder / "x.npy", images.view());
  std::string numbers;
  for (int i = 0; i < 30; ++i) numbers += std::to_string(i % 3) + "\n";
  folder.write("y.csv", numbers);
  adapt::Options o;
  o.head_images = (folder / "x.npy").string() + "[0:20]";
  CHECK(!adapt::load_head_images(o, {}).has_labels());
  CHECK(adapt::load_head_images(o, {}).size() == 20);
  o.hidden = "64";
  o.head_labels = "none";
  CHECK(!adapt::load_head_images(o, {}).has_labels());
  o.hidden = "0";
  for (const char* none : {"", "none"}) {
    o.head_labels = none;
    const std::string message = message_of<weir::ArgumentError>([&] { adapt::load_head_images(o, {}); });
    CHECK(contains(message, "(--hidden 0) learn labels"));
    CHECK(contains(message, "--head-labels"));
  }
  o.labels = "none";  // what the full network answers stands for them
  CHECK(!adapt::load_head_images(o, {}).has_labels());
  o.labels.clear();
  o.head_labels = (folder / "y.csv").string();
  CHECK(adapt::load_head_images(o, {}).label(4) == 1);

  // A folder of images: with the labels that lie in it, or without any.
  const std::filesystem::path photos = std::filesystem::path(folder / "photos");
  std::filesystem::create_directory(photos);
  folder.write("photos/a.ppm", "P6 1 1 255\nabc");
  o.head_images = photos.string();
  o.head_labels.clear();
  o.hidden = "auto";
  CHECK(!adapt::load_head_images(o, {}).has_labels());
  folder.write("photos/labels.csv", "file,label\na.ppm,7\n");
  CHECK(adapt::load_head_images(o, {}).label(0) == 7);
}

}  // namespace WEIR_UNIT
