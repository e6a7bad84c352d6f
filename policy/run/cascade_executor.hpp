/// CascadeExecutor: runs a policy over networks, with executions that really stop.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/policy/run/answer_maker.hpp>
#include <weir/policy/run/cascade_rows.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/trace/stage_cost.hpp>

namespace weir {

/// Writes the input of a network for one example: out is [1, ...] of that network's input shape. Called only when the
/// network is really about to run, so that preprocessing counts where it is spent.
using InputMaker = std::function<void(std::size_t network, std::size_t row, View out)>;

/// What became of one example.
struct CascadeAnswer {
  int label = -1;                        ///< predicted class
  std::size_t exit = 0;                  ///< stage whose answer counts
  double seconds = 0;                    ///< from the start of the call until this example was decided
  std::span<const float> probabilities;  ///< [classes], valid until the executor's next run
  std::span<const double> features{};    ///< of stage 0, whatever the exit; as long
};

/// One thread's way of running a CascadeSpec. Answers do not depend on batch-mates or threads, to the last bit. After
/// the first run of a batch size the executor itself allocates nothing.
class CascadeExecutor {
 public:
  CascadeExecutor(const std::shared_ptr<const CascadeSpec>& spec, Context context)
      : CascadeExecutor(spec, std::move(context), std::make_shared<detail::CascadeRows>(*spec)) {}

  /// With rows that other executors of this spec use too, each in a thread of its own: an example may go on in another
  /// executor than it began in, by run_network(). Each row may be in one run_network() at a time; of an executor that
  /// shares rows call nothing else. All room must have been reserved.
  CascadeExecutor(std::shared_ptr<const CascadeSpec> spec, Context context, std::shared_ptr<detail::CascadeRows> rows)
      : spec_(std::move(spec)),
        context_(std::move(context)),
        executors_(spec_->n_networks()),
        store_(std::move(rows)),
        answer_maker_(spec_, context_.isa()) {
    gate_input_.resize(spec_->gate_inputs().max_size());
    started_.resize(executors_.size());
    stage_costs_.resize(spec_->stages.size());
    visited_.reserve(spec_->stages.size());
    answers_.resize(spec_->stages.size());
  }

  const CascadeSpec& spec() const { return *spec_; }

  /// Loads all networks, plans them for `batch` examples and runs zeros through them as far as stages read, so that the
  /// first example waits for none of this. Throws what CascadeSpec::network() throws.
  void preload(std::size_t batch = 1) {
    const InputMaker zeros = [](std::size_t, std::size_t, View out) { std::fill_n(out.data, out.size(), 0.0F); };
    std::vector<std::size_t> rows(std::max<std::size_t>(batch, 1));
    for (std::size_t net = 0; net < executors_.size(); ++net) {
      begin(net, zeros, rows);
      for (std::size_t k = 0; k < spec_->stages.size(); ++k)
        if (spec_->stages[k].network == net) advance(k);
    }
    started_.assign(executors_.size(), false);
  }

  /// One example through a policy that spec().check() accepts; the maker is asked for row 0. id picks between the two
  /// of a mix. Throws ArgumentError where a stage answers NaN, and what the maker throws; the next run starts afresh.
  CascadeAnswer run_one(const MixedPolicy& policy, const InputMaker& maker, std::uint64_t id) {
    const Policy& p = policy.pick(id);
    return run_one_with(maker, 0, [&](std::size_t k, std::span<const double> x) { return p.action(k, x); });
  }

