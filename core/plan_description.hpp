/// What a plan does, step by step: as data, and as a table for people.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>

namespace weir {

/// One step of a plan: a layer and what was fused into it.
struct StepDescription {
  std::string name;                ///< of the layer, as the model file has it
  std::string op;                  ///< its operator
  std::vector<std::string> fused;  ///< operators of the layers that were fused into it, in order
  std::string algorithm;           ///< Kernel::algorithm(); "view" where nothing is computed or moved
  std::string tensor;              ///< what it computes, as the model file names it
  Shape output;                    ///< shape of that
  double flops = 0;                ///< of the layer itself; a multiply-add counts 2
  double bytes = 0;                ///< inputs, parameters and outputs, each once
  std::int64_t examples = 1;       ///< that pass it at a time, together with the neighbours of the same group
  std::int64_t rows = 0;           ///< that the group's last step computes at a time, of one example; 0: all of them
  int group = 0;                   ///< of the Schedule
};

struct PlanDescription {
  Isa isa;
  int threads;
  std::int64_t batch;
  std::vector<StepDescription> steps;

  double flops() const {
    double sum = 0;
    for (const StepDescription& s : steps) sum += s.flops;
    return sum;
  }
};

}  // namespace weir

namespace weir::detail {

/// Rows of cells as lines of columns two blanks apart, the first `left` columns flush left, the others flush right.
/// All rows have as many cells as the first.
std::string aligned(const std::vector<std::vector<std::string>>& rows, std::size_t left);

/// A number with this many digits behind the point.
std::string fixed_point(double value, int digits);

/// Columns of the table of a plan that hold text; numbers follow them.
inline constexpr std::size_t plan_text_columns = 4;

/// The cells of that table, one row for each step below a head.
std::vector<std::vector<std::string>> plan_cells(const PlanDescription& plan);

}  // namespace weir::detail

namespace weir {

/// "avx512, 2 threads, batch 1, ... MFLOP", then a line for each step.
std::string to_text(const PlanDescription& plan, const std::vector<std::vector<std::string>>& cells);
std::string to_text(const PlanDescription& plan);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/core/plan_description.ipp>
#endif
