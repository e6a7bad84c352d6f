/// All of weir, and the calls that need more than one folder: `#include <weir/weir.hpp>`.
#pragma once
#include <filesystem>
#include <weir/core/executor.hpp>
#include <weir/io/csv.hpp>
#include <weir/io/energy_counter.hpp>
#include <weir/io/load_image_set.hpp>
#include <weir/io/npy.hpp>
#include <weir/io/onnx.hpp>
#include <weir/io/preprocess.hpp>
#include <weir/io/report.hpp>
#include <weir/io/svg.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/answers_inside.hpp>
#include <weir/policy/baselines.hpp>
#include <weir/policy/batch_prices.hpp>
#include <weir/policy/calibration.hpp>
#include <weir/policy/calibration_metrics.hpp>
#include <weir/policy/cascade_executor.hpp>
#include <weir/policy/choose.hpp>
#include <weir/policy/cost_model.hpp>
#include <weir/policy/cost_table.hpp>
#include <weir/policy/decision_cost.hpp>
#include <weir/policy/energy_model.hpp>
#include <weir/policy/exit_head_fit.hpp>
#include <weir/policy/exit_points.hpp>
#include <weir/policy/expected_loss.hpp>
#include <weir/policy/guarantee.hpp>
#include <weir/policy/oracle.hpp>
#include <weir/policy/policy_file.hpp>
#include <weir/policy/record_trace.hpp>
#include <weir/policy/rules/list.hpp>
#include <weir/policy/rules/rule_cascade.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_stream.hpp>
#include <weir/policy/serve/merge_trace_shards.hpp>
#include <weir/policy/serve/record_images.hpp>
#include <weir/policy/shift_monitor.hpp>
#include <weir/policy/temperature.hpp>
#include <weir/policy/topology_search.hpp>
#include <weir/policy/trace_file.hpp>
#include <weir/policy/tune.hpp>

namespace weir {

/// The network in an ONNX file (opset 7 to 21). Throws FormatError, ShapeError, ArgumentError, IoError, each naming the
/// file and, where there is one, the node.
inline Network load_onnx(const std::filesystem::path& path, const BuildOptions& options = {}) {
  return build_network(read_onnx(path), options);
}

}  // namespace weir
