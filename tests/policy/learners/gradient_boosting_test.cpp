#include <doctest/doctest.h>

#include <cmath>
#include <weir/core/isa.hpp>
#include <weir/policy/learners/dataset.hpp>
#include <weir/policy/learners/gradient_boosting.hpp>
#include <weir/policy/learners/models/tree_ensemble_model.hpp>

#include "ensemble_cases.hpp"

namespace WEIR_UNIT {

using ensemble_cases::decisions, learner_cases::dataset, learner_cases::noisy, learner_cases::row;
using weir::Dataset, weir::detail::GradientBoosting;

namespace {

/// Margins of the training rows by the textbook: every cut of every column tried, all sums taken anew.
struct SlowBoosting {
  const Dataset& data;
  GradientBoosting options;
  std::vector<double> margin, g, h;

  double sum(const std::vector<Eigen::Index>& rows, const std::vector<double>& of) const {
    double total = 0;
    for (const auto i : rows) total += of[static_cast<std::size_t>(i)];
    return total;
  }
  double worth(const std::vector<Eigen::Index>& rows) const {
    return std::pow(sum(rows, g), 2) / (sum(rows, h) + options.lambda);
  }
  void grow(const std::vector<Eigen::Index>& rows, int depth) {
    std::vector<Eigen::Index> best[2];
    double gain = 1e-11;
    for (Eigen::Index j = 0; depth < options.max_depth && j < data.X.cols(); ++j)
      for (const auto at : rows) {
        std::vector<Eigen::Index> side[2];
        for (const auto i : rows) side[data.X(i, j) <= data.X(at, j) ? 0 : 1].push_back(i);
        if (side[1].empty() || std::min(sum(side[0], h), sum(side[1], h)) < options.min_child_hessian) continue;
        const double here = worth(side[0]) + worth(side[1]) - worth(rows);
        if (here > gain + 1e-11) gain = here, best[0] = side[0], best[1] = side[1];
      }
    if (!best[0].empty()) return grow(best[0], depth + 1), grow(best[1], depth + 1);
    const double step = options.learning_rate * sum(rows, g) / (sum(rows, h) + options.lambda);
    for (const auto i : rows) margin[static_cast<std::size_t>(i)] -= step;
  }
  void fit() {
    const double total = data.sample_weight.sum();
    std::vector<Eigen::Index> rows;
    double positive = 0;
    for (Eigen::Index i = 0; i < data.X.rows(); ++i) {
      rows.push_back(i);
      positive += data.y[static_cast<std::size_t>(i)] * data.sample_weight(i) / total;
    }
    margin.assign(rows.size(), std::log(positive / (1 - positive)));
    g = h = margin;
    for (int round = 0; round < options.rounds; ++round) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const double p = 1 / (1 + std::exp(-margin[i])), v = data.sample_weight(rows[i]) / total;
        g[i] = v * (p - data.y[i]), h[i] = v * p * (1 - p);
      }
      grow(rows, 0);
    }
  }
};

double training_loss(const GradientBoosting& learner, const Dataset& data) {
  std::vector<double> p;
  for (const double f : decisions(learner.fit(data), data)) p.push_back(1 / (1 + std::exp(-f)));
  return ensemble_cases::log_loss(p, data);
}

}  // namespace

TEST_CASE("Boosting: XGBoost's margins where every value has its bin") {
  for (const auto& c : ensemble_cases::vectors().at("exact")) {
    const Dataset data = dataset(c);
    const double total = data.sample_weight.sum();
    const GradientBoosting learner{.rounds = c.at("rounds"),
                                   .learning_rate = c.at("learning_rate"),
                                   .max_depth = c.at("max_depth"),
                                   .lambda = c.at("lambda").get<double>() / total,
                                   .min_child_hessian = c.at("min_child_hessian").get<double>() / total};
    const auto model = learner.fit(data);
    CHECK(model.roots.size() == c.at("rounds").get<std::size_t>());
    const auto ours = decisions(model, data);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      INFO("row " << i << " of " << ours.size());
      if (data.sample_weight(static_cast<Eigen::Index>(i)) > 0)
        CHECK(std::abs(ours[i] - c.at("margin")[i].get<double>()) < 1e-5);
    }
  }
}

TEST_CASE("Boosting: XGBoost's log-loss on fresh examples within 1 % where values share bins") {
  const Dataset fit = ensemble_cases::half(true), fresh = ensemble_cases::half(false);
  const double total = fit.sample_weight.sum();
  const GradientBoosting learner{
      .rounds = 60, .max_depth = 3, .lambda = 1 / total, .min_child_hessian = 1 / total, .max_bins = 32};
  std::vector<double> p;
  for (const double f : decisions(learner.fit(fit), fresh)) p.push_back(1 / (1 + std::exp(-f)));
  const double theirs = ensemble_cases::vectors().at("smooth").at("boosting_log_loss");
  CHECK(ensemble_cases::log_loss(p, fresh) == doctest::Approx(theirs).epsilon(0.01));
}

