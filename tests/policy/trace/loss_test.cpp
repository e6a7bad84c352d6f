#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/trace/loss.hpp>

namespace WEIR_UNIT {

TEST_CASE("Losses: top-k by rank, ties for the lower class; cross-entropy in nats, cut") {
  const std::vector<float> p = {0.1F, 0.4F, 0.4F, 0.1F, 0.0F};
  const int rank[] = {2, 0, 1, 3, 4};
  for (int label = 0; label < 5; ++label)
    for (int k = 1; k <= 6; ++k) {
      CHECK(weir::detail::top_k_loss(p, label, k) == (rank[label] < k ? 0 : 1));
      CHECK(weir::Loss("top" + std::to_string(k))(p, label) == (rank[label] < k ? 0 : 1));
    }
  CHECK(weir::detail::cross_entropy(p, 1) == doctest::Approx(-std::log(0.4)));
  CHECK(weir::detail::cross_entropy(p, 4) == 30);
  CHECK(weir::Loss("cross_entropy")(p, 1) == weir::detail::cross_entropy(p, 1));
  CHECK(weir::Loss("top1").binary());
  CHECK_FALSE(weir::Loss("cross_entropy").binary());
  for (const int label : {-1, 5}) {
    CHECK_THROWS_AS(weir::Loss("top1")(p, label), weir::ArgumentError);
    CHECK_THROWS_AS(weir::Loss("cross_entropy")(p, label), weir::ArgumentError);
  }
  for (const char* name : {"", "top", "top0", "top-1", "top1x", "Top1", "xop1", "hinge", "top99999"})
    CHECK_THROWS_AS(weir::Loss{name}, weir::ArgumentError);
}

TEST_CASE("Loss: costs of classes, and anybody's function") {
  const std::vector<float> p{0.2F, 0.5F, 0.3F};
  const auto costs = weir::Loss::of_costs("clinic", {0, 1, 2, 9, 0, 4, 1, 1, 0}, 3);
  CHECK(costs(p, 0) == 1);
  CHECK(costs(p, 1) == 0);
  CHECK(costs(std::vector<float>{1, 0, 0}, 1) == 9);
  CHECK(!costs.binary());
  CHECK(costs.name() == "clinic");
  const auto errors = weir::Loss::of_costs("errors", {0, 1, 1, 0}, 2);
  CHECK(errors.binary());
  CHECK(errors(std::vector<float>{0.4F, 0.6F}, 0) == weir::Loss("top1")(std::vector<float>{0.4F, 0.6F}, 0));
  const weir::Loss brier("brier", [](std::span<const float> q, int label) {
    double sum = 0;
    for (std::size_t c = 0; c < q.size(); ++c) {
      const double d = static_cast<double>(q[c]) - (static_cast<int>(c) == label ? 1 : 0);
      sum += d * d;
    }
    return sum;
  });
  CHECK(brier(p, 1) == doctest::Approx(0.04 + 0.25 + 0.09));
  CHECK_THROWS_AS(costs(p, 3), weir::ArgumentError);
  CHECK_THROWS_AS(costs(std::vector<float>{1, 0}, 1), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Loss::of_costs("x", {0, 1, 1}, 2), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Loss::of_costs("x", {0, -1, 1, 0}, 2), weir::ArgumentError);
  CHECK_THROWS_AS(weir::Loss::of_costs("x", {0, std::nan(""), 1, 0}, 2), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
