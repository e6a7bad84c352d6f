/// A budget, what was promised of it, how often that promise fails, and what the test images show: the same words and
/// figures on the terminal, in report.html and in summary.json.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <weir/io/report/markup.hpp>
#include <weir/policy/choose/budget_json.hpp>
#include <weir/policy/choose/choose.hpp>
#include <weir/policy/evaluate/budget.hpp>

#include "pairs.hpp"
#include "report/html.hpp"

namespace adapt {

inline std::string loss_name(weir::BudgetOn on) { return on == weir::BudgetOn::difference ? "net" : "excess"; }

/// "0.97 %"; with a sign where the loss is net.
inline std::string loss_text(weir::BudgetOn on, double loss) {
  return (on == weir::BudgetOn::difference && loss > 0 ? "+" : "") + percent_text(loss);
}

/// "0.79 to 1.18 %".
inline std::string limits_text(weir::BudgetOn on, const weir::Interval& i) {
  const std::string low = loss_text(on, i.low);
  return low.substr(0, low.size() - 2) + " to " + loss_text(on, i.high);
}

/// What the test images say of a budget.
struct Verdict {
  weir::BudgetOn on = weir::BudgetOn::excess;
  double budget = 0, seen = 0;
  bool kept = true;
  std::optional<weir::Interval> limits{};  ///< of the true loss, 95 %; of losses of 0 and 1
  std::optional<double> chance{};          ///< Pairs::chance_of_as_much

  static Verdict of(const Pairs& p, weir::BudgetOn on, double budget, bool binary) {
    Verdict v{on, budget, p.lost(on), p.lost(on) <= budget};
    if (binary) {
      v.limits = p.limits95(on);
      v.chance = p.chance_of_as_much(on, budget);
    }
    return v;
  }
  /// "0.97 % excess loss (95 % limits 0.79 to 1.18 %)".
  std::string seen_text() const {
    return loss_text(on, seen) + " " + loss_name(on) + " loss" +
           (limits ? " (95 % limits " + limits_text(on, *limits) + ")" : "");
  }
  /// "a policy whose true loss is exactly 1.00 % shows this or more in 63.2 % of such tests"; "" for a budget of 0.
  std::string chance_text() const {
    return chance ? "a policy whose true loss is exactly " + percent_text(budget) + " shows this or more in " +
                        percent_text(*chance, 1) + " of such tests"
                  : "";
  }
  std::string text() const {
    return seen_text() + " on test: " + (kept ? "kept" : "ABOVE the budget") + (chance ? "; " + chance_text() : "");
  }
};

/// "3 regressions", "1 repair".
inline std::string counted_text(std::size_t n, const std::string& what) {
  return count_text(n) + " " + what + (n == 1 ? "" : "s");
}

/// "the promise failed in 31 of 1,000 new draws of the 5,000 calibration images (95 % limits 2.1 to 4.4 %)".
inline std::string redrawn_text(const weir::Redrawn& r, std::size_t n_calibration) {
  const weir::Interval share = r.share95();
  return "the promise failed in " + count_text(r.above) + " of " + count_text(r.draws) + " new draws of the " +
         count_text(n_calibration) + " calibration images (95 % limits " +
         weir::detail::format_fixed(100 * share.low, 1) + " to " + percent_text(share.high, 1) + ")" +
         (r.none > 0 ? ", and in " + count_text(r.none) + " nothing faster than the full network was certified" : "");
}

/// What was promised: of a policy that was chosen on the calibration part for a budget. confidence 0: in the mean.
struct Promised {
  weir::BudgetOn on = weir::BudgetOn::excess;
  double budget = 0, confidence = 0;
  const weir::Choice& choice;

  bool is_certified() const { return confidence > 0 && choice.missing.empty(); }
  std::string confidence_text() const { return weir::detail::format_short(100 * confidence, 3) + " %"; }
  std::string evidence() const {
    if (confidence <= 0) return "";
    if (!choice.missing.empty())
      return choice.redrawn ? "in " + count_text(choice.redrawn->none) + " of " + count_text(choice.redrawn->draws) +
                                  " new draws of the " + count_text(choice.n_calibration) +
                                  " calibration images nothing faster was certified either"
                            : "";
    return choice.redrawn ? redrawn_text(*choice.redrawn, choice.n_calibration)
                          : "how often it fails is not counted beside --also and --given-exit";
  }
  /// "budget 1.00 % excess loss, certified with 95 % confidence ...".
  std::string text() const {
    const std::string begin = "budget " + percent_text(budget) + " " + loss_name(on) + " loss";
    if (confidence <= 0)
      return begin + ", kept in the mean on " + count_text(choice.n_calibration) +
             " calibration images, without a guarantee (--confidence 0)";
    if (!choice.missing.empty())
      return begin + ": no policy faster than the full network could be certified with " + confidence_text() +
             " confidence, so the full network answers every image" + (evidence().empty() ? "" : "; " + evidence());
    return begin + ", certified with " + confidence_text() + " confidence (" +
           (on == weir::BudgetOn::difference ? "exact trinomial test" : "Clopper-Pearson") + ", Learn then Test); " +
           evidence();
  }
};

inline nlohmann::json interval_json(const weir::Interval& i) { return nlohmann::json::array({i.low, i.high}); }

inline nlohmann::json promise_json(const Promised& p, const Verdict& v) {
  using nlohmann::json;
  return {{"on", loss_name(p.on)},
          {"budget", p.budget},
          {"confidence", p.is_certified() ? json(p.confidence) : json(nullptr)},
          {"missing", p.choice.missing},
          {"redrawn", p.choice.redrawn ? weir::detail::redrawn_json(*p.choice.redrawn) : json(nullptr)},
          {"seen_on_test", v.seen},
          {"limits95", v.limits ? interval_json(*v.limits) : json(nullptr)},
          {"kept_on_test", v.kept},
          {"chance_of_as_much_at_the_budget", v.chance ? json(*v.chance) : json(nullptr)}};
}

}  // namespace adapt
