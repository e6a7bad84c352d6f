#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/learners/gate_model.hpp>
#include <weir/policy/learners/learner.hpp>
#include <weir/policy/learners/models/linear_model.hpp>

#include "learner_cases.hpp"

namespace WEIR_UNIT {

using learner_cases::noisy, learner_cases::row;
using nlohmann::json;
using weir::detail::GateModel;

namespace {

/// The gate that `stored` describes.
GateModel load(const json& stored) {
  GateModel gate;
  from_json(stored, gate);
  return gate;
}

std::string text(const GateModel& gate) {
  json stored;
  to_json(stored, gate);
  return stored.dump();
}

/// Replaces every value in turn, at any depth, by each of `wrong`, and calls visit(damaged whole).
template <class Visit>
void damage(const json& whole, const json::json_pointer& at, const std::vector<json>& wrong, const Visit& visit) {
  for (const json& w : wrong) {
    json damaged = whole;
    damaged[at] = w;
    if (damaged != whole) visit(damaged);
  }
  const json& value = whole[at];
  if (value.is_object())
    for (const auto& [key, member] : value.items()) damage(whole, at / key, wrong, visit);
  if (value.is_array())
    for (std::size_t i = 0; i < std::min<std::size_t>(value.size(), 3); ++i) damage(whole, at / i, wrong, visit);
}

}  // namespace

TEST_CASE("Learners, JSON: equal to the last bit after a round trip through text") {
  const auto data = noisy(90, 4, 3);
  for (const auto& name : weir::learner_names()) {
    INFO("learner " << name);
    const GateModel gate = weir::fit_by_name(name, data);
    CHECK(gate.learner() == name);
    const GateModel loaded = load(json::parse(text(gate)));
    CHECK(loaded == gate);
    CHECK(text(loaded) == text(gate));
    for (Eigen::Index i = 0; i < data.X.rows(); ++i)
      CHECK(loaded.decision_function(row(data.X, i)) == gate.decision_function(row(data.X, i)));
    CHECK_THROWS_AS(gate.decision_function(std::vector<double>(3)), weir::ShapeError);
  }
  for (const int label : {0, 1})
    CHECK(load(json::parse(text(GateModel::constant(label, 3)))) == GateModel::constant(label, 3));
}

TEST_CASE("Learners, JSON: every proper prefix of the text is refused, every missing field too") {
  const auto data = noisy(60, 2, 3);
  for (const auto& name : weir::learner_names()) {
    INFO("learner " << name);
    const std::string whole = text(weir::fit_by_name(name, data));
    // Of the long texts of ensembles one or two thousand of them.
    for (std::size_t length = 0; length < whole.size(); length += 1 + whole.size() / 2048) {
      const json stored =
          json::parse(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length), nullptr, false);
      CHECK(stored.is_discarded());
      CHECK_THROWS_AS(load(stored), weir::FormatError);
    }
    const json stored = json::parse(whole);
    for (const auto& [key, value] : stored.items()) {
      json less = stored;
      less.erase(key);
      CHECK_THROWS_AS(load(less), weir::FormatError);
    }
    for (const auto& [key, value] : stored.at("model").items()) {
      json less = stored;
      less["model"].erase(key);
      CHECK_THROWS_AS(load(less), weir::FormatError);
    }
  }
}

TEST_CASE("Learners, JSON: a key that is not known is refused at every level of every learner's model") {
  const auto data = noisy(60, 3, 3);
  for (const auto& name : weir::learner_names()) {
    INFO("learner " << name);
    const json whole = json::parse(text(weir::fit_by_name(name, data)));
    int objects = 0;
    const std::function<void(const json::json_pointer&)> visit = [&](const json::json_pointer& at) {
      if (!whole[at].is_object()) return;
      ++objects;
      json more = whole;
      more[at]["mispelt"] = 1;
      CHECK_THROWS_WITH_AS(load(more), doctest::Contains("key 'mispelt' is unknown"), weir::FormatError);
      for (const auto& item : whole[at].items()) visit(at / item.key());
    };
    visit(json::json_pointer());
    CHECK(objects >= 2);
  }
}

TEST_CASE("Learners, JSON: hostile values are refused or harmless") {
  const auto data = noisy(60, 3, 3);
  const std::vector<json> wrong = {nullptr,
                                   true,
                                   "x",
                                   json::array(),
                                   json::object(),
                                   -1,
                                   0,
                                   1,
                                   std::uint64_t{1} << 40,
                                   std::int64_t{-1} << 60,
                                   1e308,
                                   -1e308,
                                   0.5,
                                   json::array({1}),
                                   json::array({"x"}),
                                   HUGE_VAL,
                                   ~std::uint64_t{0}};
  for (const auto& name : weir::learner_names()) {
    INFO("learner " << name);
    const json stored = json::parse(text(weir::fit_by_name(name, data)));
    int refused = 0;
    damage(stored, json::json_pointer(), wrong, [&](const json& damaged) {
      INFO(damaged.dump());
      try {
        // What loads must work: no read outside the arrays (the sanitizer looks), no endless walk.
        const GateModel gate = load(damaged);
        if (gate.n_features() < 1000) gate.decision_function(std::vector<double>(gate.n_features(), 0.5));
      } catch (const weir::FormatError&) {
        ++refused;
      }
    });
    CHECK(refused > 50);
  }
}

TEST_CASE("Learners, JSON: particular lies") {
  const auto data = noisy(60, 3, 3);
  const auto stored = [&](const char* name) { return json::parse(text(weir::fit_by_name(name, data))); };
  json lie = stored("logistic");
  lie["learner"] = "tree";
  CHECK_THROWS_AS(load(lie), weir::FormatError);
  lie["learner"] = "oracle";
  CHECK_THROWS_AS(load(lie), weir::FormatError);
  lie = stored("logistic");
  lie["model"]["coef"].push_back(1.0);
  CHECK_THROWS_AS(load(lie), weir::FormatError);
  lie = stored("logistic");
  lie["model"]["scaling"]["factor"][0] = 0.0;
  CHECK_THROWS_AS(load(lie), weir::FormatError);
  lie = stored("tree");
  REQUIRE(lie["model"]["left"][0].get<int>() > 0);
  for (const int child : {0, -1, 1 << 20}) {
    lie["model"]["right"][0] = child;
    CHECK_THROWS_AS(load(lie), weir::FormatError);
  }
  lie = stored("tree");
  lie["model"]["feature"][0] = 3;
  CHECK_THROWS_AS(load(lie), weir::FormatError);
  lie = stored("threshold");
  for (const char* key : {"feature", "direction"}) {
    lie = stored("threshold");
    lie["model"][key] = 3;
    CHECK_THROWS_AS(load(lie), weir::FormatError);
  }
}

TEST_CASE("Learners: unknown names name the known ones") {
  try {
    weir::fit_by_name("oracle", noisy(20, 2, 1));
    FAIL("no exception");
  } catch (const weir::ArgumentError& e) {
    for (const auto& name : weir::learner_names()) CHECK(std::string(e.what()).find(name) != std::string::npos);
  }
  CHECK_THROWS_AS(GateModel("tree", weir::detail::LinearModel{}), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
