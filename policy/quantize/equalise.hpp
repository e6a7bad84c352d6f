/// Channels of a tensor made alike in size, so that the steps of one serve all.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/policy/quantize/qdq.hpp>
#include <weir/policy/quantize/selection.hpp>

namespace weir::detail {

/// Which layers' inputs are equalised, as reports have it.
inline constexpr std::array<std::string_view, 2> equalisations = {"depthwise", "all"};

/// Cross-layer equalisation: f(k x) = k f(x) for k > 0 where f is Relu or nothing, so channel c of what lies between
/// two layers may be multiplied by k[c], in the weights and bias of the layer before, and divided by it in the weights
/// of those behind (Nagel et al., ICCV 2019, section 4.1). With m[c], the largest absolute value of the channel on the
/// calibration images, and w[c], that of the weights it meets:
///
///     k[c] = 1 / m[c]            in front of depthwise convolutions
///     k[c] = sqrt(w[c] / m[c])   in front of others, of "all"
///
/// all multiplied so that the largest m[c] stays what it is. The weights before, and depthwise ones, have a scale for
/// each channel and lose nothing; others share the burden with the steps (as in SmoothQuant, Xiao et al., ICML 2023).
/// Clip from 0 to h cuts channel c at h / k[c] then, which is not below m[c].
class Equalisation {
 public:
  Equalisation(const GraphDef& def, const Selection& selection) : def_(def) {
    std::map<std::size_t, const WeightLayer*> by_node;
    for (const WeightLayer& l : selection.layers()) by_node[l.node] = &l;
    for (const WeightLayer& before : selection.layers()) {
      const NodeDef& n = def.nodes[before.node];
      if (n.op != "Conv" || before.answers || selection.index().is_output(before.tensor) ||
          !is_own(selection, n.inputs[1]) || (!before.bias.empty() && !is_own(selection, before.bias)))
        continue;
      Pair pair{&before, {}};
      bool fits = !selection.index().readers(before.tensor).empty();
      for (const std::size_t reader : selection.index().readers(before.tensor)) {
        const auto layer = by_node.find(reader);
        fits = fits && layer != by_node.end() && def.nodes[reader].op == "Conv" &&
               is_own(selection, def.nodes[reader].inputs[1]);
        if (fits) pair.behind.push_back(layer->second);
      }
      if (fits) pairs_.push_back(std::move(pair));
    }
  }

  /// The tensors whose channels it changes.
  std::vector<std::string> tensors() const {
    std::vector<std::string> names;
    for (const Pair& p : pairs_) names.push_back(p.before->tensor);
    return names;
  }

  /// The graph's constants, equalised. largest: of each channel of tensors().
  std::map<std::string, Constant> constants(const std::map<std::string, std::vector<double>>& largest,
                                            std::string_view which) const {
    GraphDef out = def_;  // pairs are worked upon one by one: a layer may be behind one and before the next
    for (const Pair& p : pairs_) {
      const std::vector<double> k = factors(out, p, largest.at(p.before->tensor), which == "all");
      if (!k.empty()) multiply(out, p, k);
    }
    return std::move(out.constants);
  }

 private:
  struct Pair {
    const WeightLayer* before;
    std::vector<const WeightLayer*> behind;
  };

  static bool is_own(const Selection& selection, const std::string& constant) {
    return selection.index().readers(constant).size() == 1;
  }

  /// Calls f(weight's index, input channel, output channel) for every weight of a layer.
  template <typename F>
  static void for_each_weight(const WeightView& v, const F& f) {
    for (std::size_t m = 0; m < v.M; ++m)
      for (std::size_t k = 0; k < v.depth; ++k) f(v.at(m, k), v.input_channel(m, k), m);
  }

  /// None where nothing is to be done.
  static std::vector<double> factors(const GraphDef& def, const Pair& p, const std::vector<double>& m, bool of_all) {
    std::vector<double> w(m.size(), 0.0);
    bool depthwise = true;
    for (const WeightLayer* l : p.behind) {
      const WeightView v(def, *l);
      depthwise = depthwise && v.w.shape[1] == 1;
      for_each_weight(v, [&](std::size_t at, std::size_t in, std::size_t) {
        w[in] = std::max(w[in], std::abs(double{v.w.floats[at]}));
      });
    }
    if (!depthwise && !of_all) return {};
    const double most = *std::max_element(m.begin(), m.end());
    std::vector<double> k(m.size(), 1.0);
    double largest = 0;
    for (std::size_t c = 0; c < m.size(); ++c) {
      // A channel that is hardly ever anything says little about what it may be on other images.
      const double size = std::max(m[c], most / 256);
      if (!(size > 0) || !(w[c] > 0)) continue;
      k[c] = depthwise ? 1 / size : std::sqrt(w[c] / size);
      largest = std::max(largest, k[c] * size);
    }
    if (!(largest > 0) || !std::isfinite(largest)) return {};
    for (std::size_t c = 0; c < m.size(); ++c)
      if (w[c] > 0) k[c] *= most / largest;
    return k;
  }

  static void multiply(GraphDef& def, const Pair& p, const std::vector<double>& k) {
    const auto change = [&](const std::string& name, const WeightView& v, const auto& factor) {
      std::vector<float> values(v.w.floats.begin(), v.w.floats.end());
      for_each_weight(v, [&](std::size_t at, std::size_t in, std::size_t out) {
        values[at] = static_cast<float>(double{values[at]} * factor(in, out));
      });
      def.constants.at(name).floats = std::move(values);
    };
    const NodeDef& before = def.nodes[p.before->node];
    change(before.inputs[1], WeightView(def, *p.before), [&](std::size_t, std::size_t out) { return k[out]; });
    if (!p.before->bias.empty()) {
      Constant& b = def.constants.at(p.before->bias);
      std::vector<float> values(b.floats.begin(), b.floats.end());
      for (std::size_t c = 0; c < values.size(); ++c) values[c] = static_cast<float>(double{values[c]} * k[c]);
      b.floats = std::move(values);
    }
    for (const WeightLayer* l : p.behind)
      change(def.nodes[l->node].inputs[1], WeightView(def, *l), [&](std::size_t in, std::size_t) { return 1 / k[in]; });
  }

  const GraphDef& def_;
  std::vector<Pair> pairs_;
};

}  // namespace weir::detail
