/// Executor: runs a network, shows its tensors, stops where it is told to, and goes on from there.
#pragma once
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/describe.hpp>
#include <weir/core/finite.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/walk.hpp>

namespace weir {

/// What became of one example of a batch.
struct Answer {
  int label = -1;      ///< argmax of the first output, or what the hook said; -1 if a hook stopped the pass
  std::string exit;    ///< tensor at which it left; the output's name if it went all the way
  double seconds = 0;  ///< from the begin of the pass until it left
  bool early = false;  ///< it left at a hook
};

/// One answer for each example, and the first output for those that went all the way.
struct Result {
  std::vector<Answer> answers;
  std::vector<std::size_t> examples;  ///< which examples the rows of output belong to
  Tensor output;
};

/// One thread's way of running a network. Not to be used by two threads at once; any number of executors share one
/// network and its packed weights.
///
/// Either `run(x)` calls hooks and returns answers; or, step by step, `begin(x)`, `advance_to("tensor")`,
/// `compact(rows)` and `finish()`, which never compute anything twice. After the first pass of a batch size nothing is
/// allocated in the step-by-step form. Outputs of an example do not depend on its batch-mates or on the number of
/// threads.
///
/// A tensor that fusion hid is made visible when it is hooked or first advanced to, which changes the plan (weights of
/// the layers around it are packed again, once).
///
/// Hooks may attach and detach hooks, but not compute with the executor that called them: ArgumentError. After an
/// exception, whether a hook's or weir's own, the executor either has the pass as it was (compact() that was refused, a
/// tensor that does not exist) or says that begin() is missing; begin() and run() always start afresh.
class Executor {
 public:
  explicit Executor(Network network, const ContextOptions& options = {})
      : Executor(std::move(network), Context(options)) {}
  Executor(Network network, Context context) : walk_(std::move(network), std::move(context)) {}

  const Network& network() const { return walk_.network(); }
  const Context& context() const { return walk_.context(); }

  /// Attaches f to every tensor whose name matches pattern (* and ? as in file names). f takes `const Step&` or
  /// `Step&`. Hooks of one tensor run in the order in which they were attached. Throws ArgumentError if nothing
  /// matches.
  template <typename F>
  HookHandle on(std::string_view pattern, F f) {
    bool any = false;
    for (const std::string& name : network().tensor_names()) any = any || matches(pattern, name);
    if (!any) throw ArgumentError(network().source() + " has no tensor that matches '" + std::string(pattern) + "'");
    hooks_.push_back(std::make_shared<Hook>(Hook{std::string(pattern), std::move(f)}));
    planned_ = false;
    return HookHandle(hooks_.back());
  }

  /// Makes tensors visible ahead of time, so that the first advance_to() need not plan again.
  void show(std::string_view tensor) {
    const ValueId v = network().id_of(tensor);
    if (shown_.insert(v).second) planned_ = false;
  }

  /// What the next pass will do at this batch size, step by step. Throws ShapeError for a batch size that the network
  /// does not run.
  PlanDescription describe(std::int64_t batch = 1) const {
    network().check_batch(batch);
    return weir::describe(network(), *Plan::make(network(), context(), visible_values(hooks_by_value())), context(),
                          batch);
  }

  /// Calls f(step, seconds) after each step of the plan, in the order of describe().steps; {} stops that. Unlike a hook
  /// it leaves the plan as it is. f must not throw, nor touch the executor.
  void time_steps(std::function<void(std::size_t step, double seconds)> f) { walk_.time_steps(std::move(f)); }

  /// Starts a pass over x [N, ...]; x is copied. Throws ShapeError if x does not fit the network's input.
  void begin(ConstView x) { begin(std::span(&x, 1)); }

  /// As above for a network of several inputs, in the order of Network::input_names().
  void begin(std::span<const ConstView> inputs) {
    not_from_a_hook("begin()");
    began_ = false;  // until all that may fail has not
    const std::int64_t n = check(inputs);
    drop_detached();
    make_plan();
    walk_.begin(n);
    examples_.resize(static_cast<std::size_t>(n));
    std::iota(examples_.begin(), examples_.end(), std::size_t{0});
    for (std::size_t i = 0; i < inputs.size(); ++i)
      std::memcpy(walk_.view_of(network().state().inputs[i]).data, inputs[i].data, inputs[i].size() * sizeof(float));
    began_ = true;
    start_ = Clock::now();
  }

  /// Computes up to and including a tensor, without calling hooks. The view is valid until the next begin() or
  /// compact().
  ConstView advance_to(std::string_view tensor) {
    const ValueId v = network().id_of(tensor);
    must_have_begun("advance_to()");
    if (network().value(v).constant) return *network().value(v).constant;
    if (!is_input(v) && (walk_.plan().step_of(v) < 0 || !walk_.plan().visible(v))) replan_with(v);
    if (!is_input(v)) compute(walk_.plan().step_of(v) + 1);
    return walk_.view_of(v);
  }

