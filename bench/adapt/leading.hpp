/// Which mode leads: its policy is policy.json, and it stands first wherever modes stand.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learn/cross_validate.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "design.hpp"
#include "learned.hpp"

namespace adapt {

/// Mean cost of an image at the asked budget, as the mode's gates learn, by cross-validation on the policy part, judged
/// by labels: neither calibration nor test images are looked at.
inline double cost_by_validation(const LearnedMode& m, const weir::Topology& topology, const Options& o) {
  const ProgressLine progress("cross-validating " + m.name);
  weir::TrainOptions train = m.train;
  train.folds = 1;
  train.progress = nullptr;
  return weir::detail::system_cost(
      weir::detail::cross_validate({m.lessons, judge_of(m)}, topology, train, design_validation(o)),
      budget_in_the_mean(o));
}

/// The modes in another order, first the one of this name; "auto": the cheapest (of several that cost the same, the
/// first). A mode without a cost does not lead unless it is named.
template <typename AnyMode>
std::vector<AnyMode> leader_first(std::vector<AnyMode> modes, const std::string& lead) {
  std::size_t best = modes.size();
  for (std::size_t k = 0; k < modes.size(); ++k)
    if (lead == "auto" ? modes[k].validated && (best == modes.size() || *modes[k].validated < *modes[best].validated)
                       : modes[k].name == lead)
      best = k;
  if (best < modes.size()) {
    const auto at = modes.begin() + static_cast<std::ptrdiff_t>(best);
    std::rotate(modes.begin(), at, at + 1);
  }
  return modes;
}

/// The modes, the leading one first. last: the full network. A mode that counts losses against another one keeps
/// another promise by the same budget, so that it is not compared.
inline std::vector<LearnedMode> with_leader(std::vector<LearnedMode> modes, std::size_t last, const std::string& lead,
                                            const Options& o) {
  if (modes.size() > 1)
    for (LearnedMode& m : modes)
      if (m.nets.back() == last) m.validated = cost_by_validation(m, m.spec->topology, o);
  return leader_first(std::move(modes), lead);
}

/// "search leads: cross-validation on the policy part, at a budget of 1 % excess loss, says 109 us an image; selection
/// 119 us"; "" of a single mode.
template <typename Modes>
std::string lead_line(const Modes& modes, const Options& o) {
  if (modes.size() < 2) return "";
  std::string text, others;
  for (const auto& m : modes) {
    const std::string cost = m.validated ? weir::detail::format_cost(*m.validated, m.prices.unit()) : "";
    if (&m == &modes.front()) {
      text = m.name + " leads (policy.json)" + (m.name == o.lead ? ", as --lead says" : "");
      if (!cost.empty()) others = m.name + " " + cost;
    } else if (!cost.empty()) {
      others += (others.empty() ? "" : ", ") + m.name + " " + cost;
    }
  }
  return text + (others.empty() ? ""
                                : ": an image at the same " + o.budget +
                                      " loss takes, by cross-validation on the policy part, " + others);
}

/// Throws ArgumentError where --lead names none of these modes.
template <typename Modes>
void check_lead(const Modes& modes, const Options& o) {
  std::string names;
  for (const auto& m : modes) {
    if (o.lead == "auto" || m.name == o.lead) return;
    names += (names.empty() ? "" : ", ") + m.name;
  }
  throw weir::ArgumentError("--lead " + o.lead + ": there is no such mode in this run, but " + names);
}

}  // namespace adapt
