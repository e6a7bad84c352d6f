/// PlanRunner: the memory of a pass, and the computing of a plan's steps in it.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>
#include <weir/core/kernels/share.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/plan/memory_plan.hpp>

namespace weir::detail {

/// What an executor computes with: knows the steps and where their tensors lie, but neither hooks nor answers. After
/// the first pass of a batch size nothing is allocated.
class PlanRunner {
 public:
  PlanRunner(Network network, Context context)
      : network_(std::move(network)),
        context_(std::move(context)),
        single_threaded_(context_.single_threaded()),
        workers_(static_cast<std::size_t>(context_.threads())) {}

  const Network& network() const { return network_; }
  const Context& context() const { return context_; }

  const Plan& plan() const { return *plan_; }
  void set_plan(std::shared_ptr<const Plan> plan) {
    plan_ = std::move(plan);
    layouts_.clear();
    layout_ = nullptr;
  }

  /// Calls f(step, seconds) after each step: of one thread's time, where threads take examples of their own.
  void time_steps(std::function<void(std::size_t step, double seconds)> f) { timer_ = std::move(f); }

  /// Begins a pass of this batch size: room for it, and step 0 is next.
  void begin(std::int64_t batch) {
    auto it = layouts_.find(batch);
    if (it == layouts_.end()) {
      network_.check_batch(batch);
      it = layouts_.emplace(batch, MemoryPlan(*plan_, context_, batch)).first;
    }
    layout_ = &it->second;
    arena_.reserve(std::max<std::size_t>(layout_->arena_floats, 1));
    const std::size_t threads = workers_.size();
    passing_.reserve(threads * layout_->thread_floats);
    workspace_.reserve(layout_->workspace_floats);
    rows_ = batch;
    next_ = 0;
  }

  std::int64_t rows() const { return rows_; }

  /// Where a value of all rows lies.
  View view_of(ValueId v) const { return {memory_of(v), plan_->value(v).form.at(rows_)}; }

  /// Computes the steps before `end`, of which the last must be the last or make a visible tensor.
  void compute(int end) {
    if (rows_ == 0) next_ = std::max(next_, end);
    const auto& groups = layout_->schedule.groups();
    auto group =
        std::upper_bound(groups.begin(), groups.end(), next_, [](int i, const StepGroup& g) { return i < g.last; });
    for (; next_ < end; ++group) {
      if (group->whole || rows_ == 1)
        pass(workers_[0], context_, *group, 0, rows_, workspace_.data(), passing_.data());
      else
        pass_in_turns(*group);
      next_ = group->last;
      if (timer_) report_times(*group);
    }
  }

