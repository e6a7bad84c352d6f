/// describe: a plan as data.
#pragma once
#include <string>
#include <vector>
#include <weir/core/plan/schedule.hpp>
#include <weir/core/plan_description.hpp>

namespace weir::detail {

/// Cost: some shapes for each step; nothing runs.
inline PlanDescription describe(const Plan& plan, const Context& context, std::int64_t batch) {
  PlanDescription all{context.isa(), context.threads(), batch, {}};
  const auto floats = [&](ValueId v) { return v == absent ? 0.0 : static_cast<double>(plan.floats(v, batch)); };
  for (const PlanStep& node : plan.steps()) {
    StepDescription s;
    s.name = node.name;
    std::size_t end = node.op.find('+');
    s.op = node.op.substr(0, end);
    while (end != std::string::npos) {
      const std::size_t begin = end + 1;
      end = node.op.find('+', begin);
      s.fused.push_back(node.op.substr(begin, end - begin));
    }
    for (ValueId v : node.outputs)
      if (v != absent && s.tensor.empty()) {
        s.tensor = plan.value(v).name;
        s.output = plan.shape(v, batch);
      }
    s.algorithm = node.layer->is_view() ? "view" : node.kernel->algorithm();
    if (!node.layer->is_view()) {
      s.flops = node.layer->flops(plan.input_shapes(node, batch));
      double moved = node.kernel->parameter_floats();
      for (ValueId v : node.inputs) moved += floats(v);
      for (ValueId v : node.outputs) moved += floats(v);
      s.bytes = static_cast<double>(sizeof(float)) * moved;
    }
    all.steps.push_back(std::move(s));
  }
  const Schedule schedule(plan, Liveness(plan, batch), context.schedule_costs(), context.threads(), batch);
  for (std::size_t g = 0; g < schedule.groups().size(); ++g) {
    const StepGroup& group = schedule.groups()[g];
    for (int i = group.first; i < group.last; ++i) {
      all.steps[static_cast<std::size_t>(i)].examples = group.examples;
      all.steps[static_cast<std::size_t>(i)].rows = group.rows;
      all.steps[static_cast<std::size_t>(i)].group = static_cast<int>(g);
    }
  }
  return all;
}

}  // namespace weir::detail
