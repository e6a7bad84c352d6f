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

#include "../../bench/shift/audits.hpp"
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
  for (const char* bad : {"noise", "noise:", "noise:x", "noise:0", "contrast:0", "translation", "blur:-1", "blur:nan",
                          "blur:inf", "fog:1", "", ":1", "noise:0.1x"})
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

TEST_CASE("corruptions: less contrast keeps each channel's mean; all of it is the image") {
  const weir::Image image = ramp(8, 6, 3);
  CHECK(shift::reduce_contrast(image, 1).data == image.data);
  const weir::Image flat = shift::reduce_contrast(image, 1e-9);
  for (std::size_t c = 0; c < 3; ++c) {
    double mean = 0;
    for (std::size_t i = c; i < image.data.size(); i += 3) mean += image.data[i] / 48.0;
    for (std::size_t i = c; i < flat.data.size(); i += 3) CHECK(flat.data[i] == std::lround(mean));
  }
  const weir::Image two{{0, 200}, 1, 2, 1};
  CHECK(shift::reduce_contrast(two, 0.5).data == std::vector<std::uint8_t>{50, 150});
}

TEST_CASE("corruptions: a translation by whole pixels moves them to one of four corners, drawn by the seed") {
  const weir::Image image = ramp(7, 9, 2);
  std::set<std::pair<int, int>> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const weir::Image moved = shift::translate(image, 2, seed);
    for (const int dy : {-2, 2})
      for (const int dx : {-2, 2}) {
        bool same = true;
        for (int y = 2; y < 5; ++y)
          for (int x = 2; x < 7; ++x)
            for (int c = 0; c < 2; ++c)
              same = same && moved.data[static_cast<std::size_t>(((y + dy) * 9 + x + dx) * 2 + c)] ==
                                 image.data[static_cast<std::size_t>((y * 9 + x) * 2 + c)];
        if (same) seen.emplace(dy, dx);
      }
  }
  CHECK(seen.size() == 4);
  const weir::Image half = shift::translate(weir::Image{{0, 100, 0, 0, 100, 0, 0, 100, 0}, 3, 3, 1}, 0.5, 0);
  CHECK(half.data[4] == 50);  // columns are alike, so that only the move along rows shows
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

TEST_CASE("audits: what a policy differs by is counted against the full network's answers, losses against labels") {
  const auto trace = weir_test::difficulty_trace(200, 3, 1);
  const auto topology = weir_test::chain_of(trace);
  const auto first = weir::MixedPolicy::pure(weir::detail::fixed_policy(topology, trace, 0));
  const shift::Audited a = shift::audited("first", trace, first);
  std::size_t differs = 0;
  double excess = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    differs += trace.stages[0].prediction[i] != trace.stages[2].prediction[i] ? 1 : 0;
    excess += std::max(0.0, trace.stages[0].loss(at) - trace.stages[2].loss(at)) / 200;
  }
  CHECK(a.disagreements == differs);
  CHECK(a.disagreement() == doctest::Approx(static_cast<double>(differs) / 200));
  CHECK(a.excess == doctest::Approx(excess));
  CHECK(a.full_loss == doctest::Approx(trace.stages[2].loss.mean()));
  const auto full = weir::MixedPolicy::pure(weir::detail::fixed_policy(topology, trace, 2));
  CHECK(shift::audited("full", trace, full).disagreements == 0);
}

TEST_CASE(
    "audits: without a change at theta alarms are at most delta, behind one they come, the sooner the larger it is") {
  const auto source = [](std::size_t differing) {  // of 1,000
    shift::Audited a{"source", 1000, 0, differing, 0, 0, std::vector<char>(1000, 0)};
    std::fill_n(a.differs.begin(), differing, char{1});
    return a;
  };
  const shift::Audited same = source(20), twice = source(60), far = source(300);
  const shift::AuditStreams options{
      .shares = {0.2}, .confidence = 0.95, .streams = 300, .before = 3000, .after = 20000, .seed = 5};
  const auto none = shift::run_audits(same, nullptr, 0.2, 0.02, options);
  CHECK(none.early == 0);
  CHECK(none.delay.size() <= 30);  // 15 expected at most; more than 30 once in 5,000 such tests
  const auto small = shift::run_audits(same, &twice, 0.2, 0.02, options);
  const auto large = shift::run_audits(same, &far, 0.2, 0.02, options);
  CHECK(large.early <= 30);
  CHECK(large.early + large.delay.size() == 300);
  CHECK(large.noticed() == 1);
  CHECK(small.delay.size() > 250);
  CHECK(weir::detail::percentile(small.delay, 50) > 3 * weir::detail::percentile(large.delay, 50));
  // An alarm takes a number of audits, not of images: with fewer audits it comes later.
  const auto rare = shift::run_audits(same, &far, 0.05, 0.02, options);
  CHECK(weir::detail::percentile(rare.delay, 50) > 2 * weir::detail::percentile(large.delay, 50));
  CHECK(shift::run_audits(same, &far, 0.2, 0.02, options).delay == large.delay);
  const auto study = shift::audit_study({same, far}, 0.02, "a test", options);
  REQUIRE(study.alarms.size() == 2);
  CHECK(study.alarms[0][0].delay == none.delay);
  CHECK(study.alarms[1][0].delay == large.delay);
  const std::string text = shift::audit_markdown(study, options);
  CHECK(text.find("**simulated**") != std::string::npos);
  CHECK(text.find("each of its alarms is false") != std::string::npos);
  CHECK(text.find("so below theta it is at most 2.00 %: a smaller budget is certified only") != std::string::npos);
  const std::string above = shift::audit_markdown(shift::audit_study({twice, far}, 0.02, "a test", options), options);
  CHECK(above.find("itself is above theta") != std::string::npos);
}

}  // namespace WEIR_UNIT
