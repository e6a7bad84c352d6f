/// How alike two networks answer.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/core/network.hpp>
#include <weir/core/tensor.hpp>

namespace weir::detail {

/// Images at a time: as many as fit, a few, for speed.
inline std::int64_t images_together(const Network& net) {
  return net.state().fixed_batch > 0 ? net.state().fixed_batch : 8;
}

/// Calls see(executor, first, rows) with a pass over each few images begun. Of networks of one batch size what is left
/// over at the end is run again with some before it.
template <typename See>
void for_each_batch(Executor& run, ConstView images, const See& see) {
  const std::int64_t n = images.shape[0], together = std::min(n, images_together(run.network()));
  const std::size_t each = images.size() / static_cast<std::size_t>(n);
  const bool fixed = run.network().state().fixed_batch > 0;
  for (std::int64_t first = 0; first < n; first += together) {
    const std::int64_t from = fixed ? std::min(first, n - together) : first;
    const std::int64_t rows = std::min(together, n - from);
    run.begin({images.data + static_cast<std::size_t>(from) * each, images.shape.with(0, rows)});
    see(run, from, rows);
  }
}

/// The first output of every image.
struct Answers {
  std::size_t classes = 0;
  std::vector<double> p;  ///< [images][classes]
  std::size_t size() const { return classes == 0 ? 0 : p.size() / classes; }
  std::span<const double> row(std::size_t i) const { return std::span(p).subspan(i * classes, classes); }
  std::size_t top(std::size_t i) const {
    const auto r = row(i);
    return static_cast<std::size_t>(std::max_element(r.begin(), r.end()) - r.begin());
  }
};

/// Throws ArgumentError where an answer is not finite.
inline Answers answers_of(const Network& net, ConstView images, const ContextOptions& context) {
  Answers a;
  a.classes = static_cast<std::size_t>(net.output_shape().numel());
  a.p.resize(a.classes * static_cast<std::size_t>(images.shape[0]));
  Executor executor(net, context);
  for_each_batch(executor, images, [&](Executor& run, std::int64_t first, std::int64_t) {
    const ConstView y = run.finish();
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (!std::isfinite(y.data[i]))
        throw ArgumentError(detail::message({net.source(), ": the answer to a calibration image is not finite"}));
      a.p[static_cast<std::size_t>(first) * a.classes + i] = double{y.data[i]};
    }
  });
  return a;
}

/// Whether some answer is no probability distribution.
inline bool are_logits(const Answers& a) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    double sum = 0;
    for (const double v : a.row(i)) {
      if (v < 0) return true;
      sum += v;
    }
    if (std::abs(sum - 1) > 1e-3) return true;
  }
  return false;
}

/// By softmax.
inline void make_probabilities(Answers& a) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto row = std::span(a.p).subspan(i * a.classes, a.classes);
    const double most = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (double& v : row) sum += v = std::exp(v - most);
    for (double& v : row) v /= sum;
  }
}

struct AgreementCount {
  double divergence = 0;  ///< mean over the images of the Kullback-Leibler divergence, in nats
  std::size_t same = 0;   ///< images of which both have the same best class
  std::size_t of = 0;
};

/// Of what `other` answers from what `reference` does.
inline AgreementCount compare_answers(const Answers& reference, const Answers& other) {
  AgreementCount a;
  a.of = reference.size();
  for (std::size_t i = 0; i < a.of; ++i) {
    const auto p = reference.row(i), q = other.row(i);
    for (std::size_t c = 0; c < p.size(); ++c)
      if (p[c] > 0) a.divergence += p[c] * std::log(p[c] / std::max(q[c], 1e-12)) / static_cast<double>(a.of);
    a.same += reference.top(i) == other.top(i) ? 1 : 0;
  }
  return a;
}

}  // namespace weir::detail
