/// Exits inside a network: answers that it has there itself, and heads for other layers.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/shape.hpp>
#include <weir/policy/exits/answers_inside.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_points.hpp>

#include "head_store.hpp"

namespace adapt {

struct Heads {
  std::size_t model = 0;                             ///< index into Models::all
  std::vector<weir::ExitPoint> points;               ///< where they sit
  std::vector<std::optional<weir::ExitHead>> heads;  ///< fitted to all images; none where the tensor is an answer
  std::vector<bool> logits;                          ///< what answers there still needs a softmax
  std::vector<Eigen::MatrixXf> out_of_fold;          ///< [n_policy, classes] logits; empty if there were images apart
  bool spread = false;                               ///< points were left to the system: placement.hpp
  std::string reason;                                ///< why there are none
  std::vector<SizesTried> sizes{};                   ///< what their size was chosen among; none if it was not
};

/// The tensors of its points at which heads are fitted: one with as many values as there are classes is an answer.
inline std::vector<std::string> fitted_tensors(const Heads& h, const Models& models) {
  const weir::Network& net = models.all[h.model].network;
  std::vector<std::string> fitted;
  for (const weir::ExitPoint& p : h.points)
    if (net.shape_of(p.tensor).numel() != static_cast<std::int64_t>(models.n_classes())) fitted.push_back(p.tensor);
  return fitted;
}

/// What the stage of an exit is called in the mode of its network.
inline std::string exit_name(const Heads& h, std::size_t e) {
  return "exit" + std::to_string(e + 1) + "@" + h.points[e].tensor;
}

/// "b.onnx:x,y" -> the model and its exit points; "" is the last one.
inline Heads choose_exits(const std::string& early_exit, const Options& o, const Models& models) {
  Heads h;
  std::string layers;
  h.model = models.all.size() - 1;
  if (!early_exit.empty()) {
    const std::size_t onnx = early_exit.rfind(".onnx");
    const std::size_t end = onnx == std::string::npos ? early_exit.size() : onnx + 5;
    const std::string file = early_exit.substr(0, end);
    if (end < early_exit.size()) {
      if (early_exit[end] != ':') throw weir::ArgumentError("--early-exit " + early_exit + ": say FILE.onnx:layer");
      layers = early_exit.substr(end + 1);
    }
    const auto it = std::find_if(models.all.begin(), models.all.end(), [&](const Model& m) {
      return m.file == file || std::filesystem::path(m.file).filename() == file;
    });
    if (it == models.all.end()) throw weir::ArgumentError("--early-exit " + file + ": is none of the --network files");
    h.model = static_cast<std::size_t>(it - models.all.begin());
  }
  const weir::Network& net = models.all[h.model].network;
  const auto own = weir::detail::answer_tensors(net);
  if (layers.empty() && own.size() > 1) {
    for (std::size_t a = 0; a + 1 < own.size(); ++a) h.points.push_back({own[a], 0});
    return h;
  }
  if (layers.empty()) {
    h.points = weir::detail::spread_exit_points(net, o.exits);
    h.spread = true;
    if (h.points.empty()) h.reason = "the network has no tensor that everything after it depends on alone";
    return h;
  }
  for (const std::string& layer : CLI::detail::split(layers, ',')) {
    weir::ExitPoint point{layer, 0};
    (void)net.shape_of(layer);  // refuses unknown names
    if (layer == own.back())
      throw weir::ArgumentError("--early-exit " + early_exit + ": " + layer + " is the answer of the whole network");
    for (const auto& p : weir::exit_points(net))
      if (p.tensor == layer) point = p;
    h.points.push_back(point);
  }
  // In the order in which they are named, unless one depends on another.
  std::vector<std::string> named;
  for (const auto& p : h.points) named.push_back(p.tensor);
  const auto names = weir::detail::computed_in_order(net, named).tensor_names();
  const auto position = [&](const weir::ExitPoint& p) { return std::find(names.begin(), names.end(), p.tensor); };
  std::stable_sort(h.points.begin(), h.points.end(),
                   [&](const auto& a, const auto& b) { return position(a) < position(b); });
  return h;
}

/// Fits heads to the points that are no answers (a tensor with as many values as there are classes is one), each to see
/// its own layer only. Without enough images these points go.
inline Heads fit_heads(Heads h, HeadStore& store, const Data& data, const Models& models) {
  const weir::Network& net = models.all[h.model].network;
  const auto is_answer = [&](const weir::ExitPoint& p) {
    return net.shape_of(p.tensor).numel() == static_cast<std::int64_t>(models.n_classes());
  };
  if (!store.has_enough_images() &&
      std::erase_if(h.points, [&](const weir::ExitPoint& p) { return !is_answer(p); }) > 0)
    h.reason = "fewer than 10 of the " + std::to_string(store.part().size()) +
               " images in some class are too few to train exit heads on";
  h.heads.resize(h.points.size());
  h.logits.assign(h.points.size(), true);
  if (store.is_cross_fitted()) h.out_of_fold.resize(h.points.size());
  store.record(h.model, fitted_tensors(h, models));
  for (std::size_t e = 0; e < h.points.size(); ++e) {
    const std::string& tensor = h.points[e].tensor;
    if (is_answer(h.points[e])) {
      h.logits[e] = models.is_logits(data.policy, h.model, tensor);
      continue;
    }
    const FittedHead& made = store.head(h.model, {tensor});
    h.heads[e] = made.head;
    if (store.is_cross_fitted()) h.out_of_fold[e] = made.out_of_fold;
  }
  return h;
}

}  // namespace adapt
