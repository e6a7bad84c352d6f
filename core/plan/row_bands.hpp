/// RowBands: which rows each of some consecutive steps computes, so that a band of rows passes all of them before the
/// next.
#pragma once
#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <vector>
#include <weir/core/plan/plan.hpp>

namespace weir::detail {

/// What RowBands must know of one step of a plan.
struct BandStep {
  struct Input {
    std::size_t position;  ///< among the step's inputs
    int step;              ///< that computes it; -1 if none does
    RowWindow window;
  };
  std::vector<Input> inputs;    ///< all but constants and absent ones
  std::int64_t rows = 0;        ///< of its output; 0 if the step does not know rows
  std::int64_t row_floats = 0;  ///< of one plane
  std::int64_t planes = 0;
  std::int64_t row_multiple = 1;  ///< as in RowWindow
};

/// The steps of a plan, in order.
inline std::vector<BandStep> band_steps(const Plan& plan) {
  std::vector<BandStep> all(plan.steps().size());
  const auto whole_floats = [&](ValueId v) {  // each row of a plane
    const std::int64_t rows = plan.planes(v) * plan.shape(v, 1)[2];
    return rows > 0 && plan.bytes(v, 1) % (rows * static_cast<std::int64_t>(sizeof(float))) == 0;
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const PlanStep& node = plan.steps()[i];
    if (node.outputs.size() != 1 || node.outputs[0] == absent) continue;
    const std::vector<Shape> shapes = plan.input_shapes(node, 1);
    BandStep& step = all[i];
    bool knows = true;
    for (std::size_t p = 0; p < node.inputs.size() && knows; ++p) {
      const ValueId v = node.inputs[p];
      if (v == absent || plan.is_constant(v)) continue;
      const auto window = node.kernel->row_window(shapes, p);
      knows = window && plan.value(v).form.has_rows() && whole_floats(v);
      if (!knows) continue;
      step.inputs.push_back({p, plan.step_of(v), *window});
      step.row_multiple = std::max(step.row_multiple, window->row_multiple);
    }
    const ValueId y = node.outputs[0];
    const ShapeForm& form = plan.value(y).form;
    const Shape image = form.at(1);
    if (!knows || step.inputs.empty() || !form.has_rows() || image.rank() != 4 || image[0] != 1 || !whole_floats(y))
      continue;
    step.rows = image[2];
    step.planes = plan.planes(y);
    step.row_floats = plan.floats(y, 1) / (step.planes * step.rows);
  }
  return all;
}

/// A pass of steps [first, last) over one example by bands of `height` rows of what the last of them computes. Every
/// step computes the rows that are needed of it and are not there yet, and those that it computes together with them,
/// and keeps those that will be needed again; so nothing is computed twice, except at the first band of a pass that
/// does not begin at the top.
///
/// After the pyramids of Alwani et al., "Fused-layer CNN accelerators", MICRO 2016, which compute overlaps again.
class RowBands {
 public:
  static constexpr int longest = 24;  ///< steps

  /// At most `longest` steps, which all know rows; what those but the last compute is read only by these steps. steps:
  /// of the whole plan; they must outlive this.
  RowBands(std::span<const BandStep> steps, int first, int last, std::int64_t height)
      : steps_(steps), first_(first), last_(last), height_(height) {
    // Away from the borders every band of a pass is like the third. Where rows are computed in groups of row_multiple,
    // the pattern of bands repeats after `period` of them.
    std::int64_t period = 1;
    for (int s = first; s < last; ++s) period = std::lcm(period, step(s).row_multiple);
    for (std::int64_t begin = 0; begin < period; ++begin) {
      Place place;
      for (std::int64_t band = 0; band < 3 + period; ++band) {
        advance({(begin + band) * height, (begin + band + 1) * height}, false, place);
        for (int s = first; s < last; ++s) {
          room_[at(s)] = std::min(std::max(room_[at(s)], held(place, s).size()), step(s).rows);
          if (band == 0) begun_ += work(place, s) / static_cast<double>(period);
          if (band >= 3) steady_ += work(place, s) / static_cast<double>(period * period);
        }
      }
    }
  }

