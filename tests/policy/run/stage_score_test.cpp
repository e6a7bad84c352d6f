#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <weir/core/known_names.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/run/joined_answer.hpp>
#include <weir/policy/run/stage_score.hpp>

namespace WEIR_UNIT {

TEST_CASE("joined answers: one stands as it is, more are joined whatever the order of writing") {
  const std::vector<float> p{0.7F, 0.2F, 0.1F}, q{0.1F, 0.3F, 0.6F};
  std::vector<float> out(3);
  for (const auto kind : {weir::detail::Join::own, weir::detail::Join::mean, weir::detail::Join::geometric}) {
    weir::detail::JoinedAnswer answer(weir::detail::Join::own, 3);
    answer.start(kind);
    answer.add(p);
    answer.write(out);
    CHECK(out == p);
    answer.add(q);
    answer.write(out);
    std::vector<double> expected;
    double total = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const auto a = static_cast<double>(p[c]), b = static_cast<double>(q[c]);
      expected.push_back(kind == weir::detail::Join::geometric ? std::sqrt(a * b) : a + b);
      total += expected.back();
    }
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(static_cast<double>(out[c]) == doctest::Approx(expected[c] / total).epsilon(1e-6));
    answer.start(kind);
    answer.add(q);
    answer.write(out);
    CHECK(out == q);
  }
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(weir::detail::parse_join(weir::detail::join_names[k]) == static_cast<weir::detail::Join>(k));
  CHECK_THROWS_WITH_AS(weir::detail::parse_join("median"), "'join' must be own, mean or geometric, not 'median'",
                       weir::FormatError);
}

TEST_CASE("joined answers: a class that one stage gives 0 is vetoed in the geometric mean, not in the plain one") {
  const std::vector<float> p{1, 0}, q{0.1F, 0.9F};
  std::vector<float> out(2);
  weir::detail::JoinedAnswer answer(weir::detail::Join::geometric, 2);
  for (const auto& [kind, first] : {std::pair{weir::detail::Join::geometric, 1.0}, {weir::detail::Join::mean, 0.55}}) {
    answer.start(kind);
    answer.add(p);
    answer.add(q);
    answer.write(out);
    CHECK(static_cast<double>(out[0]) == doctest::Approx(first));
  }
}

TEST_CASE("stage scores: JSON gives the same back, and lies are refused") {
  for (const auto inputs : {weir::detail::ScoreInputs::statistics, weir::detail::ScoreInputs::history}) {
    weir::detail::StageScore score{inputs, weir::detail::LinearModel::constant(1, 4)};
    score.model.coef[2] = 0.1;
    const nlohmann::json json = score;
    CHECK(nlohmann::json::parse(json.dump()).get<weir::detail::StageScore>() == score);
    for (const auto& lie : {nlohmann::json("all"), nlohmann::json(1), nlohmann::json()}) {
      auto bad = json;
      bad["inputs"] = lie;
      CHECK_THROWS_AS(bad.get<weir::detail::StageScore>(), weir::FormatError);
    }
    for (const char* key : {"inputs", "model"}) {
      auto bad = json;
      bad.erase(key);
      CHECK_THROWS_AS(bad.get<weir::detail::StageScore>(), weir::FormatError);
    }
  }
  CHECK(weir::detail::n_score_inputs(weir::detail::ScoreInputs::statistics, 7, 10) == 4);
  CHECK(weir::detail::n_score_inputs(weir::detail::ScoreInputs::history, 2, 20) == 25);
  CHECK(weir::detail::n_score_inputs(weir::detail::ScoreInputs::history, 2, 21) == 5);
}

}  // namespace WEIR_UNIT
