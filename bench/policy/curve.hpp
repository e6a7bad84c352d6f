/// The arithmetic of the comparison: curves of operating points, what is read off them, intervals, verdicts.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/examples.hpp>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/evaluate/tradeoff.hpp>
#include <weir/policy/learners/random.hpp>

namespace compare {

/// Budgets of the policies whose points make a curve: 0, then from 0.05 % to 51.2 % by steps of a fourth root of 2. The
/// same whatever budgets are asked for, so that what is read at one does not depend on the others; and so close that a
/// chord between two of them is no more than a fraction of a per cent above the curve.
inline std::vector<double> curve_budgets() {
  std::vector<double> budgets{0};
  for (int k = 0; k <= 40; ++k) budgets.push_back(0.0005 * std::exp2(k / 4.0));
  return budgets;
}

/// Cost at excess loss b: of the lower hull of the points and of the full network's (full_cost, 0), which
/// anybody may run instead, the least cost whose loss is at most b. b >= 0.
inline double cost_at(std::vector<weir::detail::TradeoffPoint> points, double full_cost, double b) {
  points.push_back({full_cost, 0});
  const auto hull = weir::detail::lower_hull(points);
  const auto mix = weir::detail::at_loss(points, hull, b);
  if (!mix) throw weir::ArgumentError("curve: the excess loss must not be negative");
  return weir::detail::mixed(points, *mix).cost;
}

/// Area under the curve: the share of the full network's cost that is saved, averaged over all excess losses from 0
/// to b_max,
///
///     1/b_max  integral over b in [0, b_max] of  1 - cost_at(b) / full_cost.
///
/// Between 0 (never faster than the full network) and 1. Exact: the curve is linear between the hull's vertices.
inline double saved_area(const std::vector<weir::detail::TradeoffPoint>& points, double full_cost, double b_max) {
  std::vector<double> losses{0, b_max};
  for (const auto& p : points)
    if (p.loss > 0 && p.loss < b_max) losses.push_back(p.loss);
  std::sort(losses.begin(), losses.end());
  double area = 0;
  for (std::size_t i = 1; i < losses.size(); ++i) {
    const double left = cost_at(points, full_cost, losses[i - 1]), right = cost_at(points, full_cost, losses[i]);
    area += (losses[i] - losses[i - 1]) * (1 - (left + right) / 2 / full_cost);
  }
  return area / b_max;
}

/// (T_full - T) / (T_full - T_oracle): how much of what could be saved is saved. 0 where the oracle saves nothing.
inline double share_of_gain(double full_cost, double cost, double oracle_cost) {
  return full_cost > oracle_cost ? (full_cost - cost) / (full_cost - oracle_cost) : 0;
}

/// One contestant on the test images: [n, budgets] for each seed.
struct Samples {
  std::vector<Eigen::MatrixXd> cost, excess;
};

/// Speed-ups of several contestants: [contestant][budget].
using Speedups = std::vector<std::vector<double>>;

/// Of how many seeds the mean excess loss [budgets] is above the budget; rounding of a mean is not.
inline std::size_t seeds_above(const std::vector<Eigen::RowVectorXd>& excess, std::size_t b, double budget) {
  return static_cast<std::size_t>(std::ranges::count_if(
      excess, [&](const Eigen::RowVectorXd& e) { return e(static_cast<Eigen::Index>(b)) > budget + 1e-12; }));
}

/// How speed-ups are read: at equal excess loss, off the points of the curve, or of the points as they are.
struct Reading {
  std::vector<double> budgets;  ///< one for each point
  std::vector<bool> on_curve;   ///< [budgets] whether the point is one of the curve's
  double full_cost = 0;
  bool equal_excess = true;

  /// means [budgets] of cost and excess -> speed-up at each budget.
  std::vector<double> speedups(const Eigen::RowVectorXd& cost, const Eigen::RowVectorXd& excess) const {
    const auto points = curve(cost, excess);
    std::vector<double> out;
    for (std::size_t b = 0; b < budgets.size(); ++b)
      out.push_back(full_cost /
                    (equal_excess ? cost_at(points, full_cost, budgets[b]) : cost(static_cast<Eigen::Index>(b))));
    return out;
  }

