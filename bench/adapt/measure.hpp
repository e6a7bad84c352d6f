/// Measured runs that really stop: every contestant on every test image, in turn.
#pragma once
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>
#include <weir/core/tensor.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/trace/loss.hpp>

#include "contestants.hpp"

namespace adapt {

/// A contestant's answers to the test images, and what they took.
struct Measured {
  std::string mode, name, kind;  ///< as Contestant
  double budget = 0;
  std::vector<std::vector<double>> samples;  ///< [image][round]
  std::vector<double> seconds, loss;         ///< [image] median over rounds; in batches the batch's, divided evenly
  std::vector<std::size_t> exit;
  std::vector<bool> right;        ///< predicted class is the label
  std::vector<int> answer;        ///< [image] predicted class
  std::vector<float> confidence;  ///< [image] its probability

  /// Of n images, of which none has been answered yet.
  Measured(const Contestant& c, std::size_t n)
      : mode(c.mode),
        name(c.name),
        kind(c.kind),
        budget(c.budget),
        samples(n),
        seconds(n, 0),
        loss(n, 0),
        exit(n, 0),
        right(n, false),
        answer(n, -1),
        confidence(n, 0) {}

  double mean_cost() const { return mean(seconds); }
  double accuracy() const { return mean(loss_to_accuracy()); }
  static double mean(const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) sum += x;
    return v.empty() ? 0 : sum / static_cast<double>(v.size());
  }
  /// [batches] seconds of whole batches, the last one of what was left over: what is independent of each other.
  std::vector<double> batch_seconds(std::size_t batch) const {
    std::vector<double> sums((seconds.size() + batch - 1) / batch, 0.0);
    for (std::size_t i = 0; i < seconds.size(); ++i) sums[i / batch] += seconds[i];
    return sums;
  }
  std::vector<double> loss_to_accuracy() const {
    std::vector<double> a;
    for (const double l : loss) a.push_back(1 - l);
    return a;
  }
};

/// One answer of a contestant into its row.
inline void put_answer(Measured& m, std::size_t row, const weir::CascadeAnswer& a, double seconds, const Part& test,
                       const weir::Loss& loss) {
  m.samples[row].push_back(seconds);
  m.loss[row] = loss(a.probabilities, test.label(row));
  m.exit[row] = a.exit;
  m.right[row] = a.label == test.label(row);
  m.answer[row] = a.label;
  m.confidence[row] = a.probabilities[static_cast<std::size_t>(a.label)];
}

/// What a contestant answers to the images `first` .. `first` + `size` - 1, one by one or as a batch, is handed to
/// put(row, answer, seconds). answers: a buffer.
template <typename Put>
void run_images(const Contestant& c, std::size_t first, std::size_t size, bool one_by_one,
                std::vector<weir::CascadeAnswer>& answers, const Put& put) {
  const auto decide = [&c](std::size_t row) {
    return [&c, row](std::size_t k, std::span<const double> x) { return c.decide(row, k, x); };
  };
  if (one_by_one) {
    for (std::size_t row = first; row < first + size; ++row) {
      const weir::CascadeAnswer a = c.cascade->run_one_with(c.maker, row, decide(row));
      put(row, a, a.seconds);
    }
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  c.cascade->run_batch_with([&](std::size_t net, std::size_t row, weir::View out) { c.maker(net, first + row, out); },
                            size, [&](std::size_t row) { return decide(first + row); }, answers);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (std::size_t i = 0; i < size; ++i) put(first + i, answers[i], seconds / static_cast<double>(size));
}

/// All of them run a block of about 50 images, one by one or in batches that images leave where they stop, then the
/// next one runs the same block, and so on; who comes first changes from block to block. So drift of the machine hits
/// all alike. In front of its block each runs, untimed, the images that come before it. It then finds in the caches
/// what it left there, as in a program that runs nothing else, and not what another contestant left. Times are from
/// decoded pixels to the answer: preprocessing, networks, heads, features and gates.
inline std::vector<Measured> measure(const std::vector<Contestant>& contestants, const Part& test,
                                     const weir::Loss& loss, std::size_t rounds, std::size_t batch) {
  const std::size_t n = test.size(), block = block_size(batch);
  std::vector<Measured> measured;
  for (const Contestant& c : contestants) measured.emplace_back(c, n);
  std::vector<weir::CascadeAnswer> answers;
  const auto run = [&](std::size_t who, std::size_t first, std::size_t size, bool timed) {
    run_images(contestants[who], first, size, batch == 1, answers,
               [&](std::size_t row, const weir::CascadeAnswer& a, double seconds) {
                 if (timed) put_answer(measured[who], row, a, seconds, test, loss);
               });
  };
  ProgressLine progress("measuring " + std::to_string(contestants.size()) + " contestants on " + std::to_string(n) +
                        " test images");
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t first = 0; first < n; first += block) {
      const std::size_t last = std::min(n, first + block);
      for (std::size_t j = 0; j < contestants.size(); ++j) {
        const std::size_t who = (first / block + round + j) % contestants.size();
        const std::size_t before = std::min(first == 0 ? n : first, warm_up_size(batch));
        for (std::size_t i = 0; i < before; i += batch) {
          const std::size_t row = (first == 0 ? n : first) - before + i;
          run(who, row, std::min(n - row, batch), false);
        }
        for (std::size_t i = first; i < last; i += batch) run(who, i, std::min(last - i, batch), true);
      }
      progress(round * n + last, rounds * n);
    }
  for (Measured& m : measured)
    for (std::size_t i = 0; i < n; ++i) m.seconds[i] = weir::detail::median(m.samples[i]);
  return measured;
}

}  // namespace adapt
