// What executor.hpp declares.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <weir/core/executor.hpp>
#include <weir/core/finite.hpp>
#include <weir/core/plan/describe.hpp>
#include <weir/core/plan/plan_runner.hpp>

namespace weir {

/// An executor's memory, plan and hooks, and how far its pass has come.
class Executor::Pass {
 public:
  Pass(Network network, Context context) : runner_(std::move(network), std::move(context)) {}

  const Network& network() const { return runner_.network(); }
  const Context& context() const { return runner_.context(); }

  HookHandle on(std::string_view pattern, std::function<void(Step&)> f) {
    bool any = false;
    for (const std::string& name : network().tensor_names()) any = any || detail::matches(pattern, name);
    if (!any)
      throw ArgumentError(detail::message(
          {network().source(), " has no tensor that matches '", pattern, "'", network().nearest_tensor(pattern)}));
    hooks_.push_back(std::make_shared<Hook>(Hook{std::string(pattern), std::move(f)}));
    planned_ = false;
    return HookHandle(hooks_.back());
  }

  void show(std::string_view tensor) {
    const detail::ValueId v = network().id_of(tensor);
    if (shown_.insert(v).second) planned_ = false;
  }

  PlanDescription describe(std::int64_t batch = 1) const {
    network().check_batch(batch);
    return weir::detail::describe(*detail::Plan::make(network(), context(), visible_values(hooks_by_value())),
                                  context(), batch);
  }

  void time_steps(std::function<void(std::size_t step, double seconds)> f) { runner_.time_steps(std::move(f)); }

  void begin(std::span<const ConstView> inputs) {
    not_from_a_hook("begin()");
    began_ = false;  // until all that may fail has not
    const std::int64_t n = check(inputs);
    drop_detached();
    make_plan();
    runner_.begin(n);
    examples_.resize(static_cast<std::size_t>(n));
    std::iota(examples_.begin(), examples_.end(), std::size_t{0});
    for (std::size_t i = 0; i < inputs.size(); ++i)
      std::memcpy(runner_.view_of(network().state().inputs[i]).data, inputs[i].data, inputs[i].size() * sizeof(float));
    began_ = true;
    start_ = Clock::now();
  }

  ConstView advance_to(std::string_view tensor) {
    const detail::ValueId v = network().id_of(tensor);
    must_have_begun("advance_to()");
    if (network().value(v).constant) return *network().value(v).constant;
    if (!is_input(v) && (runner_.plan().step_of(v) < 0 || !runner_.plan().visible(v))) replan_with(v);
    if (!is_input(v)) compute(runner_.plan().step_of(v) + 1);
    return runner_.view_of(v);
  }

  ConstView finish() {
    must_have_begun("finish()");
    compute(static_cast<int>(runner_.plan().steps().size()));
    return output(0);
  }

  ConstView output(std::size_t i) const {
    const detail::ValueId v = network().state().outputs.at(i);
    if (network().value(v).constant) return *network().value(v).constant;
    return runner_.view_of(v);
  }

  void compact(std::span<const std::size_t> keep) {
    must_have_begun("compact()");
    leave(keep);
  }

  std::span<const std::size_t> examples() const { return examples_; }

  Result run(ConstView x) {
    begin(std::span(&x, 1));
    Result result;
    result.answers.resize(examples_.size());
    const int end = static_cast<int>(runner_.plan().steps().size());
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

 private:
  using Clock = std::chrono::steady_clock;

  double elapsed_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  std::int64_t check(std::span<const ConstView> inputs) const {
    const detail::NetworkState& s = network().state();
    if (inputs.size() != s.inputs.size())
      throw ShapeError(detail::message({s.source, " has ", s.inputs.size(), " inputs, not ", inputs.size()}));
    const std::int64_t n = inputs.empty() || inputs[0].shape.rank() == 0 ? 1 : inputs[0].shape[0];
    if (s.fixed_batch > 0 && n != s.fixed_batch) network().check_batch(n);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const detail::Value& v = network().value(s.inputs[i]);
      if (n < 1 || !(v.form.at(n) == inputs[i].shape))
        throw ShapeError(detail::message({s.source, ", input '", v.name, "' expects ", v.form.at(1).to_string(),
                                          " for each example, got ", inputs[i].shape.to_string()}));
    }
    return n;
  }