  /// Computes what is left and returns the network's first output, valid until the next begin().
  ConstView finish() {
    must_have_begun("finish()");
    compute(static_cast<int>(walk_.plan().steps().size()));
    return output(0);
  }

  /// The i-th output after finish().
  ConstView output(std::size_t i) const {
    const ValueId v = network().state().outputs.at(i);
    if (network().value(v).constant) return *network().value(v).constant;
    return walk_.view_of(v);
  }

  /// Drops all rows but these (ascending positions among the active rows). Throws ArgumentError, and changes nothing,
  /// where a tensor still needed has no batch dimension in front, or what is still to be computed mixes the examples.
  void compact(std::span<const std::size_t> keep) {
    must_have_begun("compact()");
    leave(keep);
  }

  /// Which example of the batch each active row is.
  std::span<const std::size_t> examples() const { return examples_; }

  /// A whole pass with hooks: rows that a hook lets exit leave the batch there and then. Throws ArgumentError naming
  /// network, tensor and image if an answer is not finite; between layers NaN and infinity pass.
  Result run(ConstView x) {
    begin(x);
    Result result;
    result.answers.resize(examples_.size());
    const int end = static_cast<int>(walk_.plan().steps().size());
    for (const auto& [step, hooks] : hooked_) {
      compute(step + 1);
      if (!call_hooks(step, hooks, result)) return result;
    }
    compute(end);
    const ConstView y = output(0);
    check_finite(y);
    result.output = Tensor(y);
    result.examples = examples_;
    const std::size_t width = examples_.empty() ? 0 : y.size() / examples_.size();
    for (std::size_t r = 0; r < examples_.size(); ++r) {
      const float* scores = y.data + r * width;
      result.answers[examples_[r]] = {static_cast<int>(std::max_element(scores, scores + width) - scores),
                                      network().output_names().front(), elapsed_s(), false};
    }
    return result;
  }
  Result operator()(ConstView x) { return run(x); }

 private:
  using Clock = std::chrono::steady_clock;

  double elapsed_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  std::int64_t check(std::span<const ConstView> inputs) const {
    const NetworkState& s = network().state();
    if (inputs.size() != s.inputs.size())
      throw ShapeError(s.source + " has " + std::to_string(s.inputs.size()) + " inputs, not " +
                       std::to_string(inputs.size()));
    const std::int64_t n = inputs.empty() || inputs[0].shape.rank() == 0 ? 1 : inputs[0].shape[0];
    if (s.fixed_batch > 0 && n != s.fixed_batch) network().check_batch(n);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Value& v = network().value(s.inputs[i]);
      if (n < 1 || !(v.form.at(n) == inputs[i].shape))
        throw ShapeError(s.source + ", input '" + v.name + "' expects " + v.form.at(1).to_string() +
                         " for each example, got " + inputs[i].shape.to_string());
    }
    return n;
  }

  void must_have_begun(const char* what) const {
    not_from_a_hook(what);
    if (!began_)
      throw ArgumentError("executor of " + network().source() + ": " + what + " before begin(), or after it failed");
  }

  /// A hook is called in the middle of a pass, which another pass of the same executor would destroy.
  void not_from_a_hook(const char* what) const {
    if (busy_)
      throw ArgumentError("executor of " + network().source() + ": " + what +
                          " was called from one of its own hooks, which may not compute; another executor of the same "
                          "network may");
  }

  /// The steps before `end`. Where that throws, nothing is known of the tensors: the next call must be begin().
  void compute(int end) {
    const Busy busy(*this);
    began_ = false;
    walk_.compute(end);
    began_ = true;
  }

  /// While it lives, hooks (and what is called after each step) are under way.
  class Busy {
   public:
    explicit Busy(Executor& e) : executor_(e) { executor_.busy_ = true; }
    ~Busy() { executor_.busy_ = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Executor& executor_;
  };

  void drop_detached() {
    if (std::erase_if(hooks_, [](const auto& h) { return h->pattern.empty(); }) > 0) planned_ = false;
  }

  std::map<ValueId, std::vector<Hook*>> hooks_by_value() const {
    std::map<ValueId, std::vector<Hook*>> wanted;
    for (const Node& node : network().state().nodes)
      for (ValueId v : node.outputs)
        for (const auto& h : hooks_)
          if (v != absent && matches(h->pattern, network().value(v).name)) wanted[v].push_back(h.get());
    return wanted;
  }

  std::set<ValueId> visible_values(const std::map<ValueId, std::vector<Hook*>>& wanted) const {
    std::set<ValueId> visible = shown_;
    for (const auto& [v, hooks] : wanted) visible.insert(v);
    return visible;
  }

