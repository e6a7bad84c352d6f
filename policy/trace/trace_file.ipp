// What trace_file.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>
#include <weir/policy/trace/trace_columns.hpp>
#include <weir/policy/trace/trace_file.hpp>

namespace weir {

WEIR_INLINE StageTrace stage_from_probabilities(const std::string& name, double cost,
                                                std::span<const float> probabilities, std::size_t classes,
                                                std::span<const int> label, const Loss& loss, bool class_features) {
  const std::string where = "stage '" + name + "'";
  if (classes < 2 || label.empty() || probabilities.size() % classes != 0 ||
      probabilities.size() / classes != label.size())
    throw ShapeError(detail::message({where, ": ", probabilities.size(), " probabilities are not [", label.size(),
                                      " examples, ", classes, " classes]"}));
  StageTrace stage;
  stage.name = name;
  stage.cost = cost;
  stage.feature_names = detail::confidence_feature_names(static_cast<int>(classes), class_features);
  const auto n = static_cast<Eigen::Index>(label.size());
  stage.features.resize(n, static_cast<Eigen::Index>(stage.feature_names.size()));
  stage.loss.resize(n);
  std::vector<double> features(stage.feature_names.size());
  for (std::size_t i = 0; i < label.size(); ++i) {
    const auto row = probabilities.subspan(i * classes, classes);
    const auto at = static_cast<Eigen::Index>(i);
    if (label[i] < 0 || static_cast<std::size_t>(label[i]) >= classes)
      throw ArgumentError(
          detail::message({where, ", row ", i, ": label ", label[i], " is not among ", classes, " classes"}));
    if (!detail::is_distribution(row))
      throw ArgumentError(detail::message({where, ", row ", i, ": not probabilities that add up to 1"}));
    stage.prediction.push_back(detail::confidence_features(row, features));
    stage.features.row(at) = Eigen::Map<const Eigen::RowVectorXd>(features.data(), stage.features.cols());
    stage.loss(at) = loss(row, label[i]);
  }
  return stage;
}

}  // namespace weir

namespace weir::detail {

/// The mean of a column; equal values have that value as their mean.
inline double mean_of_column(const TraceCells& cells, std::size_t column) {
  const double first = cells.number(0, column);
  double above_first = 0;
  for (std::size_t i = 0; i < cells.rows.size(); ++i) above_first += cells.number(i, column) - first;
  return first + above_first / static_cast<double>(cells.rows.size());
}

/// Predictions, losses and features of a stage whose costs are not read yet.
inline StageTrace read_answers(const TraceCells& cells, const TraceColumns& columns, std::size_t k,
                               const std::vector<int>& label) {
  const TraceColumns::Stage& of = columns.stages[k];
  StageTrace stage;
  stage.name = of.name;
  stage.features.resize(static_cast<Eigen::Index>(label.size()), static_cast<Eigen::Index>(of.features.size()));
  stage.loss.resize(static_cast<Eigen::Index>(label.size()));
  for (const std::size_t c : of.features) stage.feature_names.push_back(cells.header[c].substr(of.name.size() + 1));
  for (std::size_t i = 0; i < label.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    stage.prediction.push_back(cells.integer(i, of.prediction));
    stage.loss(at) =
        of.loss == columns.none ? (stage.prediction.back() == label[i] ? 0.0 : 1.0) : cells.number(i, of.loss);
    if (stage.loss(at) < 0) cells.fail(i, of.loss, "is a negative loss");
    for (std::size_t f = 0; f < of.features.size(); ++f)
      stage.features(at, static_cast<Eigen::Index>(f)) = cells.number(i, of.features[f]);
  }
  return stage;
}

/// A stage's costs and its network, into `stage`; `costs` where the table has none.
inline void read_costs(StageTrace& stage, const TraceCells& cells, const TraceColumns& columns, std::size_t k,
                       const std::map<std::string, double>& costs) {
  const TraceColumns::Stage& of = columns.stages[k];
  if (of.cost != columns.none) {
    stage.cost = mean_of_column(cells, of.cost);
  } else {
    const auto given = costs.find(of.name);
    if (given == costs.end())
      throw FormatError(detail::message({cells.name, ": no ", columns.cost, " for stage '", of.name, "'"}));
    stage.cost = given->second;
  }
  if (!(stage.cost >= 0) || !std::isfinite(stage.cost))
    throw FormatError(
        detail::message({cells.name, ": ", columns.cost, " of stage '", of.name, "' must be finite and >= 0"}));
  if (of.answer_cost != columns.none) stage.answer_cost = mean_of_column(cells, of.answer_cost);
  if (!(stage.answer_cost >= 0 && stage.answer_cost <= stage.cost))
    throw FormatError(detail::message(
        {cells.name, ": ", columns.answer_cost, " of stage '", of.name, "' must be in [0, ", columns.cost, "]"}));
  for (const auto& [group, c] : of.feature_costs) stage.feature_costs[group] = mean_of_column(cells, c);
  if (of.network == columns.none) return;
  stage.network = cells.rows[0][of.network];
  for (std::size_t i = 0; i < cells.rows.size(); ++i)
    if (cells.rows[i][of.network] != stage.network) cells.fail(i, of.network, "is another network than in row 1");
}

WEIR_INLINE Trace trace_from_table(const std::vector<std::string>& header,
                                   const std::vector<std::vector<std::string>>& rows,
                                   const std::map<std::string, double>& costs, const std::string& name) {
  const TraceCells cells{header, rows, name};
  check_table(cells);
  const TraceColumns columns(cells);
  Trace trace;
  trace.cost_unit = columns.cost_unit;
  for (std::size_t i = 0; i < rows.size(); ++i) trace.label.push_back(cells.integer(i, columns.label));
  for (std::size_t k = 0; k < columns.stages.size(); ++k) {
    StageTrace stage = read_answers(cells, columns, k, trace.label);
    read_costs(stage, cells, columns, k, costs);
    trace.stages.push_back(std::move(stage));
  }
  trace.check();
  return trace;
}

WEIR_INLINE TraceTable trace_to_table(const Trace& trace) {
  trace.check();
  const auto text = [](double value) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    return std::string(buffer, end);
  };
  TraceTable table{{"label"}, std::vector<std::vector<std::string>>(trace.size())};
  for (std::size_t i = 0; i < trace.size(); ++i) table.rows[i].push_back(std::to_string(trace.label[i]));
  const std::string cost = cost_field(trace.cost_unit);
  if (trace.cost_unit != cost_unit::seconds) {
    table.header.emplace_back("cost_unit");
    for (auto& row : table.rows) row.push_back(trace.cost_unit);
  }
  for (const StageTrace& s : trace.stages) {
    for (const std::string& what :
         {std::string("prediction"), std::string("loss"), cost, "answer_" + cost, std::string("network")})
      table.header.push_back(s.name + "." + what);
    for (const auto& [group, c] : s.feature_costs) table.header.push_back(s.name + ".feature_" + cost + "." + group);
    for (const auto& feature : s.feature_names) table.header.push_back(s.name + "." + feature);
    for (std::size_t i = 0; i < trace.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      table.rows[i].push_back(std::to_string(s.prediction[i]));
      table.rows[i].push_back(text(s.loss(at)));
      table.rows[i].push_back(text(s.cost));
      table.rows[i].push_back(text(s.answer_cost));
      table.rows[i].push_back(s.network);
      for (const auto& [group, c] : s.feature_costs) table.rows[i].push_back(text(c));
      for (Eigen::Index f = 0; f < s.features.cols(); ++f) table.rows[i].push_back(text(s.features(at, f)));
    }
  }
  return table;
}

}  // namespace weir::detail
