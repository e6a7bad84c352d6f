/// What a plan does, step by step: as data, and as a table for people.
#pragma once
#include <cstdio>
#include <span>
#include <string>
#include <vector>
#include <weir/core/schedule.hpp>

namespace weir {

/// One step of a plan: a layer and what was fused into it.
struct StepDescription {
  std::string name;                ///< of the layer, as the model file has it
  std::string op;                  ///< its operator
  std::vector<std::string> fused;  ///< operators of the layers that were fused into it, in order
  std::string algorithm;           ///< Layer::algorithm(); "view" where nothing is computed or moved
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

/// Cost: some shapes for each step; nothing runs.
inline PlanDescription describe(const Network& network, const Plan& plan, const Context& context, std::int64_t batch) {
  PlanDescription all{context.isa(), context.threads(), batch, {}};
  const auto floats = [&](ValueId v) {
    return v == absent ? 0.0 : static_cast<double>(plan.floats(network, v, batch));
  };
  for (const Node& node : plan.steps()) {
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
        s.tensor = network.value(plan.base(v)).name;
        s.output = network.value(plan.base(v)).form.at(batch);
      }
    s.algorithm = node.layer->is_view() ? "view" : node.layer->algorithm();
    if (!node.layer->is_view()) {
      s.flops = node.layer->flops(plan.input_shapes(network, node, batch));
      double moved = node.layer->parameter_floats();
      for (ValueId v : node.inputs) moved += floats(v);
      for (ValueId v : node.outputs) moved += floats(v);
      s.bytes = static_cast<double>(sizeof(float)) * moved;
    }
    all.steps.push_back(std::move(s));
  }
  const Schedule schedule(network, plan, Lives(network, plan, batch), context.threads(), batch);
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

/// Rows of cells as lines of columns two blanks apart, the first `left` columns flush left, the others flush right.
/// All rows have as many cells as the first.
inline std::string aligned(const std::vector<std::vector<std::string>>& rows, std::size_t left) {
  std::vector<std::size_t> width(rows.empty() ? 0 : rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < width.size(); ++c) width[c] = std::max(width[c], row.at(c).size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < width.size(); ++c) {
      const std::string blanks(width[c] - row[c].size(), ' ');
      line += (c > 0 ? "  " : "") + (c < left ? row[c] + blanks : blanks + row[c]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

/// A number with so many digits behind the point.
inline std::string fixed_point(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// Columns of the table of a plan that hold text; numbers follow them.
inline constexpr std::size_t plan_text_columns = 4;

/// The cells of that table, one row for each step below a head.
inline std::vector<std::vector<std::string>> plan_cells(const PlanDescription& plan) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "operators", "algorithm", "output", "at once", "MFLOP", "KiB"}};
  for (const StepDescription& s : plan.steps) {
    std::string ops = s.op;
    for (const std::string& f : s.fused) ops += "+" + f;
    rows.push_back({s.name, ops, s.algorithm.empty() ? "-" : s.algorithm, s.output.to_string(),
                    s.rows > 0 ? std::to_string(s.rows) + (s.rows == 1 ? " row" : " rows") : std::to_string(s.examples),
                    fixed_point(s.flops * 1e-6, 3), fixed_point(s.bytes / 1024, 1)});
  }
  return rows;
}

/// "avx512, 2 threads, batch 1, ... MFLOP", then a line for each step.
inline std::string to_text(const PlanDescription& plan, const std::vector<std::vector<std::string>>& cells) {
  return std::string(to_string(plan.isa)) + ", " + std::to_string(plan.threads) +
         (plan.threads == 1 ? " thread" : " threads") + ", batch " + std::to_string(plan.batch) + ", " +
         fixed_point(plan.flops() * 1e-6, 3) + " MFLOP\n" + aligned(cells, plan_text_columns);
}
inline std::string to_text(const PlanDescription& plan) { return to_text(plan, plan_cells(plan)); }

}  // namespace weir
