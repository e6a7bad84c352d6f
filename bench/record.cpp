// Records traces of many images, in shards that go on where they were stopped, and puts the shards together.
#include <filesystem>
#include <string>
#include <thread>
#include <vector>
#include <weir/weir.hpp>

#include "adapt/data.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "record/networks.hpp"
#include "results_folder.hpp"

namespace {

struct RecordArguments {
  std::string policy, folder, classes, images, labels, loss = "top1", out, shard, isa;
  record::Networks plain;
  std::vector<std::string> merge;
  std::size_t block = 256;
  int threads = 0;
  bool probabilities = false, allow_outside = false;
};

void merge(const std::vector<std::filesystem::path>& shards, const std::string& out) {
  const weir::Trace trace = weir::detail::merge_trace_shards(shards, out);
  std::printf("%s: %zu images, %zu stages\n", weir::detail::printable(out).c_str(), trace.size(), trace.stages.size());
}

void run(RecordArguments a) {
  if (a.policy.empty() == a.plain.files.empty() || a.images.empty())
    throw weir::ArgumentError("--images and either --policy or --network are needed");
  weir::detail::prove_writable(a.out);
  adapt::Part part = adapt::load_part(a.images, a.labels, adapt::class_names(a.classes, a.plain.preprocess));
  if (a.policy.empty()) {
    a.policy = record::policy_beside(a.out).string();
    a.plain.isa = a.isa;
    a.plain.loss = a.loss;
    record::policy_of(a.plain, part, a.policy);
  }
  const weir::PolicyFile file = weir::detail::read_policy_file(a.policy);
  // What is named on the command line may lie anywhere.
  const weir::detail::StoredCascade stored =
      weir::detail::read_cascade(file, a.policy, {a.folder, a.allow_outside || !a.plain.files.empty()});
  const std::size_t classes = stored.spec->n_classes();
  adapt::check_loss(a.loss, classes);
  weir::detail::check_labels(part.labels(), classes, a.policy,
                             [&](std::size_t i) { return part.set->label_where(part.rows[i]); });
  weir::RecordOptions options;
  options.shard = a.shard.empty() ? weir::detail::shard_from_environment() : weir::detail::parse_shard(a.shard);
  options.loss = a.loss;
  options.block = a.block;
  options.probabilities = a.probabilities;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  options.context = {.threads = a.threads > 0 ? a.threads : std::clamp(cores, 1, 64), .isa = a.isa};
  const bool whole = options.shard.count == 1;
  const std::string path =
      a.out +
      (whole ? ".part" : "." + std::to_string(options.shard.index) + "-of-" + std::to_string(options.shard.count));
  {
    adapt::ProgressLine progress("recording " + path);
    options.progress = [&](std::size_t done, std::size_t total) { progress(done, total); };
    weir::record_images(file, stored, *part.set, part.rows, path, options);
  }
  if (!whole) {
    std::printf("%s: finished\n", weir::detail::printable(path).c_str());
    return;
  }
  merge({path}, a.out);
  std::filesystem::remove(path);
  std::filesystem::remove(weir::detail::shard_probabilities(path));
}

}  // namespace

int weir::programs::record(int argc, char** argv) {
  program::App app{
      "Records what every stage of a policy's cascade, or every one of some networks, answers on labelled images: a\n"
      "trace, as CSV. With --network what the networks are and cost is written to trace.policy.json, which `train`\n"
      "needs beside trace.csv.\n"
      "A run that was stopped goes on where it stopped when it is started again. Parts of the images can be recorded\n"
      "by several processes (--shard 0/8 ... 7/8, or by rank under mpirun, or in a Slurm array) and put together.",
      "  @ --network small.onnx large.onnx --preprocess models.json --images folder/ \\\n"
      "      --labels labels.csv --out trace.csv\n"
      "  @ --policy results/policy.json --allow-outside --images folder/ --labels labels.csv \\\n"
      "      --shard 0/8 --out trace.csv\n"
      "  @ --merge trace.csv.*-of-8 --out trace.csv\n"};
  RecordArguments a;
  auto* policy = app.add_option("--policy", a.policy, "policy.json that says which networks, exits and preprocessing");
  app.add_option("--networks", a.folder, "folder of the network files; else where the policy says")->needs(policy);
  app.add_flag("--allow-outside", a.allow_outside, "the policy may name network files outside its folder")
      ->needs(policy);
  auto* network = app.add_option("--network", a.plain.files,
                                 "instead of a policy: ONNX classifiers, cheapest first, the full network last; all "
                                 "that come later may follow each")
                      ->excludes(policy);
  app.add_option("--preprocess", a.plain.preprocess, "models.json: how each network's input is made from an image")
      ->needs(network);
  app.add_option("--seconds", a.plain.seconds,
                 "what each network costs an image; measured on the first images, one thread, if not given")
      ->delimiter(',')
      ->needs(network);
  app.add_option("--images", a.images, "folder, .npy, CIFAR-10 binary or IDX; FILE[a:b] takes a part");
  app.add_option("--labels", a.labels, "CSV with file,label (for a folder), .npy, IDX, or one label per line");
  app.add_option("--classes", a.classes, "names of the classes, one a line: labels may then be names");
  app.add_option("--loss", a.loss, "top1, top5, ...");
  app.add_option("--out", a.out, "the trace; a shard is written to OUT.i-of-n")->required();
  app.add_option("--shard", a.shard,
                 "i/n; else from OMPI_COMM_WORLD_RANK/SIZE, PMI_RANK/SIZE or SLURM_ARRAY_TASK_ID/COUNT");
  app.add_option("--merge", a.merge, "shards to put together, in any order");
  app.add_flag(
      "--probabilities", a.probabilities,
      "keeps class probabilities too, beside the trace (OUT.probabilities.npy for OUT.csv): then `train` learns "
      "from expected losses, and `policy` compares rules that join answers");
  app.add_option("--block", a.block, "images between two checkpoints")->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", a.threads, "0: all cores")->check(CLI::Range(0, 1024));
  app.add_option("--isa", a.isa, "portable, avx2 or avx512; the best of this CPU if not given");
  return program::run(app, argc, argv, [&] {
    if (a.merge.empty())
      run(a);
    else
      merge({a.merge.begin(), a.merge.end()}, a.out);
  });
}
