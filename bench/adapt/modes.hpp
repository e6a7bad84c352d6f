/// The modes of a run: which ways of stopping are learned.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "copies.hpp"
#include "search.hpp"

namespace adapt {

/// Selection where there are several networks, early exit in each network that can be left, and the pool of all to be
/// searched. Which of them is the one of policy.json is decided when they are learned (leading.hpp); of one network and
/// what was made of it the pool comes first, so that it leads where two cost the same. exits: with their heads. Exits
/// of a copy are for the search: losses are counted against its network. class_features: gates see the class predicted.
/// Throws ArgumentError where there is no mode.
inline std::vector<Mode> make_modes(const Members& members, const std::vector<Heads>& exits, bool class_features,
                                    const Options& o) {
  const Models& models = members.models;
  const bool several = o.early_exit.size() > 1;
  std::vector<Mode> modes;
  if (models.all.size() > 1) modes.push_back(selection_mode(o, models, class_features));
  for (const Heads& h : exits)
    if (!h.points.empty() && models.all[h.model].copy_of.empty())
      modes.push_back(early_exit_mode(h, models, class_features, several));
  if (members.searches)
    modes.insert(o.networks.size() == 1 ? modes.begin() : modes.end(), pool_mode(exits, models, class_features));
  if (modes.empty()) throw weir::ArgumentError("nothing to learn: one network and no early exits");
  return modes;
}

/// The mode among others whose cascade is that of `found`, or null: stages are named by network and exit.
inline const Mode* same_cascade(const std::vector<Mode>& modes, const Mode& found) {
  const auto same = std::ranges::find_if(modes, [&](const Mode& m) {
    return m.name != found.name && m.spec->topology.stages == found.spec->topology.stages;
  });
  return same == modes.end() ? nullptr : &*same;
}

/// What there is to say of the exits of a network; "" of exits that are a mode.
inline std::string exits_line(const Heads& h, const Models& models) {
  const Model& m = models.all[h.model];
  if (h.points.empty()) return "no early exits in " + m.name + ": " + h.reason;
  return m.copy_of.empty() ? "" : exits_of_copy_line(h, models);
}

/// "exit heads: trained on 50000 further images".
inline std::string heads_line(const Data& data, const Options& o) {
  return "exit heads: " + (data.heads.size() > 0
                               ? "trained on " + std::to_string(data.heads.size()) + " further images" +
                                     (data.heads.answers ? ", which have no labels" : "")
                               : "cross-fitted on the policy part, " + std::to_string(o.folds) + " folds");
}

}  // namespace adapt
