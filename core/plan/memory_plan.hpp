/// MemoryPlan: where the tensors of a plan lie at one batch size.
#pragma once
#include <algorithm>
#include <limits>
#include <vector>
#include <weir/core/kernels/share.hpp>
#include <weir/core/plan/band_group.hpp>

namespace weir::detail {

/// Where each value lies, and how much workspace the steps need, for one batch size. Values whose lives do not overlap
/// share memory; visible ones and the inputs keep theirs until the pass ends. Values that are needed within one group
/// of the schedule only lie in a block of floats of which every thread has one, with room for the examples, or for the
/// rows, that pass the group at a time; all others in one block with room for the batch.
struct MemoryPlan {
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
  /// A hostile file may ask for more than any machine has; this is refused before it is allocated.
  static constexpr std::size_t max_floats = std::size_t{1} << 33;
  /// Above small_workspace floats per thread, the workspace of a step may be at most times_touched times the floats
  /// that the step reads and writes.
  static constexpr std::size_t small_workspace = std::size_t{1} << 23, times_touched = 64;
  Liveness lives;
  Schedule schedule;
  std::vector<std::size_t> offset;     ///< by value id; nowhere for constants and hidden values
  std::vector<std::size_t> row;        ///< by value id: bytes of an example; 0 where the value has no rows
  std::vector<bool> in_thread_block;   ///< by value id: lies in a thread's block
  std::vector<BandGroup> band_groups;  ///< in the order of the groups that go by bands
  std::size_t arena_floats = 0, workspace_floats = 0;
  std::size_t thread_floats = 0;            ///< of each thread's block of values that pass
  std::size_t thread_workspace_floats = 0;  ///< from where one thread's workspace begins to the next

  MemoryPlan(const Plan& plan, const Context& context, std::int64_t batch)
      : lives(plan, batch),
        schedule(plan, lives, context.schedule_costs(), context.threads(), batch),
        offset(plan.n_values(), nowhere),
        row(offset.size(), 0),
        in_thread_block(offset.size(), false) {
    Places whole;
    for (ValueId v : plan.network().state().inputs) add(plan, batch, v, {-1, lives.last_use[at(v)]}, batch, whole);
    const Context single = context.single_threaded();
    for (const StepGroup& g : schedule.groups()) {
      Places local;
      if (g.rows > 0) band_groups.emplace_back(plan, single, schedule, g);
      for (int i = g.first; i < g.last; ++i) {
        const PlanStep& step = plan.steps()[at(i)];
        for (ValueId v : step.outputs) {
          if (v == absent) continue;
          const std::size_t root = lives.root[at(v)];
          if (offset[root] == nowhere) {
            // For its next examples a group runs its first step again, so a value that outlives the group must not
            // overlap anything that a step of the group reads.
            int& dies = lives.last_use[root];
            in_thread_block[root] = !g.whole && dies < g.last && (g.rows == 0 || i + 1 < g.last);
            if (!in_thread_block[root]) dies = end_of_group(dies);
            const auto value = static_cast<ValueId>(root);
            const std::size_t under = in_thread_block[root] || g.rows > 0 ? nowhere : written_over(plan, i, root);
            if (under != nowhere)
              offset[root] = offset[under], whole.keep(offset[root], {i, dies});
            else if (in_thread_block[root] && g.rows > 0)  // kept from band to band
              offset[root] = local.place(rounded(band_groups.back().floats(i)), {g.first, g.last});
            else
              add(plan, batch, value, in_thread_block[root] ? Life{i, dies} : Life{g.first, dies},
                  in_thread_block[root] ? g.examples : batch, in_thread_block[root] ? local : whole);
          }
          in_thread_block[at(v)] = in_thread_block[root];
          offset[at(v)] = offset[root] + lives.shift[at(v)];
          set_row(plan, v);
        }
        const auto need = [&](const Context& c, std::int64_t examples) {
          const std::size_t floats = step.kernel->workspace_floats(c, plan.input_shapes(step, examples));
          refuse_above(max_floats, floats, plan.network().source() + ": node '" + step.name + "' " + step.op);
          if (floats > at(c.threads()) * small_workspace && floats > times_touched * touched(plan, step, examples))
            throw ShapeError(detail::message(
                {plan.network().source(), ": node '", step.name, "' ", step.op, ": needs ", floats >> 18,
                 " MiB beside its tensors, much more than these take; a window so far beyond its image is "
                 "not supported"}));
          return floats;
        };
        workspace_floats = std::max({workspace_floats, need(context, g.examples), need(context, 1)});
        if (g.rows > 0) {
          thread_workspace_floats = std::max(thread_workspace_floats, band_groups.back().workspace_floats());
        } else if (!g.whole) {
          thread_workspace_floats = std::max(thread_workspace_floats, need(single, g.examples));
        }
      }
      thread_floats = std::max(thread_floats, local.floats);
    }
    arena_floats = whole.floats;
    const auto threads = static_cast<std::int64_t>(context.threads()),
               each = static_cast<std::int64_t>(thread_workspace_floats);
    workspace_floats = std::max(workspace_floats, kernels::workspaces_floats(threads, each));
    thread_workspace_floats = static_cast<std::size_t>(kernels::workspaces_apart(each));
    refuse_above(max_floats, arena_floats + workspace_floats + at(threads) * thread_floats,
                 plan.network().source() + ": a batch of " + std::to_string(batch) + " on " + std::to_string(threads) +
                     (threads == 1 ? " thread" : " threads"));
  }

