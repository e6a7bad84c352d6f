/// Schedule: how many examples of a batch, or rows of one example, pass through which steps of a plan at a time.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>
#include <weir/core/machine_costs.hpp>
#include <weir/core/plan/liveness.hpp>
#include <weir/core/plan/row_bands.hpp>

namespace weir::detail {

/// Consecutive steps [first, last) that `examples` examples pass before the next examples begin: what lies between
/// these steps then stays in a cache, and threads take whole passes instead of meeting at every step. A step by
/// itself takes the whole batch.
struct StepGroup {
  int first, last;
  std::int64_t examples;  ///< at a time
  bool whole;             ///< the batch at once: tensors between steps are those of all examples
  std::int64_t rows = 0;  ///< of the last step that pass at a time, of one example (see RowBands); 0: all of them
  double operations = 0;  ///< of one example: floating-point operations, and floats moved
};

/// The groups of a plan at one batch size, in order, every step in one of them.
///
/// Chosen by dynamic programming for the fewest bytes that one example moves from beyond the second-level cache:
/// weights are shared by the examples that pass together, tensors cost nothing where all that a step touches stays in
/// that cache. No bit of a result depends on it. Only steps that treat each example by itself are grouped, which those
/// on blocked tensors do; and a visible tensor ends its group. Where the tensors of one example are too large for the
/// cache, steps that know rows (Kernel::row_window) may go by bands of them.
///
/// After the loop tiling across layers of Alwani et al., "Fused-layer CNN accelerators", MICRO 2016.
class Schedule {
 public:
  /// costs: of the machine; copied.
  Schedule(const Plan& plan, const Liveness& lives, const MachineCosts& costs, int threads, std::int64_t batch)
      : costs_(costs) {
    const auto steps = static_cast<int>(plan.steps().size());
    for (int i = 0; i < steps; ++i) steps_.push_back(look_at(plan, lives, i));
    batch_ = batch;
    threads_ = threads;
    bands_ = band_steps(plan);
    std::vector<double> best(steps_.size() + 1, std::numeric_limits<double>::max());
    std::vector<StepGroup> arrival(steps_.size() + 1, StepGroup{});
    best[0] = 0;
    for (int i = 0; i < steps; ++i) {
      const auto at = static_cast<std::size_t>(i);
      offer(best, arrival, {i, i + 1, batch, true}, best[at] + whole_cost(steps_[at]));
      for (std::int64_t c = 1; c < batch && c * threads <= batch; c *= 2) extend(best, arrival, i, c);
      extend_in_bands(best, arrival, i);
    }
    for (int j = steps; j > 0; j = arrival[static_cast<std::size_t>(j)].first)
      groups_.push_back(arrival[static_cast<std::size_t>(j)]);
    std::reverse(groups_.begin(), groups_.end());
    for (StepGroup& g : groups_)
      for (int i = g.first; i < g.last; ++i) g.operations += steps_[static_cast<std::size_t>(i)].operations;
    steps_ = {};
  }

  const std::vector<StepGroup>& groups() const { return groups_; }
  /// What RowBands are made of.
  const std::vector<BandStep>& bands() const { return bands_; }

 private:
  /// Bytes of one example.
  struct Operand {
    double bytes;
    int born, dies;    ///< steps; born is -1 for inputs of the network
    std::size_t root;  ///< Liveness::root
  };
  struct StepTraffic {
    std::vector<Operand> inputs, outputs;
    double bytes = 0, weights = 0, operations = 0;
    bool ungroupable = false;  ///< not blocked, or mixes examples
    bool visible = false;      ///< computes a visible tensor
    bool in_place = false;     ///< computes into the memory of another value
  };

  static constexpr int longest = 64;  ///< steps of a group
  double held() const { return costs_.second_level_held * costs_.second_level; }