  /// Keeps only these rows (ascending positions among the rows there are). Throws ArgumentError, and changes nothing,
  /// where a tensor still needed has no batch dimension in front, or the examples do not lie apart in what is still to
  /// be computed.
  void keep_rows(std::span<const std::size_t> keep) {
    if (!keep.empty()) check_rows_may_leave();
    moved_.assign(layout_->offset.size(), false);
    for (std::size_t v = 0; v < layout_->offset.size(); ++v) {
      if (!is_live(v) || moved_[layout_->lives.root[v]]) continue;
      move_rows(static_cast<ValueId>(v), keep);
      moved_[layout_->lives.root[v]] = true;
    }
    rows_ = static_cast<std::int64_t>(keep.size());
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// What one thread computes with.
  struct Worker {
    std::vector<ConstView> inputs;
    std::vector<View> outputs;
    std::vector<RowsView> rows;   ///< for passes by bands
    std::vector<double> seconds;  ///< by step of the group, while steps are timed
  };

  float* memory_of(ValueId v) const { return arena_.data() + layout_->offset[static_cast<std::size_t>(v)]; }
  /// Where example n of a value lies, which has rows, or is example 0. Of integers the address may be odd.
  float* memory_of(ValueId v, std::int64_t n) const {
    auto* data = reinterpret_cast<std::byte*>(memory_of(v));
    return reinterpret_cast<float*>(data + layout_->row[static_cast<std::size_t>(v)] * static_cast<std::size_t>(n));
  }

  bool is_input(ValueId v) const {
    const auto& in = network_.state().inputs;
    return std::find(in.begin(), in.end(), v) != in.end();
  }

  /// True if the value has been computed (or is an input) and is still needed: by a later step, or because it is
  /// visible.
  bool is_live(std::size_t v) const {
    const ValueId id = static_cast<ValueId>(v);
    if (layout_->offset[v] == MemoryPlan::nowhere || layout_->in_thread_block[v]) return false;
    const bool computed = is_input(id) || (plan_->step_of(id) >= 0 && plan_->step_of(id) < next_);
    return computed && layout_->lives.last_use[layout_->lives.root[v]] >= next_;
  }

  void check_rows_may_leave() const {
    for (std::size_t v = 0; v < layout_->offset.size(); ++v) {
      const Value& value = plan_->value(static_cast<ValueId>(v));
      if (is_live(v) && value.form.depends_on_batch() && !value.examples.rows())
        throw ArgumentError(detail::message({network_.source(), ": rows cannot leave while '", value.name,
                                             "' is alive, its outermost dimension is not the batch"}));
    }
    for (std::size_t i = static_cast<std::size_t>(next_); i < plan_->steps().size(); ++i)
      for (const ValueId v : plan_->steps()[i].outputs)
        if (v != absent && plan_->value(v).examples.is_mixed())
          throw ArgumentError(detail::message({network_.source(), ": rows cannot leave before '", plan_->value(v).name,
                                               "', which mixes the examples of a batch"}));
  }

  void move_rows(ValueId v, std::span<const std::size_t> keep) {
    if (!plan_->value(v).form.depends_on_batch()) return;
    const std::size_t row = layout_->row[static_cast<std::size_t>(v)];
    auto* data = reinterpret_cast<std::byte*>(memory_of(v));
    for (std::size_t i = 0; i < keep.size(); ++i)
      if (keep[i] != i) std::memmove(data + i * row, data + keep[i] * row, row);
  }

  /// Each thread takes some examples of its own through all steps of a group. Those left over by the even division run
  /// last, all threads sharing them.
  void pass_in_turns(const StepGroup& group) {
    const std::int64_t threads =
        kernels::pieces_of(context_.pool(), rows_, group.operations * static_cast<double>(rows_));
    const std::int64_t turns = (rows_ + group.examples * threads - 1) / (group.examples * threads);
    const std::int64_t each = (rows_ + turns * threads - 1) / (turns * threads);
    const std::int64_t passes = (rows_ + each - 1) / each, rest = passes % threads;
    const std::int64_t single = 2 * rest > threads ? passes : passes - rest;
    std::atomic<std::int64_t> taken{0};
    context_.pool().split(threads, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t w = first; w < last; ++w)
        for (std::int64_t p = taken++; p < single; p = taken++)
          pass(workers_[static_cast<std::size_t>(w)], single_threaded_, group, p * each,
               std::min(rows_, (p + 1) * each),
               workspace_.data() + static_cast<std::size_t>(w) * layout_->thread_workspace_floats,
               passing_.data() + static_cast<std::size_t>(w) * layout_->thread_floats);
    });
    for (std::int64_t p = single; p < passes; ++p)
      pass(workers_[0], context_, group, p * each, std::min(rows_, (p + 1) * each), workspace_.data(), passing_.data());
  }

  /// Rows [first, last) through a group's steps.
  void pass(Worker& worker, const Context& context, const StepGroup& group, std::int64_t first, std::int64_t last,
            float* workspace, float* thread_block) {
    if (group.rows > 0) {
      for (std::int64_t n = first; n < last; ++n) pass_in_bands(worker, context, group, n, workspace, thread_block);
      return;
    }
    time(worker, group);
    for (int i = group.first; i < group.last; ++i) {
      const auto start = timer_ ? Clock::now() : Clock::time_point{};
      compute_step(worker, context, plan_->steps()[static_cast<std::size_t>(i)], first, last, workspace, thread_block);
      if (timer_)
        worker.seconds[static_cast<std::size_t>(i - group.first)] +=
            std::chrono::duration<double>(Clock::now() - start).count();
    }
  }

