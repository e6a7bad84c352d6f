#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <weir/core/known_names.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>

#include "../learner_cases.hpp"

namespace WEIR_UNIT {

using nlohmann::json;
using weir::detail::TreeEnsembleModel;

namespace {

/// Two trees over two features.
json stored() {
  return {{"n_features", 2},
          {"base", 0.25},
          {"root", {0, 3}},
          {"feature", {0, 0, 0, 1, 0, 0, 0, 0}},
          {"left", {1, 0, 0, 1 + 3, 6, 0, 0, 0}},
          {"value", {1.5, 10.0, 20.0, 0.0, -1.0, 400.0, 100.0, 200.0}}};
}

TreeEnsembleModel load(const json& from) {
  TreeEnsembleModel model;
  from_json(from, model);
  return model;
}

}  // namespace

TEST_CASE("Tree ensemble: base plus one leaf of each tree; a value equal to the threshold goes left") {
  const TreeEnsembleModel model = load(stored());
  const auto f = [&](double a, double b) { return model.decision_function(std::vector<double>{a, b}); };
  CHECK(f(1.5, 0) == 0.25 + 10 + 200);
  CHECK(f(1.6, 0.1) == 0.25 + 20 + 400);
  CHECK(f(-1, -5) == 0.25 + 10 + 100);
  CHECK(TreeEnsembleModel::constant(3, 2).decision_function(std::vector<double>{0, 0}) == 3);
  json back;
  to_json(back, model);
  CHECK(load(json::parse(back.dump())) == model);
}

TEST_CASE("Tree ensemble, JSON: no cycles, no leaving a tree, no sums beyond the largest double") {
  const auto lie = [](const char* key, std::size_t at, const json& value) {
    json whole = stored();
    whole[key][at] = value;
    CHECK_THROWS_AS(load(whole), weir::FormatError);
  };
  for (const int child : {-1, 2, 3, 7, 8, 1 << 20}) lie("left", 0, child);  // 2: its right one is the next tree's root
  for (const int child : {1, 2, 3, 7}) lie("left", 3, child);
  lie("left", 4, 4);
  lie("feature", 0, 2);
  for (const int root : {0, 8, -1}) lie("root", 1, root);
  lie("root", 0, 1);
  lie("value", 1, "x");
  json whole = stored();
  for (const std::size_t leaf : {1U, 5U}) whole["value"][leaf] = 1.7e308;
  CHECK_THROWS_AS(load(whole), weir::FormatError);
  whole = stored();
  whole["value"][0] = 1.7e308;  // a threshold may be large
  CHECK(load(whole).decision_function(std::vector<double>{1e300, 0}) == 0.25 + 10 + 200);
  for (const char* key : {"feature", "left", "value"}) {
    whole = stored();
    whole[key].push_back(0);
    CHECK_THROWS_AS(load(whole), weir::FormatError);
    whole[key] = json::array();
    CHECK_THROWS_AS(load(whole), weir::FormatError);
  }
  whole = stored();
  whole["root"] = json::array();
  CHECK_THROWS_AS(load(whole), weir::FormatError);
  whole = stored();
  whole["n_features"] = std::uint64_t{1} << 31U;
  CHECK_THROWS_AS(load(whole), weir::FormatError);
}

}  // namespace WEIR_UNIT
