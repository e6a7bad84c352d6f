// What distilled_head_fit.hpp declares.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/kernels/gemm/dot_rows.hpp>
#include <weir/core/parallel.hpp>
#include <weir/policy/exits/distilled_head_fit.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/learners/random.hpp>

namespace weir::detail {

/// Parameters of one layer [out, in] with Adam's memory.
class AdamLayer {
 public:
  std::vector<float> value, gradient;

  /// Uniform in [-limit, limit].
  AdamLayer(std::size_t n, float limit, std::uint64_t seed) : value(n), gradient(n), mean_(n), square_(n) {
    for (std::size_t i = 0; i < n; ++i) value[i] = limit * static_cast<float>(2 * counter_uniform(seed, i) - 1);
  }

  /// The t-th step, t from 1 on.
  void update(int t, double step, double decay) {
    constexpr float keep_mean = 0.9F, keep_square = 0.999F;
    const auto mean_scale = static_cast<float>(step / (1 - std::pow(static_cast<double>(keep_mean), t)));
    const auto square_scale = static_cast<float>(1 / (1 - std::pow(static_cast<double>(keep_square), t)));
    const auto keep = static_cast<float>(1 - step * decay);
    for (std::size_t i = 0; i < value.size(); ++i) {
      mean_[i] = keep_mean * mean_[i] + (1 - keep_mean) * gradient[i];
      square_[i] = keep_square * square_[i] + (1 - keep_square) * gradient[i] * gradient[i];
      value[i] = keep * value[i] - mean_scale * mean_[i] / (std::sqrt(square_scale * square_[i]) + 1e-8F);
    }
  }

 private:
  std::vector<float> mean_, square_;
};

/// A head while it is fitted: some rows forwards, and the gradient backwards.
class HeadInTraining {
 public:
  HeadInTraining(const Eigen::Ref<const Eigen::MatrixXf>& X, const Eigen::MatrixXf& q, std::size_t units,
                 std::size_t most_rows, std::uint64_t seed, const Context& context)
      : q_(q),
        context_(context),
        D_(static_cast<std::size_t>(X.cols())),
        H_(units),
        K_(static_cast<std::size_t>(q.cols())),
        first_(H_ * D_, std::sqrt(6.0F / static_cast<float>(D_)), seed),
        first_bias_(H_, 0, 0),
        second_(K_ * H_, std::sqrt(3.0F / static_cast<float>(H_)), seed + 1),
        second_bias_(K_, 0, 0),
        x_(most_rows * D_),
        x_across_(most_rows * D_),
        h_(most_rows * H_),
        h_across_(most_rows * H_),
        p_(most_rows * K_),
        p_across_(most_rows * K_),
        second_across_(K_ * H_) {
    const auto n = static_cast<float>(X.rows());
    for (Eigen::Index j = 0; j < X.cols(); ++j) {
      const double mean = X.col(j).cast<double>().mean();
      const double variance = (X.col(j).cast<double>().array() - mean).square().sum() / static_cast<double>(n);
      mean_.push_back(static_cast<float>(mean));
      scale_.push_back(variance > 1e-12 ? static_cast<float>(1 / std::sqrt(variance)) : 0);
    }
    scale_rows(X);
  }

  /// Mean loss of some rows.
  double loss(std::span<const Eigen::Index> rows) {
    forward(rows);
    double sum = 0;
    for (std::size_t b = 0; b < rows.size(); ++b)
      for (std::size_t c = 0; c < K_; ++c)
        if (const float q = q_(rows[b], static_cast<Eigen::Index>(c)); q > 0)
          sum -= static_cast<double>(q) * std::log(std::max(1e-30, static_cast<double>(p_[b * K_ + c])));
    return sum / static_cast<double>(rows.size());
  }

