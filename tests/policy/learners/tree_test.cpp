#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/decision_tree.hpp>
#include <weir/policy/learners/models/tree_model.hpp>

#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::dataset, learner_cases::noisy, learner_cases::row;
using weir::Dataset, weir::detail::DecisionTree, weir::detail::TreeModel;

namespace {

std::size_t leaf_of(const TreeModel& tree, const std::vector<double>& x) {
  std::size_t at = 0;
  while (tree.nodes[at].left != 0)
    at = x[tree.nodes[at].feature] <= tree.nodes[at].threshold ? tree.nodes[at].left : tree.nodes[at].right;
  return at;
}

/// Weights of the two classes in every node.
std::vector<std::array<double, 2>> node_weights(const TreeModel& tree, const Dataset& data) {
  std::vector<std::array<double, 2>> weight(tree.nodes.size(), {0, 0});
  for (Eigen::Index i = 0; i < data.X.rows(); ++i)
    weight[leaf_of(tree, row(data.X, i))][static_cast<std::size_t>(data.y[static_cast<std::size_t>(i)])] +=
        data.sample_weight(i);
  for (std::size_t at = tree.nodes.size(); at-- > 0;)
    for (const std::size_t child : {tree.nodes[at].left, tree.nodes[at].right})
      if (child != 0)
        for (std::size_t c : {0U, 1U}) weight[at][c] += weight[child][c];
  return weight;
}

/// Sum over the leaves of weight times Gini impurity 1 - p0^2 - p1^2.
double impurity(const TreeModel& tree, const Dataset& data) {
  const auto weight = node_weights(tree, data);
  double sum = 0;
  for (std::size_t at = 0; at < tree.nodes.size(); ++at) {
    const double total = weight[at][0] + weight[at][1];
    if (tree.nodes[at].left == 0 && total > 0)
      sum += total - (weight[at][0] * weight[at][0] + weight[at][1] * weight[at][1]) / total;
  }
  return sum;
}

}  // namespace

TEST_CASE("Tree: scikit-learn's predictions, impurity and size") {
  for (const auto& c : learner_cases::vectors()) {
    const Dataset data = dataset(c);
    for (const auto& theirs : c.at("trees")) {
      const DecisionTree learner{.max_depth = theirs.at("max_depth"),
                                 .min_weight_fraction_leaf = theirs.at("min_weight_fraction_leaf"),
                                 .min_samples_leaf = theirs.at("min_samples_leaf")};
      INFO("depth " << learner.max_depth << ", rows in a leaf " << learner.min_samples_leaf);
      const TreeModel tree = learner.fit(data);
      const double their_impurity = theirs.at("impurity");
      std::size_t different = 0;
      for (Eigen::Index i = 0; i < data.X.rows(); ++i) {
        if (data.sample_weight(i) == 0) continue;
        const double f = tree.decision_function(row(data.X, i));
        different += (f > 0 ? 1 : 0) != theirs.at("prediction")[static_cast<std::size_t>(i)].get<int>();
        if (learner.min_samples_leaf == 1 && !theirs.at("p1").is_null())
          CHECK(f + 0.5 == doctest::Approx(theirs.at("p1")[static_cast<std::size_t>(i)].get<double>()).epsilon(1e-9));
      }
      CHECK(different == 0);
      CHECK(impurity(tree, data) == doctest::Approx(their_impurity).epsilon(1e-9));
      // Deep down equal gains are common, and scikit-learn breaks ties at random.
      if (learner.min_samples_leaf == 1 && learner.max_depth <= 4)
        CHECK(tree.nodes.size() == theirs.at("n_nodes").get<std::size_t>());
    }
  }
}

TEST_CASE("Tree: the root is the best of all cuts, by brute force; ties go to the lower feature and threshold") {
  for (std::uint64_t seed = 1; seed < 12; ++seed) {
    Dataset data = noisy(30, 3, seed);
    for (Eigen::Index i = 0; i < 30; ++i) data.X(i, 2) = std::round(data.X(i, 2));  // ties
    if (seed % 3 == 0) data.X.col(1) = data.X.col(0);                               // the same cuts twice
    const Dataset used = data.without_zero_weights();
    double best = -1, threshold = 0;
    std::size_t feature = 0;
    for (Eigen::Index j = 0; j < 3; ++j) {
      std::vector<double> values(used.X.col(j).begin(), used.X.col(j).end());
      std::sort(values.begin(), values.end());
      for (std::size_t v = 0; v + 1 < values.size(); ++v) {
        if (values[v] == values[v + 1]) continue;
        const double cut = (values[v] + values[v + 1]) / 2;
        double w[2][2] = {};
        for (Eigen::Index i = 0; i < used.X.rows(); ++i)
          w[used.X(i, j) <= cut ? 0 : 1][used.y[static_cast<std::size_t>(i)]] += used.sample_weight(i);
        double score = 0;
        for (const auto& side : w) score += (side[0] * side[0] + side[1] * side[1]) / (side[0] + side[1]);
        if (score > best + 1e-10) best = score, threshold = cut, feature = static_cast<std::size_t>(j);
      }
    }
    const TreeModel tree = DecisionTree{.max_depth = 1, .min_weight_fraction_leaf = 0}.fit(data);
    REQUIRE(tree.nodes.size() == 3);
    CHECK(tree.nodes[0].feature == feature);
    CHECK(tree.nodes[0].threshold == doctest::Approx(threshold).epsilon(1e-12));
  }
}

TEST_CASE("Tree: limits hold in every node") {
  const Dataset data = noisy(300, 4, 3);
  const double total = data.sample_weight.sum();
  for (const int depth : {1, 3, 12})
    for (const double fraction : {0.0, 0.03, 0.3})
      for (const std::size_t rows : {1U, 20U}) {
        const TreeModel tree = DecisionTree{depth, fraction, rows}.fit(data);
        std::vector<std::size_t> count(tree.nodes.size(), 0);
        for (Eigen::Index i = 0; i < 300; ++i)
          if (data.sample_weight(i) > 0) ++count[leaf_of(tree, row(data.X, i))];
        const auto weight = node_weights(tree, data);
        std::vector<int> level(tree.nodes.size(), 0);
        for (std::size_t at = 0; at < tree.nodes.size(); ++at) {
          const auto& node = tree.nodes[at];
          if (node.left != 0) level[node.left] = level[node.right] = level[at] + 1;
          CHECK(level[at] <= depth);
          CHECK(node.value == doctest::Approx(weight[at][1] / (weight[at][0] + weight[at][1]) - 0.5));
          if (node.left != 0 || tree.nodes.size() == 1) continue;
          CHECK(count[at] >= rows);
          CHECK(weight[at][0] + weight[at][1] >= fraction * total * (1 - 1e-9));
        }
      }
  for (const DecisionTree& wrong : {DecisionTree{0}, DecisionTree{65}, DecisionTree{4, -0.1}, DecisionTree{4, 0.6},
                                    DecisionTree{4, std::nan("")}, DecisionTree{4, 0, 0}})
    CHECK_THROWS_AS(wrong.fit(data), weir::ArgumentError);
}

TEST_CASE("Tree: neighbouring doubles can be told apart") {
  const double low = 1.0, high = std::nextafter(1.0, 2.0);
  Dataset data{Eigen::MatrixXd(2, 1), {0, 1}, Eigen::VectorXd::Ones(2)};
  data.X << low, high;
  const TreeModel tree = DecisionTree{}.fit(data);
  CHECK(tree.decision_function(std::vector<double>{low}) < 0);
  CHECK(tree.decision_function(std::vector<double>{high}) > 0);
}

}  // namespace WEIR_UNIT
