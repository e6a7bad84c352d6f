#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <weir/core/isa.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/decision_tree.hpp>
#include <weir/policy/learners/random_forest.hpp>

#include "ensemble_cases.hpp"

namespace WEIR_UNIT {

using ensemble_cases::decisions, learner_cases::noisy;
using weir::Dataset, weir::detail::RandomForest;

namespace {

constexpr RandomForest single{.trees = 1, .max_depth = 5, .max_features = 1000, .bootstrap = false};

}  // namespace

TEST_CASE("Forest: one tree on all rows and columns is the decision tree, also between the training values") {
  for (std::uint64_t seed = 1; seed < 8; ++seed) {
    Dataset data = noisy(200, 4, seed);
    if (seed % 2 == 0) data.X.col(2) = data.X.col(2).array().round();
    const auto forest = single.fit(data);
    const auto tree = weir::detail::DecisionTree{.max_depth = 5, .min_weight_fraction_leaf = 0.005}.fit(data);
    CHECK(forest.nodes.size() == tree.nodes.size());
    for (const std::uint64_t other : {seed, seed + 100}) {
      const Dataset fresh = noisy(200, 4, other);
      const auto ours = decisions(forest, fresh), theirs = decisions(tree, fresh);
      for (std::size_t i = 0; i < ours.size(); ++i) CHECK(ours[i] == doctest::Approx(theirs[i]).epsilon(1e-12));
    }
  }
}

TEST_CASE("Forest: scikit-learn's log-loss and AUC on fresh examples, within the spread of its seeds") {
  const Dataset fit = ensemble_cases::half(true), fresh = ensemble_cases::half(false);
  const auto& theirs = ensemble_cases::vectors().at("smooth");
  const auto loss = theirs.at("forest_log_loss").get<std::vector<double>>();
  const auto area = theirs.at("forest_auc").get<std::vector<double>>();
  double our_loss = 0, our_area = 0;
  const int seeds = 6;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const RandomForest learner{.max_depth = 6, .max_features = 2, .seed = seed};
    std::vector<double> p;
    for (const double f : decisions(learner.fit(fit), fresh)) p.push_back(f + 0.5);
    our_loss += ensemble_cases::log_loss(p, fresh) / seeds;
    our_area += ensemble_cases::auc(p, fresh) / seeds;
  }
  const auto [best, worst] = std::minmax_element(loss.begin(), loss.end());
  CHECK(our_loss > *best * 0.99);
  CHECK(our_loss < *worst * 1.01);
  const auto [low, high] = std::minmax_element(area.begin(), area.end());
  CHECK(our_area > *low - 0.003);
  CHECK(our_area < *high + 0.003);
}

TEST_CASE("Forest: deterministic for a seed and any order of rows, another for another seed") {
  const Dataset data = noisy(200, 9, 3);
  std::vector<Eigen::Index> back;
  std::vector<double> weight;
  for (Eigen::Index i = data.X.rows(); i-- > 0;) back.push_back(i), weight.push_back(data.sample_weight(i));
  const RandomForest learner{.trees = 12}, other{.trees = 12, .seed = 1};
  CHECK(learner.fit(data) == learner.fit(data));
  CHECK_FALSE(learner.fit(data) == other.fit(data));
  const auto a = decisions(learner.fit(data), data);
  const auto b = decisions(learner.fit(learner_cases::pick(data, back, weight)), data);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
  // More trees begin with the same trees.
  const auto few = learner.fit(data), many = RandomForest{.trees = 24}.fit(data);
  REQUIRE(many.roots.size() == 24);
  CHECK(std::equal(few.roots.begin(), few.roots.end(), many.roots.begin()));
}

TEST_CASE("Forest: trees differ by rows and by columns") {
  const Dataset data = noisy(200, 9, 3);
  const auto differing = [&](const RandomForest& learner) {
    const auto model = learner.fit(data);
    std::set<std::pair<std::uint32_t, double>> tops;
    for (const auto root : model.roots) tops.emplace(model.nodes[root].feature, model.nodes[root].value);
    return tops.size();
  };
  CHECK(differing({.trees = 20, .max_features = 9, .bootstrap = false}) == 1);
  CHECK(differing({.trees = 20, .max_features = 9}) > 2);
  CHECK(differing({.trees = 20, .max_features = 1, .bootstrap = false}) > 5);
  // A column of one value is no choice: the node looks on.
  Dataset dull = noisy(60, 6, 1);
  dull.X.leftCols(5).setConstant(2);
  for (const auto& node : RandomForest{.trees = 5, .max_features = 1}.fit(dull).nodes)
    CHECK((node.left == 0 || node.feature == 5));
}

TEST_CASE("Forest: weights of any size give finite models; wrong hyper-parameters are refused") {
  for (const double heavy : {5e-324, 1e-300, 1e300}) {
    Dataset data = noisy(50, 2, 2).without_zero_weights();
    for (std::size_t i = 0; i < data.y.size(); ++i)
      data.sample_weight(static_cast<Eigen::Index>(i)) = data.y[i] == 1 ? heavy : 1;
    for (const double f : decisions(RandomForest{.trees = 5}.fit(data), data)) CHECK((f > 0) == (heavy > 1));
    data.sample_weight.setConstant(heavy / 50);
    data.sample_weight(0) = heavy;
    for (const double f : decisions(RandomForest{.trees = 5}.fit(data), data)) CHECK(std::abs(f) <= 0.5);
  }
  for (const RandomForest& wrong :
       {RandomForest{.trees = 0}, RandomForest{.trees = 10001}, RandomForest{.max_depth = 0},
        RandomForest{.max_depth = 65}, RandomForest{.max_features = -1}, RandomForest{.min_weight_fraction_leaf = 0.6},
        RandomForest{.min_weight_fraction_leaf = std::nan("")}, RandomForest{.max_bins = 1},
        RandomForest{.max_bins = 256}})
    CHECK_THROWS_AS(wrong.fit(noisy(20, 2, 1)), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
