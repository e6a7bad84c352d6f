// Makes an 8-bit copy of a network: weights and ranges found on some images, layers that hurt left in fp32.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/io/onnx/write.hpp>
#include <weir/policy/quantize/quantize.hpp>
#include <weir/weir.hpp>

#include "adapt/data.hpp"
#include "adapt/models.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"

namespace {

struct Arguments {
  std::string onnx, preprocess, classes, images, labels = "none", out, isa;
  std::vector<std::string> ranges = {"minmax", "percentile", "mse", "kl"}, keep;
  int weight_bits = 7, threads = 1;
  std::size_t calibrate = 200, check = 1000;
  double worth = 0.1;
  std::uint64_t seed = 0;
  bool no_bias_correction = false;
};

/// The network's inputs of these rows of a part.
weir::Tensor inputs(adapt::Models& models, const adapt::Part& part, std::size_t first, std::size_t count) {
  const weir::Shape one = models.all[0].network.input_shape();
  weir::Tensor x(one.with(0, static_cast<std::int64_t>(count)));
  const auto fill = models.maker(part, {0});
  const std::size_t each = x.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    if (part.set->is_files() && !part.set->is_decoded(part.rows[first + i]))
      part.set->keep_decoded(part.rows[first + i]);
    fill(0, first + i, {x.data() + i * each, one});
  }
  return x;
}

/// On images that had no part in the quantising.
void print_check(adapt::Models& models, const adapt::Part& part, std::size_t first, std::size_t count,
                 const weir::Network& int8, const weir::ContextOptions& context, bool labelled) {
  std::size_t same = 0, right = 0, right8 = 0, lost = 0, won = 0;
  weir::Executor a(models.all[0].network, context), b(int8, context);
  for (std::size_t i = first; i < first + count; ++i) {
    const weir::Tensor x = inputs(models, part, i, 1);
    const auto top = [&](weir::Executor& run) {
      run.begin(x);
      const auto y = run.finish().span();
      return static_cast<int>(std::max_element(y.begin(), y.end()) - y.begin());
    };
    const int t = top(a), t8 = top(b);
    same += t == t8 ? 1 : 0;
    if (!labelled) continue;
    const int label = part.label(i);
    right += t == label ? 1 : 0;
    right8 += t8 == label ? 1 : 0;
    lost += t == label && t8 != label ? 1 : 0;
    won += t != label && t8 == label ? 1 : 0;
  }
  const auto percent = [&](std::size_t n) {
    return weir::detail::fixed_point(100 * static_cast<double>(n) / static_cast<double>(count), 2) + " %";
  };
  std::string text = "on " + std::to_string(count) + " further images: the same class for " + percent(same);
  if (labelled)
    text += "; fp32 right on " + percent(right) + ", int8 on " + percent(right8) + " (" + std::to_string(lost) +
            " right answers lost, " + std::to_string(won) + " won)";
  std::printf("%s\n", text.c_str());
}

void run(const Arguments& a) {
  weir::detail::prove_writable(a.out);
  std::error_code error;
  if (std::filesystem::equivalent(a.onnx, a.out, error))
    throw weir::ArgumentError("--out " + a.out + ": is the network itself; give another name");
  adapt::Options options;
  options.networks = {a.onnx};
  options.preprocess = a.preprocess;
  const weir::GraphDef def = weir::read_onnx(a.onnx);
  weir::detail::check_quantizable(def);
  adapt::Models models(options);
  if (models.all[0].network.state().fixed_batch > 1)
    throw weir::ArgumentError(a.onnx + ": runs batches of " +
                              std::to_string(models.all[0].network.state().fixed_batch) +
                              " only; export it for any batch size, or for 1");
  adapt::Part part = adapt::load_part(a.images, a.labels, adapt::class_names(a.classes, a.preprocess));
  if (part.size() < 8) throw weir::ArgumentError("--images: quantising needs at least 8 images, better 200");
  if (a.labels != adapt::no_labels) models.check_labels(part);
  models.try_first_image(part);
  adapt::shuffle(part.rows, a.seed);
  const std::size_t used = std::min(a.calibrate, part.size());

  weir::QuantizeOptions q;
  q.weight_bits = a.weight_bits;
  q.ranges = a.ranges;
  q.correct_bias = !a.no_bias_correction;
  q.keep = a.keep;
  q.worth = a.worth;
  q.context = {.threads = a.threads, .isa = a.isa};
  std::optional<program::ProgressLine> line;
  std::string doing;
  q.progress = [&](const std::string& what, std::size_t done, std::size_t total) {
    if (what != doing) line.reset(), line.emplace(doing = what);
    (*line)(done, total);
  };
  const weir::Tensor x = inputs(models, part, 0, used);
  const weir::Quantized made = weir::quantize(def, x, q);
  line.reset();
  weir::write_onnx(a.out, made.graph, made.outputs);
  // What is said of the file is said of what lies on the disk.
  const weir::Network int8 = weir::load_onnx(a.out);
  std::printf("%s", weir::detail::printable(weir::to_text(made.report), true).c_str());
  if (const std::size_t further = std::min(a.check, part.size() - used); further > 0)
    print_check(models, part, used, further, int8, q.context, a.labels != adapt::no_labels);
  std::printf("written to %s: %zu bytes, fp32 %zu\n", weir::detail::printable(a.out).c_str(),
              static_cast<std::size_t>(std::filesystem::file_size(a.out)),
              static_cast<std::size_t>(std::filesystem::file_size(a.onnx)));
}

}  // namespace