  void must_have_begun(const char* what) const {
    not_from_a_hook(what);
    if (!began_)
      throw ArgumentError(
          detail::message({"executor of ", network().source(), ": ", what, " before begin(), or after it failed"}));
  }

  /// A hook is called in the middle of a pass, which another pass of the same executor would destroy.
  void not_from_a_hook(const char* what) const {
    if (busy_)
      throw ArgumentError(
          detail::message({"executor of ", network().source(), ": ", what,
                           " was called from one of its own hooks, which may not compute; another executor of the same "
                           "network may"}));
  }

  /// The steps before `end`. Where that throws, nothing is known of the tensors: the next call must be begin().
  void compute(int end) {
    const Busy busy(*this);
    began_ = false;
    runner_.compute(end);
    began_ = true;
  }

  /// While it lives, hooks (and what is called after each step) are under way.
  class Busy {
   public:
    explicit Busy(Pass& pass) : pass_(pass) { pass_.busy_ = true; }
    ~Busy() { pass_.busy_ = false; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Pass& pass_;
  };

  void drop_detached() {
    if (std::erase_if(hooks_, [](const auto& h) { return h->pattern.empty(); }) > 0) planned_ = false;
  }

  std::map<detail::ValueId, std::vector<Hook*>> hooks_by_value() const {
    std::map<detail::ValueId, std::vector<Hook*>> wanted;
    for (const detail::Node& node : network().state().nodes)
      for (detail::ValueId v : node.outputs)
        for (const auto& h : hooks_)
          if (v != detail::absent && detail::matches(h->pattern, network().value(v).name)) wanted[v].push_back(h.get());
    return wanted;
  }

  std::set<detail::ValueId> visible_values(const std::map<detail::ValueId, std::vector<Hook*>>& wanted) const {
    std::set<detail::ValueId> visible = shown_;
    for (const auto& [v, hooks] : wanted) visible.insert(v);
    return visible;
  }

  void make_plan() {
    if (planned_) return;
    const auto wanted = hooks_by_value();
    runner_.set_plan(detail::Plan::make(network(), context(), visible_values(wanted)));
    planned_ = true;
    hooked_.clear();
    std::map<int, std::vector<std::pair<detail::ValueId, Hook*>>> by_step;
    for (const auto& [v, hooks] : wanted)
      for (Hook* h : hooks) by_step[runner_.plan().step_of(v)].emplace_back(v, h);
    hooked_.assign(by_step.begin(), by_step.end());
  }

  /// Plans again with v visible and starts the pass over with the rows still active: the only time that work is
  /// repeated.
  void replan_with(detail::ValueId v) {
    began_ = false;  // until all that may fail has not
    std::vector<Tensor> kept;
    for (detail::ValueId i : network().state().inputs) kept.emplace_back(ConstView(runner_.view_of(i)));
    shown_.insert(v);
    planned_ = false;
    make_plan();
    const bool empty = runner_.rows() == 0;
    runner_.begin(std::max<std::int64_t>(runner_.rows(), 1));
    if (empty) runner_.keep_rows({});
    for (std::size_t i = 0; !empty && i < kept.size(); ++i)
      std::memcpy(runner_.view_of(network().state().inputs[i]).data, kept[i].data(), kept[i].size() * sizeof(float));
    began_ = true;
  }

