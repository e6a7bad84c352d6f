#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/features/feature_group.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/features/stage_features.hpp>

namespace WEIR_UNIT {

using weir::FeatureInput, weir::FeatureLayout, weir::FeatureOptions, weir::FeatureSource, weir::StageFeatures;

namespace {

const float not_a_number = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

std::vector<float> random_values(std::size_t n, std::uint64_t seed, double scale = 8) {
  std::vector<float> z(n);
  for (float& v : z) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    v = static_cast<float>((static_cast<double>(seed >> 40U) * 0x1p-24 - 0.5) * scale);
  }
  return z;
}

double value(const StageFeatures& features, const std::vector<double>& out, const std::string& name) {
  const auto it = std::ranges::find(features.names(), name);
  REQUIRE(it != features.names().end());
  return out[static_cast<std::size_t>(it - features.names().begin())];
}

/// The features that a stage makes of logits.
struct Answer {
  StageFeatures features;
  std::vector<float> logits, p;
  std::vector<double> out;

  Answer(std::vector<float> z, const FeatureOptions& options)
      : features(FeatureLayout{.n_classes = z.size()}, options), logits(std::move(z)), p(logits.size()) {
    weir::detail::softmax(logits, p);
    out.assign(features.size(), -7);
    FeatureSource source{.probabilities = p, .logits = logits};
    features.fill(FeatureInput::answer, source, out);
    CHECK(source.prediction == weir::detail::argmax(p));
  }
  double operator()(const std::string& name) const { return value(features, out, name); }
};

/// The same statistics by the plainest means: luminance and grid first, then one loop for each number.
struct SlowImage {
  std::vector<double> mean, deviation;
  double edge_energy = 0, entropy = 0, saturated = 0;

  SlowImage(const std::vector<float>& x, int C, int H, int W) {
    const int step = (std::max(H, W) + 63) / 64;
    const auto at = [&](int c, int i, int j) { return x[static_cast<std::size_t>((c * H + i) * W + j)]; };
    const auto luminance = [&](int i, int j) {
      float sum = 0;
      for (int c = 0; c < C; ++c) sum += at(c, i, j);
      return sum / static_cast<float>(C);
    };
    std::vector<std::pair<int, int>> grid;
    for (int i = 0; i < H; i += step)
      for (int j = 0; j < W; j += step) grid.emplace_back(i, j);
    const auto n = static_cast<double>(grid.size());
    for (int c = 0; c < C; ++c) {
      double m = 0, v = 0;
      for (const auto& [i, j] : grid) m += static_cast<double>(at(c, i, j)) / n;
      for (const auto& [i, j] : grid) v += std::pow(static_cast<double>(at(c, i, j)) - m, 2) / n;
      mean.push_back(m);
      deviation.push_back(std::sqrt(v));
    }
    std::vector<float> y;
    for (const auto& [i, j] : grid) {
      y.push_back(luminance(i, j));
      if (j + step < W) edge_energy += std::pow(static_cast<double>(luminance(i, j + step) - y.back()), 2) / n;
      if (i + step < H) edge_energy += std::pow(static_cast<double>(luminance(i + step, j) - y.back()), 2) / n;
    }
    const float low = std::ranges::min(y), high = std::ranges::max(y);
    if (low == high) {
      saturated = 1;
      return;
    }
    std::vector<double> bins(16, 0);
    for (const float v : y) {
      const int bin = std::min(15, static_cast<int>((v - low) * (16.0F / (high - low))));
      bins[static_cast<std::size_t>(bin)] += 1 / n;
      if (v - low < (high - low) / 256 || high - v < (high - low) / 256) saturated += 1 / n;
    }
    for (const double b : bins)
      if (b > 0) entropy -= b * std::log(b);
  }
};

std::vector<double> image_features(const StageFeatures& f, const std::vector<float>& x, const weir::Shape& shape) {
  std::vector<double> out(f.size(), -7);
  FeatureSource source{.image = x.data(), .image_shape = shape};
  f.fill(FeatureInput::image, source, out);
  return out;
}

}  // namespace

