#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/exits/distilled_head_fit.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>

#include "../../../bench/adapt/head_store.hpp"

namespace WEIR_UNIT {

TEST_CASE("adapt: a head that sees another is fitted to what heads say of images that they were not fitted to") {
  const std::string data = "/usr/share/datasets/fashion-mnist/", networks = std::string(WEIR_TEST_DIR) + "/../bench/";
  if (!std::filesystem::exists(data)) {
    MESSAGE("skipped: dataset-fashion-mnist is not installed");
    return;
  }
  adapt::Options o;
  o.networks = {networks + "networks/fashion_alexnet.onnx"};
  o.preprocess = networks + "networks/models.json";
  o.hidden = "8";
  const adapt::Models read(o);
  adapt::Data parts;
  parts.heads = adapt::load_part(data + "t10k-images-idx3-ubyte.gz[0:300]", data + "t10k-labels-idx1-ubyte.gz");
  parts.policy = adapt::load_part(data + "t10k-images-idx3-ubyte.gz[300:340]", data + "t10k-labels-idx1-ubyte.gz");
  const adapt::Models models = adapt::with_logits(read, parts.policy);
  const auto points = weir::detail::spread_exit_points(models.all[0].network, 2);
  REQUIRE(points.size() == 2);
  const std::string first = points[0].tensor, second = points[1].tensor;
  adapt::HeadStore store(o, parts, models);
  store.record(0, {first, second});
  CHECK(store.head(0, {first}).logits.empty());  // no other head sees it yet
  const weir::ExitHead linked = store.head(0, {first, second}).head;
  REQUIRE(store.head(0, {first}).logits.size() == 1);
  const Eigen::MatrixXf seen = store.head(0, {first}).logits[0];

  // The same by hand.
  const weir::Context context = adapt::all_cores(o);
  const auto made = adapt::head_inputs(o, models, 0, {first, second}, parts.heads, 0, true);
  const weir::DistilledHeadLearner learner{.hidden = 8, .epochs = 8, .seed = o.seed};
  Eigen::MatrixXf expected(300, 10);
  for (Eigen::Index fold = 0; fold < 3; ++fold) {
    std::vector<Eigen::Index> inside, outside;
    for (Eigen::Index i = 0; i < 300; ++i) (i % 3 == fold ? inside : outside).push_back(i);
    const Eigen::MatrixXf X = made.pooled[0](outside, Eigen::all), q = made.answers(outside, Eigen::all);
    const Eigen::MatrixXf unseen = made.pooled[0](inside, Eigen::all);
    expected(inside, Eigen::all) =
        weir::detail::head_logits(learner.fit(made.pools[0], X, q, context), unseen, context);
  }
  CHECK(seen == expected);
  CHECK(seen != weir::detail::head_logits(store.head(0, {first}).head, made.pooled[0], context));
  Eigen::MatrixXf both(300, made.pooled[1].cols() + 10);
  both << made.pooled[1], expected;
  CHECK(linked == learner.fit(made.pools[1], both, made.answers, context, {}, weir::HeadSees::earlier_exit));
}

}  // namespace WEIR_UNIT