  /// means [budgets] of cost and excess -> the curve's points.
  std::vector<weir::detail::TradeoffPoint> curve(const Eigen::RowVectorXd& cost,
                                                 const Eigen::RowVectorXd& excess) const {
    std::vector<weir::detail::TradeoffPoint> points;
    for (std::size_t b = 0; b < budgets.size(); ++b)
      if (on_curve[b]) points.push_back({cost(static_cast<Eigen::Index>(b)), excess(static_cast<Eigen::Index>(b))});
    return points;
  }
};

/// What was read in each resample: resamples of images and of seeds with replacement, the same for all contestants and
/// budgets, so that what varies from image to image cancels in differences. [resample] -> Speedups. Deterministic.
inline std::vector<Speedups> bootstrap_speedups(const std::vector<Samples>& contestants, const Reading& reading,
                                                std::size_t resamples, std::uint64_t seed) {
  if (contestants.empty() || resamples < 2) throw weir::ArgumentError("bootstrap: contestants and 2 resamples needed");
  const std::size_t n_seeds = contestants[0].cost.size();
  const Eigen::Index n = contestants[0].cost[0].rows(), budgets = contestants[0].cost[0].cols();
  const auto C = static_cast<Eigen::Index>(contestants.size());
  std::uint64_t counter = 0;
  const auto draw = [&](std::size_t size) {
    return std::min(
        size - 1, static_cast<std::size_t>(weir::detail::counter_uniform(seed, counter++) * static_cast<double>(size)));
  };
  // means [resamples, contestants * 2 budgets], by blocks of resamples whose image counts are one matrix.
  std::vector<Speedups> out;
  const std::size_t block = 64;
  for (std::size_t first = 0; first < resamples; first += block) {
    const std::size_t count = std::min(block, resamples - first);
    Eigen::MatrixXd images = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(count), n);
    Eigen::MatrixXd seeds = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(n_seeds));
    for (Eigen::Index r = 0; r < images.rows(); ++r) {
      for (Eigen::Index i = 0; i < n; ++i)
        images(r, static_cast<Eigen::Index>(draw(static_cast<std::size_t>(n)))) += 1 / static_cast<double>(n);
      for (std::size_t s = 0; s < n_seeds; ++s)
        seeds(r, static_cast<Eigen::Index>(draw(n_seeds))) += 1 / static_cast<double>(n_seeds);
    }
    std::vector<Eigen::MatrixXd> cost, excess;  // [contestants] of [count, budgets]
    for (Eigen::Index c = 0; c < C; ++c) {
      const Samples& s = contestants[static_cast<std::size_t>(c)];
      for (auto* all : {&cost, &excess}) all->push_back(Eigen::MatrixXd::Zero(images.rows(), budgets));
      for (std::size_t k = 0; k < n_seeds; ++k) {
        const auto share = seeds.col(static_cast<Eigen::Index>(k)).asDiagonal();
        cost.back() += share * (images * s.cost[k]);
        excess.back() += share * (images * s.excess[k]);
      }
    }
    for (Eigen::Index r = 0; r < images.rows(); ++r) {
      Speedups now;
      for (std::size_t c = 0; c < contestants.size(); ++c)
        now.push_back(reading.speedups(cost[c].row(r), excess[c].row(r)));
      out.push_back(std::move(now));
    }
  }
  return out;
}

/// The central 95 % of f over resamples.
template <class F>
weir::Interval interval95(const std::vector<Speedups>& resamples, const F& f) {
  std::vector<double> values;
  for (const Speedups& s : resamples) values.push_back(f(s));
  return {weir::detail::percentile(values, 2.5), weir::detail::percentile(values, 97.5)};
}

/// "ahead", "not separable" or "behind", by an interval of learned - rule.
inline std::string verdict(const weir::Interval& difference) {
  return difference.low > 0 ? "ahead" : difference.high < 0 ? "behind" : "not separable";
}

}  // namespace compare