  /// One step down the mean loss of some rows.
  void step(std::span<const Eigen::Index> rows, int t, double size, double decay) {
    const std::size_t B = rows.size();
    forward(rows);
    for (std::size_t b = 0; b < B; ++b)
      for (std::size_t c = 0; c < K_; ++c) {
        const float d = (p_[b * K_ + c] - q_(rows[b], static_cast<Eigen::Index>(c))) / static_cast<float>(B);
        p_[b * K_ + c] = p_across_[c * B + b] = d;
      }
    for (std::size_t b = 0; b < B; ++b)
      for (std::size_t u = 0; u < H_; ++u) h_across_[u * B + b] = h_[b * H_ + u];
    product(p_across_, K_, h_across_, H_, B, second_.gradient);
    sum_rows(p_across_, K_, B, second_bias_.gradient);
    for (std::size_t c = 0; c < K_; ++c)
      for (std::size_t u = 0; u < H_; ++u) second_across_[u * K_ + c] = second_.value[c * H_ + u];
    product(second_across_, H_, p_, B, K_, h_);  // [units, rows]
    for (std::size_t i = 0; i < H_ * B; ++i)
      if (!(h_across_[i] > 0)) h_[i] = 0;
    product(h_, H_, x_across_, D_, B, first_.gradient);
    sum_rows(h_, H_, B, first_bias_.gradient);
    first_.update(t, size, decay);
    first_bias_.update(t, size, 0);
    second_.update(t, size, decay);
    second_bias_.update(t, size, 0);
  }

  /// As it is now, on features as they come.
  ExitHead head(GridPool pool) const {
    HiddenLayer hidden{first_.value, first_bias_.value};
    for (std::size_t u = 0; u < H_; ++u)
      for (std::size_t j = 0; j < D_; ++j) {
        float& w = hidden.weights[u * D_ + j];
        w *= scale_[j];
        hidden.bias[u] -= w * mean_[j];
      }
    return {pool, std::move(hidden), K_, second_.value, second_bias_.value};
  }

 private:
  /// out [m, n] = a [m, k] b[n, k]^T.
  void product(const std::vector<float>& a, std::size_t m, const std::vector<float>& b, std::size_t n, std::size_t k,
               std::vector<float>& out) {
    const auto size = [](std::size_t s) { return static_cast<std::int64_t>(s); };
    kernels::dot_rows(
        context_.pool(), kernels::microkernels(context_.isa()),
        {size(m), size(k), size(n), a.data(), size(k), b.data()},
        [&](std::int64_t i, std::int64_t j, float sum) { out[static_cast<std::size_t>(i * size(n) + j)] = sum; });
  }

  static void sum_rows(const std::vector<float>& a, std::size_t m, std::size_t n, std::vector<float>& out) {
    for (std::size_t i = 0; i < m; ++i)
      out[i] = std::accumulate(a.begin() + static_cast<std::ptrdiff_t>(i * n),
                               a.begin() + static_cast<std::ptrdiff_t>((i + 1) * n), 0.0F);
  }

  /// X is stored by columns, and a batch takes rows from all over it: scaled, and row by row, it is read once.
  void scale_rows(const Eigen::Ref<const Eigen::MatrixXf>& X) {
    const auto n = static_cast<std::size_t>(X.rows());
    all_.resize(n * D_);
    constexpr std::size_t block = 64;
    context_.pool().split(static_cast<std::int64_t>(n), block, [&](std::int64_t begin, std::int64_t end) {
      for (auto first = static_cast<std::size_t>(begin); first < static_cast<std::size_t>(end); first += block)
        for (std::size_t j = 0; j < D_; ++j) {
          const float* column = X.col(static_cast<Eigen::Index>(j)).data();
          for (std::size_t i = first; i < std::min(first + block, static_cast<std::size_t>(end)); ++i)
            all_[i * D_ + j] = (column[i] - mean_[j]) * scale_[j];
        }
    });
  }

  void forward(std::span<const Eigen::Index> rows) {
    const std::size_t B = rows.size();
    for (std::size_t b = 0; b < B; ++b)
      std::copy_n(all_.data() + static_cast<std::size_t>(rows[b]) * D_, D_, x_.data() + b * D_);
    for (std::size_t j = 0; j < D_; ++j)
      for (std::size_t b = 0; b < B; ++b) x_across_[j * B + b] = x_[b * D_ + j];
    product(x_, B, first_.value, H_, D_, h_);
    for (std::size_t b = 0; b < B; ++b)
      for (std::size_t u = 0; u < H_; ++u) h_[b * H_ + u] = std::max(0.0F, h_[b * H_ + u] + first_bias_.value[u]);
    product(h_, B, second_.value, K_, H_, p_);
    for (std::size_t b = 0; b < B; ++b) {
      const std::span<float> p(p_.data() + b * K_, K_);
      for (std::size_t c = 0; c < K_; ++c) p[c] += second_bias_.value[c];
      softmax(p, p);
    }
  }

