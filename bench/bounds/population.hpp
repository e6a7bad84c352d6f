/// Where calibration losses come from: recorded traces, and distributions made to break guarantees.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/policy.hpp>

namespace bounds_bench {

/// Uniforms in [0, 1) one after the other: the same on every machine.
class Uniforms {
 public:
  explicit Uniforms(std::uint64_t seed) : seed_(seed) {}
  double operator()() { return weir::detail::counter_uniform(seed_, counter_++); }
  std::size_t below(std::size_t n) {
    return std::min(n - 1, static_cast<std::size_t>((*this)() * static_cast<double>(n)));
  }

 private:
  std::uint64_t seed_, counter_ = 0;
};

/// Losses of all members on n calibration examples, and what the risk of each member then is.
struct Draw {
  Eigen::MatrixXd calibration;  ///< [n, members], in [0, 1]
  Eigen::VectorXd truth;        ///< [members]
};

struct Population {
  std::string name;
  std::size_t n = 0;              ///< calibration examples
  std::vector<double> predicted;  ///< [members] risk, as training had it
  std::size_t n_training = 0;     ///< examples it had it from
  double full_cost = 0;           ///< of the full network, where a policy sends all to it
  double pass_cost = 0;           ///< of the full network without any policy
  bool exact = true;              ///< Draw::truth is the true risk, not an estimate of it
  std::vector<double> cost;       ///< [members] mean
  bool zero_one = true;           ///< losses are 0 and 1
  bool paired = false;            ///< losses (1 + d) / 2 of differences d of -1, 0 and 1; risks are means of d
  std::function<Draw(Uniforms&)> draw;
};

/// m members, each failing on its own share of examples; u: shared by all members of an example, or drawn anew for
/// each.
inline Population adversary(std::string name, std::size_t n, double epsilon, std::vector<double> truth, bool shared) {
  Population p;
  p.name = std::move(name);
  p.n = p.n_training = n;
  p.full_cost = p.pass_cost = 1;
  for (std::size_t j = 0; j < truth.size(); ++j) {
    const double share = static_cast<double>(j + 1) / static_cast<double>(truth.size());
    p.predicted.push_back(2 * epsilon * share);  // training was wrong
    p.cost.push_back(1 - 0.9 * share);
  }
  p.draw = [n, shared, truth = std::move(truth)](Uniforms& uniform) {
    const auto m = static_cast<Eigen::Index>(truth.size());
    Draw d{Eigen::MatrixXd(static_cast<Eigen::Index>(n), m), Eigen::Map<const Eigen::VectorXd>(truth.data(), m)};
    for (Eigen::Index i = 0; i < d.calibration.rows(); ++i) {
      double u = uniform();
      for (Eigen::Index j = 0; j < m; ++j) {
        if (!shared && j > 0) u = uniform();
        d.calibration(i, j) = u < d.truth(j) ? 1 : 0;
      }
    }
    return d;
  };
  return p;
}

/// Differences of -1, 0 and 1 that have this mean: `repaired` of them are -1; independent between members, or shared.
inline Population paired(std::string name, std::size_t n, double mean, double repaired, std::size_t m) {
  Population p = adversary(std::move(name), n, mean, std::vector<double>(m, mean), false);
  p.zero_one = false;
  p.paired = true;
  p.draw = [n, m, mean, repaired](Uniforms& uniform) {
    const auto rows = static_cast<Eigen::Index>(n), columns = static_cast<Eigen::Index>(m);
    Draw d{Eigen::MatrixXd(rows, columns), Eigen::VectorXd::Constant(columns, mean)};
    for (Eigen::Index i = 0; i < rows; ++i)
      for (Eigen::Index j = 0; j < columns; ++j) {
        const double u = uniform();
        d.calibration(i, j) = u < repaired ? 0 : u < 2 * repaired + mean ? 1 : 0.5;
      }
    return d;
  };
  return p;
}

/// Losses of a small value everywhere and of 1 on few examples, independent between members.
inline Population heavy_tail(std::size_t n, double mean, std::size_t m) {
  Population p = adversary("heavy tail", n, mean, std::vector<double>(m, mean), false);
  p.zero_one = false;
  const double small = mean / 10, share = (mean - small) / (1 - small);
  p.draw = [n, m, mean, small, share](Uniforms& uniform) {
    const auto rows = static_cast<Eigen::Index>(n), columns = static_cast<Eigen::Index>(m);
    Draw d{Eigen::MatrixXd(rows, columns), Eigen::VectorXd::Constant(columns, mean)};
    for (Eigen::Index i = 0; i < rows; ++i)
      for (Eigen::Index j = 0; j < columns; ++j) d.calibration(i, j) = uniform() < share ? 1 : small;
    return d;
  };
  return p;
}

/// Distributions against which a careless choice fails; risks "just above" make every certificate a violation.
inline std::vector<Population> adversaries(std::size_t n, double epsilon, std::size_t m = 20) {
  const double above = epsilon * 1.0001;
  std::vector<double> saw(m), one(m, epsilon / 10), dip(m), cliff(m);
  for (std::size_t j = 0; j < m; ++j) {
    saw[j] = j % 2 == 0 ? epsilon / 4 : above;
    dip[j] = j < m / 4 ? epsilon / 4 : j < m / 2 ? above : epsilon / 2;
    cliff[j] = j < m / 2 ? epsilon / 2 : 1.2 * epsilon;
  }
  one[m - 1] = above;
  std::vector<Population> all;
  all.push_back(adversary("all just above, independent", n, epsilon, std::vector<double>(m, above), false));
  all.push_back(adversary("all just above, the same", n, epsilon, std::vector<double>(m, above), true));
  all.push_back(adversary("saw", n, epsilon, saw, false));
  all.push_back(adversary("dip", n, epsilon, dip, false));
  all.push_back(adversary("cliff", n, epsilon, cliff, true));
  all.push_back(adversary("only the fastest above", n, epsilon, one, false));
  all.push_back(adversary("tiny n", 20, epsilon, std::vector<double>(m, above), false));
  all.push_back(adversary("one member", n, epsilon, {above}, true));
  all.push_back(heavy_tail(n, above, m));
  for (const double repaired : {0.0, 0.001, 0.01, 0.2})
    all.push_back(paired("net, repaired " + std::to_string(repaired).substr(0, 5), n, above, repaired, m));
  return all;
}

}  // namespace bounds_bench
