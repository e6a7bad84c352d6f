/// What is said of the members that a run made: in sentences and in summary.json.
#pragma once
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <weir/core/plan_description.hpp>

#include "copies.hpp"
#include "results.hpp"

namespace adapt {

/// A sentence saying that gates add nothing, if the 8-bit copy of the full network, used for every image, keeps the
/// budget on the test images and no policy is 1.05 times as fast; else "". It describes what was measured; nothing is
/// chosen by it.
inline std::string copy_alone_text(const Results& r) {
  const std::size_t full = r.models.all.size() - 1;
  const auto copy = std::ranges::find_if(
      r.models.all, [&](const Model& m) { return !m.copy_of.empty() && m.copy_of == r.models.all[full].file; });
  if (copy == r.models.all.end()) return "";
  const Measured& alone = r.measured[static_cast<std::size_t>(copy - r.models.all.begin())];
  const Results::Pairs p = r.pairs(alone);
  const bool excess = r.options.budget == "excess", binary = weir::Loss(r.options.loss).binary();
  if (r.budgeted(p) > r.options.max_loss) return "";
  if (excess && binary && r.options.confidence > 0 && p.excess_upper95() > r.options.max_loss) return "";
  double fastest = 0;
  std::string who;
  for (const TestedMode& m : r.modes) {
    if (&r.full_of(m.name) != &r.full()) continue;  // losses are counted against another network
    if (const double speedup = r.speedup(r.learned(m)); speedup > fastest) {
      fastest = speedup;
      who = m.name;
    }
  }
  const double own = r.speedup(alone);
  if (own <= 1 || fastest > 1.05 * own) return "";
  const auto percent = [](double share) { return weir::detail::fixed_point(100 * share, 2) + " %"; };
  return "gates add nothing here: the 8-bit copy alone (" + copy->name + ") is " + weir::detail::fixed_point(own, 2) +
         " times as fast as the full network and loses " + percent(r.budgeted(p)) +
         (excess && binary ? " (95 % limit " + percent(p.excess_upper95()) + ")" : "") + " of the " +
         percent(r.options.max_loss) + " allowed, and the fastest policy (" + who + ") is " +
         weir::detail::fixed_point(fastest, 2) +
         " times as fast. Measured on the test images; only policies are certified";
}

inline nlohmann::json members_json(const Models& models) {
  nlohmann::json all = nlohmann::json::array();
  for (const MadeCopy& c : models.made_copies)
    all.push_back({{"name", c.name},
                   {"of", c.of},
                   {"file", c.kept ? nlohmann::json(c.file) : nlohmann::json(nullptr)},
                   {"kept", c.kept},
                   {"median_s", c.seconds},
                   {"fp32_median_s", c.fp32_seconds},
                   {"batch", c.batch},
                   {"n_policy_images", c.report.calibrated_on + c.report.judged_on},
                   {"layers", c.report.layers.size()},
                   {"layers_in_fp32", std::ranges::count(c.report.layers, false, &weir::QuantizedLayer::on_integers)}});
  return all;
}

}  // namespace adapt
