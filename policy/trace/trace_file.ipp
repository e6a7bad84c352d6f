// What trace_file.hpp declares.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/trace.hpp>
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

WEIR_INLINE Trace trace_from_table(const std::vector<std::string>& header,
                                   const std::vector<std::vector<std::string>>& rows,
                                   const std::map<std::string, double>& costs, const std::string& name) {
  const std::string suffix = ".prediction";
  std::vector<std::string> stages;
  std::map<std::string, std::size_t> index;
  std::set<std::string> columns;
  for (const std::string& column : header) {
    if (!columns.insert(column).second)
      throw FormatError(detail::message({name, ": column '", column, "' is there twice"}));
    if (column.size() <= suffix.size() || !column.ends_with(suffix)) continue;
    stages.push_back(column.substr(0, column.size() - suffix.size()));
    index[stages.back()] = stages.size() - 1;
  }
  if (stages.empty()) throw FormatError(detail::message({name, ": no column ends in '.prediction'"}));
  if (rows.empty()) throw FormatError(detail::message({name, ": no rows"}));
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].size() != header.size())
      throw FormatError(
          detail::message({name, ", row ", i + 1, ": ", rows[i].size(), " cells, the header has ", header.size()}));

  const TraceCells cells{header, rows, name};
  struct Columns {
    std::vector<std::size_t> features;
    std::size_t prediction, loss, cost, answer_cost, network;
    std::map<std::string, std::size_t> feature_costs{};
  };
  const std::size_t none = header.size();
  const auto unit = static_cast<std::size_t>(std::ranges::find(header, "cost_unit") - header.begin());
  const std::string cost_unit = unit == none ? weir::cost_unit::seconds : rows[0][unit];
  try {
    check_cost_unit(cost_unit);
  } catch (const ArgumentError& error) {
    throw FormatError(detail::message({name, ", column 'cost_unit': ", error.what()}));
  }
  for (std::size_t i = 0; i < rows.size() && unit != none; ++i)
    if (rows[i][unit] != cost_unit) cells.fail(i, unit, "is another unit than in row 1");
  const std::string cost = cost_field(cost_unit), answer_cost = "answer_" + cost, of_features = "feature_" + cost + ".";
  std::vector<Columns> of(stages.size(), {{}, none, none, none, none, none, {}});
  std::size_t label = none;
  for (std::size_t c = 0; c < header.size(); ++c) {
    if (header[c] == "label") {
      label = c;
      continue;
    }
    if (c == unit) continue;
    const std::size_t k = stage_of(header[c], index);
    if (k == stages.size())
      throw FormatError(detail::message({name, ": column '", header[c], "' belongs to no stage"}));
    const std::string what = header[c].substr(stages[k].size() + 1);
    if (what == "prediction")
      of[k].prediction = c;
    else if (what == "loss")
      of[k].loss = c;
    else if (what == cost)
      of[k].cost = c;
    else if (what == answer_cost)
      of[k].answer_cost = c;
    else if (what.starts_with(of_features))
      of[k].feature_costs[what.substr(of_features.size())] = c;
    else if (what == "seconds" || what == "answer_seconds" || what.starts_with("feature_seconds."))
      throw FormatError(
          detail::message({name, ": column '", header[c], "', but the costs' unit is '", cost_unit, "'"}));
    else if (what == "network")
      of[k].network = c;
    else
      of[k].features.push_back(c);
  }
  if (label == none) throw FormatError(detail::message({name, ": no column 'label'"}));

  Trace trace;
  trace.cost_unit = cost_unit;
  const auto n = static_cast<Eigen::Index>(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) trace.label.push_back(cells.integer(i, label));
  for (std::size_t k = 0; k < stages.size(); ++k) {
    StageTrace stage;
    stage.name = stages[k];
    stage.features.resize(n, static_cast<Eigen::Index>(of[k].features.size()));
    stage.loss.resize(n);
    for (const std::size_t c : of[k].features) stage.feature_names.push_back(header[c].substr(stages[k].size() + 1));
    const auto mean = [&](std::size_t c) {
      double above_first = 0;  // so that the mean of equal values is that value
      for (std::size_t i = 0; i < rows.size(); ++i) above_first += cells.number(i, c) - cells.number(0, c);
      return cells.number(0, c) + above_first / static_cast<double>(rows.size());
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      stage.prediction.push_back(cells.integer(i, of[k].prediction));
      stage.loss(at) =
          of[k].loss == none ? (stage.prediction.back() == trace.label[i] ? 0.0 : 1.0) : cells.number(i, of[k].loss);
      if (stage.loss(at) < 0) cells.fail(i, of[k].loss, "is a negative loss");
      for (std::size_t f = 0; f < of[k].features.size(); ++f)
        stage.features(at, static_cast<Eigen::Index>(f)) = cells.number(i, of[k].features[f]);
    }
    if (of[k].cost != none) {
      stage.cost = mean(of[k].cost);
    } else {
      const auto given = costs.find(stages[k]);
      if (given == costs.end())
        throw FormatError(detail::message({name, ": no ", cost, " for stage '", stages[k], "'"}));
      stage.cost = given->second;
    }
    if (!(stage.cost >= 0) || !std::isfinite(stage.cost))
      throw FormatError(detail::message({name, ": ", cost, " of stage '", stages[k], "' must be finite and >= 0"}));
    if (of[k].answer_cost != none) stage.answer_cost = mean(of[k].answer_cost);
    if (!(stage.answer_cost >= 0 && stage.answer_cost <= stage.cost))
      throw FormatError(
          detail::message({name, ": ", answer_cost, " of stage '", stages[k], "' must be in [0, ", cost, "]"}));
    for (const auto& [group, c] : of[k].feature_costs) stage.feature_costs[group] = mean(c);
    if (of[k].network != none) stage.network = rows[0][of[k].network];
    for (std::size_t i = 0; i < rows.size() && of[k].network != none; ++i)
      if (rows[i][of[k].network] != stage.network) cells.fail(i, of[k].network, "is another network than in row 1");
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
