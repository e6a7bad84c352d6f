/// The time of each step of a plan, beside what the step does and what the machine could.
#pragma once
#include <string>
#include <vector>
#include <weir/core/plan/describe.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/policy/measure/cost_model.hpp>

namespace profile {

struct StepTime {
  double seconds = 0;           ///< median over the passes
  double share = 0;             ///< of the sum over all steps
  double flops_per_second = 0;  ///< by the description's FLOP
  double of_peak = 0;           ///< flops_per_second / peak
};

/// seconds[step] holds one measured time for each pass, at least one; peak in FLOP a second.
inline std::vector<StepTime> step_times(const weir::PlanDescription& plan,
                                        const std::vector<std::vector<double>>& seconds, double peak) {
  std::vector<StepTime> times(plan.steps.size());
  double sum = 0;
  for (std::size_t i = 0; i < times.size(); ++i) sum += times[i].seconds = weir::detail::median(seconds.at(i));
  for (std::size_t i = 0; i < times.size(); ++i) {
    StepTime& t = times[i];
    if (sum > 0) t.share = t.seconds / sum;
    if (t.seconds > 0) t.flops_per_second = plan.steps[i].flops / t.seconds;
    t.of_peak = t.flops_per_second / peak;
  }
  return times;
}

/// The plan's table with the times beside it, and a line with the sums at its end.
inline std::string to_text(const weir::PlanDescription& plan, const std::vector<StepTime>& times, double peak) {
  using weir::detail::fixed_point;
  auto cells = weir::detail::plan_cells(plan);
  const auto append = [](std::vector<std::string>& row, const StepTime& t) {
    for (double value : {1e6 * t.seconds, 100 * t.share, 1e-9 * t.flops_per_second, 100 * t.of_peak})
      row.push_back(fixed_point(value, 1));
  };
  for (const char* head : {"us", "share %", "GFLOP/s", "peak %"}) cells[0].emplace_back(head);
  StepTime all;
  double bytes = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    append(cells[i + 1], times[i]);
    all.seconds += times[i].seconds;
    all.share += times[i].share;
    bytes += plan.steps[i].bytes;
  }
  if (all.seconds > 0) all.flops_per_second = plan.flops() / all.seconds;
  all.of_peak = all.flops_per_second / peak;
  cells.push_back({"all", "", "", "", "", fixed_point(plan.flops() * 1e-6, 3), fixed_point(bytes / 1024, 1)});
  append(cells.back(), all);
  return "peak " + fixed_point(1e-9 * peak, 1) + " GFLOP/s; " + weir::to_text(plan, cells);
}

}  // namespace profile
