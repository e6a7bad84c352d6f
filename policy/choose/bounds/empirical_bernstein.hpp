/// The empirical Bernstein test for losses in [0, 1].
#pragma once
#include <algorithm>
#include <cmath>
#include <span>
#include <weir/policy/choose/bounds/losses.hpp>

namespace weir::bounds {

/// The limit  mean + sqrt(2 V log(2 / p) / n) + 7 log(2 / p) / (3 (n - 1)),  V the sample variance (Maurer and Pontil,
/// COLT 2009), solved for the p at which it is epsilon; 1 for n = 1. Adapts to the variance and heeds no order, but its
/// last term costs about 9 / n at delta = 0.05. O(n).
struct EmpiricalBernstein {
  static double p_value(std::span<const double> losses, double epsilon, double delta) {
    check(losses, epsilon, delta);
    const auto n = static_cast<double>(losses.size());
    const double mean = sum(losses) / n;
    if (losses.size() < 2 || epsilon <= mean) return 1;
    double variance = 0;
    for (const double loss : losses) variance += (loss - mean) * (loss - mean) / (n - 1);
    // a x^2 + b x = epsilon - mean in x = sqrt(log(2 / p)), in the form that does not cancel
    const double a = 7 / (3 * (n - 1)), b = std::sqrt(2 * variance / n), gap = epsilon - mean;
    const double x = 2 * gap / (b + std::sqrt(b * b + 4 * a * gap));
    return std::min(1.0, 2 * std::exp(-x * x));
  }
};

}  // namespace weir::bounds