TEST_CASE("feature_list(): names are unique, owned by their group alone, and without marks of history") {
  const FeatureLayout all{.n_classes = 20, .n_pooled = 12, .image_channels = 4};
  std::set<std::string> seen;
  for (const auto& group : weir::detail::feature_list()) {
    FeatureLayout layout = all;
    layout.depth = weir::detail::max_sorted_depth;
    const auto names = group.names(layout);
    CHECK(!names.empty());
    CHECK(!group.summary.empty());
    for (const std::string& name : names) {
      INFO(name);
      CHECK(seen.insert(name).second);
      CHECK(name.find_first_of(".(") == std::string::npos);
      CHECK(weir::group_of_feature(name) == group.name);
      for (const auto& other : weir::detail::feature_list()) CHECK(other.owns(name) == (other.name == group.name));
    }
  }
  CHECK(weir::group_of_feature("anything else") == "confidence");
  CHECK(weir::group_of_feature("pool_") == "confidence");
  CHECK(weir::group_of_feature("pool_1x") == "confidence");
  CHECK(weir::detail::in_list_order({"image", "energy", "image"}) ==
        std::vector<std::string>{"confidence", "energy", "image"});
  CHECK_THROWS_WITH_AS(weir::detail::in_list_order({"energies"}),
                       "features 'energies' are unknown; known: confidence, energy, sorted, pooled, image",
                       weir::ArgumentError);
}

TEST_CASE("StageFeatures: confidence alone is what it always was, whatever else a stage has") {
  for (const bool with_class : {true, false}) {
    const StageFeatures plain({.n_classes = 10, .n_pooled = 3, .image_channels = 1}, FeatureOptions(with_class));
    CHECK(plain.names() == weir::detail::confidence_feature_names(10, with_class));
    const Answer more(random_values(10, 4), FeatureOptions(with_class, weir::feature_group_names()));
    std::vector<double> old(plain.size());
    CHECK(weir::detail::confidence_features(more.p, old) == weir::detail::argmax(more.p));
    CHECK(std::equal(old.begin(), old.end(), more.out.begin()));
  }
}

TEST_CASE("energy: against log-sum-exp in long double, at any scale and shift") {
  for (const std::size_t classes : {2U, 10U, 1000U})
    for (const double scale : {1e-3, 1.0, 20.0, 2000.0})
      for (const float shift : {0.0F, 300.0F, -300.0F}) {
        auto z = random_values(classes, classes, scale);
        for (float& v : z) v += shift;
        long double top = z[0], sum = 0;
        for (const float v : z) top = std::max<long double>(top, v);
        for (const float v : z) sum += std::exp(static_cast<long double>(v) - top);
        const Answer got(z, FeatureOptions(true, {"energy"}));
        CHECK(got("energy") == doctest::Approx(static_cast<double>(top + std::log(sum))).epsilon(1e-6));
        CHECK(got("max_logit") == static_cast<double>(top));
      }
  const StageFeatures without({.n_classes = 10, .has_logits = false}, FeatureOptions(true, {"energy"}));
  CHECK(without.names() == weir::detail::confidence_feature_names(10));
}

TEST_CASE("sorted: against std::sort, with ties and few classes") {
  for (const std::size_t classes : {2U, 3U, 4U, 5U, 10U, 40U, 1000U})
    for (const std::size_t depth : {3U, 4U, 7U, 10U, 32U})
      for (const bool tied : {false, true}) {
        auto z = random_values(classes, classes + depth);
        if (tied)
          for (float& v : z) v = std::round(v / 4);
        const Answer got(z, FeatureOptions(false, {"sorted"}, depth));
        auto sorted = got.p;
        std::sort(sorted.rbegin(), sorted.rend());
        const std::size_t extra = got.out.size() - weir::detail::confidence_feature_names(0).size();
        CHECK(extra == (std::min(depth, classes) < 4 ? 0 : std::min(depth, classes) - 3));
        for (std::size_t rank = 4; rank < 4 + extra; ++rank)
          CHECK(got("probability_" + std::to_string(rank)) == static_cast<double>(sorted[rank - 1]));
      }
  CHECK_THROWS_AS(FeatureOptions(true, {"sorted"}, 2), weir::ArgumentError);
  CHECK_THROWS_AS(FeatureOptions(true, {"sorted"}, 33), weir::ArgumentError);
}

