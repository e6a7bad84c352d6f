/// GraphWriter: writes a network down layer by layer, with given or random weights.
#pragma once
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/graph_def.hpp>
#include <weir/core/tensor.hpp>

namespace weir::models {

/// For every builder in layers/models/.
///
/// weights: tensors by parameter name ("conv1.weight"), in the layout of ONNX and PyTorch (weights [out, in / groups,
/// h, w], dense ones [out, in]); batch norms have .weight, .bias, .running_mean and .running_var. Names and shapes are
/// the constants of what the builder's *_graph function returns; where torchvision has the network they are its names.
/// All must be given, or none: then weights are drawn from the seed, uniformly with the variance 2 / inputs of a unit
/// (He et al., "Delving deep into rectifiers", ICCV 2015), biases are 0 and batch norms change nothing.
struct ModelOptions {
  std::int64_t classes = 1000;
  std::uint64_t seed = 1;
  std::map<std::string, Tensor> weights = {};
};

/// A tensor of the network being written: its name and its channels.
struct Written {
  std::string name;
  std::int64_t channels;
};

/// What a convolution may have beside its sizes.
struct ConvOptions {
  std::int64_t stride = 1, pad = 0, groups = 1;
  bool bias = true;
};

/// Each call adds one operator behind x and returns its result. Tensors are named after their layers, or for operators
/// without parameters after the operator and its number ("relu_3"). Throws ArgumentError or ShapeError where a given
/// weight is missing or has another shape.
class GraphWriter {
 public:
  GraphWriter(std::string source, ModelOptions options) : options_(std::move(options)), state_(options_.seed) {
    def_.source = std::move(source);
  }

  Written input(std::int64_t channels, std::int64_t height, std::int64_t width) {
    def_.inputs.push_back({"input", {-1, channels, height, width}, {"N", "", "", ""}});
    return {"input", channels};
  }

  Written conv(const std::string& name, const Written& x, std::int64_t out, std::int64_t kernel, ConvOptions o = {}) {
    const std::int64_t depth = x.channels / o.groups;
    std::vector<std::string> inputs{x.name,
                                    weight(name + ".weight", {out, depth, kernel, kernel}, depth * kernel * kernel)};
    if (o.bias) inputs.push_back(constant(name + ".bias", {out}, 0));
    return add("Conv", name, std::move(inputs), out,
               {{"strides", pair(o.stride)}, {"pads", std::vector<std::int64_t>(4, o.pad)}, {"group", o.groups}});
  }

  Written batch_norm(const std::string& name, const Written& x) {
    const Shape c{x.channels};
    return add("BatchNormalization", name,
               {x.name, constant(name + ".weight", c, 1), constant(name + ".bias", c, 0),
                constant(name + ".running_mean", c, 0), constant(name + ".running_var", c, 1)},
               x.channels, {});
  }

  /// Of rows, the inputs of a unit being x's channels.
  Written linear(const std::string& name, const Written& x, std::int64_t out) {
    return add("Gemm", name,
               {x.name, weight(name + ".weight", {out, x.channels}, x.channels), constant(name + ".bias", {out}, 0)},
               out, {{"transB", std::int64_t{1}}});
  }

