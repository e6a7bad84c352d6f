/// Where exits stand: chosen among all tensors that a head can read, by what the system costs.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/exits/distilled_head_fit.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/policy/learn/chain_search.hpp>
#include <weir/policy/learn/folds.hpp>

#include "costs.hpp"
#include "teaching.hpp"

namespace adapt {

/// Limits of the trial: the number of tensors, about evenly spread over the work, and the number of images that the
/// small head of each is fitted to.
inline constexpr std::size_t most_candidates = 16, images_to_try = 6000;

/// The tensors of a network at which its exits may stand. Those of an 8-bit copy are those of its network, so far as it
/// has them.
inline std::vector<weir::ExitPoint> exit_candidates(const Models& models, std::size_t model) {
  const Model& m = models.all[model];
  const auto of = std::ranges::find_if(models.all, [&](const Model& other) {
    return !m.copy_of.empty() && other.copy_of.empty() && other.file == m.copy_of;
  });
  auto points =
      weir::detail::spread_exit_points(of == models.all.end() ? m.network : of->network, most_candidates, 0, 0.95);
  const auto names = m.network.tensor_names();
  std::erase_if(points, [&](const weir::ExitPoint& p) {
    return std::ranges::find(names, p.tensor) == names.end() ||
           m.network.shape_of(p.tensor).numel() == static_cast<std::int64_t>(models.n_classes());
  });
  return points;
}

/// Small heads at all candidates of a network, fitted to some of the images that heads are fitted to.
struct TrialHeads {
  std::vector<weir::ExitHead> heads;
  std::vector<Eigen::MatrixXf> out_of_fold;  ///< [n_policy, classes] logits where heads are cross-fitted
};

/// What they are fitted to: all images where heads are cross-fitted, else images_to_try of them.
inline HeadInputs trial_inputs(const std::vector<std::string>& tensors, std::size_t model, const Options& o,
                               const Models& models, const HeadStore& store) {
  Part part = store.part();
  const std::size_t n = store.is_cross_fitted() ? part.size() : std::min(part.size(), images_to_try);
  for (std::size_t i = 0; i < n; ++i) part.rows[i] = part.rows[i * part.size() / n];  // from all over: it may be sorted
  part.rows.resize(n);
  return head_inputs(o, models, model, tensors, part, 0, true);
}

inline TrialHeads trial_heads(const HeadInputs& inputs, const std::vector<std::string>& tensors, std::size_t units,
                              const Options& o, const Models& models, const HeadStore& store) {
  const weir::DistilledHeadLearner learner{.hidden = units, .epochs = 4, .least_steps = 600, .seed = o.seed};
  const weir::Context cores = all_cores(o);
  const auto n = static_cast<std::size_t>(inputs.answers.rows());
  constexpr std::size_t folds = 2;
  std::vector<std::size_t> fold(n);
  for (std::size_t i = 0; i < n; ++i) fold[i] = i % folds;
  TrialHeads made;
  ProgressLine progress("fitting small heads at " + std::to_string(tensors.size()) + " tensors");
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const Eigen::MatrixXf& X = inputs.pooled[t];
    if (store.is_cross_fitted()) {
      auto fit = weir::detail::fit_cross(
          [&](const std::vector<Eigen::Index>& rows, const Eigen::MatrixXf& from) {
            return learner.fit(inputs.pools[t], from(rows, Eigen::all), inputs.answers(rows, Eigen::all), cores);
          },
          [&](std::size_t) -> const Eigen::MatrixXf& { return X; }, models.n_classes(), fold, folds, cores);
      made.heads.push_back(std::move(fit.head));
      made.out_of_fold.push_back(std::move(fit.logits));
    } else {
      made.heads.push_back(learner.fit(inputs.pools[t], X, inputs.answers, cores));
      made.out_of_fold.emplace_back();
    }
    progress(t + 1, tensors.size());
  }
  return made;
}

/// Any head of the size that heads of this run have: what it takes does not depend on its weights.
inline weir::ExitHead head_to_price(const weir::ExitHead& trial, std::size_t hidden) {
  const std::size_t d = trial.n_pooled(), classes = trial.n_classes();
  std::vector<float> bias(classes, 0.0F);
  if (hidden == 0) return {trial.pool(), classes, std::vector<float>(classes * d, 0.01F), std::move(bias)};
  weir::HiddenLayer layer{std::vector<float>(hidden * d, 0.01F), std::vector<float>(hidden, 0.0F)};
  return {trial.pool(), std::move(layer), classes, std::vector<float>(classes * hidden, 0.01F), std::move(bias)};
}

