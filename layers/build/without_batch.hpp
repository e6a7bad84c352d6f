/// WithoutBatch: targets of Reshape, Expand, Slice and Resize that depend on the batch size, said for all of them.
#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/layers/attributes/axes.hpp>
#include <weir/layers/attributes/batch_targets.hpp>
#include <weir/layers/attributes/node_arguments.hpp>
#include <weir/layers/build/probes.hpp>

namespace weir::detail {

/// Exchanges a constant that depends on the batch size for one that does not, where an operator takes it for the shape
/// of its output only: exporters write the batch size that they saw into such shapes, or compute it.
struct WithoutBatch {
  const GraphDef& def;
  Probes probes;
  std::int64_t file_batch;  ///< that the file fixes; 0: none
  bool any_batch;           ///< the network is to run any batch size, whatever the file fixes

  /// Input `input` of a node, said for all batch sizes.
  struct Target {
    std::size_t input;
    std::vector<std::int64_t> list;
  };

  /// nullopt where the node needs nothing of the kind. stretched: see batch_targets::of_expand(). Throws FormatError
  /// where the dependence is of a kind that is not supported.
  std::optional<Target> of(const NodeDef& node, const ProbedConstants& constants, const ProbedShapes& shapes,
                           std::optional<std::size_t>& stretched) const {
    const bool reshape = node.op == "Reshape", expand = node.op == "Expand", slice = node.op == "Slice",
               resize = node.op == "Resize" && def.opset >= 11;
    const std::size_t input = resize ? 3 : slice ? 2 : 1;
    if (!(reshape || expand || slice || resize) || constants[0].size() <= input) return std::nullopt;
    batch_targets::Lists<probe_count> lists;
    batch_targets::Shapes<probe_count> x;
    for (std::size_t p = 0; p < probe_count; ++p) {
      if (constants[p][input] == nullptr || !constants[p][input]->is_int) return std::nullopt;
      lists[p] = constants[p][input]->ints;
      x[p] = shapes[p][0];
    }
    const NodeArguments arguments(node, def.opset, def.source);
    const bool allow_zero = reshape && def.opset >= 14 && arguments.integer("allowzero", 0) != 0;
    std::vector<std::int64_t> axes;  // of a Resize
    if (resize) {
      if (def.opset >= 18) axes = arguments.integers("axes");
      for (const std::int64_t s : lists[0])
        if (s < 1) arguments.fail(detail::message({"a size may not be ", s}));
    }
    if ((reshape || (resize && (axes.empty() || axes[0] == 0))) && any_batch) free_target(lists, x);
    if (std::all_of(lists.begin(), lists.end(), [&](const auto& l) { return l == lists[0]; })) return std::nullopt;
    std::optional<std::vector<std::int64_t>> list;
    if (reshape) list = batch_targets::of_reshape<probe_count>(x, lists, allow_zero);
    if (expand) list = batch_targets::of_expand<probe_count>(x, lists, stretched);
    if (slice) list = slice_ends(node, constants, x, lists);
    if (resize) list = batch_targets::of_resize<probe_count>(x, lists, axes);
    if (!list)
      arguments.fail(detail::message({"input ", input, " depends on the batch size in a way that is not supported"}));
    return Target{input, std::move(*list)};
  }

 private:
  /// A file of fixed batch size B names it in the outermost dimension of its targets, times what lies beside it: [B*k,
  /// ...] becomes [N*k, ...].
  void free_target(batch_targets::Lists<probe_count>& lists, const batch_targets::Shapes<probe_count>& x) const {
    if (lists[0].empty() || file_batch < 1 || lists[0][0] < 1 || lists[0][0] % file_batch != 0) return;
    if (lists[0][0] > std::int64_t{1} << 40) return;  // longer than any tensor (core/shape.hpp): refused as it stands
    if (x[0].rank() == 0 || x[0][0] % probes[0] != 0 || x[0] == x[1]) return;
    for (std::size_t p = 0; p < probe_count; ++p) lists[p][0] = lists[p][0] / file_batch * probes[p];
  }

  std::optional<std::vector<std::int64_t>> slice_ends(const NodeDef& node, const ProbedConstants& constants,
                                                      const batch_targets::Shapes<probe_count>& x,
                                                      const batch_targets::Lists<probe_count>& ends) const {
    std::vector<std::int64_t> list = ends[0];
    const Constant* axes = constants[0].size() > 3 ? constants[0][3] : nullptr;
    if (node.inputs.size() > 3 && !node.inputs[3].empty() && axes == nullptr) return std::nullopt;
    for (std::size_t i = 0; i < list.size(); ++i) {
      std::array<std::int64_t, probe_count> lengths{}, at{};
      for (std::size_t p = 0; p < probe_count; ++p) {
        if (ends[p].size() != list.size() || (axes && axes->ints.size() != list.size())) return std::nullopt;
        const std::size_t axis = checked_axis(axes ? axes->ints[i] : static_cast<std::int64_t>(i), x[p].rank());
        lengths[p] = x[p][axis];
        at[p] = ends[p][i];
      }
      if (batch_targets::same_at(ends, i)) continue;
      const auto end = batch_targets::of_slice_end<probe_count>(lengths, at);
      if (!end) return std::nullopt;
      list[i] = *end;
    }
    return list;
  }
};

}  // namespace weir::detail