  Written relu(const Written& x) { return add("Relu", "", {x.name}, x.channels, {}); }
  Written relu6(const Written& x) {
    return add("Clip", "", {x.name, scalar("zero", 0), scalar("six", 6)}, x.channels, {});
  }
  Written max_pool(const Written& x, std::int64_t kernel, std::int64_t stride, std::int64_t pad = 0,
                   bool ceil = false) {
    return add("MaxPool", "", {x.name}, x.channels,
               {{"kernel_shape", pair(kernel)},
                {"strides", pair(stride)},
                {"pads", std::vector<std::int64_t>(4, pad)},
                {"ceil_mode", std::int64_t{ceil}}});
  }
  Written global_average_pool(const Written& x) { return add("GlobalAveragePool", "", {x.name}, x.channels, {}); }
  /// elements: of an image, what becomes the channels of a row.
  Written flatten(const Written& x, std::int64_t elements) { return add("Flatten", "", {x.name}, elements, {}); }
  Written dropout(const Written& x) { return add("Dropout", "", {x.name}, x.channels, {}); }
  Written lrn(const Written& x, std::int64_t size, float alpha, float beta, float bias = 1) {
    return add("LRN", "", {x.name}, x.channels, {{"size", size}, {"alpha", alpha}, {"beta", beta}, {"bias", bias}});
  }
  Written plus(const Written& x, const Written& y) { return add("Add", "", {x.name, y.name}, x.channels, {}); }
  Written concat(const std::vector<Written>& parts) {
    std::vector<std::string> names;
    std::int64_t channels = 0;
    for (const Written& p : parts) {
      names.push_back(p.name);
      channels += p.channels;
    }
    return add("Concat", "", std::move(names), channels, {{"axis", std::int64_t{1}}});
  }
  /// Every second row and column, with channels of zeros before and behind.
  Written subsample(const Written& x, std::int64_t channels_before, std::int64_t channels_behind) {
    const Written picked =
        add("Slice", "",
            {x.name, list("from", {0, 0}), list("to", {1 << 24, 1 << 24}), list("axes", {2, 3}), list("steps", {2, 2})},
            x.channels, {});
    const std::string pads =
        list("pads_" + std::to_string(count_), {0, channels_before, 0, 0, 0, channels_behind, 0, 0});
    return add("Pad", "", {picked.name, pads}, x.channels + channels_before + channels_behind, {});
  }

  /// The network with x as its output, called "output". Throws ArgumentError if a given weight was not used.
  GraphDef finish(const Written& x) {
    def_.nodes.push_back({"output", "Identity", {x.name}, {"output"}, {}});
    def_.outputs = {"output"};
    if (const std::size_t spare = options_.weights.size(); spare != 0 && spare != used_)
      throw ArgumentError(detail::message({def_.source, ": ", spare - used_, " of the given weights have no place"}));
    return std::move(def_);
  }

 private:
  using Attributes = std::map<std::string, Attribute>;

  static std::vector<std::int64_t> pair(std::int64_t v) { return {v, v}; }

  Written add(const std::string& op, const std::string& name, std::vector<std::string> inputs, std::int64_t channels,
              Attributes attributes) {
    std::string unique = name;
    if (name.empty()) {
      for (char c : op) unique += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
      unique += "_" + std::to_string(++count_);
    }
    def_.nodes.push_back({unique, op, std::move(inputs), {unique}, std::move(attributes)});
    return {unique, channels};
  }

  std::string weight(const std::string& name, const Shape& shape, std::int64_t inputs) {
    if (!options_.weights.empty()) return given(name, shape);
    const double bound = std::sqrt(6.0 / static_cast<double>(inputs));
    std::vector<float> values(static_cast<std::size_t>(shape.numel()));
    for (float& v : values) v = static_cast<float>((2 * random() - 1) * bound);
    def_.constants[name] = {shape, std::move(values), {}, false};
    return name;
  }
  std::string constant(const std::string& name, const Shape& shape, float value) {
    if (!options_.weights.empty()) return given(name, shape);
    def_.constants[name] = {shape, std::vector<float>(static_cast<std::size_t>(shape.numel()), value), {}, false};
    return name;
  }
  std::string given(const std::string& name, const Shape& shape) {
    const auto it = options_.weights.find(name);
    if (it == options_.weights.end())
      throw ArgumentError(detail::message({def_.source, ": weight '", name, "' is not given"}));
    const Tensor& t = it->second;
    if (!(t.shape() == shape))
      throw ShapeError(detail::message(
          {def_.source, ": weight '", name, "' is ", t.shape().to_string(), ", not ", shape.to_string()}));
    ++used_;
    def_.constants[name] = {shape, std::vector<float>(t.span().begin(), t.span().end()), {}, false};
    return name;
  }
  std::string scalar(const std::string& name, float value) {
    def_.constants[name] = {Shape{}, std::vector<float>{value}, {}, false};
    return name;
  }
  std::string list(const std::string& name, std::vector<std::int64_t> values) {
    const Shape shape{static_cast<std::int64_t>(values.size())};
    def_.constants[name] = {shape, {}, std::move(values), true};
    return name;
  }

  /// Uniform in [0, 1), the same everywhere: splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
  double random() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
  }

  ModelOptions options_;
  GraphDef def_;
  std::uint64_t state_;
  std::size_t used_ = 0;
  int count_ = 0;
};

}  // namespace weir::models
