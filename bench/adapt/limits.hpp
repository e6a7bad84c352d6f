/// Further limits: --also top5:0.005, --also class:0.02, --given-exit 0.02.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/policy/choose/limits.hpp>
#include <weir/policy/evaluate/evaluate.hpp>

#include "further.hpp"
#include "report/html.hpp"
#include "results.hpp"

namespace adapt {

/// What calibration and test images show of the limits of a mode's policy, one after the other.
struct LimitShown {
  weir::LimitFound calibration, test;
  double seen() const { return test.n == 0 ? 0 : static_cast<double>(test.regressions) / static_cast<double>(test.n); }
};

inline std::vector<LimitShown> shown_limits(const Results& r, const TestedMode& m) {
  const auto& calibrated = m.learned.choice.limits;
  std::vector<LimitShown> all;
  if (calibrated.empty()) return all;
  const weir::Evaluation e = weir::evaluate(m.learned.choice.policy, m.test);
  weir::detail::ExitTable exit(static_cast<Eigen::Index>(e.size()), 1);
  for (std::size_t i = 0; i < e.size(); ++i)
    exit(static_cast<Eigen::Index>(i), 0) = static_cast<std::uint16_t>(e.exit[i]);
  const auto tested =
      weir::detail::limits_found(further_limits(r.options, m.test), m.test, exit, 0, 0, 1 - r.options.confidence);
  for (const weir::LimitFound& c : calibrated)
    for (const weir::LimitFound& t : tested)
      if (t.name == c.name) all.push_back({c, t});
  return all;
}

/// "top5: at most 0.50 %, 3 of 5,000 calibration images, 0.12 % of 10,000 test images: kept".
inline std::string limit_line(const LimitShown& l) {
  return l.calibration.name + ": at most " + percent_text(l.calibration.epsilon) + "; calibration " +
         count_text(l.calibration.regressions) + " of " + count_text(l.calibration.n) + ", test " +
         count_text(l.test.regressions) + " of " + count_text(l.test.n) + " (" + percent_text(l.seen()) +
         "): " + (l.seen() <= l.calibration.epsilon ? "kept" : "ABOVE the limit");
}

inline nlohmann::json limits_json(const Results& r) {
  nlohmann::json all = nlohmann::json::array();
  for (const TestedMode& m : r.modes)
    for (const LimitShown& l : shown_limits(r, m))
      all.push_back({{"mode", m.name},
                     {"name", l.calibration.name},
                     {"limit", l.calibration.epsilon},
                     {"n_calibration", l.calibration.n},
                     {"regressions_calibration", l.calibration.regressions},
                     {"upper_limit", l.calibration.upper_limit},
                     {"n_test", l.test.n},
                     {"regressions_test", l.test.regressions},
                     {"kept_on_test", l.seen() <= l.calibration.epsilon}});
  return all;
}

}  // namespace adapt
