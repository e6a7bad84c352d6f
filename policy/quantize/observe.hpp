/// What the calibration images show of the tensors of a network: how their values lie, and the means of channels.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/network.hpp>
#include <weir/policy/quantize/agreement.hpp>
#include <weir/policy/quantize/qdq.hpp>
#include <weir/policy/quantize/quantize.hpp>
#include <weir/policy/quantize/ranges.hpp>
#include <weir/policy/quantize/selection.hpp>

namespace weir::detail {

struct Observed {
  std::map<std::string, Histogram> histograms;  ///< of every tensor that may be quantised
  decltype(Numbers::means) means;               ///< of the channels of the layers' inputs
};

/// Means of the channels of some tensors, image by image.
class ChannelMeans {
 public:
  using Key = std::pair<std::string, bool>;  ///< tensor, and whether channels are its last axis

  void watch(const Key& key) { sums_[key]; }
  bool watches(const std::string& tensor) const {
    return sums_.contains({tensor, false}) || sums_.contains({tensor, true});
  }

  void add(const std::string& tensor, ConstView x) {
    for (const bool last : {false, true}) {
      const auto it = sums_.find({tensor, last});
      if (it == sums_.end() || x.shape.rank() < 2) continue;
      const std::size_t axis = last ? x.shape.rank() - 1 : 1, C = static_cast<std::size_t>(x.shape[axis]),
                        rows = static_cast<std::size_t>(x.shape.product(0, axis)),
                        area = rows * C == 0 ? 0 : x.size() / (rows * C);
      it->second.resize(C, 0.0);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < C; ++c)
          for (std::size_t k = 0; k < area; ++k) it->second[c] += double{x.data[(r * C + c) * area + k]};
      counts_[it->first] += static_cast<double>(rows * area);
    }
  }

  /// Of the tensors that had values.
  decltype(Numbers::means) means() const {
    decltype(Numbers::means) all;
    for (const auto& [key, sum] : sums_)
      if (const auto count = counts_.find(key); count != counts_.end() && count->second > 0)
        for (double& v : all[key] = sum) v /= count->second;
    return all;
  }

 private:
  std::map<Key, std::vector<double>> sums_;
  std::map<Key, double> counts_;
};

/// Every value of every tensor that may be quantised where the layers of `layers` that are on integers are, on the
/// calibration images: two passes, for the ends and for what lies between them. Throws ArgumentError naming a tensor
/// that is not finite.
inline Observed observe(const Network& fp32, const GraphDef& def, const Selection& selection,
                        const std::vector<bool>& chosen, ConstView images, const QuantizeOptions& o) {
  Observed seen;
  for (const auto& [tensor, root] : selection.part(chosen).root)
    seen.histograms[tensor];  // with fewer layers it may be a root itself
  ChannelMeans means;
  for (std::size_t l = 0; l < chosen.size(); ++l)
    if (const NodeDef& n = def.nodes[selection.layers()[l].node]; chosen[l])
      means.watch({n.inputs[0], n.op == "MatMul"});
  const std::string& input = def.inputs[0].name;
  std::vector<std::string> order;  // as they are computed
  for (const std::string& name : fp32.tensor_names())
    if (name != input && (seen.histograms.contains(name) || means.watches(name))) order.push_back(name);
  for (const bool counting : {false, true}) {
    const auto see = [&](const std::string& name, ConstView x) {
      if (const auto it = seen.histograms.find(name); it != seen.histograms.end()) try {
          counting ? it->second.count(x.span()) : it->second.widen(x.span());
        } catch (const ArgumentError& e) {
          throw ArgumentError(fp32.source() + ": tensor '" + name + "' " + e.what() + " on a calibration image");
        }
      if (!counting) means.add(name, x);
    };
    Executor executor(fp32, o.context);
    for (const std::string& name : order) executor.show(name);
    const auto total = static_cast<std::size_t>(images.shape[0]);
    for_each_batch(executor, images, [&](Executor& run, std::int64_t first, std::int64_t rows) {
      const std::size_t each = images.size() / total;
      see(input, {images.data + static_cast<std::size_t>(first) * each, images.shape.with(0, rows)});
      for (const std::string& name : order) see(name, run.advance_to(name));
      if (o.progress)
        o.progress(counting ? "counting values" : "looking for the ends", static_cast<std::size_t>(first + rows),
                   total);
    });
  }
  seen.means = means.means();
  return seen;
}

}  // namespace weir::detail
