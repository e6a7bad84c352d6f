/// The exit heads of a run: each is fitted once, whoever asks for it.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/policy/exits/distilled_head_fit.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/grid_pool.hpp>

#include "head_inputs.hpp"
#include "head_sizes.hpp"

namespace adapt {

/// Heads that are fitted beside one that another sees, where there are images apart: fitting it takes thrice as long.
inline constexpr std::size_t heads_seen = 3;

/// A head, and what it says of the images that heads are fitted to.
struct FittedHead {
  weir::ExitHead head;          ///< fitted to all images
  Eigen::MatrixXf out_of_fold;  ///< [n_policy, classes] logits; empty if there were images apart
  /// What the head that sees this one is fitted to, of all images. Cross-fitted: by the head that left out fold 0, 1,
  /// ..., then by `head`. Else, once a head sees this one: each by one of heads_seen heads that left the image out.
  std::vector<Eigen::MatrixXf> logits;
};

/// Heads by network and by the tensors of their chain: the last tensor is the head's own, and its head sees the logits
/// of the head at the tensor before, which sees those of the one before that. Activations are computed once for each
/// tensor. Heads are fitted to data.heads where that is given, else cross-fitted on the policy part; those with a
/// hidden layer (--hidden) learn what the full network says of these images, the others their labels. An 8-bit copy's
/// heads learn what its network says.
class HeadStore {
 public:
  HeadStore(const Options& o, const Data& data, const Models& models)
      : o_(o),
        models_(models),
        cores_(all_cores(o)),
        cross_(data.heads.size() == 0),
        distils_(adapt::distils(o, cross_)),
        part_(cross_ ? data.policy : data.heads),
        labels_(part_.labels()) {
    fold_.resize(part_.size());
    for (std::size_t i = 0; i < fold_.size(); ++i) fold_[i] = i % o.folds;
  }

  const Part& part() const { return part_; }
  bool is_cross_fitted() const { return cross_; }
  /// Whether heads have a hidden layer and learn what the full network says; else they learn the labels.
  bool distils() const { return distils_; }

  /// The hidden units of a network's heads, from now on.
  void use_units(std::size_t model, std::size_t units) { units_[model] = units; }
  /// Those that were said last, else those of --hidden, or usual_units(); 0 of heads that learn labels.
  std::size_t units(std::size_t model) const {
    if (!distils_) return 0;
    const auto it = units_.find(model);
    return it != units_.end() ? it->second : hidden_units_asked(o_).value_or(usual_units(o_));
  }

  /// The network that an 8-bit copy was made of; any other network is its own.
  std::size_t teacher_of(std::size_t model) const {
    const Model& m = models_.all[model];
    for (std::size_t n = 0; !m.copy_of.empty() && n < models_.all.size(); ++n)
      if (models_.all[n].copy_of.empty() && models_.all[n].file == m.copy_of) return n;
    return model;
  }

  /// Enough images of each class to fit heads to.
  bool has_enough_images() const { return weir::detail::enough_examples(labels_, models_.n_classes()); }

  /// Computes what heads at these tensors of a network are fitted to.
  void record(std::size_t model, const std::vector<std::string>& tensors) {
    std::vector<std::string> missing;
    for (const std::string& t : tensors)
      if (layers_.count({model, t}) == 0) missing.push_back(t);
    if (missing.empty()) return;
    const std::size_t teacher = teacher_of(model);
    const bool own = teacher == model && distils_ && answers_.count(teacher) == 0;
    HeadInputs made = head_inputs(o_, models_, model, missing, part_, classes(), own);
    for (std::size_t t = 0; t < missing.size(); ++t)
      layers_[{model, missing[t]}] = {made.pools[t], std::move(made.pooled[t])};
    if (own) answers_[teacher] = std::move(made.answers);
    if (distils_ && answers_.count(teacher) == 0)
      answers_[teacher] = head_inputs(o_, models_, teacher, {}, part_, 0, true).answers;
  }

  /// The head at the end of a chain of tensors; record() has seen all of them.
  const FittedHead& head(std::size_t model, const std::vector<std::string>& chain) {
    const Key key{model, units(model), chain};
    if (const auto it = heads_.find(key); it != heads_.end()) return it->second;
    const FittedHead* before = before_of(model, chain);
    Layer& layer = layers_.at({model, chain.back()});
    ProgressLine line("fitting an exit head at " + chain.back() + (before ? ", which sees the exit before it" : ""));
    const auto show = [&](std::size_t done, std::size_t total) { line(done, total); };
    FittedHead made = cross_ ? cross_fit(layer, before, answers_[teacher_of(model)], units(model), show)
                             : fit(layer, before, answers_[teacher_of(model)], units(model), show);
    return heads_.emplace(key, std::move(made)).first->second;
  }

 private:
  using Key = std::tuple<std::size_t, std::size_t, std::vector<std::string>>;  // network, hidden units, tensors
  struct Layer {
    weir::detail::GridPool pool;
    Eigen::MatrixXf inputs;  ///< [images, d + classes]; the last columns hold the logits of the exit before
    Eigen::Index width(bool sees, Eigen::Index classes) const { return inputs.cols() - (sees ? 0 : classes); }
  };

  Eigen::Index classes() const { return static_cast<Eigen::Index>(models_.n_classes()); }

