/// Where exits stand: chosen among all tensors that a head can read, by what the system costs.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/exits/distilled_head_fit.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/policy/learn/chain_search.hpp>
#include <weir/policy/learn/folds.hpp>
#include <weir/policy/learn/tune.hpp>

#include "costs.hpp"
#include "learn.hpp"

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

inline TrialHeads trial_heads(const std::vector<std::string>& tensors, std::size_t model, const Options& o,
                              Models& models, const HeadStore& store) {
  Part part = store.part();
  const std::size_t n = store.is_cross_fitted() ? part.size() : std::min(part.size(), images_to_try);
  for (std::size_t i = 0; i < n; ++i) part.rows[i] = part.rows[i * part.size() / n];  // from all over: it may be sorted
  part.rows.resize(n);
  const HeadInputs inputs = head_inputs(o, models, model, tensors, part, 0, true);
  const weir::DistilledHeadLearner learner{
      .hidden = std::clamp<std::size_t>(o.hidden, 1, 32), .epochs = 4, .least_steps = 600, .seed = o.seed};
  const weir::Context cores = all_cores(o);
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

/// Chooses the points of exits that the user left to the system (Heads::spread). Small heads at all candidates answer
/// the images of the policy part, to which they were not fitted; what a stage takes is measured with heads of full
/// size; and of all chains of at most --exits of them, the network's own answer and the full network, search_chain()
/// takes the one that costs least in cross-validation. Evenly spread exits stay where none is cheaper. say: takes a
/// line for the terminal.
inline void place_exits(Heads& h, const Options& o, const Data& data, Models& models, const weir::Loss& loss,
                        const HeadStore& store, const std::function<void(const std::string&)>& say) {
  if (!h.spread || o.quick || o.costs.is_table() || !store.has_enough_images()) return;
  const Model& model = models.all[h.model];
  const std::vector<weir::ExitPoint> points = exit_candidates(models, h.model);
  if (points.empty() || h.points.empty()) return;
  std::vector<std::string> tensors;
  for (const weir::ExitPoint& p : points) tensors.push_back(p.tensor);
  TrialHeads trial = trial_heads(tensors, h.model, o, models, store);
  Mode m;
  m.name = "exits of " + model.name;
  m.nets = {h.model};
  std::vector<weir::Network> networks{model.network};
  std::vector<weir::CascadeStage> stages;
  for (std::size_t t = 0; t < tensors.size(); ++t) stages.push_back({tensors[t], 0, tensors[t], trial.heads[t]});
  stages.push_back({model.name, 0, model.answer, std::nullopt, model.logits});
  m.out_of_fold = std::move(trial.out_of_fold);
  m.out_of_fold.emplace_back();
  if (!model.copy_of.empty()) {  // losses are counted against its network, which comes behind it
    const auto of = static_cast<std::size_t>(
        std::ranges::find_if(models.all, [&](const Model& x) { return x.copy_of.empty() && x.file == model.copy_of; }) -
        models.all.begin());
    m.nets.push_back(of);
    networks.push_back(models.all[of].network);
    stages.push_back({models.all[of].name, 1, models.all[of].answer, std::nullopt, models.all[of].logits});
    m.out_of_fold.emplace_back();
  }
  std::vector<std::string> names;
  for (const weir::CascadeStage& s : stages) names.push_back(s.name);
  const weir::Topology chain = weir::Topology::chain(names);
  Mode priced = m;
  std::vector<weir::CascadeStage> full_size = stages;
  for (weir::CascadeStage& s : full_size)
    if (s.head) s.head = head_to_price(*s.head, o.hidden);
  priced.spec = std::make_shared<weir::CascadeSpec>(networks, std::move(full_size), chain);
  m.spec = std::make_shared<weir::CascadeSpec>(networks, std::move(stages), chain);
  find_costs(priced, o, data, models);
  m.model = std::move(priced.model);
  m.batch = priced.batch;
  m.price_full_batches();
  m.policy = record(m, o, models, data.policy, loss, true);
  take_lessons(m, o, loss);
  weir::detail::ChainSearch options;
  options.budget.on = budget_on(o.budget);
  options.budget.value = o.max_loss;
  options.train = weir::detail::with_learner({.side = loss_side(options.budget.on), .seed = o.seed},
                                             std::string(weir::detail::predicted_loss));
  options.validation = {.folds = 3, .lambdas = 6, .seed = o.seed, .threads = all_cores(o).threads()};
  options.most = o.exits + (model.copy_of.empty() ? 0 : 1);
  const weir::detail::FoundChain found = [&] {
    ProgressLine progress("placing the exits of " + model.name);
    options.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
    return weir::detail::search_chain(m.lessons, options);
  }();
  std::vector<std::size_t> even;
  for (std::size_t t = 0; t < m.spec->stages.size(); ++t)
    if (t >= tensors.size() ||
        std::ranges::any_of(h.points, [&](const weir::ExitPoint& p) { return p.tensor == tensors[t]; }))
      even.push_back(t);
  const double cost_even = weir::detail::cost_of_chain(m.lessons, even, options).cost;
  std::vector<weir::ExitPoint> chosen;
  std::string where;
  for (const std::size_t t : found.stages)
    if (t < tensors.size() && chosen.size() < o.exits) {
      chosen.push_back(points[t]);
      where += (where.empty() ? "" : ", ") + points[t].tensor;
    }
  const bool better = !chosen.empty() && found.cost < cost_even;
  say("exits of " + model.name + ", of " + std::to_string(tensors.size()) +
      " tensors tried with small heads: " + (where.empty() ? "none" : where) + ": " +
      weir::detail::format_cost(found.cost, m.model.unit) + " predicted on the policy part; evenly spread " +
      weir::detail::format_cost(cost_even, m.model.unit) + (better ? "" : "; evenly spread they stay"));
  if (better) h.points = std::move(chosen);
}

}  // namespace adapt