/// The network left at these tensors, with these heads, in stages of these names; an 8-bit copy with its network behind
/// it, against which losses are counted.
inline Mode trial_mode(std::size_t model, const std::vector<std::string>& tensors,
                       const std::vector<std::string>& stage_names, TrialHeads trial, const Models& models) {
  const Model& m = models.all[model];
  std::vector<std::size_t> nets{model};
  std::vector<weir::Network> networks{m.network};
  std::vector<weir::CascadeStage> stages;
  for (std::size_t t = 0; t < tensors.size(); ++t) stages.push_back({stage_names[t], 0, tensors[t], trial.heads[t]});
  stages.push_back({m.name, 0, m.answer, std::nullopt, m.logits});
  if (!m.copy_of.empty()) {
    const auto of = std::ranges::find_if(
        models.all, [&](const Model& other) { return other.copy_of.empty() && other.file == m.copy_of; });
    nets.push_back(static_cast<std::size_t>(of - models.all.begin()));
    networks.push_back(of->network);
    stages.push_back({of->name, 1, of->answer, std::nullopt, of->logits});
  }
  std::vector<std::string> names;
  for (const weir::CascadeStage& s : stages) names.push_back(s.name);
  Mode made{"exits of " + m.name, std::move(nets),
            std::make_shared<weir::CascadeSpec>(std::move(networks), std::move(stages), weir::Topology::chain(names)),
            std::move(trial.out_of_fold)};
  made.out_of_fold.resize(made.spec->stages.size());
  return made;
}

/// The mode with heads of full size, to be priced.
inline Mode with_full_size_heads(Mode m, std::size_t units) {
  std::vector<weir::CascadeStage> stages = m.spec->stages;
  for (weir::CascadeStage& s : stages)
    if (s.head) s.head = head_to_price(*s.head, units);
  m.spec = std::make_shared<weir::CascadeSpec>(m.spec->networks(), std::move(stages), m.spec->topology);
  return m;
}

/// Where exits are to stand, and a line that says what that is worth.
struct Placed {
  std::vector<weir::ExitPoint> points;
  std::string line;
};

/// Of all chains of at most --exits of the first stages of a trial, which stand at these points, and its answers behind
/// them the one that costs least in cross-validation. `even`, spread evenly, stay where none is cheaper.
inline Placed best_points(const PricedMode& trial, const std::vector<weir::ExitPoint>& points,
                          const std::vector<weir::ExitPoint>& even, const Options& o, const Models& models) {
  const Model& model = models.all[trial.nets.front()];
  const weir::Trace judge = judge_of(trial);
  weir::detail::ChainSearch options;
  options.budget = budget_in_the_mean(o);
  options.train = predicted_losses(o);
  options.validation = {.folds = 3, .lambdas = 6, .seed = o.seed, .threads = all_cores(o).threads()};
  options.most = o.exits + (model.copy_of.empty() ? 0 : 1);
  const weir::detail::FoundChain found = [&] {
    ProgressLine progress("placing the exits of " + model.name);
    weir::detail::ChainSearch shown = options;
    shown.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
    return weir::detail::search_chain({trial.lessons, judge}, shown);
  }();
  std::vector<std::size_t> even_stages;
  for (std::size_t t = 0; t < trial.spec->stages.size(); ++t)
    if (t >= points.size() ||
        std::ranges::any_of(even, [&](const weir::ExitPoint& p) { return p.tensor == points[t].tensor; }))
      even_stages.push_back(t);
  const double cost_even = weir::detail::cost_of_chain({trial.lessons, judge}, even_stages, options).cost;
  std::vector<weir::ExitPoint> chosen;
  std::string where;
  for (const std::size_t t : found.stages)
    if (t < points.size() && chosen.size() < o.exits) {
      chosen.push_back(points[t]);
      where += (where.empty() ? "" : ", ") + points[t].tensor;
    }
  const bool better = !chosen.empty() && found.cost < cost_even;
  const auto cost = [&](double c) { return weir::detail::format_cost(c, trial.prices.unit()); };
  return {better ? std::move(chosen) : even,
          "exits of " + model.name + ", of " + std::to_string(points.size()) +
              " tensors tried with small heads: " + (where.empty() ? "none" : where) + ": " + cost(found.cost) +
              " predicted on the policy part; evenly spread " + cost(cost_even) +
              (better ? "" : "; evenly spread they stay")};
}

/// Chooses the points of exits that the user left to the system (Heads::spread); none where that is not tried. Small
/// heads at all candidates answer the images of the policy part, to which they were not fitted; what a stage takes is
/// measured with heads of full size.
inline std::optional<Placed> place_exits(const Heads& h, const Options& o, const Data& data, const Models& models,
                                         const weir::Loss& loss, const HeadStore& store) {
  if (!h.spread || o.quick || o.costs.is_table() || !store.has_enough_images()) return std::nullopt;
  const std::vector<weir::ExitPoint> points = exit_candidates(models, h.model);
  if (points.empty() || h.points.empty()) return std::nullopt;
  std::vector<std::string> tensors;
  for (const weir::ExitPoint& p : points) tensors.push_back(p.tensor);
  const std::size_t units = store.units(h.model);
  const HeadInputs inputs = trial_inputs(tensors, h.model, o, models, store);
  const Mode trial =
      trial_mode(h.model, tensors, tensors,
                 trial_heads(inputs, tensors, std::clamp<std::size_t>(units, 1, 32), o, models, store), models);
  const Prices prices = find_costs(with_full_size_heads(trial, units), o, data, models);
  return best_points(recorded(trial, prices, o, data, models, loss), points, h.points, o, models);
}

}  // namespace adapt
