/// One answer made of those of several stages.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/error.hpp>

namespace weir::detail {

/// What a stage answers with.
enum class Join {
  own,        ///< its own class probabilities
  mean,       ///< p_c = (1/m) sum_j p_jc: the committees of Wang et al. (Wisdom of Committees, ICLR 2022)
  geometric,  ///< p_c proportional to prod_j p_jc^(1/m): what Zero Time Waste joins (Wolczyk et al., NeurIPS 2021)
};

inline constexpr std::array<std::string_view, 3> join_names{"own", "mean", "geometric"};

/// Throws FormatError for another name.
inline Join parse_join(std::string_view name) {
  const auto at = std::find(join_names.begin(), join_names.end(), name);
  if (at == join_names.end())
    throw FormatError(detail::message({"'join' must be own, mean or geometric, not '", name.substr(0, 40), "'"}));
  return static_cast<Join>(at - join_names.begin());
}

/// Joins probabilities with equal weights; the first stands as it is until a second comes. Probabilities below 1e-30
/// count as 1e-30 in a geometric mean. Allocates when it is made, then nothing. O(classes) a stage, with a logarithm
/// for each in a geometric mean.
class JoinedAnswer {
 public:
  JoinedAnswer(Join kind, std::size_t classes) : kind_(kind), sum_(classes) {}

  /// Begins again, with another kind where one is given.
  void start(Join kind) {
    kind_ = kind;
    count_ = 0;
    std::fill(sum_.begin(), sum_.end(), 0.0);
  }

  /// p [classes]; the first must live until write().
  void add(std::span<const float> p) {
    if (count_++ == 0) first_ = p;
    for (std::size_t c = 0; c < sum_.size(); ++c) {
      const auto v = static_cast<double>(p[c]);
      sum_[c] += kind_ == Join::geometric ? std::log(std::max(v, 1e-30)) : v;
    }
  }

  /// out [classes], which may be the first's memory. The sums stay: more may be added.
  void write(std::span<float> out) const {
    if (count_ == 1) {
      if (out.data() != first_.data()) std::copy(first_.begin(), first_.end(), out.begin());
      return;
    }
    const double m = static_cast<double>(count_);
    const double top = *std::max_element(sum_.begin(), sum_.end());
    const auto joined = [&](double s) { return kind_ == Join::geometric ? std::exp((s - top) / m) : s / m; };
    double total = 0;
    for (const double s : sum_) total += joined(s);
    for (std::size_t c = 0; c < sum_.size(); ++c) out[c] = static_cast<float>(joined(sum_[c]) / total);
  }

 private:
  Join kind_;
  std::size_t count_ = 0;
  std::vector<double> sum_;
  std::span<const float> first_;
};

}  // namespace weir::detail