 private:
  struct Life {
    int born, dies;
  };
  struct Block {
    std::size_t begin, size;
    int dies;
  };
  /// A block of floats being filled.
  struct Places {
    static constexpr std::size_t most_searched = 256;
    std::vector<Block> blocks;  ///< placed so far, in order of offset; some have died
    std::size_t floats = 0, living = 0;

    /// The first gap that is large enough. With very many blocks the new one goes behind all others, so that the search
    /// stays short.
    std::size_t place(std::size_t need, Life life) {
      if (blocks.size() >= 2 * living + most_searched) {
        std::erase_if(blocks, [&](const Block& b) { return b.dies < life.born; });
        living = blocks.size();
      }
      std::size_t here = living >= most_searched ? floats : 0;
      for (const Block& b : blocks) {
        if (living >= most_searched) break;
        if (b.dies < life.born) continue;
        if (b.begin >= here + need) break;
        here = std::max(here, b.begin + b.size);
      }
      const auto behind = std::upper_bound(blocks.begin(), blocks.end(), here,
                                           [](std::size_t begin, const Block& b) { return begin < b.begin; });
      blocks.insert(behind, {here, need, life.dies});
      floats = std::max(floats, here + need);
      return here;
    }

    /// Blocks at `begin` that still live when `life` begins are extended to its end.
    void keep(std::size_t begin, Life life) {
      const auto first = std::lower_bound(blocks.begin(), blocks.end(), begin,
                                          [](const Block& b, std::size_t at) { return b.begin < at; });
      for (auto b = first; b != blocks.end() && b->begin == begin; ++b)
        if (b->dies >= life.born) b->dies = std::max(b->dies, life.dies);
    }
  };

  template <class Index>
  static std::size_t at(Index i) {
    return static_cast<std::size_t>(i);
  }
  /// Floats that a step reads and writes.
  static std::size_t touched(const Plan& plan, const PlanStep& step, std::int64_t examples) {
    auto floats = at(step.kernel->parameter_floats());
    for (const auto* values : {&step.inputs, &step.outputs})
      for (const ValueId v : *values)
        if (v != absent) floats += at(plan.floats(v, examples));
    return floats;
  }

  static std::size_t rounded(std::size_t floats) { return (floats + 15) / 16 * 16; }

  /// An input of step i that `result` may overwrite: this is its last reader, and each element is read only where it is
  /// written. Such is the residual of a convolution (Liveness handles elementwise layers). `nowhere` if there is none.
  /// Saves cache lines.
  std::size_t written_over(const Plan& plan, int i, std::size_t result) const {
    const PlanStep& step = plan.steps()[at(i)];
    const auto position = step.kernel->in_place(step.inputs.size());
    if (!position || step.outputs.size() != 1 || step.inputs[*position] == absent) return nowhere;
    const std::size_t under = at(step.inputs[*position]);
    const auto v = static_cast<ValueId>(under), y = static_cast<ValueId>(result);
    if (offset[under] == nowhere || in_thread_block[under] || lives.root[under] != under || lives.last_use[under] > i ||
        plan.layout(v) != plan.layout(y) || plan.element(v) != plan.element(y) ||
        !(plan.value(v).form == plan.value(y).form))
      return nowhere;
    for (std::size_t p = 0; p < step.inputs.size(); ++p)
      if (p != *position && step.inputs[p] != absent && lives.root[at(step.inputs[p])] == under) return nowhere;
    return under;
  }

  /// The last step of the group that step i belongs to; i behind the last step.
  int end_of_group(int i) const {
    const auto& groups = schedule.groups();
    const auto it =
        std::upper_bound(groups.begin(), groups.end(), i, [](int s, const StepGroup& g) { return s < g.last; });
    return it == groups.end() ? i : it->last - 1;
  }

  void set_row(const Plan& plan, ValueId v) {
    if (plan.value(v).form.has_rows()) row[at(v)] = at(plan.bytes(v, 1));
  }

  void add(const Plan& plan, std::int64_t batch, ValueId v, Life life, std::int64_t examples, Places& places) {
    offset[at(v)] = places.place(rounded(at(plan.floats(v, examples))), life);
    set_row(plan, v);
    refuse_above(max_floats, places.floats,
                 plan.network().source() + ": tensor '" + plan.value(v).name + "' " + plan.shape(v, batch).to_string());
  }

  /// Before it is allocated.
  static void refuse_above(std::size_t limit, std::size_t floats, const std::string& what) {
    if (floats > limit) throw ShapeError(detail::message({what, " takes the network above 32 GiB of memory"}));
  }
};

}  // namespace weir::detail