TEST_CASE("image: against plain loops, at sizes on both sides of the grid's limit") {
  const std::vector<std::array<int, 3>> shapes{{1, 28, 28}, {3, 5, 9},     {1, 1, 1},  {3, 64, 64},
                                               {3, 65, 40}, {4, 130, 257}, {2, 1, 200}};
  for (const auto& [C, H, W] : shapes) {
    auto x = random_values(static_cast<std::size_t>(C * H * W), static_cast<std::uint64_t>(H * W));
    for (std::size_t i = 0; i < x.size(); i += 3) x[i] = 2;  // a saturated third
    const SlowImage slow(x, C, H, W);
    const StageFeatures f({.n_classes = 2, .image_channels = static_cast<std::size_t>(C)},
                          FeatureOptions(false, {"image"}));
    const auto out = image_features(f, x, weir::Shape{C, H, W});
    for (int c = 0; c < C; ++c) {
      const auto at = static_cast<std::size_t>(c);
      CHECK(value(f, out, "image_mean_" + std::to_string(c)) == doctest::Approx(slow.mean[at]).epsilon(1e-5));
      CHECK(value(f, out, "image_deviation_" + std::to_string(c)) == doctest::Approx(slow.deviation[at]));
    }
    CHECK(value(f, out, "image_edge_energy") == doctest::Approx(slow.edge_energy));
    CHECK(value(f, out, "image_entropy") == doctest::Approx(slow.entropy));
    CHECK(value(f, out, "image_saturated") == doctest::Approx(slow.saturated));
  }
}

TEST_CASE("image: one colour, two colours, a ramp, values far from 0") {
  const StageFeatures f({.n_classes = 2, .image_channels = 1}, FeatureOptions(false, {"image"}));
  const weir::Shape shape{1, 32, 32};
  auto out = image_features(f, std::vector<float>(1024, -3.5F), shape);
  CHECK(value(f, out, "image_mean_0") == -3.5);
  for (const char* zero : {"image_deviation_0", "image_edge_energy", "image_entropy"}) CHECK(value(f, out, zero) == 0);
  CHECK(value(f, out, "image_saturated") == 1);
  std::vector<float> half(1024, 0), ramp(1024), far(1024, 10000);
  for (std::size_t i = 0; i < 1024; ++i) {
    half[i] = i % 32 < 16 ? 0.0F : 1.0F;
    ramp[i] = static_cast<float>(i % 32);
    far[i] += i % 2 == 0 ? 0.5F : -0.5F;
  }
  out = image_features(f, half, shape);
  CHECK(value(f, out, "image_edge_energy") == doctest::Approx(1.0 / 32));
  CHECK(value(f, out, "image_entropy") == doctest::Approx(std::log(2)));
  CHECK(value(f, out, "image_saturated") == 1);
  out = image_features(f, ramp, shape);
  CHECK(value(f, out, "image_entropy") == doctest::Approx(std::log(16)));
  CHECK(value(f, out, "image_saturated") == doctest::Approx(2.0 / 32));
  out = image_features(f, far, shape);
  CHECK(value(f, out, "image_deviation_0") == doctest::Approx(0.5));
}

