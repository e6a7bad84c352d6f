/// quantize: from a network in fp32 to one whose layers are computed on 8-bit integers, as a standard ONNX graph.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/context.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/tensor.hpp>

namespace weir {

/// weight_bits: 8 (weights -127 to 127), or 7: the same, but of two that are summed one after the other those of one
/// sign make at most 128 together, which is about a bit less. weir's sums are exact with either. ONNX Runtime adds the
/// products of such two in 16 bits on processors without VNNI, where 8 bits saturate and 7 never do; answers lose
/// little by 7.
///
/// ranges: what the interval of a tensor's steps is found by: minmax, percentile (0.01 % of the values lie outside at
/// either end), mse (least squared error), kl (least Kullback-Leibler divergence of the histograms). Of several the one
/// is taken whose network answers most like fp32.
///
/// keep: layers, by node name, that stay in fp32 whatever they cost.
///
/// worth: a layer goes back to fp32 where that takes away at least this part, and twice its part of the FLOP, of the
/// divergence between the answers; 1: none does.
struct QuantizeOptions {
  int weight_bits = 7;
  std::vector<std::string> ranges = {"minmax", "percentile", "mse", "kl"};
  bool correct_bias = true;  ///< tried, and kept where the answers become more alike
  std::vector<std::string> keep = {};
  double worth = 0.1;
  std::size_t held_back = 0;   ///< the number of images, the last ones, that judge; the others calibrate; 0: half
  std::size_t sensitive = 32;  ///< of those that judge, the number on which each layer is tried by itself; 0: none
  std::size_t passes = 7;      ///< timed of both networks, one image each; the least counts
  ContextOptions context = {};
  std::function<void(const std::string& what, std::size_t done, std::size_t total)> progress = {};
};

/// A convolution, fully connected layer or matrix product.
struct QuantizedLayer {
  std::string name, op, tensor;  ///< of its node; the tensor it computes, with the activation behind it
  bool on_integers = false;
  std::string why = {};  ///< where it stays in fp32: what for
  double share = 0;      ///< of the network's FLOP
  double alone = -1;     ///< divergence of the answers where only this layer is on integers; below 0: not tried
  double snr_db = 0;     ///< signal to noise of its result in the quantised network, 10 log10 (sum x^2 / sum (x - y)^2)
  double fp32_seconds = 0, int8_seconds = 0;
};

/// How alike the answers of a candidate and of fp32 are on the images held back.
struct QuantizeTrial {
  std::string ranges;
  bool bias_corrected = false;
  double divergence = 0;  ///< mean Kullback-Leibler divergence from fp32's class probabilities, in nats
  std::size_t same = 0;   ///< images of which both have the same best class
};

struct QuantizeReport {
  std::string source;
  std::size_t calibrated_on = 0, judged_on = 0, batch_norms_folded = 0;
  int weight_bits = 7;
  std::vector<QuantizeTrial> trials;
  QuantizeTrial result;
  std::vector<QuantizedLayer> layers;
  double fp32_seconds = 0, int8_seconds = 0;  ///< of a pass of one image
};

struct Quantized {
  GraphDef graph;
  std::vector<InputDef> outputs;  ///< with their dimensions, for write_onnx()
  QuantizeReport report;
};

}  // namespace weir

namespace weir::detail {

/// Throws what quantize() throws because of the graph only: FormatError where it is quantised already or of an opset
/// below 13, ArgumentError where it has several inputs.
void check_quantizable(const GraphDef& def);

}  // namespace weir::detail

namespace weir {

/// The network that def describes with its convolutions, fully connected layers and matrix products with constant
/// weights on 8-bit integers: weights symmetric with a scale for each output channel, other tensors uint8 with one
/// scale and zero point; post-training, static. Written as QuantizeLinear and DequantizeLinear around the operators,
/// which keep their tensors' names; batch normalisation is folded into the weights before. The layer that answers stays
/// in fp32: 256 steps would make ties.
///
/// images: [N, ...], inputs as the network reads them, at least 8; 200 suffice, labels are not needed. The same images
/// and options give the same graph on the same machine, but where layers that take equally long to tell apart differ by
/// rounding on another.
///
/// Throws FormatError for a network that is quantised already, of an opset below 13, or without a layer to quantise;
/// ArgumentError naming the option, or for a network of several inputs or without a score for each class; ShapeError
/// for images that do not fit.
Quantized quantize(const GraphDef& def, ConstView images, const QuantizeOptions& options = {});

/// The report for people: what was tried, and a line for each layer.
std::string to_text(const QuantizeReport& report);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/quantize/quantize.ipp>
#endif
