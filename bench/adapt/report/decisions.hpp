/// decisions.csv: what became of every test image in the measured run of a chosen policy.
#pragma once
#include <string>
#include <weir/io/files/csv.hpp>

#include "shown.hpp"

namespace adapt {

/// Columns: file (its name, or SOURCE#index), label, full_answer, answer, exit, confidence, microseconds,
/// full_microseconds (medians over rounds; in batches the batch's, divided evenly), regression, repair (0 or 1), run.
inline std::string decisions_csv(const Results& r, const TestedMode& m) {
  std::string csv = weir::detail::csv_line({"file", "label", "full_answer", "answer", "exit", "confidence",
                                            "microseconds", "full_microseconds", "regression", "repair", "run"});
  const Measured &c = r.learned(m), &full = r.full_of(m.name);
  for (std::size_t i = 0; i < c.exit.size(); ++i)
    csv += weir::detail::csv_line(
        {r.data.test.set->name(r.data.test.rows[i]), std::to_string(r.data.test.label(i)),
         std::to_string(full.answer[i]), std::to_string(c.answer[i]), m.spec->stages[c.exit[i]].name,
         weir::detail::format_fixed(static_cast<double>(c.confidence[i]), 4),
         weir::detail::format_fixed(1e6 * c.seconds[i], 2), weir::detail::format_fixed(1e6 * full.seconds[i], 2),
         c.loss[i] > full.loss[i] ? "1" : "0", c.loss[i] < full.loss[i] ? "1" : "0", r.run.id});
  return csv;
}

}  // namespace adapt