  std::int64_t count() const { return (step(last_ - 1).rows + height_ - 1) / height_; }
  /// The most rows that step s holds at a time.
  std::int64_t room(int s) const { return room_[at(s)]; }
  /// Floats that are computed twice if a pass begins at a band other than the first.
  double again() const { return std::max(0.0, begun_ - steady_); }

  /// How far a pass has come.
  class Place {
   public:
    Place() { held_.fill({nothing, nothing}); }

   private:
    friend class RowBands;
    static constexpr std::int64_t nothing = -(std::int64_t{1} << 60);  ///< the row in front of which all is computed
    std::array<RowRange, longest> fresh_{}, held_;                     ///< by step of the pass
  };

  /// Moves to this band: the first call may name any band, later calls the next one.
  void advance_to(std::int64_t band, Place& place) const {
    advance({band * height_, std::min((band + 1) * height_, step(last_ - 1).rows)}, true, place);
  }
  /// Rows that step s is to compute for this band, and those that it holds then.
  RowRange fresh(const Place& place, int s) const { return place.fresh_[at(s)]; }
  RowRange held(const Place& place, int s) const { return place.held_[at(s)]; }

 private:
  std::size_t at(int s) const { return static_cast<std::size_t>(s - first_); }
  const BandStep& step(int s) const { return steps_[static_cast<std::size_t>(s)]; }
  double work(const Place& place, int s) const {
    return static_cast<double>(fresh(place, s).size() * step(s).row_floats * step(s).planes);
  }

  /// From the last step to the first: the rows a step computes determine the rows it needs of its inputs. within: rows
  /// are cut to those of the images.
  void advance(RowRange y, bool within, Place& place) const {
    // fresh first collects the rows that later steps need: from the first one still needed to the last one needed now.
    constexpr RowRange unneeded{0, -1};
    place.fresh_.fill(unneeded);
    place.fresh_[at(last_ - 1)] = y;
    for (int s = last_ - 1; s >= first_; --s) {
      RowRange &fresh = place.fresh_[at(s)], &held = place.held_[at(s)];
      const RowRange needed = fresh;
      const std::int64_t done = held.last;
      if (needed == unneeded) {
        held = fresh = {done, done};
        continue;
      }
      fresh = {std::max(done, needed.first), std::max(done, needed.last)};
      if (!fresh.empty() && step(s).row_multiple > 1 && s + 1 < last_) {
        const RowRange whole = RowWindow{.row_multiple = step(s).row_multiple}.whole(fresh);
        fresh = {std::max(done, whole.first), whole.last};
        if (within) fresh = {std::max<std::int64_t>(fresh.first, 0), std::min(fresh.last, step(s).rows)};
      }
      held = {std::min(needed.first, fresh.first), fresh.last};
      if (within && fresh.first >= step(s).rows) continue;
      for (const BandStep::Input& in : step(s).inputs) {
        if (in.step < first_) continue;
        // If a step computes nothing in this band, keep the input rows that its next row will need.
        const RowRange rows{fresh.first, std::max(fresh.last, fresh.first + 1)};
        RowRange r = within ? in.window.of(rows, step(in.step).rows) : in.window.of(rows);
        if (fresh.empty()) r.last = r.first;
        RowRange& all = place.fresh_[at(in.step)];
        all = all == unneeded ? r : RowRange{std::min(all.first, r.first), std::max(all.last, r.last)};
      }
    }
  }

  std::span<const BandStep> steps_;
  int first_, last_;
  std::int64_t height_;
  std::array<std::int64_t, longest> room_{};
  double begun_ = 0, steady_ = 0;  ///< floats computed for the first band of a pass, and for one later on
};

}  // namespace weir::detail
