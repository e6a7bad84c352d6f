/// Streams of examples in random orders past a ShiftMonitor.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/isa.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/evaluate/gate_matrix.hpp>
#include <weir/policy/evaluate/statistics.hpp>
#include <weir/policy/learn/tune.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/shift_monitor.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../policy/traces_in.hpp"

namespace shift {

/// What a monitor is shown of examples: where each left, and its features behind the first stage, classes apart.
struct Watched {
  std::vector<std::string> names;    ///< [d] of the features
  std::vector<std::size_t> exit;     ///< [n]
  weir::detail::RowMatrix features;  ///< [n, d]

  std::size_t size() const { return exit.size(); }
  std::span<const double> row(std::size_t i) const {
    return {features.data() + i * static_cast<std::size_t>(features.cols()), static_cast<std::size_t>(features.cols())};
  }
};

inline Watched watch(const weir::MixedPolicy& policy, const weir::Trace& trace) {
  const weir::StageTrace& first = trace.stages.front();
  Watched w{{}, weir::evaluate(policy, trace).exit, {}};
  std::vector<Eigen::Index> columns;
  for (std::size_t f = 0; f < first.feature_names.size(); ++f)
    if (!weir::detail::gate_features::is_class(first.feature_names[f])) {
      columns.push_back(static_cast<Eigen::Index>(f));
      w.names.push_back(first.feature_names[f]);
    }
  w.features = first.features(Eigen::all, columns);
  return w;
}

/// A stream's first alarm.
struct Alarm {
  std::size_t after = 0;  ///< examples seen, the one of the alarm included
  std::size_t test = 0;   ///< ShiftMonitor::loudest
};

/// Reference and stream are rows of `pool`, then rows of `shifted` follow. nullopt where the stream ends before an
/// alarm.
inline std::optional<Alarm> first_alarm(const Watched& pool, std::span<const Eigen::Index> reference,
                                        std::span<const Eigen::Index> before, const Watched& shifted,
                                        std::span<const Eigen::Index> after, double run_length, std::uint64_t seed) {
  std::vector<std::size_t> exit;
  for (const Eigen::Index i : reference) exit.push_back(pool.exit[static_cast<std::size_t>(i)]);
  const std::vector<Eigen::Index> rows(reference.begin(), reference.end());
  weir::ShiftMonitor monitor(exit, pool.features(rows, Eigen::all), run_length, seed);
  const auto alarm = [&](const Watched& from, Eigen::Index i) {
    const auto at = static_cast<std::size_t>(i);
    return monitor.observe(from.exit[at], from.row(at));
  };
  for (const Eigen::Index i : before)
    if (alarm(pool, i)) return Alarm{monitor.seen(), monitor.loudest()};
  for (const Eigen::Index i : after)
    if (alarm(shifted, i)) return Alarm{monitor.seen(), monitor.loudest()};
  return std::nullopt;
}

struct StreamOptions {
  std::size_t orders = 200;   ///< random orders
  std::size_t before = 0;     ///< examples of the same source ahead of the change
  double run_length = 10000;  ///< ShiftMonitor's
  std::uint64_t seed = 0;
};

/// What many random orders of one stream led to.
struct Alarms {
  std::size_t orders = 0;
  std::size_t length = 0;        ///< examples behind the change
  std::size_t noticed = 0;       ///< orders with the alarm behind the change
  std::size_t false_alarms = 0;  ///< orders with an alarm before it
  std::vector<double> delay;     ///< [noticed] examples from the change to the alarm
  std::string loudest;           ///< what spoke loudest in most of the orders with an alarm
};

/// In each order calibration and control, which come from one source, are shuffled together and divided anew, so that
/// without a change reference and stream are exchangeable whatever order it is; `shifted` is shuffled behind them.
/// Where there is none, the stream is of control's length, and whatever alarm it gives is counted as noticed. Throws
/// ArgumentError where control is shorter than options.before.
inline Alarms run_orders(const Watched& calibration, const Watched& control, const Watched* shifted,
                         const StreamOptions& options, const std::function<void(std::size_t)>& progress = {}) {
  if (options.before > control.size())
    throw weir::ArgumentError("shift: " + std::to_string(control.size()) + " examples of the same source, " +
                              std::to_string(options.before) + " are to come before the change");
  Watched pool = calibration;
  pool.exit.insert(pool.exit.end(), control.exit.begin(), control.exit.end());
  pool.features.conservativeResize(calibration.features.rows() + control.features.rows(), Eigen::NoChange);
  pool.features.bottomRows(control.features.rows()) = control.features;
  Alarms alarms;
  alarms.orders = options.orders;
  alarms.length = shifted != nullptr ? shifted->size() : control.size();
  std::map<std::size_t, std::size_t> voices;
  for (std::size_t order = 0; order < options.orders; ++order) {
    const std::uint64_t seed = options.seed + 2 * order;
    const auto own = compare::shuffled(pool.size(), seed);
    const auto others = shifted != nullptr ? compare::shuffled(shifted->size(), seed + 1) : std::vector<Eigen::Index>();
    const std::span<const Eigen::Index> all(own);
    const std::size_t before = shifted != nullptr ? options.before : control.size();
    const auto alarm = first_alarm(pool, all.first(calibration.size()), all.subspan(calibration.size(), before),
                                   shifted != nullptr ? *shifted : pool, others, options.run_length, seed);
    if (progress) progress(order + 1);
    if (!alarm) continue;
    ++voices[alarm->test];
    const std::size_t ahead = shifted != nullptr ? before : 0;
    if (alarm->after <= ahead) {
      ++alarms.false_alarms;
    } else {
      ++alarms.noticed;
      alarms.delay.push_back(static_cast<double>(alarm->after - ahead));
    }
  }
  std::size_t most = 0;
  for (const auto& [test, count] : voices)
    if (count > most) {
      most = count;
      alarms.loudest = test == 0 ? "exits" : pool.names[test - 1];
    }
  return alarms;
}

}  // namespace shift
