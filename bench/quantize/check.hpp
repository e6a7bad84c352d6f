/// How often an 8-bit copy answers as its network, and rightly, on images that had no part in making it.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <weir/weir.hpp>

#include "../adapt/data.hpp"
#include "../adapt/models.hpp"
#include "../progress.hpp"

namespace quantize_check {

/// The networks' input of some rows of a part.
inline weir::Tensor inputs(const adapt::Models& models, const adapt::Part& part, std::size_t first, std::size_t count) {
  const weir::Shape one = models.all[0].network.input_shape();
  weir::Tensor x(one.with(0, static_cast<std::int64_t>(count)));
  const auto fill = models.maker(part, {0});
  const std::size_t each = x.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = part.rows[first + i];
    if (part.set->is_files() && !part.set->is_decoded(row)) part.set->keep_decoded(row);
    fill(0, first + i, {x.data() + i * each, one});
  }
  return x;
}

/// The classes of the largest scores, best first; of equal scores the first class.
inline std::array<int, 5> best_classes(std::span<const float> scores) {
  std::array<int, 5> best;
  best.fill(-1);
  std::size_t held = 0;
  for (std::size_t c = 0; c < scores.size(); ++c) {
    std::size_t at = held;
    while (at > 0 && scores[c] > scores[static_cast<std::size_t>(best[at - 1])]) --at;
    if (at == best.size()) continue;
    held = std::min(held + 1, best.size());
    std::copy_backward(best.begin() + static_cast<std::ptrdiff_t>(at),
                       best.begin() + static_cast<std::ptrdiff_t>(held - 1),
                       best.begin() + static_cast<std::ptrdiff_t>(held));
    best[at] = static_cast<int>(c);
  }
  return best;
}

/// Of the right answers of both networks, and how many of fp32's the copy loses and wins.
struct Right {
  std::size_t fp32 = 0, int8 = 0, lost = 0, won = 0;

  void add(bool by_fp32, bool by_int8) {
    fp32 += by_fp32 ? 1 : 0;
    int8 += by_int8 ? 1 : 0;
    lost += by_fp32 && !by_int8 ? 1 : 0;
    won += !by_fp32 && by_int8 ? 1 : 0;
  }
};

struct Agreement {
  std::size_t images = 0, same = 0;
  bool labelled = false;
  Right top1, top5;
};

/// Both networks on rows first .. first + count - 1 of a part, one image at a time.
inline Agreement compare(const adapt::Models& models, const adapt::Part& part, std::size_t first, std::size_t count,
                         const weir::Network& int8, const weir::ContextOptions& context) {
  Agreement a;
  a.images = count;
  weir::Executor runs[] = {weir::Executor(models.all[0].network, context), weir::Executor(int8, context)};
  a.labelled = part.set->has_labels();
  adapt::ProgressLine progress("comparing answers");
  for (std::size_t i = first; i < first + count; ++i) {
    const weir::Tensor x = inputs(models, part, i, 1);
    std::array<int, 5> best[2];
    for (std::size_t k = 0; k < 2; ++k) {
      runs[k].begin(x);
      best[k] = best_classes(runs[k].finish().span());
    }
    a.same += best[0][0] == best[1][0] ? 1 : 0;
    progress(i + 1 - first, count);
    if (!a.labelled) continue;
    const int right = part.label(i);
    const auto within = [&](const std::array<int, 5>& b) { return std::find(b.begin(), b.end(), right) != b.end(); };
    a.top1.add(best[0][0] == right, best[1][0] == right);
    a.top5.add(within(best[0]), within(best[1]));
  }
  return a;
}

/// For people; bench/int8_accuracy.py reads it too.
inline std::string to_text(const Agreement& a) {
  const auto percent = [&](std::size_t n) {
    return weir::detail::fixed_point(100 * static_cast<double>(n) / static_cast<double>(a.images), 2) + " %";
  };
  std::string text = "on " + std::to_string(a.images) + " further images: the same class for " + percent(a.same) + "\n";
  const auto line = [&](const char* what, const Right& r) {
    text += std::string(what) + ": fp32 right on " + percent(r.fp32) + ", int8 on " + percent(r.int8) + " (" +
            std::to_string(r.lost) + " right answers lost, " + std::to_string(r.won) + " won)\n";
  };
  if (a.labelled) line("top-1", a.top1), line("top-5", a.top5);
  return text;
}

}  // namespace quantize_check
