/// What exit heads are fitted to: pooled activations of a network's layers, and what the full network says.
#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/parallel.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/run/not_finite.hpp>

#include "models.hpp"

namespace adapt {

/// Work that is not timed uses all cores; results do not depend on the number of threads.
inline weir::Context all_cores(const Options& o) {
  const int n = static_cast<int>(std::thread::hardware_concurrency());
  return weir::Context({.threads = std::clamp(n, 1, 64), .isa = o.isa});
}

/// Shape of a tensor for one image.
inline weir::Shape example_shape(const weir::Network& net, const std::string& tensor) {
  const weir::Shape s = net.shape_of(tensor);
  return weir::Shape(std::span(s.begin() + 1, s.end()));
}

/// How a head at a tensor pools it: onto a raster of --grid, or of as many cells as it has.
inline weir::detail::GridPool pool_at(const weir::Network& net, const std::string& tensor, int grid) {
  const weir::Shape example = example_shape(net, tensor);
  const std::int64_t finest = example.rank() == 3 ? std::min(example[1], example[2]) : 1;
  return {static_cast<int>(std::min<std::int64_t>(grid, finest))};
}

struct HeadInputs {
  std::vector<weir::detail::GridPool> pools;  ///< [tensors]
  std::vector<Eigen::MatrixXf> pooled;        ///< [tensors] of [images, d + room]: the last columns are not written
  Eigen::MatrixXf answers;                    ///< [images, classes] probabilities of the network; or empty
};

/// Runs network `model` on the images of a part up to `tensors`, and to its end where its answers are asked for. Each
/// core runs images of its own, a few at a time: layers of a large batch leave the cache before the next one reads
/// them.
inline HeadInputs head_inputs(const Options& o, const Models& models, std::size_t model,
                              const std::vector<std::string>& tensors, const Part& part, Eigen::Index room,
                              bool with_answers) {
  const Model& m = models.all[model];
  const weir::Network net = weir::detail::computed_in_order(m.network, tensors);
  const auto n = static_cast<Eigen::Index>(part.size());
  HeadInputs made;
  for (const std::string& t : tensors) {
    made.pools.push_back(pool_at(net, t, o.grid));
    made.pooled.emplace_back(n, static_cast<Eigen::Index>(made.pools.back().size(example_shape(net, t))) + room);
  }
  const std::size_t classes = models.n_classes();
  if (with_answers) made.answers.resize(n, static_cast<Eigen::Index>(classes));
  ProgressLine progress("activations of " + m.name + " for " + std::to_string(tensors.size()) + " exit heads");
  const auto maker = models.maker(part, {model});
  std::mutex mutex;  // of the maker, which has one scratch, and of the line
  std::atomic<std::size_t> done = 0;
  const std::int64_t batch = net.state().fixed_batch > 0 ? 1 : 4;
  all_cores(o).pool().split(n, batch, [&](std::int64_t begin, std::int64_t end) {
    weir::Executor run(net, weir::Context({.threads = 1, .isa = o.isa}));
    for (const std::string& t : tensors) run.show(t);
    weir::Tensor x(net.input_shape().with(0, batch));
    const std::size_t row = x.size() / static_cast<std::size_t>(batch);
    std::vector<float> vector, probabilities(classes);
    for (std::int64_t first = begin; first < end; first += batch) {
      const auto count = static_cast<std::size_t>(std::min(batch, end - first));
      {
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < count; ++i)
          maker(0, static_cast<std::size_t>(first) + i, {x.data() + i * row, net.input_shape()});
      }
      run.begin(weir::ConstView{x.data(), x.shape().with(0, static_cast<std::int64_t>(count))});
      for (std::size_t f = 0; f < tensors.size(); ++f) {
        const weir::ConstView a = run.advance_to(tensors[f]);
        const weir::Shape example(std::span(a.shape.begin() + 1, a.shape.end()));
        vector.resize(static_cast<std::size_t>(made.pooled[f].cols() - room));
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t at = static_cast<std::size_t>(first) + i;
          made.pools[f](a.data + i * (a.size() / count), example, vector.data());
          try {
            weir::detail::check_finite(
                vector, [&] { return net.source(); }, tensors[f], at);
          } catch (const weir::NotFiniteError& e) {
            throw e.at("image '" + part.set->name(part.rows[at]) + "'");
          }
          for (std::size_t d = 0; d < vector.size(); ++d)
            made.pooled[f](static_cast<Eigen::Index>(at), static_cast<Eigen::Index>(d)) = vector[d];
        }
      }
      if (with_answers) {
        const weir::ConstView a = run.advance_to(m.answer);
        for (std::size_t i = 0; i < count; ++i) {
          const std::span<const float> own(a.data + i * classes, classes);
          if (m.logits)
            weir::detail::softmax(own, probabilities);
          else
            std::copy(own.begin(), own.end(), probabilities.begin());
          for (std::size_t c = 0; c < classes; ++c)
            made.answers(first + static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(c)) = probabilities[c];
        }
      }
      const std::size_t so_far = done += count;
      const std::lock_guard lock(mutex);
      progress(so_far, part.size());
    }
  });
  return made;
}

}  // namespace adapt
