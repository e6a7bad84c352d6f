#include <doctest/doctest.h>

#include <cmath>
#include <vector>
#include <weir/policy/exits/probabilities.hpp>

namespace WEIR_UNIT {

TEST_CASE("softmax: shifts do not matter, large values do not overflow, in place and apart are equal") {
  std::vector<float> z = {1.0F, 3.0F, -2.0F, 0.5F}, p(4), shifted(4);
  weir::detail::softmax(z, p);
  for (const float shift : {-1e4F, 64.0F, 1e4F}) {
    std::vector<float> moved = z;
    for (float& v : moved) v += shift;
    weir::detail::softmax(moved, shifted);
    for (std::size_t c = 0; c < 4; ++c) CHECK(shifted[c] == doctest::Approx(p[c]).epsilon(1e-3));
  }
  double sum = 0;
  for (const float v : z) sum += std::exp(static_cast<double>(v));
  for (std::size_t c = 0; c < 4; ++c) CHECK(p[c] == doctest::Approx(std::exp(static_cast<double>(z[c])) / sum));
  weir::detail::softmax(z, z);
  CHECK(z == p);
  std::vector<float> huge = {3e38F, -3e38F};
  weir::detail::softmax(huge, huge);
  CHECK(huge == std::vector<float>{1, 0});
}

TEST_CASE("is_distribution tells probabilities from logits") {
  CHECK(weir::detail::is_distribution(std::vector<float>{0.5F, 0.4999F, 0.0F}));
  CHECK_FALSE(weir::detail::is_distribution(std::vector<float>{0.5F, 0.4F}));
  CHECK_FALSE(weir::detail::is_distribution(std::vector<float>{1.5F, -0.5F}));
  CHECK_FALSE(weir::detail::is_distribution(std::vector<float>{4.0F, 3.0F}));
  CHECK_FALSE(weir::detail::is_distribution(std::vector<float>{}));
}

TEST_CASE("argmax: the lowest of equals") {
  CHECK(weir::detail::argmax(std::vector<float>{1, 2, 2, 0}) == 1);
  CHECK(weir::detail::argmax(std::vector<float>{-1, -1}) == 0);
}

}  // namespace WEIR_UNIT
