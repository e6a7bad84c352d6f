/// CascadeStage: one place of a network where a cascade answers.
#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include <weir/core/network.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/features/image_statistics.hpp>
#include <weir/policy/run/stage_score.hpp>

namespace weir {

/// A place where a cascade can answer: an output of a network, or a layer with an exit head.
struct CascadeStage {
  std::string name;
  std::size_t network = 0;       ///< index into CascadeSpec::networks
  std::string tensor;            ///< the network's tensor that the answer is made from
  std::optional<ExitHead> head;  ///< set for an exit inside a network
  bool logits = true;            ///< without a head: the tensor holds logits (softmax follows) or already probabilities
  /// Feature group "pooled", where the cascade uses it: of pooled_tensor, a layer of the network between the stage
  /// before and this one, or of the stage's own tensor where that is empty.
  std::optional<detail::PooledProjection> projection{};
  std::string pooled_tensor{};
  detail::AnswerForm form{};  ///< what becomes of its class probabilities
  /// Set where the head sees the exit before it: the name of that stage, of the same network, which every path to this
  /// one runs.
  std::string sees{};

  std::string where() const { return "cascade, stage '" + name + "': "; }
  const std::string& tensor_to_pool() const { return pooled_tensor.empty() ? tensor : pooled_tensor; }
  /// The head's pooled vector is what the projection reads.
  bool head_pools() const { return head && pooled_tensor.empty() && head->pool().grid == projection->pool().grid; }
};

}  // namespace weir

namespace weir::detail {

/// The stages whose logits the head of stage k is computed from, of which each sees the one before, and k itself, in
/// the order in which they run.
inline std::vector<std::size_t> stages_behind(const std::vector<CascadeStage>& stages, std::size_t k) {
  std::vector<std::size_t> all{k};
  while (!stages[all.front()].sees.empty()) {
    const auto seen = std::ranges::find(stages, stages[all.front()].sees, &CascadeStage::name);
    if (seen == stages.end() || std::ranges::count(all, static_cast<std::size_t>(seen - stages.begin())) > 0) break;
    all.insert(all.begin(), static_cast<std::size_t>(seen - stages.begin()));
  }
  return all;
}

/// The place of the stage that the head of stage k sees; stages.size() where it sees none. `before` holds the stages
/// that every path to k runs. Throws ArgumentError, ShapeError unless the two fit.
inline std::size_t seen_by(const std::vector<CascadeStage>& stages, std::size_t k,
                           std::span<const std::size_t> before) {
  const CascadeStage& s = stages[k];
  const bool reads = s.head && s.head->sees_earlier();
  if (s.sees.empty()) {
    if (reads)
      throw ArgumentError(
          detail::message({s.where(), "its head reads the logits of an exit before it, and none is named"}));
    return stages.size();
  }
  if (!reads) throw ArgumentError(detail::message({s.where(), "its head does not read the logits of '", s.sees, "'"}));
  for (const std::size_t j : before) {
    if (stages[j].name != s.sees) continue;
    if (stages[j].network != s.network)
      throw ArgumentError(
          detail::message({s.where(), "'", s.sees, "', which its head sees, is a stage of another network"}));
    if (!stages[j].head && !stages[j].logits)
      throw ArgumentError(
          detail::message({s.where(), "'", s.sees, "', which its head sees, answers with probabilities, not logits"}));
    return j;
  }
  throw ArgumentError(detail::message({s.where(), "its head sees '", s.sees, "', which not every path to it runs"}));
}

/// Channels of the images that a network reads; 0 where its input is no [N, C, H, W] of 1 to 4 channels.
inline std::size_t image_channels(const Network& network) {
  const Shape s = network.input_shape();
  return s.rank() == 4 && s[1] >= 1 && s[1] <= static_cast<std::int64_t>(max_image_channels)
             ? static_cast<std::size_t>(s[1])
             : 0;
}

/// Throws ShapeError, ArgumentError unless the tensor that stage k of a cascade pools is there when the stage answers,
/// with the rows that are still active, and fits the projection.
inline void check_pooled(const std::vector<CascadeStage>& stages, std::size_t k, const Network& net) {
  const CascadeStage& s = stages[k];
  const Value& value = net.value(net.id_of(s.tensor_to_pool()));
  if (!net.has_row_for_each_example(net.id_of(s.tensor_to_pool())))
    throw ShapeError(detail::message({s.where(), "'", s.tensor_to_pool(),
                                      "' has no row for each example to pool that depends on that example only"}));
  const Shape tensor = value.form.at(1);
  const std::size_t given = s.projection->pool().size(Shape(std::span(tensor.begin() + 1, tensor.end())));
  if (given != s.projection->n_pooled())
    throw ShapeError(detail::message({s.where(), "the projection expects ", s.projection->n_pooled(),
                                      " pooled values, '", s.tensor_to_pool(), "' gives ", given}));
  if (s.pooled_tensor.empty()) return;
  const auto names = net.tensor_names();
  const auto position = [&](const std::string& t) { return std::ranges::find(names, t) - names.begin(); };
  bool between = position(s.pooled_tensor) < position(s.tensor);
  for (std::size_t j = 0; j < stages.size(); ++j)
    if (j != k && stages[j].network == s.network && position(stages[j].tensor) < position(s.tensor))
      between = between && position(stages[j].tensor) < position(s.pooled_tensor);
  if (!between)
    throw ArgumentError(detail::message(
        {s.where(), "'", s.pooled_tensor, "' does not lie between the stage before and '", s.tensor, "'"}));
}

}  // namespace weir::detail
