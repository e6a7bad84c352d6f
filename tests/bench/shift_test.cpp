#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/policy.hpp>

#include "../../bench/shift/corrupt.hpp"
#include "../../bench/shift/stream.hpp"
#include "../policy/synthetic_trace.hpp"

namespace WEIR_UNIT {

namespace {

weir::Image ramp(int height, int width, int channels) {
  weir::Image image{{}, height, width, channels};
  for (int i = 0; i < height * width * channels; ++i) image.data.push_back(static_cast<std::uint8_t>(i * 7 % 251));
  return image;
}

/// n examples whose one feature is uniform in [low, low + 1]; they exit by whether it is above 1/2.
shift::Watched uniform(std::size_t n, double low, std::uint64_t seed) {
  shift::Watched w{{"feature"}, {}, weir::detail::RowMatrix(static_cast<Eigen::Index>(n), 1)};
  for (std::size_t i = 0; i < n; ++i) {
    const double x = low + weir::detail::counter_uniform(seed, i);
    w.features(static_cast<Eigen::Index>(i), 0) = x;
    w.exit.push_back(x > 0.5 ? 0 : 1);
  }
  return w;
}

}  // namespace

TEST_CASE("corruptions: names, and what is none is refused") {
  CHECK(shift::parse_corruption("noise:0.1") == shift::Corruption{"noise", 0.1});
  CHECK(shift::parse_corruption("rotation:20").name() == "rotation 20");
  for (const char* bad :
       {"noise", "noise:", "noise:x", "noise:0", "blur:-1", "blur:nan", "blur:inf", "fog:1", "", ":1", "noise:0.1x"})
    CHECK_THROWS_AS(shift::parse_corruption(bad), weir::ArgumentError);
}

TEST_CASE("corruptions: rotation by quarters moves pixels exactly, and little by little back") {
  const weir::Image square = ramp(9, 9, 3);
  const weir::Image turned = shift::rotate(square, 90);
  for (std::size_t y = 0; y < 9; ++y)
    for (std::size_t x = 0; x < 9; ++x)
      for (std::size_t c = 0; c < 3; ++c)
        CHECK(turned.data[(y * 9 + x) * 3 + c] == square.data[(x * 9 + 8 - y) * 3 + c]);
  weir::Image around = square;
  for (int quarter = 0; quarter < 4; ++quarter) around = shift::rotate(around, 90);
  CHECK(around.data == square.data);
  CHECK(shift::rotate(ramp(4, 7, 1), 1e-9).data == ramp(4, 7, 1).data);
}

TEST_CASE("corruptions: blur keeps a flat image and the mean of a spot, and is symmetric") {
  weir::Image flat = ramp(6, 5, 1);
  std::fill(flat.data.begin(), flat.data.end(), std::uint8_t{77});
  CHECK(shift::blur(flat, 1.5).data == flat.data);
  weir::Image spot{std::vector<std::uint8_t>(15 * 15, 0), 15, 15, 1};
  spot.data[7 * 15 + 7] = 255;
  const weir::Image blurred = shift::blur(spot, 1);
  double sum = 0;
  for (std::size_t i = 0; i < blurred.data.size(); ++i) {
    sum += blurred.data[i];
    CHECK(blurred.data[i] == blurred.data[blurred.data.size() - 1 - i]);
  }
  CHECK(sum == doctest::Approx(255).epsilon(0.05));
  CHECK(blurred.data[7 * 15 + 7] == std::lround(255 / (2 * 3.14159265 * 1.0)));  // the normalised Gaussian's top
}

TEST_CASE("corruptions: noise has its deviation, and is the same for the same seed") {
  weir::Image grey{std::vector<std::uint8_t>(100 * 100, 128), 100, 100, 1};
  const weir::Image noisy = shift::add_noise(grey, 0.1, 5);
  double sum = 0, squares = 0;
  for (const std::uint8_t v : noisy.data) {
    sum += v - 128.0;
    squares += (v - 128.0) * (v - 128.0);
  }
  CHECK(std::abs(sum / 1e4) < 1);
  CHECK(std::sqrt(squares / 1e4) == doctest::Approx(25.5).epsilon(0.05));
  CHECK(shift::add_noise(grey, 0.1, 5).data == noisy.data);
  CHECK(shift::add_noise(grey, 0.1, 6).data != noisy.data);
}

TEST_CASE("corruptions: sets keep their labels; sizes that differ are refused") {
  weir::detail::Bytes pixels(3 * 16);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<char>(i);
  const auto set = weir::ImageSet::from_pixels(weir::Shape{3, 4, 4}, pixels, {5, 6, 7}, "set");
  const auto made = shift::corrupted(set, {2, 0}, {"blur", 1}, 0);
  REQUIRE(made.size() == 2);
  CHECK(made.labels() == std::vector<int>{7, 5});
  const weir::Image expected = shift::blur(set.image(2), 1);
  CHECK(std::equal(expected.data.begin(), expected.data.end(), made.image(0).data));
  CHECK_THROWS_AS(shift::corrupted(set, {}, {"blur", 1}, 0), weir::ArgumentError);
  CHECK_THROWS_AS(shift::corrupted(set, {0}, {"fog", 1}, 0), weir::ArgumentError);
}

TEST_CASE("streams: without a change alarms are as rare as the run length says, with one they come, and soon") {
  const auto calibration = uniform(300, 0, 1), control = uniform(200, 0, 2), same = uniform(200, 0, 3);
  const auto other = uniform(200, 0.5, 4), far = uniform(200, 3, 5);
  shift::StreamOptions options{.orders = 60, .run_length = 2000};
  const auto none = shift::run_orders(calibration, control, nullptr, options);
  CHECK(none.orders == 60);
  CHECK(none.length == 200);
  // P(alarm within 200 examples) <= 200 / 2000; 15 of 60 or more would come once in a thousand such tests.
  CHECK(none.noticed < 15);
  CHECK(none.delay.size() == none.noticed);
  // At a run length of 1 the first example is an alarm: the control counts its alarms.
  CHECK(shift::run_orders(calibration, control, nullptr, {.orders = 60, .run_length = 1}).noticed > 30);
  CHECK(shift::run_orders(calibration, control, &same, options).noticed < 15);
  const auto seen = shift::run_orders(calibration, control, &other, options);
  CHECK(seen.noticed == 60);
  CHECK(seen.delay.size() == 60);
  const auto soon = shift::run_orders(calibration, control, &far, options);
  CHECK(soon.noticed == 60);
  CHECK(weir::detail::percentile(soon.delay, 50) < weir::detail::percentile(seen.delay, 50));
  CHECK(soon.loudest == "feature");
  // Delays are counted from the change, whatever came before.
  options.before = 100;
  const auto late = shift::run_orders(calibration, control, &far, options);
  CHECK(late.noticed + late.false_alarms == 60);
  CHECK(weir::detail::percentile(late.delay, 50) < 100);
  CHECK(late.delay.size() == late.noticed);
  const auto again = shift::run_orders(calibration, control, &far, options);
  CHECK(again.delay == late.delay);
  options.before = 201;
  CHECK_THROWS_AS(shift::run_orders(calibration, control, &far, options), weir::ArgumentError);
}

TEST_CASE("streams: a monitor is shown exits and features without classes") {
  auto trace = weir_test::difficulty_trace(50, 3, 1);
  trace.stages[0].feature_names[1] = "class_3";
  const auto topology = weir_test::chain_of(trace);
  const auto policy = weir::MixedPolicy::pure(weir::detail::fixed_policy(topology, trace, 1));
  const auto w = shift::watch(policy, trace);
  CHECK(std::set<std::size_t>(w.exit.begin(), w.exit.end()) == std::set<std::size_t>{1});
  CHECK(w.names.size() + 1 == trace.stages[0].feature_names.size());
  CHECK(std::find(w.names.begin(), w.names.end(), "class_3") == w.names.end());
  CHECK(w.row(7)[0] == trace.stages[0].features(7, 0));
}

}  // namespace WEIR_UNIT