  /// One example under any rule: decide(stage, gate input) is 0 to exit or the action to take. It is not asked at
  /// stages without successors.
  template <typename Decide>
  CascadeAnswer run_one_with(const InputMaker& maker, std::size_t row, const Decide& decide) {
    const auto start = Clock::now();
    reserve(1);
    started_.assign(executors_.size(), false);
    visited_.clear();
    double before = 0;
    for (std::size_t k = 0;;) {
      const std::size_t n = spec_->stages[k].network;
      if (!started_[n]) begin(n, maker, std::span(&row, 1));
      started_[n] = true;
      const detail::StageTensors y = advance(k);
      const double ran = seconds_since(start);
      answer_maker_.answer(k, y, 0, 0, *store_, row);
      answer_maker_.complete_answer(k, 0, *store_);
      const std::size_t action = decide_at(k, 0, decide);
      const double now = seconds_since(start);
      stage_costs_[k] = {now - before, now - ran};
      before = now;
      visited_.push_back(k);
      if (action == 0) return {store_->prediction(k, 0), k, now, store_->probabilities(k, 0), store_->features(0, 0)};
      k = next_stage(k, action);
    }
  }

  /// Stages that the last run_one visited, in order.
  std::span<const std::size_t> visited() const { return visited_; }
  /// Seconds that stage k added to the last run_one that visited it, or took of the last batch of which examples ran
  /// it.
  const StageCost& stage_cost(std::size_t k) const { return stage_costs_[k]; }

  /// Whether runs also time each group of features, at the price of two readings of the clock for each.
  void time_features(bool on) { answer_maker_.time_features(on); }

  /// [feature_list.size()] what each group of stage k took in the last run_one(), where time_features(true) was called.
  std::span<const double> feature_seconds(std::size_t k) const { return answer_maker_.feature_seconds(k); }

  /// Examples first_id .. first_id + n - 1 through a policy as one batch: those that exit leave it there and then,
  /// those that go on to a network from different stages run it together. Where the topology does not let whole batches
  /// flow (CascadeSpec::flows_in_batches) the examples run one by one. The answers equal run_one's bit for bit.
  void run_batch(const MixedPolicy& policy, std::size_t n, const InputMaker& maker, std::uint64_t first_id,
                 std::vector<CascadeAnswer>& out) {
    ids_.resize(n);
    std::iota(ids_.begin(), ids_.end(), first_id);
    run_batch(policy, ids_, maker, out);
  }

  /// The same for examples with any ids.
  void run_batch(const MixedPolicy& policy, std::span<const std::uint64_t> ids, const InputMaker& maker,
                 std::vector<CascadeAnswer>& out) {
    run_batch_with(
        maker, ids.size(),
        [&](std::size_t row) {
          return [&policy, id = ids[row]](std::size_t k, std::span<const double> x) {
            return policy.pick(id).action(k, x);
          };
        },
        out);
  }

  /// Examples 0 .. n - 1 as one batch, each under any rule: decide(row) is a rule as run_one_with's.
  template <typename Decide>
  void run_batch_with(const InputMaker& maker, std::size_t n, const Decide& decide, std::vector<CascadeAnswer>& out) {
    out.resize(n);
    if (n == 0) return;
    const auto start = Clock::now();
    if (!spec_->flows_in_batches()) {
      const std::size_t d = spec_->feature_names(0).size();
      batch_probabilities_.resize(n * spec_->n_classes());
      batch_features_.resize(n * d);
      for (std::size_t r = 0; r < n; ++r) {
        out[r] = run_one_with(maker, r, decide(r));
        float* own = batch_probabilities_.data() + r * spec_->n_classes();
        std::copy(out[r].probabilities.begin(), out[r].probabilities.end(), own);
        out[r].probabilities = {own, spec_->n_classes()};
        std::copy(out[r].features.begin(), out[r].features.end(), batch_features_.data() + r * d);
        out[r].features = {batch_features_.data() + r * d, d};
        out[r].seconds = seconds_since(start);
      }
      return;
    }
    reserve(n);
    arrivals_.resize(spec_->stages.size());
    for (auto& a : arrivals_) a.clear();
    for (std::size_t r = 0; r < n; ++r) arrivals_[0].push_back(r);
    for (std::size_t k = 0; k < spec_->stages.size(); ++k) {
      std::sort(arrivals_[k].begin(), arrivals_[k].end());
      run_network(
          k, arrivals_[k], maker, decide,
          [&](const CascadeAnswer& answer, std::size_t r) {
            out[r] = answer;
            out[r].seconds = seconds_since(start);
          },
          [&](std::size_t next, std::size_t r) { arrivals_[next].push_back(r); });
    }
  }

