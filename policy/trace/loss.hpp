/// Loss: what an answer costs that is wrong.
#pragma once
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir::detail {

/// 0 if `label` is among the k largest of the scores (of equal scores the lower class ranks first), else 1: the top-1
/// error for k = 1. Throws ArgumentError for a label that is no class.
double top_k_loss(std::span<const float> scores, int label, int k);

/// -ln p_label, cut to at most 30 nats. Throws ArgumentError for a label that is no class.
double cross_entropy(std::span<const float> p, int label);

}  // namespace weir::detail

namespace weir {

/// A loss of class probabilities and the true label: by name "top1", "top5", "top<k>" or "cross_entropy", or anybody's.
class Loss {
 public:
  using Function = std::function<double(std::span<const float> probabilities, int label)>;

  /// Throws ArgumentError for another name.
  explicit Loss(const std::string& name = "top1");
  /// Any function, finite and >= 0. `binary`: it is 0 or 1 everywhere.
  Loss(std::string name, Function function, bool binary = false);
  /// What it costs to predict class c where the true one is l: costs [l * classes + c]. Throws ArgumentError unless
  /// there are classes * classes of them, classes >= 2, finite and >= 0.
  static Loss of_costs(std::string name, std::vector<double> costs, std::size_t classes);
  const std::string& name() const { return name_; }
  /// True if losses are 0 or 1, so that counts and exact limits make sense.
  bool binary() const { return binary_ || k_ > 0; }
  /// Of the k best answers the true one must be one; 0 for losses of another kind.
  int k() const { return k_; }
  double operator()(std::span<const float> probabilities, int label) const;

 private:
  std::string name_;
  int k_ = 0;
  Function function_;
  bool binary_ = false;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/trace/loss.ipp>
#endif