TEST_CASE("pooled: the projection of the mean of each channel, or of what a head pooled") {
  const weir::Shape example{5, 4, 3};
  const auto a = random_values(60, 2);
  const weir::detail::PooledProjection identity({1}, 5), projected({1}, 5, random_values(15, 3), random_values(3, 4));
  std::vector<float> scratch(5), means;
  for (std::size_t c = 0; c < 5; ++c) {
    float sum = 0;
    for (std::size_t i = 0; i < 12; ++i) sum += a[c * 12 + i];
    means.push_back(sum / 12);
  }
  for (const auto* p : {&identity, &projected}) {
    const StageFeatures f({.n_classes = 2, .n_pooled = p->size(), .n_pool_inputs = 5},
                          FeatureOptions(false, {"pooled"}));
    std::vector<double> out(f.size(), -7), again = out;
    FeatureSource source{.projection = p, .activations = a.data(), .example = example, .scratch = scratch.data()};
    f.fill(FeatureInput::activations, source, out);
    CHECK(f.names().back() == "pool_" + std::to_string(p->size() - 1));
    for (std::size_t j = 0; j < p->size(); ++j) {
      double expected = static_cast<double>(means[j]);
      if (p == &projected) {
        expected = static_cast<double>(random_values(3, 4)[j]);
        for (std::size_t c = 0; c < 5; ++c)
          expected += static_cast<double>(random_values(15, 3)[j * 5 + c]) * static_cast<double>(means[c]);
      }
      CHECK(value(f, out, "pool_" + std::to_string(j)) == doctest::Approx(expected).epsilon(1e-5));
    }
    FeatureSource pooled{.projection = p, .pooled = scratch};
    f.fill(FeatureInput::activations, pooled, again);
    CHECK(out == again);
  }
}

TEST_CASE("StageFeatures: what is not finite is refused by its name, wherever it comes from") {
  const StageFeatures f({.n_classes = 3, .n_pooled = 2, .n_pool_inputs = 2, .image_channels = 1},
                        FeatureOptions(false, weir::feature_group_names()));
  std::vector<double> out(f.size());
  for (const float bad : {not_a_number, infinity, -infinity}) {
    std::vector<float> z{1, bad, 2}, p(3);
    weir::detail::softmax(z, p);
    FeatureSource answer{.probabilities = p, .logits = z};
    if (bad != -infinity)  // a class that cannot be is an answer
      CHECK_THROWS_AS(f.fill(FeatureInput::answer, answer, out), weir::ArgumentError);
    else
      CHECK_NOTHROW(f.fill(FeatureInput::answer, answer, out));
    const weir::detail::PooledProjection identity({1}, 2);
    const std::vector<float> pooled{1, bad};
    FeatureSource activations{.projection = &identity, .pooled = pooled};
    CHECK_THROWS_AS(f.fill(FeatureInput::activations, activations, out), weir::ArgumentError);
    for (const std::size_t at : {0U, 7U, 99U}) {
      std::vector<float> x = random_values(100, 5);
      x[at] = bad;
      CHECK_THROWS_AS(image_features(f, x, weir::Shape{1, 10, 10}), weir::ArgumentError);
    }
  }
  const std::vector<float> overflow(100, 3e38F);
  CHECK_NOTHROW(image_features(f, overflow, weir::Shape{1, 10, 10}));
  try {
    const std::vector<float> x(4, not_a_number);
    image_features(f, x, weir::Shape{1, 2, 2});
    FAIL("accepted");
  } catch (const weir::ArgumentError& e) {
    CHECK(std::string(e.what()).find("image_mean_0") != std::string::npos);
  }
}

TEST_CASE("FeatureOptions: names alone say which groups there are, how deep, and of how many channels") {
  const std::vector<std::vector<std::string>> sets{{}, {"energy"}, {"image", "sorted"}, weir::feature_group_names()};
  for (const bool with_class : {true, false})
    for (const auto& groups : sets)
      for (const std::size_t channels : {1U, 3U}) {
        const FeatureOptions options(with_class, groups, 6);
        const FeatureLayout layout{.n_classes = 12, .n_pooled = 4, .image_channels = channels};
        const StageFeatures first(layout, options), last(FeatureLayout{.n_classes = 12}, FeatureOptions(with_class));
        const auto back = FeatureOptions::of_names({first.names(), last.names()});
        CHECK(back.with_class == with_class);
        CHECK(back.groups == options.groups);
        if (options.has("sorted")) CHECK(back.sorted_depth == 6);
        if (options.has("image")) CHECK(back.image_channels == channels);
        CHECK(StageFeatures(layout, back).names() == first.names());
      }
  CHECK_NOTHROW(FeatureOptions::of_names({{"probability_99999999999999999999"}}));  // a file may say anything
}

}  // namespace WEIR_UNIT