  const Eigen::MatrixXf& q_;
  const Context& context_;
  std::size_t D_, H_, K_;
  std::vector<float> mean_, scale_;
  AdamLayer first_, first_bias_, second_, second_bias_;
  std::vector<float> all_;  // [examples, inputs], scaled
  std::vector<float> x_, x_across_, h_, h_across_, p_, p_across_, second_across_;
};

/// 0 .. n - 1 in an order that seed and counter fix; counter goes on.
inline void shuffle(std::vector<Eigen::Index>& order, std::uint64_t seed, std::uint64_t& counter) {
  for (std::size_t i = order.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(counter_uniform(seed, counter++) * static_cast<double>(i));
    std::swap(order[i - 1], order[std::min(j, i - 1)]);
  }
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void DistilledHeadLearner::check(const Eigen::Ref<const Eigen::MatrixXf>& X,
                                             const Eigen::MatrixXf& q) const {
  if (hidden < 1 || hidden > detail::max_hidden_units || epochs < 1 || batch < 1 || !(step > 0) || !(decay >= 0) ||
      !(held_back > 0 && held_back < 1))
    throw ArgumentError(
        detail::message({"exit head: needs 1 to ", detail::max_hidden_units,
                         " hidden units, epochs, batch and step above 0, decay >= 0 and held_back in (0, 1)"}));
  if (X.rows() < 2 || X.cols() < 1 || q.rows() != X.rows() || q.cols() < 2)
    throw ShapeError(detail::message({"exit head: activations [", X.rows(), ", ", X.cols(), "], probabilities [",
                                      q.rows(), ", ", q.cols(), "]; at least 2 examples and 2 classes are needed"}));
  if (!X.allFinite()) throw ArgumentError("exit head: activations hold NaN or infinity");
  for (Eigen::Index i = 0; i < q.rows(); ++i)
    if (!(q.row(i).minCoeff() >= 0) || !(std::abs(q.row(i).sum() - 1) < 1e-3F))
      throw ArgumentError(detail::message({"exit head: row ", i, " of the probabilities does not add up to 1"}));
}

WEIR_INLINE ExitHead DistilledHeadLearner::fit(detail::GridPool pool, const Eigen::Ref<const Eigen::MatrixXf>& X,
                                               const Eigen::MatrixXf& q, const Context& context,
                                               const Progress& progress, HeadSees sees) const {
  check(X, q);
  const auto n = static_cast<std::size_t>(X.rows());
  std::vector<Eigen::Index> order(n);
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::uint64_t counter = 0;
  detail::shuffle(order, seed, counter);
  const auto kept = std::clamp<std::size_t>(static_cast<std::size_t>(held_back * static_cast<double>(n)), 1, n - 1);
  const std::vector<Eigen::Index> judges(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept));
  order.erase(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept));
  const std::size_t most = std::min(batch, std::max(order.size(), judges.size()));
  const std::size_t steps = (order.size() + most - 1) / most;
  const int rounds = std::max(epochs, static_cast<int>(std::min<std::size_t>(200, least_steps / steps)));
  detail::HeadInTraining training(X, q, hidden, most, seed + 2, context);
  const auto judged = [&] {
    double sum = 0;
    for (std::size_t first = 0; first < judges.size(); first += most) {
      const std::span rows(judges.data() + first, std::min(most, judges.size() - first));
      sum += training.loss(rows) * static_cast<double>(rows.size());
    }
    return sum / static_cast<double>(judges.size());
  };
  ExitHead best;
  double least = INFINITY;
  int t = 0;
  for (int round = 0; round < rounds; ++round) {
    detail::shuffle(order, seed, counter);
    for (std::size_t first = 0; first < order.size(); first += most) {
      const double along = static_cast<double>(t) / static_cast<double>(static_cast<std::size_t>(rounds) * steps);
      const double size = step * (0.01 + 0.99 * 0.5 * (1 + std::cos(std::numbers::pi * along)));
      training.step({order.data() + first, std::min(most, order.size() - first)}, ++t, size, decay);
    }
    if (const double now = judged(); now < least) {
      least = now;
      best = training.head(pool);
    }
    if (progress) progress(static_cast<std::size_t>(round + 1), static_cast<std::size_t>(rounds));
  }
  if (!std::isfinite(least)) throw ArgumentError("exit head: the fit did not converge");
  return sees == HeadSees::earlier_exit ? best.seeing_earlier() : best;
}

}  // namespace weir
