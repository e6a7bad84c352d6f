// Learns a policy from a recorded trace (a .csv as bench/record writes it, or from any framework) and saves it.
#include <iostream>
#include <weir/learn.hpp>

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: learn_policy TRACE.csv policy.json\n", 1;
  try {
    const weir::Trace trace = weir::read_trace(argv[1]);
    std::vector<Eigen::Index> training, calibration;  // examples that no gate has seen certify the policy
    for (Eigen::Index i = 0; i < static_cast<Eigen::Index>(trace.size()); ++i)
      (i % 2 == 0 ? training : calibration).push_back(i);
    weir::LearnOptions options;
    options.budget.value = 0.02;
    const weir::Choice choice = weir::learn_policy(trace.rows(training), trace.rows(calibration), options);
    std::cout << "mean cost " << choice.calibration.cost << " " << trace.cost_unit << ", excess loss "
              << choice.calibration.excess << ", at most " << *choice.upper_limit << " with 95 % confidence\n";
    weir::write_file_atomically(argv[2], weir::to_text(weir::policy_file(choice, trace, options.budget)));
  } catch (const weir::Error& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
