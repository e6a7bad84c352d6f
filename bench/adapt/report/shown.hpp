/// The policies of a mode that the page can show: one for each budget of the curve, all of them measured.
#pragma once
#include <algorithm>
#include <string>
#include <vector>
#include <weir/io/datasets/class_names.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "../results.hpp"
#include "html.hpp"

namespace adapt {

/// A policy and what its measured run did.
struct Shown {
  const Measured* run = nullptr;
  const Learned* learned = nullptr;
  double budget = 0;
  bool is_chosen = false;      ///< the one of policy.json; the others are in the mean of the calibration images
  bool is_certified = false;   ///< with the asked confidence
  double predicted = 0;        ///< mean cost of a test image after the traces, in the mode's unit
  double on_calibration = 0;   ///< the loss that the budget is on, on calibration images
  Pairs pairs;                 ///< with the full network, on test images
  std::vector<ExitRow> exits;  ///< [stages]
};

/// A mode with what the page shows of it.
struct ShownMode {
  const TestedMode* mode = nullptr;
  const Measured* full = nullptr;
  std::vector<Shown> policies;  ///< by budget
  std::size_t chosen = 0;       ///< which of them is the one of policy.json

  const Shown& asked() const { return policies[chosen]; }
};

inline Shown shown(const Results& r, const TestedMode& m, const Measured& c, const Learned& learned) {
  Shown s;
  s.run = &c;
  s.learned = &learned;
  s.budget = learned.budget;
  s.predicted = weir::evaluate(learned.choice.policy, m.test).mean_cost();
  const weir::Evaluation e = weir::evaluate(learned.choice.policy, m.calibration);
  s.on_calibration = r.options.budget == "net" ? e.mean_difference() : e.mean_excess();
  s.pairs = r.pairs(c);
  s.exits = exit_rows(m, c);
  return s;
}

inline std::vector<ShownMode> shown_modes(const Results& r) {
  std::vector<ShownMode> all;
  for (const TestedMode& m : r.modes) {
    ShownMode one{&m, &r.full_of(m.name), {}, 0};
    std::size_t at = 0;
    for (const Measured& c : r.measured)
      if (c.mode == m.name && c.kind == "curve") {
        const Learned& learned = m.curve.at(at++);
        if (learned.budget != m.learned.budget) one.policies.push_back(shown(r, m, c, learned));
      }
    Shown asked = shown(r, m, r.learned(m), m.learned);
    asked.is_chosen = true;
    asked.is_certified = r.promised(*asked.run, m.learned).is_certified();
    one.policies.push_back(std::move(asked));
    std::ranges::sort(one.policies, {}, &Shown::budget);
    one.chosen = static_cast<std::size_t>(std::ranges::find_if(one.policies, &Shown::is_chosen) - one.policies.begin());
    all.push_back(std::move(one));
  }
  return all;
}

/// "Sneaker", or "class 7" where classes have no names.
class ClassTexts {
 public:
  explicit ClassTexts(const Results& r) : names_(r.data.classes) {}
  std::string operator()(int label) const {
    const auto c = static_cast<std::size_t>(label);
    return label >= 0 && c < names_.size() ? names_.names()[c] : "class " + std::to_string(label);
  }

 private:
  weir::detail::ClassNames names_;
};

/// What all parts of the page are made from.
struct Page {
  const Results& results;
  std::vector<ShownMode> modes;
  ClassTexts class_text;
  bool binary;    ///< losses are 0 or 1
  TimeUnit unit;  ///< of axes and columns of times

  explicit Page(const Results& r)
      : results(r),
        modes(shown_modes(r)),
        class_text(r),
        binary(r.binary()),
        unit(TimeUnit::of(r.full().mean_cost())) {}
  const Options& options() const { return results.options; }
  bool is_net() const { return results.options.budget == "net"; }
};

/// "Which network", "Leave fashion_resnet early", "Networks and exits, as found".
inline std::string mode_text(const ShownMode& m) {
  if (m.mode->name == "selection") return "Choose a network";
  if (m.mode->name == "search") return "Networks and exits, best found";
  return "Leave " + m.full->name + " early";
}

/// The file of a mode's policy, or what beside it is named alike: "policy.json", "policy_search.json".
inline std::string file_of(const Page& page, const ShownMode& m, const std::string& stem, const std::string& end) {
  return stem + (m.mode == page.modes.front().mode ? "" : "_" + m.mode->name) + end;
}

/// Colour and shape in plots: the same for a mode or a kind in every report.
inline std::size_t plot_style(const ShownMode& m) {
  if (m.mode->name == "selection") return 0;
  if (m.mode->name == "search") return 4;
  return m.mode->name == "early_exit" ? 1 : 5;
}
inline constexpr std::size_t style_of_networks = 2, style_of_rules = 3, style_of_chance = 6;

}  // namespace adapt
