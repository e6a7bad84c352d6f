// A learner of one's own for the gates, known by its name and saved in policy.json: the best single threshold.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <weir/learn.hpp>
#include <weir/policy/learners/learner.hpp>

/// Goes on (decides above 0) where feature `column` is below `limit`.
class Stump final : public weir::DecisionFunction {
 public:
  Stump(Eigen::Index column, double limit, std::size_t n) : column_(column), limit_(limit), n_(n) {}
  std::size_t n_features() const override { return n_; }
  double decision_function(std::span<const double> x) const override {
    return limit_ - x[static_cast<std::size_t>(column_)];
  }
  std::string to_json() const override { return nlohmann::json{column_, limit_, n_}.dump(); }

 private:
  Eigen::Index column_;
  double limit_;
  std::size_t n_;
};

/// Label 1 is "go on"; an example's weight is what the wrong decision costs.
std::shared_ptr<const weir::DecisionFunction> fit_stump(const weir::Dataset& data) {
  double least = 1e300;
  std::shared_ptr<const Stump> best;
  for (Eigen::Index j = 0; j < data.X.cols(); ++j)
    for (Eigen::Index r = 0; r < data.X.rows(); r += std::max<Eigen::Index>(1, data.X.rows() / 40)) {
      double cost = 0;
      for (Eigen::Index i = 0; i < data.X.rows(); ++i)
        if ((data.X(i, j) < data.X(r, j)) != (data.y[static_cast<std::size_t>(i)] == 1)) cost += data.sample_weight(i);
      if (cost < least) best = std::make_shared<Stump>(j, data.X(r, j), static_cast<std::size_t>(data.X.cols()));
      least = std::min(least, cost);
    }
  return best;
}

std::shared_ptr<const weir::DecisionFunction> load_stump(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return std::make_shared<Stump>(json.at(0), json.at(1), json.at(2));
}

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: add_learner TRACE.csv\n", 1;
  try {
    weir::register_learner("stump", fit_stump, load_stump);
    const weir::Trace trace = weir::read_trace(argv[1]);
    std::vector<Eigen::Index> training, calibration;
    for (std::size_t i = 0; i < trace.size(); ++i) (i % 2 ? calibration : training).push_back(static_cast<int>(i));
    weir::LearnOptions options{.learner = "stump"};
    options.budget.value = 0.02;
    const weir::Choice choice = weir::learn_policy(trace.rows(training), trace.rows(calibration), options);
    const std::string text = weir::to_text(weir::policy_file(choice, trace, options.budget));  // as others read it
    const auto again = weir::evaluate(weir::policy_from_text(text).policy, trace.rows(calibration));
    std::cout << "stump: mean cost " << choice.calibration.cost << ", read back " << again.mean_cost() << '\n';
  } catch (const std::exception& e) {
    return std::cerr << "error: " << e.what() << '\n', 1;
  }
}
