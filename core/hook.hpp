/// Hooks: what a caller sees at a tensor, and may do there.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/tensor.hpp>

namespace weir {

/// One tensor just computed, in NCHW as the model file names it. Valid only during the call of the hook.
/// A hook that takes `const Step&` can only watch; one that takes `Step&` may also exit rows, stop, and replace.
class Step {
 public:
  struct Exit {
    std::size_t row;
    int label;
  };

  Step(std::string_view name, std::string_view op, View output, std::span<const std::size_t> examples, double elapsed_s)
      : name_(name), op_(op), output_(output), examples_(examples), elapsed_s_(elapsed_s) {}

  std::string_view name() const { return name_; }
  /// Operators that ran to compute it, as the plan fused them: "Conv+Relu".
  std::string_view op() const { return op_; }
  ConstView output() const { return output_; }
  /// Seconds since the pass began.
  double elapsed_s() const { return elapsed_s_; }
  /// Rows of the batch still active; output() has this many rows.
  std::size_t rows() const { return examples_.size(); }
  /// Index in the caller's batch of an active row.
  std::size_t example(std::size_t row) const { return examples_[row]; }

  /// The row leaves with this answer when the hooks of this tensor are done. Throws ArgumentError if there is no such
  /// row.
  void exit(std::size_t row, int label) {
    if (row >= rows()) throw ArgumentError(detail::message({name_, " has no row ", row}));
    exits_.push_back({row, label});
  }
  /// The pass ends here for all rows.
  void stop() { stopped_ = true; }
  /// The tensor's memory: what is written here is what the following layers read.
  View replace() { return output_; }

  const std::vector<Exit>& exits() const { return exits_; }
  bool stopped() const { return stopped_; }

 private:
  std::string_view name_, op_;
  View output_;
  std::span<const std::size_t> examples_;
  double elapsed_s_;
  std::vector<Exit> exits_;
  bool stopped_ = false;
};

}  // namespace weir

namespace weir::detail {

/// True if name matches pattern, in which * stands for any characters and ? for one. Cost: O(|pattern| |name|).
inline bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] == name[n] && pattern[p] != '*'))) {
      ++p, ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++, mark = n;
    } else if (star != std::string_view::npos) {
      p = star + 1, n = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace weir::detail

namespace weir {

/// A function attached to the tensors that a pattern names.
struct Hook {
  std::string pattern;
  std::function<void(Step&)> call;
};

/// Detaches its hook when asked to; dropping the handle leaves the hook attached. May outlive the executor.
class HookHandle {
 public:
  explicit HookHandle(std::weak_ptr<Hook> hook) : hook_(std::move(hook)) {}
  /// From the next pass on; calling it twice, or from within the hook, is fine.
  void detach() {
    if (auto h = hook_.lock()) h->pattern.clear();
    hook_.reset();
  }

 private:
  std::weak_ptr<Hook> hook_;
};

}  // namespace weir
