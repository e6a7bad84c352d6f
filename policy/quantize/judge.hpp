/// Which numbers and layers a quantised network has: candidates, judged by how much they answer like fp32.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/core/network.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/quantize/agreement.hpp>
#include <weir/policy/quantize/observe.hpp>
#include <weir/policy/quantize/qdq.hpp>
#include <weir/policy/quantize/quantize.hpp>
#include <weir/policy/quantize/selection.hpp>

namespace weir::detail {

/// Compares candidates with fp32 on the images held back. What it is made of must outlive it.
class QuantizeJudge {
 public:
  QuantizeJudge(const Network& fp32, const GraphDef& def, const Selection& selection, const BuildOptions& build,
                ConstView images, const QuantizeOptions& o)
      : def_(def), selection_(selection), build_(build), images_(images), o_(o) {
    reference_ = answers_of(fp32, images, o.context);
    logits_ = are_logits(reference_);
    if (logits_) make_probabilities(reference_);
  }

  std::size_t n_images() const { return static_cast<std::size_t>(images_.shape[0]); }

  /// The network with these layers on integers.
  GraphDef graph(const std::vector<bool>& chosen, const Numbers& numbers) const {
    return QdqWriter(def_, selection_, selection_.part(chosen), numbers).write();
  }

  /// How it answers the first of the images.
  AgreementCount agreement(const std::vector<bool>& chosen, const Numbers& numbers, std::size_t images) const {
    Answers reference = reference_;
    reference.p.resize(images * reference_.classes);
    Answers answers = answers_of(build_network(graph(chosen, numbers), build_),
                                 {images_.data, images_.shape.with(0, static_cast<std::int64_t>(images))}, o_.context);
    if (logits_) make_probabilities(answers);
    return compare_answers(reference, answers);
  }

  void progress(const std::string& what, std::size_t done, std::size_t total) const {
    if (o_.progress) o_.progress(what, done, total);
  }

 private:
  const GraphDef& def_;
  const Selection& selection_;
  const BuildOptions& build_;
  ConstView images_;
  const QuantizeOptions& o_;
  Answers reference_;
  bool logits_ = false;
};

/// The numbers whose network answers most like fp32, and all that were tried.
struct BestNumbers {
  Numbers numbers;
  std::vector<QuantizeTrial> trials;
  QuantizeTrial result;  ///< of `numbers`
};

/// Ranges by each method, then the bias corrected.
inline BestNumbers best_numbers(const QuantizeJudge& judge, const Observed& seen, const std::vector<bool>& chosen,
                                const QuantizeOptions& o) {
  BestNumbers best;
  double least = std::numeric_limits<double>::infinity();
  const auto attempt = [&](const Numbers& n, const std::string& method) {
    const AgreementCount a = judge.agreement(chosen, n, judge.n_images());
    best.trials.push_back({method, n.correct_bias, a.divergence, a.same});
    if (!(a.divergence < least)) return;
    least = a.divergence;
    best.numbers = n;
    best.result = best.trials.back();
  };
  Numbers numbers{{}, seen.means, o.weight_bits, false};
  best.numbers = numbers;
  const std::size_t total = o.ranges.size() + (o.correct_bias ? 1 : 0);
  for (std::size_t i = 0; i < o.ranges.size(); ++i) {
    for (const auto& [name, h] : seen.histograms) numbers.steps[name] = find_steps(h, o.ranges[i]);
    attempt(numbers, o.ranges[i]);
    judge.progress("trying ranges", i + 1, total);
  }
  if (o.correct_bias) {
    Numbers corrected = best.numbers;
    corrected.correct_bias = true;
    attempt(corrected, best.result.ranges);
    judge.progress("trying ranges", total, total);
  }
  return best;
}

/// [layers] the divergence where only this layer is on integers; below 0 where that is not tried.
inline std::vector<double> divergence_of_each(const QuantizeJudge& judge, const Numbers& numbers,
                                              const std::vector<bool>& chosen, const QuantizeOptions& o) {
  std::vector<double> alone(chosen.size(), -1);
  const std::size_t images = std::min(o.sensitive, judge.n_images());
  if (images == 0) return alone;
  for (std::size_t l = 0; l < chosen.size(); ++l) {
    judge.progress("trying each layer by itself", l, chosen.size());
    if (!chosen[l]) continue;
    std::vector<bool> only(chosen.size(), false);
    only[l] = true;
    alone[l] = judge.agreement(only, numbers, images).divergence;
  }
  judge.progress("trying each layer by itself", chosen.size(), chosen.size());
  return alone;
}

/// By the name of its node: the part of the network's FLOP that a layer is.
inline std::map<std::string, double> shares_of_flops(const Network& net, const ContextOptions& context) {
  Executor run(net, context);
  const PlanDescription plan = run.describe(std::max<std::int64_t>(1, run.network().state().fixed_batch));
  std::map<std::string, double> shares;
  for (const StepDescription& s : plan.steps) shares[s.name] = s.flops / plan.flops();
  return shares;
}

/// Nats of divergence that no image notices: its probability of the best class moves in the third digit.
inline constexpr double negligible_divergence = 1e-4;

/// Which layers are on integers, why others are not, and how the network answers that has these.
struct LayersTaken {
  std::vector<bool> chosen;
  std::vector<std::string> why;  ///< [layers] of those that go back to fp32 here; else empty
  QuantizeTrial result;
};

/// Returns layers to fp32, the one that hurts most first, until the next no longer pays. Of `layers` it reads `alone`
/// and `share`.
inline LayersTaken without_worst(const QuantizeJudge& judge, const BestNumbers& best, std::vector<bool> chosen,
                                 const std::vector<QuantizedLayer>& layers, const QuantizeOptions& o) {
  LayersTaken taken{std::move(chosen), std::vector<std::string>(layers.size()), best.result};
  std::vector<std::size_t> order;
  for (std::size_t l = 0; l < layers.size(); ++l)
    if (taken.chosen[l] && layers[l].alone >= 0) order.push_back(l);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return layers[a].alone > layers[b].alone; });
  constexpr std::size_t most = 8;  // further ones hurt less still
  for (std::size_t k = 0; k < std::min(order.size(), most); ++k) {
    const double before = taken.result.divergence, gain = std::max(o.worth, 2 * layers[order[k]].share);
    if (before < negligible_divergence || gain >= 1) continue;
    std::vector<bool> without = taken.chosen;
    without[order[k]] = false;
    if (std::find(without.begin(), without.end(), true) == without.end()) return taken;
    const AgreementCount a = judge.agreement(without, best.numbers, judge.n_images());
    judge.progress("taking layers back", k + 1, std::min(order.size(), most));
    if (!(a.divergence <= (1 - gain) * before)) continue;
    taken.chosen = std::move(without);
    taken.why[order[k]] =
        "8 bits there made " + fixed_point(100 * (1 - a.divergence / before), 0) + " % of the divergence";
    taken.result.divergence = a.divergence;
    taken.result.same = a.same;
  }
  return taken;
}

}  // namespace weir::detail