int weir::programs::quantize(int argc, char** argv) {
  program::App app{
      "Makes an 8-bit copy of a network: post-training, static, no labels needed. Weights are symmetric with a scale\n"
      "for each output channel, other tensors uint8 with one scale; batch normalisation is folded into the weights\n"
      "first. The file is standard ONNX (QuantizeLinear and DequantizeLinear), opset 13 or later, which ONNX Runtime\n"
      "reads too. Half of the images find the ranges, the other half decide by the divergence of the answers from\n"
      "fp32's; layers that hurt, and the one that answers, stay in fp32, and the report names them.",
      "  build/bench/quantize --onnx bench/networks/fashion_resnet.onnx --preprocess bench/networks/models.json \\\n"
      "      --images /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz --out fashion_resnet.int8.onnx\n"};
  Arguments a;
  app.add_option("--onnx", a.onnx, "the network in fp32")->required();
  app.add_option("--preprocess", a.preprocess, "models.json: how the network's input is made from an image");
  app.add_option("--images", a.images,
                 "folder, .npy (uint8 [N,H,W,C], float32 [N,C,H,W]), CIFAR-10 binary or IDX; FILE[a:b] takes a part")
      ->required();
  app.add_option("--labels", a.labels,
                 "their labels, for the accuracy on the further images only; none: there are none");
  app.add_option("--classes", a.classes, "names of the classes, one a line: labels may then be names");
  app.add_option("--out", a.out, "the file to write")->required();
  app.add_option("--weight-bits", a.weight_bits,
                 "7: weights from -63 to 63. 8: -127 to 127, a little more exact. weir's sums are exact with both, on "
                 "all processors; but ONNX Runtime adds pairs of products in 16 bits where there is no VNNI, which 8 "
                 "bits overflow and 7 cannot: on Fashion-MNIST it answered 2 to 3 % of the images otherwise with 8, "
                 "none with 7. So 7 is the default, and the file gives the same answers everywhere")
      ->check(CLI::IsMember({7, 8}));
  app.add_option("--ranges", a.ranges,
                 "what ranges are found by; of several the one whose network answers most like fp32 is taken. "
                 "percentile: 0.01 % of the values lie outside at either end; mse: least squared error; kl: least "
                 "divergence of the histograms")
      ->delimiter(',')
      ->check(CLI::IsMember({"minmax", "percentile", "mse", "kl"}));
  app.add_flag("--no-bias-correction", a.no_bias_correction,
               "does not try whether biases corrected for the rounding of the weights make answers more alike");
  app.add_option("--keep", a.keep, "nodes that stay in fp32, by name")->delimiter(',');
  app.add_option("--worth", a.worth,
                 "a layer goes back to fp32 where that takes away at least this part of the divergence, and twice its "
                 "part of the FLOP; 1: none does")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--calibrate", a.calibrate, "images, drawn at random, to find ranges on and to decide by")
      ->check(CLI::Range(8, 100000));
  app.add_option("--check", a.check, "further images on which both networks are compared at the end");
  app.add_option("--seed", a.seed, "of the draw");
  app.add_option("--threads", a.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--isa", a.isa, "portable, avx2 or avx512; the best of this CPU if not given");
  return program::run(app, argc, argv, [&] { ::run(a); });
}