TEST_CASE("Boosting: a slow reference that tries every cut") {
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    Dataset data = noisy(40, 3, seed).without_zero_weights();
    if (seed % 2 == 0) data.X.col(2) = data.X.col(2).array().round();  // ties
    const GradientBoosting learner{.rounds = 8, .learning_rate = 0.4, .max_depth = 3, .min_child_hessian = 0.02};
    SlowBoosting slow{data, learner, {}, {}, {}};
    slow.fit();
    const auto ours = decisions(learner.fit(data), data);
    for (std::size_t i = 0; i < ours.size(); ++i) CHECK(ours[i] == doctest::Approx(slow.margin[i]).epsilon(1e-9));
  }
}

TEST_CASE("Boosting: deterministic, for any order of rows; the loss falls with every round") {
  const Dataset data = noisy(300, 4, 3);
  std::vector<Eigen::Index> back;
  std::vector<double> weight;
  for (Eigen::Index i = data.X.rows(); i-- > 0;) back.push_back(i), weight.push_back(data.sample_weight(i));
  const Dataset reversed = learner_cases::pick(data, back, weight);
  for (const double held : {0.0, 0.3}) {
    const GradientBoosting learner{.validation_fraction = held};
    const auto model = learner.fit(data), other = learner.fit(reversed);
    CHECK(model == learner.fit(data));
    CHECK(model.roots == other.roots);
    const auto a = decisions(model, data), b = decisions(other, data);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-10));
  }
  double before = training_loss({.rounds = 1}, data);
  for (const int rounds : {2, 4, 8, 16, 32, 64}) {
    const double after = training_loss({.rounds = rounds}, data);
    CHECK(after < before);
    before = after;
  }
}

TEST_CASE("Boosting: rows held out end it early, and where they cannot, they are not held out") {
  const Dataset fit = ensemble_cases::half(true), fresh = ensemble_cases::half(false);
  const auto loss = [&](const weir::detail::TreeEnsembleModel& model) {
    std::vector<double> p;
    for (const double f : decisions(model, fresh)) p.push_back(1 / (1 + std::exp(-f)));
    return ensemble_cases::log_loss(p, fresh);
  };
  const GradientBoosting eager{.rounds = 400, .learning_rate = 0.3, .max_depth = 6, .min_child_hessian = 1e-4};
  GradientBoosting careful = eager;
  careful.validation_fraction = 0.25;
  const auto stopped = careful.fit(fit);
  CHECK(stopped.roots.size() > 1);
  CHECK(stopped.roots.size() < 100);
  CHECK(loss(stopped) < loss(eager.fit(fit)));
  // More patience cannot lose what less of it found, and its trees begin with the same.
  careful.patience = 40;
  const auto patient = careful.fit(fit);
  REQUIRE(patient.nodes.size() >= stopped.nodes.size());
  CHECK(std::equal(stopped.nodes.begin(), stopped.nodes.end(), patient.nodes.begin()));
  Dataset two{Eigen::MatrixXd(2, 1), {0, 1}, Eigen::VectorXd::Ones(2)};
  two.X << 0, 1;
  CHECK(GradientBoosting{.validation_fraction = 0.99}.fit(two) == GradientBoosting{}.fit(two));
}

TEST_CASE("Boosting: weights of any size give finite models; wrong hyper-parameters are refused") {
  for (const double heavy : {1e-300, 1e-20, 1e20, 1e300}) {
    Dataset data = noisy(50, 2, 2).without_zero_weights();
    for (std::size_t i = 0; i < data.y.size(); ++i)
      data.sample_weight(static_cast<Eigen::Index>(i)) = data.y[i] == 1 ? heavy : 1 / heavy;
    for (const double f : decisions(GradientBoosting{.lambda = 1e-12, .min_child_hessian = 0}.fit(data), data)) {
      CHECK(std::isfinite(f));
      CHECK((f > 0) == (heavy > 1));
    }
  }
  const double nan = std::nan("");
  for (const GradientBoosting& wrong :
       {GradientBoosting{.rounds = 0}, GradientBoosting{.rounds = 10001}, GradientBoosting{.learning_rate = 0},
        GradientBoosting{.learning_rate = nan}, GradientBoosting{.max_depth = 0}, GradientBoosting{.max_depth = 65},
        GradientBoosting{.lambda = 0}, GradientBoosting{.lambda = nan}, GradientBoosting{.min_child_hessian = -1},
        GradientBoosting{.min_child_hessian = nan}, GradientBoosting{.max_bins = 1}, GradientBoosting{.max_bins = 256},
        GradientBoosting{.validation_fraction = 1}, GradientBoosting{.validation_fraction = nan},
        GradientBoosting{.patience = 0}})
    CHECK_THROWS_AS(wrong.fit(noisy(20, 2, 1)), weir::ArgumentError);
}

}  // namespace WEIR_UNIT
