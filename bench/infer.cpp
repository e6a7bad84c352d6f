// Runs an ONNX network on .npy input and writes .npy output.
#include <algorithm>
#include <tuple>
#include <weir/core/context.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/network.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/npy.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/io/report/printable.hpp>
#include <weir/layers/build_network.hpp>

#include "program.hpp"
#include "programs.hpp"
#include "results_folder.hpp"

namespace {

struct Options {
  std::string onnx, isa, gemm = "weir";
  std::vector<std::string> inputs, taps, outputs;
  std::int64_t batch = 0;
  int threads = 1;
  bool no_winograd = false, list = false;
};

/// The arrays in the order of the network's inputs. An input without a name is the next that no other option names.
std::vector<weir::Tensor> read_inputs(const Options& o, const weir::GraphDef& def) {
  std::map<std::string, std::string> file_of;
  for (const std::string& text : o.inputs) {
    std::string name, file;
    std::tie(name, file) = program::split_name(text);
    for (const auto& i : def.inputs)
      if (name.empty() && !file_of.contains(i.name)) name = i.name;
    if (std::none_of(def.inputs.begin(), def.inputs.end(), [&](const auto& i) { return i.name == name; }))
      throw weir::ArgumentError("--input " + text + ": " + def.source + " has no input '" + name + "'" +
                                (def.inputs.empty() ? "" : "; it reads '" + def.inputs.front().name + "'"));
    if (!file_of.emplace(name, file).second) throw weir::ArgumentError("--input " + text + ": given twice");
  }
  std::vector<weir::Tensor> tensors;
  for (const auto& i : def.inputs) {
    if (!file_of.contains(i.name)) throw weir::ArgumentError("--input " + i.name + "=x.npy is missing");
    tensors.push_back(weir::read_npy(file_of[i.name]).to_tensor());
    if (tensors.back().shape().rank() == 0 || tensors.back().size() == 0 ||
        tensors.back().shape()[0] != tensors.front().shape()[0])
      throw weir::ShapeError(file_of[i.name] + ": shape " + tensors.back().shape().to_string() +
                             " has no rows, or not as many as the others");
  }
  if (tensors.empty()) throw weir::ArgumentError(def.source + " has no inputs");
  return tensors;
}

/// {tensor, file} for each --output; one without a name is the first tapped tensor, or else the first output.
std::vector<std::pair<std::string, std::string>> wanted(const Options& o, const weir::Network& net) {
  std::vector<std::pair<std::string, std::string>> all;
  const auto outputs = net.output_names();
  for (const std::string& text : o.outputs) {
    auto [name, file] = program::split_name(text);
    if (name.empty()) name = o.taps.empty() ? outputs.front() : o.taps.front();
    const bool known =
        std::count(outputs.begin(), outputs.end(), name) + std::count(o.taps.begin(), o.taps.end(), name) > 0;
    if (!known) throw weir::ArgumentError("--output " + text + ": '" + name + "' is neither an output nor a --tap");
    all.emplace_back(name, file);
  }
  return all;
}

/// A line for every tensor that --tap and hooks may name, inputs first: name, shape for one example, what computes it.
void list(const Options& o) {
  const weir::Network net = weir::build_network(weir::read_onnx(o.onnx));
  std::vector<std::vector<std::string>> rows{{"tensor", "shape", "from"}};
  const auto add = [&](weir::detail::ValueId v, const std::string& from) {
    rows.push_back({weir::detail::printable(net.value(v).name), net.value(v).form.at(1).to_string(), from});
  };
  const weir::detail::NetworkState& s = net.state();
  for (const weir::detail::ValueId v : s.inputs) add(v, "input");
  for (const weir::detail::Node& node : s.nodes)
    for (const weir::detail::ValueId v : node.outputs)
      if (v != weir::detail::absent)
        add(v,
            weir::detail::printable(node.op) + (std::ranges::find(s.outputs, v) == s.outputs.end() ? "" : ", output"));
  std::fputs(weir::detail::aligned(rows, 3).c_str(), stdout);
}

void infer(const Options& o) {
  const weir::GraphDef def = weir::read_onnx(o.onnx);
  const std::vector<weir::Tensor> inputs = read_inputs(o, def);
  weir::BuildOptions build;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    build.input_shapes[def.inputs[i].name] = {inputs[i].shape().begin() + 1, inputs[i].shape().end()};
  const weir::Network net = weir::build_network(def, build);
  weir::Executor run{
      net, weir::ContextOptions{.threads = o.threads, .isa = o.isa, .gemm = o.gemm, .winograd = !o.no_winograd}};
  for (const std::string& tap : o.taps) run.show(tap);
  const auto files = wanted(o, net);
  for (const auto& file : files) weir::detail::prove_writable(file.second);
  std::vector<weir::Tensor> results(files.size());
  const std::int64_t rows = inputs[0].shape()[0], chunk = o.batch > 0 ? std::min(o.batch, rows) : rows;
  for (std::int64_t first = 0; first < rows; first += chunk) {
    const std::int64_t n = std::min(chunk, rows - first);
    std::vector<weir::ConstView> views;
    for (const weir::Tensor& t : inputs)
      views.push_back({t.data() + static_cast<std::size_t>(first) * (t.size() / static_cast<std::size_t>(rows)),
                       t.shape().with(0, n)});
    run.begin(views);
    for (std::size_t f = 0; f < files.size(); ++f) {
      const weir::ConstView y = run.advance_to(files[f].first);
      if (y.shape.rank() == 0 || y.shape[0] % n != 0 || (n != rows && y.shape[0] != n)) {
        if (n != rows)
          throw weir::ShapeError("'" + files[f].first + "' " + y.shape.to_string() +
                                 " has no batch dimension in front: leave --batch out");
        results[f] = weir::Tensor(y);
        continue;
      }
      if (first == 0) results[f] = weir::Tensor(y.shape.with(0, y.shape[0] / n * rows));
      std::copy_n(
          y.data, y.size(),
          results[f].data() + results[f].size() / static_cast<std::size_t>(rows) * static_cast<std::size_t>(first));
    }
  }
  for (std::size_t f = 0; f < files.size(); ++f) weir::write_npy(files[f].second, results[f]);
}

}  // namespace

int weir::programs::infer(int argc, char** argv) {
  program::App app{"Runs an ONNX network on .npy arrays [N, ...] and writes .npy arrays.",
                   "  @ --onnx network.onnx --list\n"
                   "  @ --onnx network.onnx --input x.npy --output y.npy --batch 64\n"};
  Options o;
  app.add_option("--onnx", o.onnx, "the network")->required();
  app.add_option("--input", o.inputs, "x.npy, or NAME=x.npy for each of several inputs");
  app.add_option("--output", o.outputs, "y.npy, or NAME=y.npy for several outputs and tapped tensors");
  app.add_flag("--list", o.list, "prints the names and shapes of all tensors, for --tap, and runs nothing");
  app.add_option("--tap", o.taps, "name of a tensor inside the network, to be written too");
  app.add_option("--batch", o.batch, "rows at a time; all of them if not given")->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", o.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--isa", o.isa, "portable, avx2 or avx512; the best of this CPU if not given");
  app.add_option("--gemm", o.gemm, "weir or openblas");
  app.add_flag("--no-winograd", o.no_winograd, "computes every convolution directly");
  return program::run(app, argc, argv, [&] {
    if (o.list) return list(o);
    if (o.inputs.empty() || o.outputs.empty())
      throw weir::ArgumentError("--input and --output are needed, or --list to see what a network holds");
    infer(o);
  });
}