  /// A head with `units` hidden units, fitted to rows of X: what a layer holds and, where `sees`, the logits of the
  /// exit before it.
  template <typename Rows>
  weir::ExitHead fit_rows(const Layer& layer, bool sees, const Eigen::Ref<const Eigen::MatrixXf>& X,
                          const Eigen::MatrixXf& answers, const Rows& rows, std::size_t units,
                          const weir::Progress& show) const {
    if (distils_)
      return weir::DistilledHeadLearner{.hidden = units, .epochs = 8, .seed = o_.seed}.fit(
          layer.pool, X, answers, cores_, show, sees ? weir::HeadSees::earlier_exit : weir::HeadSees::own_layer);
    std::vector<int> labels;
    for (const auto i : rows) labels.push_back(labels_[static_cast<std::size_t>(i)]);
    const weir::ExitHead head = weir::ExitHeadLearner{.C = 1, .max_iterations = o_.quick ? 15 : 40}.fit(
        layer.pool, X, labels, models_.n_classes(), {}, show);
    return sees ? head.seeing_earlier() : head;
  }

  /// The head that the last one of a chain sees, with the logits to fit that one to; or none. A head is surer of images
  /// that it was fitted to than of those that it will answer, and the next one would learn to trust it as on the
  /// former. Where heads are cross-fitted, cross_fit() sees to that; else heads_seen further heads are fitted, each
  /// without the images that it answers.
  const FittedHead* before_of(std::size_t model, const std::vector<std::string>& chain) {
    if (chain.size() < 2) return nullptr;
    const std::vector<std::string> seen(chain.begin(), chain.end() - 1);
    head(model, seen);
    const std::size_t units = this->units(model);
    FittedHead& made = heads_.at({model, units, seen});
    if (!made.logits.empty()) return &made;
    const FittedHead* before = before_of(model, seen);
    Layer& layer = layers_.at({model, seen.back()});
    if (before) layer.inputs.rightCols(classes()) = before->logits.back();
    const Eigen::MatrixXf X = layer.inputs.leftCols(layer.width(before != nullptr, classes()));
    const Eigen::MatrixXf& answers = answers_[teacher_of(model)];
    const auto fit = [&](const std::vector<Eigen::Index>& rows, const Eigen::MatrixXf& all) {
      if (rows.size() == part_.size()) return made.head;
      const Eigen::MatrixXf some = all(rows, Eigen::all);
      return fit_rows(layer, before != nullptr, some,
                      distils_ ? Eigen::MatrixXf(answers(rows, Eigen::all)) : Eigen::MatrixXf(), rows, units, {});
    };
    std::vector<std::size_t> fold(part_.size());
    for (std::size_t i = 0; i < fold.size(); ++i) fold[i] = i % heads_seen;
    ProgressLine line("fitting heads at " + seen.back() + " for the one that sees them");
    made.logits.push_back(weir::detail::fit_cross(
                              fit, [&](std::size_t) -> const Eigen::MatrixXf& { return X; }, models_.n_classes(), fold,
                              heads_seen, cores_, [&](std::size_t done, std::size_t total) { line(done, total); })
                              .logits);
    return &made;
  }

  FittedHead fit(Layer& layer, const FittedHead* before, const Eigen::MatrixXf& answers, std::size_t units,
                 const weir::Progress& show) const {
    if (before) layer.inputs.rightCols(classes()) = before->logits.back();
    const auto X = layer.inputs.leftCols(layer.width(before != nullptr, classes()));
    std::vector<Eigen::Index> rows(part_.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<Eigen::Index>(i);
    return {fit_rows(layer, before != nullptr, X, answers, rows, units, show), {}, {}};
  }

  FittedHead cross_fit(Layer& layer, const FittedHead* before, const Eigen::MatrixXf& answers, std::size_t units,
                       const weir::Progress& show) const {
    const Eigen::Index width = layer.width(before != nullptr, classes());
    Eigen::MatrixXf X;
    const auto inputs = [&](std::size_t fold) -> const Eigen::MatrixXf& {
      if (before) layer.inputs.rightCols(classes()) = before->logits[fold];
      X = layer.inputs.leftCols(width);
      return X;
    };
    const auto fit = [&](const std::vector<Eigen::Index>& rows, const Eigen::MatrixXf& all) {
      const Eigen::MatrixXf some = all(rows, Eigen::all);
      return fit_rows(layer, before != nullptr, some,
                      distils_ ? Eigen::MatrixXf(answers(rows, Eigen::all)) : Eigen::MatrixXf(), rows, units, {});
    };
    weir::detail::CrossFit found =
        weir::detail::fit_cross(fit, inputs, models_.n_classes(), fold_, o_.folds, cores_, show);
    FittedHead made{std::move(found.head), std::move(found.logits), {}};
    for (std::size_t fold = 0; fold <= o_.folds; ++fold)
      made.logits.push_back(
          weir::detail::head_logits(fold < o_.folds ? found.without[fold] : made.head, inputs(fold), cores_));
    return made;
  }

  const Options& o_;
  const Models& models_;
  weir::Context cores_;
  bool cross_, distils_;
  const Part& part_;
  std::vector<int> labels_;
  std::vector<std::size_t> fold_;
  std::map<std::pair<std::size_t, std::string>, Layer> layers_;
  std::map<std::size_t, Eigen::MatrixXf> answers_;  // by network
  std::map<std::size_t, std::size_t> units_;        // by network, where they were chosen
  std::map<Key, FittedHead> heads_;
};

}  // namespace adapt
