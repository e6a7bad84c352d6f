/// How many hidden units exit heads get: the size with which the system costs least on the policy part.
#pragma once
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/policy/learn/chain_search.hpp>
#include <weir/policy/trace/trace.hpp>

#include "placement.hpp"

namespace adapt {

/// What the system costs with each of several sizes of heads: of a pool of stages whose heads sit at one tensor after
/// the other, at each in all sizes, and the full network behind them. Each size by its best chain, cross-validated in
/// three divisions into folds, whose mean counts.
inline std::vector<double> costs_by_size(const weir::Trace& pool, std::size_t n_sizes,
                                         weir::detail::ChainSearch options, const weir::Progress& progress = {}) {
  constexpr std::size_t divisions = 3;
  const std::size_t places = (pool.stages.size() - 1) / n_sizes;
  options.most = places;
  const std::uint64_t seed = options.validation.seed;
  std::vector<double> cost;
  for (std::size_t s = 0; s < n_sizes; ++s) {
    std::vector<std::size_t> keep;
    for (std::size_t p = 0; p < places; ++p) keep.push_back(p * n_sizes + s);
    keep.push_back(pool.stages.size() - 1);
    const weir::Trace own = pool.select(keep);
    double sum = 0;
    for (std::size_t d = 0; d < divisions; ++d) {
      options.validation.seed = seed + d;
      sum += weir::detail::search_chain(own, options).cost;
      if (progress) progress(s * divisions + d + 1, n_sizes * divisions);
    }
    cost.push_back(sum / divisions);
  }
  return cost;
}

/// Heads of one size at these tensors. Fitted to images apart they are those that the run will use; cross-fitted ones
/// are fitted more shortly, as in trial_heads().
inline TrialHeads heads_of_size(std::size_t units, const std::vector<std::string>& tensors, const HeadInputs& inputs,
                                std::size_t model, const Options& o, const Models& models, HeadStore& store) {
  if (store.is_cross_fitted()) return trial_heads(inputs, tensors, units, o, models, store);
  TrialHeads made;
  store.use_units(model, units);
  for (const std::string& tensor : tensors) {
    made.heads.push_back(store.head(model, {tensor}).head);
    made.out_of_fold.emplace_back();
  }
  return made;
}

/// The network left at these tensors, at each with a head of every size, to be priced: what layers take is measured
/// once, for all sizes alike.
inline Mode mode_of_all_sizes(std::size_t model, const std::vector<std::string>& tensors,
                              const std::vector<std::size_t>& sizes, const Options& o, const Models& models,
                              HeadStore& store) {
  HeadInputs inputs;
  if (store.is_cross_fitted())
    inputs = head_inputs(o, models, model, tensors, store.part(), 0, true);
  else
    store.record(model, tensors);
  std::vector<TrialHeads> by_size;
  for (const std::size_t units : sizes)
    by_size.push_back(heads_of_size(units, tensors, inputs, model, o, models, store));
  TrialHeads all;
  std::vector<std::string> at, names;
  for (std::size_t t = 0; t < tensors.size(); ++t)
    for (std::size_t s = 0; s < sizes.size(); ++s) {
      at.push_back(tensors[t]);
      names.push_back(tensors[t] + " of " + std::to_string(sizes[s]));
      all.heads.push_back(std::move(by_size[s].heads[t]));
      all.out_of_fold.push_back(std::move(by_size[s].out_of_fold[t]));
    }
  return trial_mode(model, at, names, std::move(all), models);
}

/// Chooses the size of a network's exit heads where --hidden leaves it open, and tells the store. Judged are answers to
/// images of the policy part that heads were not fitted to, by their labels, with heads' own cost counted. An 8-bit
/// copy gets the size of its network, which has been chosen before. None where nothing was compared: heads have
/// one layer, a table names what stages cost, or there are too few images.
inline std::optional<SizesTried> choose_head_size(const Heads& h, const Options& o, const Data& data,
                                                  const Models& models, const weir::Loss& loss, HeadStore& store) {
  if (hidden_units_asked(o) || !store.distils() || o.costs.is_table() || !store.has_enough_images())
    return std::nullopt;
  if (const std::size_t of = store.teacher_of(h.model); of != h.model) {
    store.use_units(h.model, store.units(of));
    return std::nullopt;
  }
  const Model& model = models.all[h.model];
  SizesTried tried{model.name, fitted_tensors(h, models), sizes_to_try(o), {}, {}, 0};
  if (tried.tensors.empty()) return std::nullopt;
  const Mode mode = mode_of_all_sizes(h.model, tried.tensors, tried.units, o, models, store);
  Prices prices = find_costs(mode, o, data, models);
  tried.unit = prices.unit();
  const PricedMode pool = recorded(mode, std::move(prices), o, data, models, loss);
  ProgressLine line("choosing the size of exit heads of " + model.name);
  tried.cost =
      costs_by_size(pool.policy, tried.units.size(),
                    {.train = predicted_losses(o),
                     .budget = budget_in_the_mean(o),
                     .validation = {.folds = 3, .lambdas = 6, .seed = o.seed, .threads = all_cores(o).threads()}},
                    [&](std::size_t done, std::size_t total) { line(done, total); });
  tried.taken = smallest_of_the_best(tried.units, tried.cost);
  store.use_units(h.model, tried.taken);
  return tried;
}

}  // namespace adapt
