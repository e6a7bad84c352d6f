// A rule of one's own, certified: exit at the first stage if its answer is surer than a threshold. Thresholds are laid
// out from safe to fast before anything is counted, and tested in this order until one fails (Learn then Test).
#include <algorithm>
#include <iostream>
#include <weir/learn.hpp>
#include <weir/policy/evaluate/statistics.hpp>

int main(int argc, char** argv) {
  if (argc != 4) return std::cerr << "usage: certify_rule TRACE.csv FEATURE BUDGET\n", 1;
  try {
    const weir::Trace trace = weir::read_trace(argv[1]);
    const double budget = std::stod(argv[3]), confidence = 0.95;
    const weir::StageTrace &first = trace.stages.front(), &full = trace.stages.back();
    const auto column = std::find(first.feature_names.begin(), first.feature_names.end(), argv[2]);
    if (column == first.feature_names.end()) throw weir::ArgumentError(std::string("no feature ") + argv[2]);
    const Eigen::VectorXd sure = first.features.col(column - first.feature_names.begin());

    // Even rows fix the thresholds, odd rows certify: images that chose something cannot also vouch for it.
    std::vector<double> thresholds;
    for (Eigen::Index i = 0; i < sure.size(); i += 2) thresholds.push_back(sure(i));
    std::sort(thresholds.rbegin(), thresholds.rend());

    std::size_t regressions = 0, exits = 0, n = 0;
    double chosen = thresholds.front(), limit = 0;
    for (std::size_t step = 0; step < thresholds.size(); step += std::max<std::size_t>(1, thresholds.size() / 50)) {
      std::size_t seen = 0, out = 0;
      n = 0;
      for (Eigen::Index i = 1; i < sure.size(); i += 2, ++n)
        if (sure(i) >= thresholds[step]) ++out, seen += first.loss(i) > full.loss(i) ? 1 : 0;
      const double upper = weir::clopper_pearson_upper(seen, n, confidence);
      if (upper > budget) break;
      chosen = thresholds[step], limit = upper, regressions = seen, exits = out;
    }
    std::cout << "exit where " << argv[2] << " is at least " << chosen << ": " << exits << " of " << n << " exit, "
              << regressions << " regressions; at most " << limit << " with 95 % confidence\n";
  } catch (const std::exception& e) {  // weir::Error is one
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
