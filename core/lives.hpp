/// Lives: how long the steps of a plan need each value, and whose memory it uses.
#pragma once
#include <algorithm>
#include <vector>
#include <weir/core/plan.hpp>

namespace weir {

struct Lives {
  std::vector<std::size_t> root;  ///< by value id: the value whose memory a view or an in-place result uses
  std::vector<int> last_use;      ///< by root: last step that touches it; the number of steps for visible ones

  Lives(const Network& network, const Plan& plan) : root(plan.n_values()), last_use(root.size(), -1) {
    const auto at = [](ValueId v) { return static_cast<std::size_t>(v); };
    const int never = static_cast<int>(plan.steps().size());
    for (std::size_t v = 0; v < root.size(); ++v) root[v] = v;
    std::vector<int> last_read(root.size(), -1);
    for (int i = 0; i < never; ++i)
      for (ValueId v : plan.steps()[static_cast<std::size_t>(i)].inputs)
        if (v != absent) last_read[at(v)] = i;
    for (ValueId v : network.state().inputs) last_use[at(v)] = never;
    for (int i = 0; i < never; ++i) {
      const Node& step = plan.steps()[static_cast<std::size_t>(i)];
      for (ValueId v : step.outputs) {
        if (v == absent) continue;
        const int until = plan.visible(v) ? never : std::max(last_read[at(v)], i);
        const ValueId x = step.inputs.empty() ? absent : step.inputs[0];
        const bool owned = x != absent && !network.value(plan.base(x)).constant && step.outputs.size() == 1;
        // A view may share whatever it views; a result written in place needs its input to end here, and alone.
        const bool shares =
            owned && (step.layer->is_view() ||
                      (step.layer->in_place() && last_use[root[at(x)]] == i && plan.layout(x) == plan.layout(v) &&
                       network.value(plan.base(x)).form == network.value(plan.base(v)).form));
        if (shares) root[at(v)] = root[at(x)];
        last_use[root[at(v)]] = std::max(last_use[root[at(v)]], until);
      }
    }
  }
};

}  // namespace weir
