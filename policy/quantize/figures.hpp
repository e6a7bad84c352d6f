/// A quantised network beside the one it was made of, layer by layer: noise and time.
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/executor.hpp>
#include <weir/core/network.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/policy/quantize/agreement.hpp>

namespace weir::detail {

/// Of each of these tensors that both networks have: signal to noise of int8's in decibels, 10 log10 (sum x^2 / sum (x
/// - y)^2), on some of the images; none where there is no signal.
inline std::map<std::string, double> signal_to_noise(const Network& fp32, const Network& int8,
                                                     const std::set<std::string>& tensors, ConstView images,
                                                     const ContextOptions& context) {
  Executor a(fp32, context), b(int8, context);
  std::map<std::string, std::pair<double, double>> power;
  std::vector<std::string> order;
  const std::vector<std::string> outputs = fp32.output_names();
  std::set<std::string> both(outputs.begin(), outputs.end());
  for (const std::string& name : int8.tensor_names()) both.insert(name);
  for (const std::string& name : fp32.tensor_names())
    if (tensors.contains(name) && both.contains(name)) order.push_back(name);
  for (const std::string& name : order) a.show(name), b.show(name);
  const auto n = std::min<std::int64_t>(images.shape[0],
                                        std::max<std::int64_t>(32, fp32.state().fixed_batch));  // enough for decibels
  for_each_batch(a, {images.data, images.shape.with(0, n)}, [&](Executor&, std::int64_t first, std::int64_t rows) {
    const std::size_t each = images.size() / static_cast<std::size_t>(images.shape[0]);
    b.begin({images.data + static_cast<std::size_t>(first) * each, images.shape.with(0, rows)});
    for (const std::string& name : order) {
      const ConstView x = a.advance_to(name), y = b.advance_to(name);
      auto& [signal, noise] = power[name];
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double e = double{x.data[i]} - double{y.data[i]};
        signal += double{x.data[i]} * double{x.data[i]};
        noise += e * e;
      }
    }
  });
  std::map<std::string, double> decibels;
  for (const auto& [name, p] : power)
    if (p.first > 0)
      decibels[name] = p.second > 0 ? 10 * std::log10(p.first / p.second) : std::numeric_limits<double>::infinity();
  return decibels;
}

/// Seconds of one image.
struct PassSeconds {
  double whole = 0;
  std::map<std::string, double> steps;  ///< by the name of their node
};

/// Of both networks, which run in turn: the least of all passes.
inline std::pair<PassSeconds, PassSeconds> seconds_of_both(const Network& fp32, const Network& int8, ConstView images,
                                                           std::size_t passes, const ContextOptions& context) {
  const std::int64_t batch = std::max<std::int64_t>(1, fp32.state().fixed_batch);
  const ConstView x{images.data, images.shape.with(0, batch)};
  std::vector<PassSeconds> least(2);
  std::vector<Executor> runs;
  std::vector<std::vector<std::string>> names(2);
  for (const Network* net : {&fp32, &int8}) runs.emplace_back(*net, context);
  for (std::size_t i = 0; i < 2; ++i)
    for (const StepDescription& s : runs[i].describe(batch).steps) names[i].push_back(s.name);
  for (std::size_t pass = 0; pass <= passes; ++pass)  // the first is to warm up
    for (std::size_t i = 0; i < 2; ++i) {
      const auto start = std::chrono::steady_clock::now();
      runs[i].begin(x);
      (void)runs[i].finish();
      const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (pass == 1 || (pass > 1 && s < least[i].whole)) least[i].whole = s;
    }
  for (std::size_t i = 0; i < 2; ++i)
    runs[i].time_steps([&, i](std::size_t step, double seconds) {
      const auto [at, is_new] = least[i].steps.emplace(names[i].at(step), seconds);
      at->second = std::min(at->second, seconds);
    });
  for (std::size_t pass = 0; pass < passes; ++pass)
    for (Executor& run : runs) run.begin(x), (void)run.finish();
  return {std::move(least[0]), std::move(least[1])};
}

}  // namespace weir::detail