  void time(Worker& worker, const StepGroup& group) const {
    if (timer_)
      worker.seconds.resize(std::max(worker.seconds.size(), static_cast<std::size_t>(group.last - group.first)));
  }

  /// Example n by bands of rows, of which each thread takes some that follow each other.
  void pass_in_bands(Worker& worker, const Context& context, const StepGroup& group, std::int64_t n, float* workspace,
                     float* thread_block) {
    const auto& all = layout_->band_groups;
    const BandGroup& bands = *std::lower_bound(all.begin(), all.end(), group.first,
                                               [](const BandGroup& b, int first) { return b.first() < first; });
    if (context.threads() == 1)
      return compute_bands(worker, group, bands, n, {0, bands.count()}, workspace, thread_block);
    kernels::share(context.pool(), bands.count(), group.operations,
                   [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
                     const auto w = static_cast<std::size_t>(piece);
                     compute_bands(workers_[w], group, bands, n, {first, last},
                                   workspace_.data() + w * layout_->thread_workspace_floats,
                                   passing_.data() + w * layout_->thread_floats);
                   });
  }

  void compute_bands(Worker& worker, const StepGroup& group, const BandGroup& bands, std::int64_t n, RowRange some,
                     float* workspace, float* thread_block) const {
    time(worker, group);
    auto start = timer_ ? Clock::now() : Clock::time_point{};
    const auto where = [&](ValueId v) {
      const auto at = static_cast<std::size_t>(v);
      return layout_->in_thread_block[at] ? thread_block + layout_->offset[at] : memory_of(v, n);
    };
    bands.compute(context_, some.first, some.last, where, workspace, worker.rows, [&](int step) {
      if (!timer_) return;
      const auto now = Clock::now();
      worker.seconds[static_cast<std::size_t>(step - group.first)] +=
          std::chrono::duration<double>(now - start).count();
      start = now;
    });
  }

  void compute_step(Worker& worker, const Context& context, const PlanStep& step, std::int64_t first, std::int64_t last,
                    float* workspace, float* thread_block) const {
    const auto rows_of = [&](ValueId v) -> View {
      const auto at = static_cast<std::size_t>(v);
      float* data = layout_->in_thread_block[at] ? thread_block + layout_->offset[at] : memory_of(v, first);
      return {data, plan_->value(v).form.at(last - first)};
    };
    worker.inputs.clear();
    worker.outputs.clear();
    for (ValueId v : step.inputs) {
      const Tensor* constant = v == absent ? nullptr : plan_->constant(v);
      worker.inputs.push_back(v == absent ? ConstView{}
                              : constant  ? ConstView{constant->data(), plan_->value(v).form.at(1)}
                                          : ConstView(rows_of(v)));
    }
    for (ValueId v : step.outputs) worker.outputs.push_back(v == absent ? View{} : rows_of(v));
    const bool same_memory = step.layer->is_view() && worker.inputs[0].data == worker.outputs[0].data;
    if (!same_memory) step.kernel->forward(context, worker.inputs, worker.outputs, workspace);
  }

  void report_times(const StepGroup& group) {
    double busy = 0;
    for (const Worker& w : workers_) busy += w.seconds.empty() ? 0 : w.seconds[0] > 0 ? 1 : 0;
    for (int i = group.first; i < group.last; ++i) {
      double seconds = 0;
      for (Worker& w : workers_)
        if (static_cast<std::size_t>(i - group.first) < w.seconds.size())
          seconds += std::exchange(w.seconds[static_cast<std::size_t>(i - group.first)], 0);
      timer_(static_cast<std::size_t>(i), seconds / std::max(busy, 1.0));
    }
  }

  Network network_;
  Context context_, single_threaded_;
  std::shared_ptr<const Plan> plan_;
  std::function<void(std::size_t, double)> timer_;
  std::map<std::int64_t, MemoryPlan> layouts_;
  const MemoryPlan* layout_ = nullptr;
  Buffer arena_, passing_, workspace_;
  std::vector<Worker> workers_;
  std::vector<bool> moved_;
  std::int64_t rows_ = 0;
  int next_ = 0;
};

}  // namespace weir::detail
