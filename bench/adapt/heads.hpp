/// Exits inside a network: answers that it has there itself, and heads for other layers.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/answers_inside.hpp>
#include <weir/policy/exits/distilled_head_fit.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_head_fit.hpp>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/run/not_finite.hpp>

#include "models.hpp"

namespace adapt {

/// Work that is not timed uses all cores; results do not depend on the number of threads.
inline weir::Context all_cores(const Options& o) {
  const int n = static_cast<int>(std::thread::hardware_concurrency());
  return weir::Context({.threads = std::clamp(n, 1, 64), .isa = o.isa});
}

struct Heads {
  std::size_t model = 0;                             ///< index into Models::all
  std::vector<weir::ExitPoint> points;               ///< where they sit
  std::vector<std::optional<weir::ExitHead>> heads;  ///< fitted to all images; none where the tensor is an answer
  std::vector<bool> logits;                          ///< what answers there still needs a softmax
  std::vector<Eigen::MatrixXf> out_of_fold;          ///< [n_policy, classes] logits; empty if there were images apart
  std::string reason;                                ///< why there are none
};

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

/// Fits heads to the points that are no answers (a tensor with as many values as there are classes is one): to
/// data.heads where that is given, else cross-fitted on the policy part. Heads with a hidden layer (--hidden) learn
/// what the full network says of these images, the others their labels. Without enough images these points go.
inline void fit_heads(Heads& h, const Options& o, const Data& data, Models& models, std::size_t n_classes) {
  const bool cross = data.heads.size() == 0;
  const bool distil = o.hidden > 0 && !(o.quick && cross);  // six fits for each exit are not quick
  const Part& part = cross ? data.policy : data.heads;
  const std::vector<int> labels = part.labels();
  const weir::Network& net = models.all[h.model].network;
  const auto is_answer = [&](const weir::ExitPoint& p) {
    return net.shape_of(p.tensor).numel() == static_cast<std::int64_t>(n_classes);
  };
  if (!weir::detail::enough_examples(labels, n_classes) &&
      std::erase_if(h.points, [&](const weir::ExitPoint& p) { return !is_answer(p); }) > 0)
    h.reason = "fewer than 10 of the " + std::to_string(part.size()) +
               " images in some class are too few to train exit heads on";
  h.heads.resize(h.points.size());
  h.logits.assign(h.points.size(), true);
  if (cross) h.out_of_fold.resize(h.points.size());
  std::vector<std::size_t> fitted;  // points
  for (std::size_t e = 0; e < h.points.size(); ++e) {
    if (is_answer(h.points[e]))
      h.logits[e] = models.is_logits(data.policy, h.model, h.points[e].tensor);
    else
      fitted.push_back(e);
  }
  if (fitted.empty()) return;
  weir::Executor run(net, all_cores(o));
  std::vector<weir::detail::GridPool> pools;
  std::vector<Eigen::MatrixXf> pooled;
  const Model& model = models.all[h.model];
  Eigen::MatrixXf full;  // class probabilities of the whole network
  if (distil) full.resize(static_cast<Eigen::Index>(part.size()), static_cast<Eigen::Index>(n_classes));
  for (const std::size_t e : fitted) {
    run.show(h.points[e].tensor);
    const weir::Shape s = net.shape_of(h.points[e].tensor);
    const weir::Shape example(std::span(s.begin() + 1, s.end()));
    const std::int64_t finest = example.rank() == 3 ? std::min(example[1], example[2]) : 1;
    pools.push_back({static_cast<int>(std::min<std::int64_t>(o.grid, finest))});
    pooled.emplace_back(static_cast<Eigen::Index>(part.size()), static_cast<Eigen::Index>(pools.back().size(example)));
  }
  {
    ProgressLine progress("activations for " + std::to_string(fitted.size()) + " exit heads");
    const auto maker = models.maker(part, {h.model});
    const std::size_t batch = 32;
    weir::Tensor x(net.input_shape().with(0, static_cast<std::int64_t>(batch)));
    const std::size_t row = x.size() / batch;
    std::vector<float> vector, probabilities(n_classes);
    for (std::size_t first = 0; first < part.size(); first += batch) {
      const std::size_t n = std::min(batch, part.size() - first);
      for (std::size_t i = 0; i < n; ++i) maker(0, first + i, {x.data() + i * row, net.input_shape()});
      run.begin(weir::ConstView{x.data(), x.shape().with(0, static_cast<std::int64_t>(n))});
      for (std::size_t f = 0; f < fitted.size(); ++f) {
        const weir::ConstView a = run.advance_to(h.points[fitted[f]].tensor);
        const weir::Shape example(std::span(a.shape.begin() + 1, a.shape.end()));
        vector.resize(static_cast<std::size_t>(pooled[f].cols()));
        for (std::size_t i = 0; i < n; ++i) {
          pools[f](a.data + i * (a.size() / n), example, vector.data());
          try {
            weir::detail::check_finite(
                vector, [&] { return net.source(); }, h.points[fitted[f]].tensor, first + i);
          } catch (const weir::NotFiniteError& e) {
            throw e.at("image '" + part.set->name(part.rows[first + i]) + "'");
          }
          for (std::size_t d = 0; d < vector.size(); ++d)
            pooled[f](static_cast<Eigen::Index>(first + i), static_cast<Eigen::Index>(d)) = vector[d];
        }
      }
      if (distil) {
        const weir::ConstView a = run.advance_to(model.answer);
        for (std::size_t i = 0; i < n; ++i) {
          const std::span<const float> own(a.data + i * n_classes, n_classes);
          if (model.logits)
            weir::detail::softmax(own, probabilities);
          else
            std::copy(own.begin(), own.end(), probabilities.begin());
          for (std::size_t c = 0; c < n_classes; ++c)
            full(static_cast<Eigen::Index>(first + i), static_cast<Eigen::Index>(c)) = probabilities[c];
        }
      }
      progress(first + n, part.size());
    }
  }
  const weir::ExitHeadLearner linear{.C = 1, .max_iterations = o.quick ? 15 : 40};
  const weir::DistilledHeadLearner distilled{
      .hidden = o.quick ? std::min<std::size_t>(o.hidden, 32) : o.hidden, .epochs = 8, .seed = o.seed};
  const weir::Context cores = all_cores(o);
  std::vector<std::size_t> fold(part.size());
  for (std::size_t i = 0; i < fold.size(); ++i) fold[i] = i % o.folds;
  for (std::size_t f = 0; f < fitted.size(); ++f) {
    ProgressLine progress("fitting exit head " + std::to_string(f + 1) + " of " + std::to_string(fitted.size()));
    const auto show = [&](std::size_t done, std::size_t total) { progress(done, total); };
    if (!cross) {
      h.heads[fitted[f]] = distil ? distilled.fit(pools[f], pooled[f], full, cores, show)
                                  : linear.fit(pools[f], pooled[f], labels, n_classes, {}, show);
      continue;
    }
    auto fit = distil
                   ? weir::detail::fit_cross(
                         [&](const std::vector<Eigen::Index>& rows) {
                           return distilled.fit(pools[f], pooled[f](rows, Eigen::all), full(rows, Eigen::all), cores);
                         },
                         pooled[f], n_classes, fold, o.folds, cores.isa(), show)
                   : weir::detail::fit_cross(linear, pools[f], pooled[f], labels, n_classes, fold, o.folds, show);
    h.heads[fitted[f]] = std::move(fit.head);
    h.out_of_fold[fitted[f]] = std::move(fit.logits);
  }
}

}  // namespace adapt
