#include <doctest/doctest.h>

#include <cmath>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/learn/expected_loss.hpp>
#include <weir/policy/learn/objective.hpp>
#include <weir/policy/learn/train.hpp>
#include <weir/policy/learners/hinge_solver.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../../io/io_test.hpp"
#include "../probability_trace.hpp"

namespace WEIR_UNIT {

namespace {

/// The trace with labels drawn from the full network's probabilities at a temperature, and their losses.
weir::Trace relabelled(const weir::Trace& trace, const weir::Loss& loss, double temperature, std::uint64_t seed) {
  weir::Trace drawn = trace;
  const Eigen::Index classes = trace.stages.back().probabilities.cols();
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    Eigen::VectorXd q = trace.stages.back().probabilities.row(row).transpose().cast<double>();
    q = q.array().pow(1 / temperature).matrix();
    q /= q.sum();
    double u = weir::detail::counter_uniform(seed, i);
    Eigen::Index c = 0;
    while (c + 1 < classes && (u -= q(c)) >= 0) ++c;
    drawn.label[i] = static_cast<int>(c);
    for (weir::StageTrace& s : drawn.stages) {
      const Eigen::VectorXf p = s.probabilities.row(row).transpose();
      s.loss(row) = loss({p.data(), static_cast<std::size_t>(classes)}, drawn.label[i]);
    }
  }
  return drawn;
}

}  // namespace

TEST_CASE("expected losses: the sum over all classes, for every loss and side") {
  const weir::Trace trace = weir_test::probability_trace(60, 3, 7, 5);
  for (const char* name : {"top1", "top3", "cross_entropy"})
    for (const double T : {0.7, 1.0, 2.5}) {
      const weir::Loss loss(name);
      const auto excess = weir::detail::with_expected_losses(trace, loss, weir::detail::LossSide::excess, T);
      const auto difference = weir::detail::with_expected_losses(trace, loss, weir::detail::LossSide::difference, T);
      for (Eigen::Index i = 0; i < 60; ++i) {
        std::vector<double> q(7);
        double total = 0;
        for (Eigen::Index c = 0; c < 7; ++c)
          total += q[static_cast<std::size_t>(c)] =
              std::pow(static_cast<double>(trace.stages.back().probabilities(i, c)), 1 / T);
        for (std::size_t k = 0; k < 3; ++k) {
          double above = 0, mean = 0;
          for (int c = 0; c < 7; ++c) {
            const Eigen::VectorXf own = trace.stages[k].probabilities.row(i).transpose(),
                                  full = trace.stages[2].probabilities.row(i).transpose();
            const double a = loss({own.data(), 7}, c), b = loss({full.data(), 7}, c);
            above += q[static_cast<std::size_t>(c)] / total * std::max(0.0, a - b);
            mean += q[static_cast<std::size_t>(c)] / total * a;
          }
          CHECK(excess.stages[k].loss(i) == doctest::Approx(above).epsilon(1e-3));
          CHECK(difference.stages[k].loss(i) == doctest::Approx(mean).epsilon(1e-3));
        }
        CHECK(excess.stages[2].loss(i) == 0);
      }
      CHECK(excess.stages[1].features == trace.stages[1].features);
      CHECK(excess.stages[1].prediction == trace.stages[1].prediction);
      CHECK(excess.costs() == trace.costs());
      CHECK(excess.label == trace.label);
    }
}

TEST_CASE("expected losses: what labels show on the average, with less variance; the temperature is found again") {
  const weir::Loss loss("top1");
  const weir::Trace trace = weir_test::probability_trace(20000, 3, 10, 6);
  for (const double T : {0.8, 1.0, 1.6}) {
    const weir::Trace drawn = relabelled(trace, loss, T, 7);
    CHECK(weir::detail::full_temperature(drawn) == doctest::Approx(T).epsilon(0.05));
    const auto expected = weir::detail::with_expected_losses(drawn, loss, weir::detail::LossSide::excess, T);
    const Eigen::MatrixXd R = weir::detail::charged_loss(drawn, weir::detail::LossSide::excess);
    for (std::size_t k = 0; k < 2; ++k) {
      const Eigen::ArrayXd seen = R.col(static_cast<Eigen::Index>(k)).array(), e = expected.stages[k].loss.array();
      const double error = std::sqrt((seen - e).square().mean() / 20000);
      CHECK(std::abs(seen.mean() - e.mean()) < 4 * error);
      CHECK((e - e.mean()).square().mean() < 0.8 * (seen - seen.mean()).square().mean());
    }
  }
}

TEST_CASE("expected losses: policies learned from few examples cost less than those learned from their labels") {
  const weir::Loss loss("top1");
  const weir::Trace judge = relabelled(weir_test::probability_trace(20000, 3, 10, 8), loss, 1, 9);
  const auto topology = weir_test::chain_of(judge);
  double by_labels = 0, by_expected = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const weir::Trace few = relabelled(weir_test::probability_trace(150, 3, 10, 100 + seed), loss, 1, 200 + seed);
    const weir::Trace expected = weir::detail::with_expected_losses(few, loss, weir::detail::LossSide::excess,
                                                                    weir::detail::full_temperature(few));
    for (const double lambda : {3e-3, 1e-2, 3e-2}) {
      const auto cost = [&](const weir::Trace& lessons) {
        const auto policy = weir::train(lessons, topology, lambda);
        return weir::detail::lagrangian(weir::evaluate(policy, judge), lambda, weir::detail::LossSide::excess) / lambda;
      };
      by_labels += cost(few);
      by_expected += cost(expected);
    }
  }
  CHECK(by_expected < 0.98 * by_labels);
}

TEST_CASE("expected losses: refusals") {
  using io_test::contains, io_test::message_of;
  const weir::Loss loss("top1");
  weir::Trace trace = weir_test::probability_trace(30, 2, 5, 1);
  CHECK(weir::detail::lacks_probabilities(trace) == "");
  for (const double T : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    CHECK(contains(message_of<weir::ArgumentError>([&] {
                     static_cast<void>(
                         weir::detail::with_expected_losses(trace, loss, weir::detail::LossSide::excess, T));
                   }),
                   "temperature"));
  trace.stages[0].probabilities.resize(30, 4);
  CHECK(weir::detail::lacks_probabilities(trace) != "");
  trace.stages[0].probabilities.resize(0, 0);
  CHECK(weir::detail::lacks_probabilities(trace) != "");
  CHECK_THROWS_AS(weir::detail::with_expected_losses(trace, loss, weir::detail::LossSide::excess, 1),
                  weir::ArgumentError);
  trace.stages[1].probabilities.resize(0, 0);
  CHECK(contains(message_of<weir::ArgumentError>([&] { static_cast<void>(weir::detail::full_temperature(trace)); }),
                 "stage1"));
}

}  // namespace WEIR_UNIT
