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
#include "quantize/check.hpp"
#include "results_folder.hpp"

namespace {

struct Arguments {
  std::string onnx, preprocess, classes, images, labels = "none", out, isa;
  std::vector<std::string> ranges = {"minmax", "percentile", "mse", "kl"}, keep;
  int weight_bits = 7, threads = 1;
  std::string check_images, check_labels = "none";
  std::size_t calibrate = 200;
  std::optional<std::size_t> check;
  double worth = 0.1;
  std::uint64_t seed = 0;
  bool no_bias_correction = false;
};

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
  const adapt::Models models(options);
  if (models.all[0].network.state().fixed_batch > 1)
    throw weir::ArgumentError(a.onnx + ": runs batches of " +
                              std::to_string(models.all[0].network.state().fixed_batch) +
                              " only; export it for any batch size, or for 1");
  adapt::Part part = adapt::load_part(a.images, a.labels, adapt::class_names(a.classes, a.preprocess));
  if (part.size() < 8) throw weir::ArgumentError("--images: quantising needs at least 8 images, better 200");
  if (a.labels != adapt::no_labels) models.check_labels(part);
  models.try_first_image(part);
  std::optional<adapt::Part> others;
  if (!a.check_images.empty()) {
    others = adapt::load_part(a.check_images, a.check_labels, adapt::class_names(a.classes, a.preprocess));
    if (a.check_labels != adapt::no_labels) models.check_labels(*others);
    models.try_first_image(*others);
  } else if (a.check_labels != adapt::no_labels) {
    throw weir::ArgumentError("--check-labels: are those of --check-images, which is not given");
  }
  std::vector<const adapt::Part*> parts{&part};
  if (others) parts.push_back(&*others);
  program::say_warnings(models.crop_warnings(parts));
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
  const weir::Tensor x = quantize_check::inputs(models, part, 0, used);
  const weir::Quantized made = weir::quantize(def, x, q);
  line.reset();
  weir::write_onnx(a.out, made.graph, made.outputs);
  // What is said of the file is said of what lies on the disk.
  const weir::Network int8 = weir::load_onnx(a.out);
  std::printf("%s", weir::detail::printable(weir::to_text(made.report), true).c_str());
  const adapt::Part& judges = others ? *others : part;
  const std::size_t first = others ? 0 : used, left = judges.size() - first;
  const std::size_t further = std::min(a.check.value_or(others ? left : 1000), left);
  if (further > 0)
    std::printf("%s", to_text(quantize_check::compare(models, judges, first, further, int8, q.context)).c_str());
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
      "  @ --onnx bench/networks/fashion_resnet.onnx --preprocess bench/networks/models.json \\\n"
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
                 "8: weights from -127 to 127. 7: two that are summed one after the other make at most 128 together, "
                 "which is a little less exact. weir's sums are exact with both, on all processors; but ONNX Runtime "
                 "adds pairs of products in 16 bits where there is no VNNI, which 8 bits overflow and 7 cannot: on "
                 "Fashion-MNIST it answered 2 to 3 % of the images otherwise with 8, none with 7. So 7 is the default, "
                 "and the file gives the same answers everywhere")
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
  app.add_option("--check", a.check,
                 "further images on which both networks are compared at the end: at most 1000 of --images, all of "
                 "--check-images")
      ->type_name("NUMBER");
  app.add_option("--check-images", a.check_images, "compares on these instead, as --images names them");
  app.add_option("--check-labels", a.check_labels, "their labels, for the accuracy on them");
  app.add_option("--seed", a.seed, "of the draw");
  app.add_option("--threads", a.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--isa", a.isa, "portable, avx2 or avx512; the best of this CPU if not given");
  return program::run(app, argc, argv, [&] { ::run(a); });
}