  /// Makes room for examples 0 .. n - 1 at once, for run_network().
  void reserve(std::size_t n) { store_->reserve(n); }

  /// One network's part of the way of some examples (`rows`, ascending, below what was reserved; it is changed), from
  /// stage k, which starts the network: for topologies that flow in batches, and schedulers that regroup examples in
  /// front of every network. decide(row) is a rule as run_one_with's; exits(answer without seconds, row) and
  /// goes_on(stage of another network, row) tell where each went. An example's earlier answers are kept in its row.
  template <typename Decide, typename Exits, typename GoesOn>
  void run_network(std::size_t k, std::vector<std::size_t>& rows, const InputMaker& maker, const Decide& decide,
                   const Exits& exits, const GoesOn& goes_on) {
    if (rows.empty()) return;
    const auto start = Clock::now();
    double before = 0;
    const std::size_t net = spec_->stages[k].network;
    begin(net, maker, rows);
    for (;;) {
      const detail::StageTensors y = advance(k);
      const double ran = seconds_since(start);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        answer_maker_.answer(k, y, i, rows[i], *store_, rows[i]);
        answer_maker_.complete_answer(k, rows[i], *store_);
      }
      keep_.clear();
      std::size_t own_next = k;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::size_t r = rows[i], action = decide_at(k, r, decide(r));
        if (action == 0) {
          exits(CascadeAnswer{store_->prediction(k, r), k, 0, store_->probabilities(k, r), store_->features(0, r)}, r);
          continue;
        }
        const std::size_t next = next_stage(k, action);
        if (spec_->stages[next].network != net) {
          goes_on(next, r);
          continue;
        }
        own_next = next;
        keep_.push_back(i);
      }
      const double now = seconds_since(start);
      stage_costs_[k] = {now - before, now - ran};
      before = now;
      if (keep_.empty()) return;
      if (keep_.size() < rows.size()) {
        executors_[net]->compact(keep_);
        for (std::size_t i = 0; i < keep_.size(); ++i) rows[i] = rows[keep_[i]];
        rows.resize(keep_.size());
      }
      k = own_next;
    }
  }

  /// Runs every stage to its end on a batch, whatever a policy would say, and calls
  /// sink(stage, row, prediction, probabilities [classes], features [d]) for each; bit-equal with what gates see at run
  /// time. What a Trace is made of.
  template <typename Sink>
  void record(std::size_t n, const InputMaker& maker, const Sink& sink) {
    if (n == 0) return;
    if (spec_->takes_batches()) return record_rows(0, n, maker, sink);
    for (std::size_t r = 0; r < n; ++r) record_rows(r, 1, maker, sink);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  /// The rows first .. first + n - 1 as one batch.
  template <typename Sink>
  void record_rows(std::size_t first, std::size_t n, const InputMaker& maker, const Sink& sink) {
    reserve(n);
    all_rows_.resize(n);
    std::iota(all_rows_.begin(), all_rows_.end(), first);
    started_.assign(executors_.size(), false);
    for (const std::size_t k : execution_order()) {
      const std::size_t net = spec_->stages[k].network;
      if (!started_[net]) begin(net, maker, all_rows_);
      started_[net] = true;
      const detail::StageTensors y = advance(k);
      for (std::size_t r = 0; r < n; ++r) answer_maker_.answer(k, y, r, r, *store_, first + r);
    }
    for (std::size_t k = 0; k < spec_->stages.size(); ++k)
      for (std::size_t r = 0; r < n; ++r) {
        answer_maker_.complete_answer(k, r, *store_);
        sink(k, first + r, store_->prediction(k, r), store_->probabilities(k, r),
             std::span<const double>(store_->features(k, r)));
      }
  }

  Executor& executor(std::size_t net) {
    if (!executors_[net]) {
      auto made = std::make_unique<Executor>(spec_->network(net), context_);
      for (std::size_t k = 0; k < spec_->stages.size(); ++k) {
        if (spec_->stages[k].network != net) continue;
        made->show(spec_->stages[k].tensor);
        if (pools_elsewhere(k)) made->show(spec_->stages[k].pooled_tensor);
      }
      executors_[net] = std::move(made);
    }
    return *executors_[net];
  }

  void begin(std::size_t net, const InputMaker& maker, std::span<const std::size_t> rows) {
    Executor& run = executor(net);
    const Shape one = run.network().input_shape();
    const auto size = static_cast<std::size_t>(one.numel());
    float* x = input_.reserve(size * rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) maker(net, rows[i], {x + i * size, one});
    run.begin(ConstView{x, one.with(0, static_cast<std::int64_t>(rows.size()))});
  }

  /// Runs up to stage k. Its views are valid until its network is begun again or loses rows.
  detail::StageTensors advance(std::size_t k) {
    const CascadeStage& s = spec_->stages[k];
    Executor& run = *executors_[s.network];
    detail::StageTensors tensors{run.advance_to(s.tensor), {}};
    tensors.to_pool = pools_elsewhere(k) ? run.advance_to(s.pooled_tensor) : tensors.answer;
    // Only of the first stage: its batch is still as it began.
    if (spec_->features(k).reads(FeatureInput::image))
      tensors.image = {input_.data(), run.network().input_shape().with(0, tensors.answer.shape[0])};
    return tensors;
  }

  std::size_t next_stage(std::size_t k, std::size_t action) const {
    const auto& next = spec_->topology.stages[k].next;
    if (action > next.size())
      throw ArgumentError(detail::message({"cascade: action ", action, " at stage '", spec_->stages[k].name,
                                           "', which has ", next.size(), " successors"}));
    return next[action - 1];
  }

  /// The stage's features read a tensor that is not its own.
  bool pools_elsewhere(std::size_t k) const {
    return spec_->features(k).reads(FeatureInput::activations) && !spec_->stages[k].pooled_tensor.empty();
  }

  template <typename Decide>
  std::size_t decide_at(std::size_t k, std::size_t r, const Decide& decide) {
    if (spec_->topology.stages[k].next.empty()) return 0;
    for (const std::size_t j : spec_->gate_inputs().before(k))
      answers_[j] = {store_->prediction(j, r), store_->features(j, r)};
    answers_[k] = {store_->prediction(k, r), store_->features(k, r)};
    spec_->gate_inputs().fill(k, answers_, gate_input_);
    return decide(k, std::span<const double>(gate_input_.data(), spec_->gate_inputs().size(k)));
  }

  /// Topological order in which a network's stages follow each other directly.
  const std::vector<std::size_t>& execution_order() {
    if (order_.empty())
      for (std::size_t net = 0; net < executors_.size(); ++net) {
        const auto names = spec_->network(net).tensor_names();
        std::vector<std::pair<std::ptrdiff_t, std::size_t>> own;
        for (std::size_t k = 0; k < spec_->stages.size(); ++k)
          if (spec_->stages[k].network == net)
            own.emplace_back(std::find(names.begin(), names.end(), spec_->stages[k].tensor) - names.begin(), k);
        std::sort(own.begin(), own.end());
        for (const auto& [position, k] : own) order_.push_back(k);
      }
    return order_;
  }

  std::shared_ptr<const CascadeSpec> spec_;
  Context context_;
  std::vector<std::unique_ptr<Executor>> executors_;  // each made when its network first runs
  std::shared_ptr<detail::CascadeRows> store_;
  detail::AnswerMaker answer_maker_;
  Buffer input_;
  std::vector<float> batch_probabilities_;
  std::vector<double> gate_input_, batch_features_;
  std::vector<StageCost> stage_costs_;
  std::vector<detail::StageAnswer> answers_;
  std::vector<bool> started_;
  std::vector<std::uint64_t> ids_;
  std::vector<std::size_t> visited_, keep_, all_rows_, order_;
  std::vector<std::vector<std::size_t>> arrivals_;
};

}  // namespace weir