  bool is_input(detail::ValueId v) const {
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
        if (!detail::is_finite(y.data[r * width + i]))
          throw ArgumentError(detail::message(
              {network().source(), ", output '", network().output_names().front(), "': value ", i, " of image ",
               examples_[r], " of the batch is not finite; look at the image and at the network's weights"}));
  }

  /// What compact() does.
  void leave(std::span<const std::size_t> keep) {
    for (std::size_t i = 0; i < keep.size(); ++i)
      if (keep[i] >= examples_.size() || (i > 0 && keep[i] <= keep[i - 1]))
        throw ArgumentError(detail::message({"rows to keep must ascend and be below ", examples_.size()}));
    if (keep.size() == examples_.size()) return;
    if (network().state().fixed_batch > 0 && !keep.empty())
      throw ArgumentError(
          detail::message({network().source(), " was exported for a fixed batch: all rows stay or all leave"}));
    runner_.keep_rows(keep);
    for (std::size_t i = 0; i < keep.size(); ++i) examples_[i] = examples_[keep[i]];
    examples_.resize(keep.size());
  }

  /// False if the pass ends here.
  bool call_hooks(int step, const std::vector<std::pair<detail::ValueId, Hook*>>& hooks, Result& result) {
    const std::string& op = runner_.plan().op_of(static_cast<std::size_t>(step));
    for (const auto& [v, hook] : hooks) {
      if (hook->pattern.empty()) continue;
      const std::string& name = network().value(v).name;
      Step seen(name, op, runner_.view_of(v), examples_, elapsed_s());
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

  detail::PlanRunner runner_;
  std::vector<std::shared_ptr<Hook>> hooks_;
  std::set<detail::ValueId> shown_;
  bool planned_ = false;  ///< the plan has what is hooked and shown
  std::vector<std::pair<int, std::vector<std::pair<detail::ValueId, Hook*>>>> hooked_;
  std::vector<std::size_t> examples_;
  bool began_ = false;  ///< a pass is under way, and its tensors are whole
  bool busy_ = false;   ///< steps or hooks are under way
  Clock::time_point start_;
};

WEIR_INLINE Executor::Executor(Network network, const ContextOptions& options)
    : Executor(std::move(network), Context(options)) {}
WEIR_INLINE Executor::Executor(Network network, Context context)
    : pass_(std::make_unique<Pass>(std::move(network), std::move(context))) {}
WEIR_INLINE Executor::Executor(Executor&& other) noexcept = default;
WEIR_INLINE Executor& Executor::operator=(Executor&& other) noexcept = default;
WEIR_INLINE Executor::~Executor() = default;

WEIR_INLINE const Network& Executor::network() const { return pass_->network(); }
WEIR_INLINE const Context& Executor::context() const { return pass_->context(); }
WEIR_INLINE HookHandle Executor::on(std::string_view pattern, std::function<void(Step&)> f) {
  return pass_->on(pattern, std::move(f));
}
WEIR_INLINE void Executor::show(std::string_view tensor) { pass_->show(tensor); }
WEIR_INLINE PlanDescription Executor::describe(std::int64_t batch) const { return pass_->describe(batch); }
WEIR_INLINE void Executor::time_steps(std::function<void(std::size_t step, double seconds)> f) {
  pass_->time_steps(std::move(f));
}
WEIR_INLINE void Executor::begin(std::span<const ConstView> inputs) { pass_->begin(inputs); }
WEIR_INLINE ConstView Executor::advance_to(std::string_view tensor) { return pass_->advance_to(tensor); }
WEIR_INLINE ConstView Executor::finish() { return pass_->finish(); }
WEIR_INLINE ConstView Executor::output(std::size_t i) const { return pass_->output(i); }
WEIR_INLINE void Executor::compact(std::span<const std::size_t> keep) { pass_->compact(keep); }
WEIR_INLINE std::span<const std::size_t> Executor::examples() const { return pass_->examples(); }
WEIR_INLINE Result Executor::run(ConstView x) { return pass_->run(x); }

}  // namespace weir
