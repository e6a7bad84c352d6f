// What trace_files.hpp declares.
#pragma once
#include <Eigen/Core>
#include <filesystem>
#include <string>
#include <utility>
#include <weir/core/error.hpp>
#include <weir/io/files/csv.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/files/npy.hpp>
#include <weir/policy/serve/trace_files.hpp>
#include <weir/policy/trace/trace_file.hpp>

namespace weir::detail {

WEIR_INLINE std::filesystem::path probabilities_beside(const std::filesystem::path& csv) {
  return std::filesystem::path(csv).replace_extension(".probabilities.npy");
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE Trace read_trace(const std::filesystem::path& path) {
  const detail::CsvTable csv = detail::read_csv(path);
  Trace trace = detail::trace_from_table(csv.header, csv.rows, {}, path.string());
  const std::filesystem::path beside = detail::probabilities_beside(path);
  if (!std::filesystem::exists(beside)) return trace;
  const NpyArray array = read_npy(beside);
  if (array.shape.rank() != 3 || array.shape[0] != static_cast<std::int64_t>(trace.stages.size()) ||
      array.shape[1] != static_cast<std::int64_t>(trace.size()) || array.shape[2] < 2)
    throw FormatError(detail::message({beside.string(), ": ", array.shape.to_string(), " is not [", trace.stages.size(),
                                       " stages, ", trace.size(), " examples, classes]"}));
  const Tensor all = array.to_tensor();
  const auto n = static_cast<Eigen::Index>(trace.size());
  const Eigen::Index classes = array.shape[2];
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (std::size_t k = 0; k < trace.stages.size(); ++k)
    trace.stages[k].probabilities =
        Eigen::Map<const Rows>(all.data() + static_cast<Eigen::Index>(k) * n * classes, n, classes);
  trace.check();
  return trace;
}

WEIR_INLINE void write_trace(const Trace& trace, const std::filesystem::path& path) {
  const detail::TraceTable table = detail::trace_to_table(trace);
  std::string csv = detail::csv_line(table.header);
  for (const auto& row : table.rows) csv += detail::csv_line(row);
  const std::filesystem::path beside = detail::probabilities_beside(path);
  std::filesystem::remove(beside);
  write_file_atomically(path, csv);
  if (!detail::lacks_probabilities(trace).empty()) return;
  const Eigen::Index classes = trace.stages.front().probabilities.cols();
  Tensor all(Shape{static_cast<std::int64_t>(trace.stages.size()), static_cast<std::int64_t>(trace.size()),
                   static_cast<std::int64_t>(classes)});
  float* to = all.data();
  for (const StageTrace& s : trace.stages)
    for (Eigen::Index i = 0; i < s.probabilities.rows(); ++i)
      for (Eigen::Index c = 0; c < classes; ++c) *to++ = s.probabilities(i, c);
  write_npy(beside, all.view());
}

}  // namespace weir