  void make_plan() {
    if (planned_) return;
    const auto wanted = hooks_by_value();
    walk_.set_plan(Plan::make(network(), context(), visible_values(wanted)));
    planned_ = true;
    hooked_.clear();
    std::map<int, std::vector<std::pair<ValueId, Hook*>>> by_step;
    for (const auto& [v, hooks] : wanted)
      for (Hook* h : hooks) by_step[walk_.plan().step_of(v)].emplace_back(v, h);
    hooked_.assign(by_step.begin(), by_step.end());
  }

  /// Plans again with v visible and starts the pass over with the rows still active: the only time that work is
  /// repeated.
  void replan_with(ValueId v) {
    began_ = false;  // until all that may fail has not
    std::vector<Tensor> kept;
    for (ValueId i : network().state().inputs) kept.emplace_back(ConstView(walk_.view_of(i)));
    shown_.insert(v);
    planned_ = false;
    make_plan();
    const bool empty = walk_.rows() == 0;
    walk_.begin(std::max<std::int64_t>(walk_.rows(), 1));
    if (empty) walk_.keep_rows({});
    for (std::size_t i = 0; !empty && i < kept.size(); ++i)
      std::memcpy(walk_.view_of(network().state().inputs[i]).data, kept[i].data(), kept[i].size() * sizeof(float));
    began_ = true;
  }

  bool is_input(ValueId v) const {
    const auto& in = network().state().inputs;
    return std::find(in.begin(), in.end(), v) != in.end();
  }

  /// Where a hook throws, the pass is over.
  void call(const Hook& hook, Step& seen) {
    const Busy busy(*this);
    began_ = false;
    hook.call(seen);
    began_ = true;
  }

  /// An answer is the largest of a row of numbers; of others there is none. Infinities of one sign are numbers that
  /// have left the range of float, and no answer either.
  void check_finite(ConstView y) const {
    const std::size_t width = examples_.empty() ? 0 : y.size() / examples_.size();
    for (std::size_t r = 0; r < examples_.size(); ++r)
      for (std::size_t i = 0; i < width; ++i)
        if (!is_finite(y.data[r * width + i]))
          throw ArgumentError(network().source() + ", output '" + network().output_names().front() + "': value " +
                              std::to_string(i) + " of image " + std::to_string(examples_[r]) +
                              " of the batch is not finite; look at the image and at the network's weights");
  }

  /// What compact() does.
  void leave(std::span<const std::size_t> keep) {
    for (std::size_t i = 0; i < keep.size(); ++i)
      if (keep[i] >= examples_.size() || (i > 0 && keep[i] <= keep[i - 1]))
        throw ArgumentError("rows to keep must ascend and be below " + std::to_string(examples_.size()));
    if (keep.size() == examples_.size()) return;
    if (network().state().fixed_batch > 0 && !keep.empty())
      throw ArgumentError(network().source() + " was exported for a fixed batch: all rows stay or all leave");
    walk_.keep_rows(keep);
    for (std::size_t i = 0; i < keep.size(); ++i) examples_[i] = examples_[keep[i]];
    examples_.resize(keep.size());
  }

  /// False if the pass ends here.
  bool call_hooks(int step, const std::vector<std::pair<ValueId, Hook*>>& hooks, Result& result) {
    const std::string& op = walk_.plan().op_of(static_cast<std::size_t>(step));
    for (const auto& [v, hook] : hooks) {
      if (hook->pattern.empty()) continue;
      const std::string& name = network().value(v).name;
      Step seen(name, op, walk_.view_of(v), examples_, elapsed_s());
      call(*hook, seen);
      std::vector<bool> leaves(examples_.size(), seen.stopped());
      for (std::size_t r = 0; seen.stopped() && r < examples_.size(); ++r)
        result.answers[examples_[r]] = {-1, name, elapsed_s(), true};
      for (const Step::Exit& e : seen.exits()) {
        leaves[e.row] = true;
        result.answers[examples_[e.row]] = {e.label, name, elapsed_s(), true};
      }
      std::vector<std::size_t> keep;
      for (std::size_t r = 0; r < leaves.size(); ++r)
        if (!leaves[r]) keep.push_back(r);
      if (!keep.empty()) leave(keep);
      if (keep.empty()) return false;
    }
    return true;
  }

  Walk walk_;
  std::vector<std::shared_ptr<Hook>> hooks_;
  std::set<ValueId> shown_;
  bool planned_ = false;  ///< the walk's plan has what is hooked and shown
  std::vector<std::pair<int, std::vector<std::pair<ValueId, Hook*>>>> hooked_;
  std::vector<std::size_t> examples_;
  bool began_ = false;  ///< a pass is under way, and its tensors are whole
  bool busy_ = false;   ///< steps or hooks are under way
  Clock::time_point start_;
};

}  // namespace weir
