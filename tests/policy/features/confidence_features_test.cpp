#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <weir/core/isa.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/features/confidence_features.hpp>

namespace WEIR_UNIT {

namespace {

const float not_a_number = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

std::vector<float> random_logits(std::size_t n, std::uint64_t seed) {
  std::vector<float> z(n);
  for (float& v : z) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    v = static_cast<float>(static_cast<double>(seed >> 40U) * 0x1p-24 * 8 - 4);
  }
  return z;
}

/// Features of p by name.
double feature(std::span<const float> p, const std::string& name) {
  const auto names = weir::detail::confidence_feature_names(static_cast<int>(p.size()));
  std::vector<double> out(names.size());
  weir::detail::confidence_features(p, out);
  const auto it = std::find(names.begin(), names.end(), name);
  REQUIRE(it != names.end());
  return out[static_cast<std::size_t>(it - names.begin())];
}

}  // namespace

TEST_CASE("Features: against definitions by sorting, for many numbers of classes") {
  for (const std::size_t classes : {2U, 3U, 4U, 10U, 20U, 21U, 1000U}) {
    std::vector<float> p = random_logits(classes, classes);
    weir::detail::softmax(p, p);
    CHECK(weir::detail::is_distribution(p));
    std::vector<double> sorted(p.begin(), p.end());
    std::sort(sorted.rbegin(), sorted.rend());
    if (sorted.size() == 2) sorted.push_back(0);
    double entropy = 0;
    for (const float v : p) entropy -= static_cast<double>(v) * std::log(static_cast<double>(v));
    CHECK(feature(p, "max_probability") == sorted[0]);
    CHECK(feature(p, "second_probability") == sorted[1]);
    CHECK(feature(p, "third_probability") == sorted[2]);
    CHECK(feature(p, "margin") == sorted[0] - sorted[1]);
    CHECK(feature(p, "entropy") == doctest::Approx(entropy));
    CHECK(feature(p, "log_odds") == doctest::Approx(std::log(sorted[0] / sorted[1])));
    const auto all = weir::detail::confidence_feature_names(static_cast<int>(classes));
    const auto bare = weir::detail::confidence_feature_names(static_cast<int>(classes), false);
    CHECK(all.size() == bare.size() + (classes <= 20 ? classes : 0));
    std::vector<double> out(all.size(), -1), without(bare.size());
    const int prediction = weir::detail::confidence_features(p, out);
    CHECK(prediction == weir::detail::argmax(p));
    CHECK(weir::detail::confidence_features(p, without) == prediction);
    CHECK(std::equal(without.begin(), without.end(), out.begin()));
    for (std::size_t c = 0; c + bare.size() < out.size(); ++c) {
      CHECK(all[bare.size() + c] == "class_" + std::to_string(c));
      CHECK(out[bare.size() + c] == (static_cast<int>(c) == prediction ? 1 : 0));
    }
  }
}

TEST_CASE("Features: certain, even and tied answers stay finite") {
  for (const std::size_t classes : {2U, 3U, 20U, 30U}) {
    std::vector<float> even(classes, 1.0F / static_cast<float>(classes)), certain(classes, 0.0F), two(classes, 0.0F);
    certain.back() = 1;
    two[0] = two.back() = 0.5F;
    CHECK(feature(even, "entropy") == doctest::Approx(std::log(static_cast<double>(classes))));
    CHECK(feature(even, "margin") == 0);
    CHECK(feature(even, "log_odds") == 0);
    CHECK(feature(certain, "entropy") == 0);
    CHECK(feature(certain, "log_odds") == 30);
    CHECK(feature(two, "second_probability") == 0.5);
    CHECK(feature(two, "entropy") == doctest::Approx(std::log(2.0)));
    std::vector<double> out(weir::detail::confidence_feature_names(static_cast<int>(classes)).size());
    CHECK(weir::detail::confidence_features(even, out) == 0);
    CHECK(weir::detail::confidence_features(two, out) == 0);
    CHECK(weir::detail::confidence_features(certain, out) == static_cast<int>(classes) - 1);
  }
}

TEST_CASE("Features: no gate sees NaN, infinity or a negative probability") {
  for (const float bad : {not_a_number, infinity, -infinity, -0.25F})
    for (const std::size_t at : {0U, 1U, 3U}) {
      std::vector<float> p = {0.25F, 0.25F, 0.25F, 0.25F};
      p[at] = bad;
      std::vector<double> out(10);
      CHECK_THROWS_AS(weir::detail::confidence_features(p, out), weir::ArgumentError);
      CHECK_FALSE(weir::detail::is_distribution(p));
    }
  std::vector<float> logits = {0.0F, not_a_number, 1.0F}, p(3);
  weir::detail::softmax(logits, p);
  std::vector<double> out(9);
  CHECK_THROWS_AS(weir::detail::confidence_features(p, out), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