  /// Relative cost of moving one byte of a working set: 0 where the set fits in the second-level cache, then the share
  /// of the set that does not, up to the third-level cache; more from memory.
  double price(double bytes_in_use) const {
    if (bytes_in_use <= held()) return 0;
    return bytes_in_use <= costs_.third_level ? 1 - held() / bytes_in_use : costs_.memory_byte;
  }

  static StepTraffic look_at(const Plan& plan, const Liveness& lives, int i) {
    const PlanStep& node = plan.steps()[static_cast<std::size_t>(i)];
    StepTraffic step;
    bool blocked = false, rows = true;
    const auto look = [&](ValueId v, std::vector<Operand>& to) {
      if (v == absent || plan.is_constant(v)) return;
      const ShapeForm& form = plan.value(v).form;
      rows = rows && form.has_rows();
      blocked = blocked || plan.layout(v) == Layout::blocked;
      if (node.layer->is_view()) return;
      const auto bytes = static_cast<double>(sizeof(float)) * static_cast<double>(plan.floats(v, 1));
      const std::size_t root = lives.root[static_cast<std::size_t>(v)];
      to.push_back({bytes, plan.step_of(v), lives.last_use[root], root});
      step.bytes += bytes;
    };
    for (ValueId v : node.inputs) look(v, step.inputs);
    for (ValueId v : node.outputs) {
      look(v, step.outputs);
      if (v != absent && plan.visible(v)) step.visible = true;
    }
    step.ungroupable = !blocked || !rows;
    step.in_place = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) {
      return v == absent || lives.root[static_cast<std::size_t>(v)] != static_cast<std::size_t>(v);
    });
    step.weights = static_cast<double>(sizeof(float)) * node.kernel->parameter_floats();
    step.operations = node.layer->flops(plan.input_shapes(node, 1)) + step.bytes / sizeof(float);
    return step;
  }

  static void offer(std::vector<double>& best, std::vector<StepGroup>& arrival, const StepGroup& g, double cost) {
    const auto to = static_cast<std::size_t>(g.last);
    if (!(cost < best[to])) return;
    best[to] = cost;
    arrival[to] = g;
  }

  double whole_cost(const StepTraffic& s) const {
    const auto n = static_cast<double>(batch_);
    return s.bytes * price(n * s.bytes) + s.weights / n * price(s.weights) +
           (costs_.start_bytes + (threads_ > 1 ? costs_.meet_bytes : 0)) / n;
  }

  /// Offers all groups that begin with step i and take c examples at a time.
  void extend(std::vector<double>& best, std::vector<StepGroup>& arrival, int i, std::int64_t c) const {
    const auto n = static_cast<double>(batch_), examples = static_cast<double>(c);
    const double before = best[static_cast<std::size_t>(i)] + (threads_ > 1 ? costs_.meet_bytes / n : 0);
    double moved = 0, weights = 0, most = 0;
    std::array<double, longest + 1> leaving{};  // by the last step that needs it, from i: what may leave the group
    double leaves = 0;
    for (int j = i; j < std::min<int>(i + longest, static_cast<int>(steps_.size())); ++j) {
      const StepTraffic& s = steps_[static_cast<std::size_t>(j)];
      if (s.ungroupable) return;
      for (const Operand& x : s.inputs)
        moved += x.bytes * price(x.born < i ? std::max(n * x.bytes, examples * s.bytes) : examples * s.bytes);
      for (const Operand& y : s.outputs) {
        moved += y.bytes * price(examples * s.bytes);
        const double out = y.bytes * price(n * y.bytes);
        leaving[static_cast<std::size_t>(std::clamp(y.dies, j, i + longest) - i)] += out;
        leaves += out;
      }
      leaves -= leaving[static_cast<std::size_t>(j - i)];
      weights += s.weights;
      most = std::max(most, examples * s.bytes);
      const double cost = moved + leaves + weights / examples * price(weights + most) +
                          costs_.start_bytes / examples * static_cast<double>(j + 1 - i);
      offer(best, arrival, {i, j + 1, c, false}, before + cost);
      if (s.visible) return;
    }
  }

  /// Offers all groups that begin with step i and go by bands of rows, what they compute in between being needed only
  /// there.
  void extend_in_bands(std::vector<double>& best, std::vector<StepGroup>& arrival, int i) const {
    const auto n = static_cast<double>(batch_);
    const double before = best[static_cast<std::size_t>(i)] + (threads_ > 1 ? costs_.meet_bytes / n : 0);
    double weights = 0, operations = 0;
    int needed_until = i;  // the last step that reads what the group has computed so far
    for (int j = i; j < std::min<int>(i + RowBands::longest, static_cast<int>(steps_.size())); ++j) {
      const StepTraffic& s = steps_[static_cast<std::size_t>(j)];
      const BandStep& last = bands_[static_cast<std::size_t>(j)];
      if (s.ungroupable || last.rows == 0 || s.outputs.size() != 1) return;
      weights += s.weights;
      operations += s.operations;
      if (weights > costs_.second_level / 2) return;
      if (j > i && needed_until == j && !(s.in_place && read_before(i, j, s.outputs[0].root)))
        for (std::int64_t rows = last.row_multiple; rows < last.rows; rows *= 2)
          if (const double cost = cost_in_bands(i, j, rows, weights, operations); cost >= 0)
            offer(best, arrival, {i, j + 1, 1, false, rows}, before + cost);
      if (s.visible || s.in_place) return;
      needed_until = std::max(needed_until, s.outputs[0].dies);
    }
  }

  /// True if one of the steps [i, j) reads the value `root`. Step j may then not write its bands over it: rows at the
  /// border of a band are read again for the next one.
  bool read_before(int i, int j, std::size_t root) const {
    return std::any_of(steps_.begin() + i, steps_.begin() + j, [&](const StepTraffic& s) {
      return std::any_of(s.inputs.begin(), s.inputs.end(), [&](const Operand& x) { return x.root == root; });
    });
  }

  /// Bytes that one example moves through steps i to j by bands of `rows` rows; negative if these do not stay in the
  /// second-level cache.
  double cost_in_bands(int i, int j, std::int64_t rows, double weights, double operations) const {
    const RowBands bands(bands_, i, j + 1, rows);
    const auto n = static_cast<double>(batch_), count = static_cast<double>(bands.count());
    const auto bytes_of = [&](int s, std::int64_t height) {
      const BandStep& b = bands_[static_cast<std::size_t>(s)];
      return static_cast<double>(sizeof(float)) * static_cast<double>(height * b.row_floats * b.planes);
    };
    double held_here = weights, moved = 0;
    for (int s = i; s <= j; ++s) {
      held_here += bytes_of(s, bands.room(s));
      for (const Operand& x : steps_[static_cast<std::size_t>(s)].inputs)
        if (x.born < i) {
          moved += x.bytes * price(n * x.bytes);
          held_here += x.bytes / count;
        }
    }
    if (held_here > held()) return -1;
    const double y = steps_[static_cast<std::size_t>(j)].outputs[0].bytes;
    const std::int64_t passes = std::min<std::int64_t>(threads_, bands.count());
    double computed = 0;
    for (int s = i; s <= j; ++s) computed += bytes_of(s, bands_[static_cast<std::size_t>(s)].rows);
    const double again =
        batch_ == 1 ? static_cast<double>(passes - 1) * bands.again() * sizeof(float) / computed * operations : 0;
    return moved + y * price(n * y) + weights * price(weights) + again / costs_.operations_per_byte +
           costs_.start_bytes * count * static_cast<double>(j + 1 - i);
  }

  MachineCosts costs_;
  std::vector<StepTraffic> steps_;
  std::vector<StepGroup> groups_;
  std::vector<BandStep> bands_;
  std::int64_t batch_ = 0;
  int threads_ = 1;
};

}  // namespace weir::detail
