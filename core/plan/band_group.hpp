/// BandGroup: steps of a plan that compute an example by bands of rows, ready to be computed.
#pragma once
#include <array>
#include <vector>
#include <weir/core/plan/schedule.hpp>

namespace weir::detail {

/// A group of the schedule with StepGroup::rows > 0. The results of all steps but the last are needed only within the
/// group, a few rows at a time, so each is kept as a ring of rows.
class BandGroup {
 public:
  /// single: the context with one thread. The schedule must outlive this.
  BandGroup(const Plan& plan, const Context& single, const Schedule& schedule, const StepGroup& group)
      : first_(group.first), last_(group.last), bands_(schedule.bands(), group.first, group.last, group.rows) {
    for (int i = first_; i < last_; ++i) {
      const PlanStep& node = plan.steps()[static_cast<std::size_t>(i)];
      Step step;
      step.kernel = node.kernel.get();
      step.shapes = plan.input_shapes(node, 1);
      for (ValueId v : node.inputs) step.inputs.push_back(operand(plan, v));
      step.output = operand(plan, node.outputs[0]);
      step.workspace = workspace_floats_;
      workspace_floats_ += (node.kernel->workspace_floats(single, step.shapes) + 15) / 16 * 16;
      steps_.push_back(std::move(step));
    }
  }

  int first() const { return first_; }
  std::int64_t count() const { return bands_.count(); }
  /// Of all steps: each keeps its own from band to band.
  std::size_t workspace_floats() const { return workspace_floats_; }
  /// Floats of the rows that step i, not the last, holds.
  std::size_t floats(int i) const {
    const Operand& y = steps_[static_cast<std::size_t>(i - first_)].output;
    return static_cast<std::size_t>(y.planes * y.rows * y.row_floats);
  }

  /// Bands [first, last) of one example, computed by the calling thread. where(v): where value v of that example, or
  /// what is held of it, begins. after(i) is called whenever step i has computed. rows: any, for reuse.
  template <class Where, class After>
  void compute(const Context& context, std::int64_t first, std::int64_t last, const Where& where, float* workspace,
               std::vector<RowsView>& rows, const After& after) const {
    RowBands::Place place;
    std::array<std::int64_t, RowBands::longest> done;  // by step: the row behind the last that it computed
    done.fill(-1);
    const auto rows_of = [&](const Operand& x) -> RowsView {
      if (x.value == absent) return {};
      return {where(x.value), x.rows, x.row_floats, x.rows * x.row_floats};
    };
    for (std::int64_t band = first; band < last; ++band) {
      bands_.advance_to(band, place);
      for (int i = first_; i < last_; ++i) {
        const Step& step = steps_[static_cast<std::size_t>(i - first_)];
        const RowRange fresh = bands_.fresh(place, i);
        if (!fresh.empty()) {
          rows.clear();
          for (const Operand& x : step.inputs) rows.push_back(rows_of(x));
          std::int64_t& until = done[static_cast<std::size_t>(i - first_)];
          step.kernel->forward_rows(context, step.shapes, rows, rows_of(step.output), fresh, until == fresh.first,
                                    workspace + step.workspace);
          until = fresh.last;
        }
        after(i);
      }
    }
  }

 private:
  struct Operand {
    ValueId value = absent;                             ///< absent: none, or a constant
    std::int64_t planes = 0, rows = 0, row_floats = 0;  ///< rows: of the ring, or all
  };
  struct Step {
    const Kernel* kernel;  ///< of the plan
    std::vector<Shape> shapes;
    std::vector<Operand> inputs;
    Operand output;
    std::size_t workspace;  ///< floats from where its own begins
  };

  Operand operand(const Plan& plan, ValueId v) const {
    if (v == absent || plan.is_constant(v)) return {};
    const int step = plan.step_of(v);
    const std::int64_t planes = plan.planes(v), H = plan.shape(v, 1)[2];
    return {v, planes, step >= first_ && step < last_ - 1 ? bands_.room(step) : H, plan.floats(v, 1) / (planes * H)};
  }

  int first_, last_;
  RowBands bands_;
  std::vector<Step> steps_;
  std::size_t workspace_floats_ = 0;
};

}  // namespace weir::detail
