/// Liveness: how long the steps of a plan need each value, and whose memory it uses.
#pragma once
#include <algorithm>
#include <vector>
#include <weir/core/plan/plan.hpp>

namespace weir::detail {

struct Liveness {
  /// By value id: the value whose memory a view, an in-place result or, of one example, a part of a join uses.
  std::vector<std::size_t> root;
  std::vector<std::size_t> shift;  ///< by value id: floats from where its root begins
  std::vector<int> last_use;       ///< by root: last step that touches it; the number of steps for visible ones

  Liveness(const Plan& plan, std::int64_t batch)
      : root(plan.n_values()), shift(root.size(), 0), last_use(root.size(), -1), next_(root.size(), end) {
    const int never = static_cast<int>(plan.steps().size());
    for (std::size_t v = 0; v < root.size(); ++v) root[v] = v;
    std::vector<int> last_read(root.size(), -1);
    for (int i = 0; i < never; ++i)
      for (ValueId v : plan.steps()[static_cast<std::size_t>(i)].inputs)
        if (v != absent) last_read[at(v)] = i;
    for (ValueId v : plan.network().state().inputs) last_use[at(v)] = never;
    for (int i = 0; i < never; ++i) {
      const PlanStep& step = plan.steps()[static_cast<std::size_t>(i)];
      for (ValueId v : step.outputs) {
        if (v == absent) continue;
        const int until = plan.visible(v) ? never : std::max(last_read[at(v)], i);
        const ValueId x = step.inputs.empty() ? absent : step.inputs[0];
        const bool owned = x != absent && !plan.is_constant(x) && step.outputs.size() == 1;
        // A view may share whatever it views, unless a hook sees it, which may replace its values, and what it views
        // is read later; a result written in place needs its input to end here, and no other reader.
        const bool ends = owned && last_use[root[at(x)]] == i;
        const bool shares =
            owned && ((step.layer->is_view() && (ends || !plan.visible(v))) ||
                      (step.kernel->in_place(step.inputs.size()) == 0 && ends && plan.layout(x) == plan.layout(v) &&
                       plan.element(x) == plan.element(v) && plan.value(x).form == plan.value(v).form));
        if (shares) join(at(v), root[at(x)], shift[at(x)]);
        last_use[root[at(v)]] = std::max(last_use[root[at(v)]], until);
        if (batch == 1 && step.kernel->is_join()) place_parts(plan, i);
      }
    }
  }

 private:
  static constexpr std::size_t end = static_cast<std::size_t>(-1);

  static std::size_t at(ValueId v) { return static_cast<std::size_t>(v); }

  /// Value v lies in r, a root, `place` floats from its begin.
  void join(std::size_t v, std::size_t r, std::size_t place) {
    root[v] = r, shift[v] = place;
    next_[v] = next_[r], next_[r] = v;
  }

  /// Places inputs of step i, of which it is the last reader, inside its output, so that nothing need be copied.
  void place_parts(const Plan& plan, int i) {
    const PlanStep& step = plan.steps()[static_cast<std::size_t>(i)];
    const std::size_t y = at(step.outputs[0]);
    const auto floats = [&](ValueId v) { return static_cast<std::size_t>(plan.floats(v, 1)); };
    constexpr auto size = static_cast<std::int64_t>(sizeof(float));
    if (std::any_of(step.inputs.begin(), step.inputs.end(),
                    [&](ValueId v) { return v != absent && plan.bytes(v, 1) % size != 0; }))
      return;
    std::size_t place = 0;
    for (ValueId v : step.inputs) {
      if (v == absent) continue;
      const auto part = static_cast<ValueId>(root[at(v)]);
      const bool whole = shift[at(v)] == 0 && floats(v) == floats(part);  // not itself a part of something else
      if (part != step.outputs[0] && whole && last_use[at(part)] == i && plan.step_of(part) >= 0)
        for (std::size_t u = at(part); u != end;) {
          const std::size_t after = next_[u];
          join(u, y, shift[u] + place);
          u = after;
        }
      place += floats(v);
    }
  }

  std::vector<std::size_t> next_;  ///< by value id: the next that has the same root, from the root on
};

}  // namespace weir::detail
