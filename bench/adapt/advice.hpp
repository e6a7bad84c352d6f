/// Why a run did not save more, and what would: the room that the calibration images leave, exits that the networks
/// have, members that only cost. Nothing here looks at the test images.
#pragma once
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>
#include <weir/io/report/report.hpp>
#include <weir/policy/choose/least_examples.hpp>
#include <weir/policy/exits/answers_inside.hpp>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/policy/trace/loss.hpp>
#include <weir/policy/trace/stage_cost.hpp>

#include "report/html.hpp"
#include "results.hpp"

namespace adapt {

/// How many regressions n calibration images allow a single policy that is certified.
struct Room {
  std::size_t n = 0;
  std::optional<std::size_t> allowed;  ///< none: not even 0 will do

  static Room of(std::size_t n, const Options& o) {
    const double delta = 1 - o.confidence;
    return {n, o.budget == "net" ? weir::detail::most_paired_regressions(n, o.max_loss, delta)
                                 : weir::most_regressions(n, o.max_loss, delta)};
  }
  std::string text() const {
    if (!allowed) return "none of " + count_text(n);
    return count_text(*allowed) + " of " + count_text(n) + " (" +
           percent_text(static_cast<double>(*allowed) / static_cast<double>(n)) + ")";
  }
  nlohmann::json json() const {
    return {{"n_calibration", n},
            {"allowed_regressions", allowed ? nlohmann::json(*allowed) : nlohmann::json(nullptr)},
            {"budget_in_effect",
             allowed ? nlohmann::json(static_cast<double>(*allowed) / static_cast<double>(n)) : nlohmann::json()}};
  }
};

/// A tensor at which a network can be left.
struct ExitInside {
  std::string tensor;
  std::int64_t values = 0;  ///< of one image
  double flops_share = 0;   ///< of the work is done when it is known; 0 where it is an answer of its own
  bool is_answer = false;   ///< as many values as there are classes: it needs no head
  bool is_used = false;     ///< by a mode of this run
};

/// Where a network can be left, in the order of execution. answer: of the whole network; used: tensors that stages of
/// this run answer at.
inline std::vector<ExitInside> exits_inside(const weir::Network& net, const std::string& answer, std::size_t n_classes,
                                            const std::set<std::string>& used) {
  std::vector<ExitInside> all;
  const auto add = [&](const std::string& tensor, double share) {
    if (std::ranges::any_of(all, [&](const ExitInside& e) { return e.tensor == tensor; })) return;
    const std::int64_t values = net.shape_of(tensor).numel() / net.shape_of(tensor)[0];
    all.push_back({tensor, values, share, values == static_cast<std::int64_t>(n_classes), used.count(tensor) > 0});
  };
  const auto answers = weir::detail::answer_tensors(net);
  for (std::size_t a = 0; a + 1 < answers.size(); ++a) add(answers[a], 0);
  for (const weir::ExitPoint& p : weir::exit_points(net))
    if (p.tensor != answer) add(p.tensor, p.flops_share);
  return all;
}

inline std::vector<ExitInside> exits_inside(const Results& r, std::size_t model) {
  std::set<std::string> used;
  for (const TestedMode& m : r.modes)
    for (const weir::CascadeStage& s : m.spec->stages)
      if (m.nets[s.network] == model) used.insert(s.tensor);
  return exits_inside(r.models.all[model].network, r.models.all[model].answer, r.models.n_classes(), used);
}

/// Whether --early-exit said which layers of a network are exits.
inline bool exits_are_given(const Options& o, const Model& model) {
  return std::ranges::any_of(o.early_exit, [&](const std::string& text) {
    const std::size_t end = text.rfind(".onnx:");
    return end != std::string::npos &&
           std::filesystem::path(text.substr(0, end + 5)).filename() == std::filesystem::path(model.file).filename();
  });
}

/// "5,000 calibration images allow 38 regressions ..."; "" where nothing is certified.
inline std::string room_text(const Results& r) {
  const Options& o = r.options;
  if (o.confidence <= 0 || !weir::Loss(o.loss).binary()) return "";
  const std::size_t n = r.data.calibration.size();
  return "the budget in effect is smaller than the " + percent_text(o.max_loss) + " asked for: at " +
         weir::detail::format_short(100 * o.confidence, 3) + " % confidence a policy may have " +
         Room::of(n, o).text() + " regressions on the calibration images" +
         (o.budget == "net" ? " if it repairs nothing" : "") + "; twice as many images would allow " +
         Room::of(2 * n, o).text();
}

/// What the members are worth that save less than a hundredth; "" where all save more. Each is left out by itself.
inline std::string members_text(const TestedMode& m) {
  const auto cost = [&](double c) {
    return m.prices.unit() == weir::cost_unit::seconds ? time_text(c) : weir::detail::format_cost(c, m.prices.unit());
  };
  std::string text;
  std::size_t n = 0;
  for (const MemberCost& member : m.members) {
    const double more = member.without / member.with - 1;
    if (more >= 0.01) continue;
    if (n++ == 0)
      text = m.name + ": at this budget in the mean a calibration image takes " + cost(member.with) + "; ";
    else
      text += ", ";
    text += cost(member.without) + " without " + member.stage;
  }
  if (n == 0) return "";
  text += n == 1 ? ", which does not pay" : ", each left out by itself: none of them pays";
  return text + " (predicted)";
}

/// That times are not those of an idle machine; "" where what a mean image took, `measured`, is within a tenth of what
/// the prices of the stages say, `predicted`. Runs on quiet machines were within 6 %.
inline std::string disturbed_text(const std::string& mode, double measured, double predicted) {
  if (measured <= 1.1 * predicted && predicted <= 1.1 * measured) return "";
  return mode + ": the learned policy took " + time_text(measured) +
         " a mean image, where the prices of its stages say " + time_text(predicted) +
         ": something else kept the machine busy, or it changed its speed; run again on an idle one";
}

/// That a policy decided otherwise than on the recorded answers, which it is chosen and certified on; "" where it never
/// did.
inline std::string strays_text(const std::string& mode, std::size_t strays, std::size_t n) {
  if (strays == 0) return "";
  return mode + ": " + count_text(strays) + " of " + count_text(n) +
         " test images left elsewhere than their recorded answers say: answers depended on the batch or on threads, "
         "which is a fault of weir; neither prediction nor certificate of this policy count";
}

/// What is wrong with the figures of a mode, where something is.
inline std::vector<std::string> warnings(const Results& r, const TestedMode& m) {
  std::vector<std::string> all{strays_text(m.name, r.strays(m), r.data.test.size())};
  if (m.prices.unit() == weir::cost_unit::seconds && r.options.costs.batch <= 1)
    all.push_back(disturbed_text(m.name, r.learned(m).mean_cost(), r.predicted_cost(m)));
  std::erase(all, "");
  return all;
}

/// Sentences, the most telling first.
inline std::vector<std::string> advice(const Results& r) {
  std::vector<std::string> all;
  for (const TestedMode& m : r.modes)
    for (std::string& text : warnings(r, m)) all.push_back(std::move(text));
  for (const TestedMode& m : r.modes)
    if (!m.learned.choice.missing.empty())
      all.push_back(m.name + ": nothing faster than the full network was certified. " + m.learned.choice.missing);
  if (std::string text = room_text(r); !text.empty()) all.push_back(std::move(text));
  for (const TestedMode& m : r.modes)
    if (std::string text = members_text(m); !text.empty()) all.push_back(std::move(text));
  for (std::size_t n = 0; n < r.models.all.size(); ++n) {
    const Model& model = r.models.all[n];
    if (!model.copy_of.empty()) continue;  // its exits are those of the network it is a copy of
    if (exits_are_given(r.options, model)) continue;
    const auto inside = exits_inside(r, n);
    if (inside.empty()) continue;
    constexpr std::size_t shown = 8;
    std::string text = model.name + " can be left inside, at";
    for (std::size_t e = 0; e < std::min(shown, inside.size()); ++e)
      text += (e == 0 ? " " : ", ") + inside[e].tensor + " (" + count_text(static_cast<std::size_t>(inside[e].values)) +
              " values" + (inside[e].is_answer ? ", an answer" : "") + (inside[e].is_used ? ", used" : "") + ")";
    if (inside.size() > shown) text += " and " + std::to_string(inside.size() - shown) + " more (summary.json)";
    all.push_back(text + ": --early-exit " + std::filesystem::path(model.file).filename().string() +
                  ":TENSOR,TENSOR takes others");
  }
  return all;
}

inline nlohmann::json advice_json(const Results& r) {
  using nlohmann::json;
  json a = {{"sentences", advice(r)}, {"exits_inside", json::array()}, {"members", json::array()}};
  if (r.options.confidence > 0 && weir::Loss(r.options.loss).binary()) {
    const std::size_t n = r.data.calibration.size();
    a["room"] = Room::of(n, r.options).json();
    a["room_of_twice_as_many"] = Room::of(2 * n, r.options).json();
  }
  for (const TestedMode& m : r.modes) {
    a["missing"][m.name] = m.learned.choice.missing;
    for (const MemberCost& member : m.members)
      a["members"].push_back(
          {{"mode", m.name}, {"stage", member.stage}, {"cost_with", member.with}, {"cost_without", member.without}});
  }
  for (std::size_t n = 0; n < r.models.all.size(); ++n)
    for (const ExitInside& e : exits_inside(r, n))
      a["exits_inside"].push_back({{"network", r.models.all[n].name},
                                   {"tensor", e.tensor},
                                   {"values", e.values},
                                   {"flops_share", e.flops_share},
                                   {"is_answer", e.is_answer},
                                   {"used", e.is_used}});
  return a;
}

}  // namespace adapt
