// libFuzzer target: whatever the bytes are, a network is read, built, planned and run, or refused with a weir::Error;
// soon, and in memory in proportion to its tensors (bounds.hpp). What runs keeps weir's promises: an example's answer
// is the same to the last bit in any batch, after other passes, and after others have left.
// tests/fuzz/run.sh builds and starts it. With WEIR_FUZZ_COVERED in the environment it says at its end which operators
// of the registry ran, and fails if one did not.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/hook.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/network.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>

#include "bounds.hpp"
#include "onnx_mutator.hpp"

namespace {

using weir::Executor, weir::Network, weir::Tensor;

constexpr double max_floats = 3e5, max_flops = 3e6;
constexpr std::int64_t batch = 2;

std::set<std::string>& operators_run() {
  static std::set<std::string> names;
  return names;
}

void report_operators() {
  std::string missing;
  const auto names = weir::operator_names();
  for (const std::string_view name : names)
    if (!operators_run().contains(std::string(name))) missing += " " + std::string(name);
  std::fprintf(stderr, "operators of the registry: %zu, not run:%s\n", names.size(),
               missing.empty() ? " none" : missing.c_str());
  if (!missing.empty()) std::_Exit(1);
}

double floats_of(const weir::Shape& s) {
  double n = 1;
  for (const std::int64_t d : s) n *= static_cast<double>(d);
  return n;
}

/// Floats of all tensors at a batch size, constants among them.
double tensor_floats(const Network& network, std::int64_t n) {
  double floats = 0;
  for (const weir::detail::Value& v : network.state().values) floats += floats_of(v.form.at(n));
  return floats;
}

/// Passes over every element that the layers make: what flops() does not count (copies, windows) costs at least that.
double work(const Network& network, std::int64_t n) { return network.flops(n) + tensor_floats(network, n); }

std::vector<Tensor> inputs_of(const Network& network, std::int64_t n, fuzz::Numbers& numbers) {
  std::vector<Tensor> inputs;
  const bool wild = numbers.below(8) == 0;
  for (const weir::detail::ValueId v : network.state().inputs) {
    inputs.emplace_back(network.value(v).form.at(n));
    for (float& f : inputs.back().span()) {
      f = static_cast<float>(numbers.below(64)) / 8 - 4;
      if (wild && numbers.below(16) == 0) {
        constexpr float others[] = {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
                                    -std::numeric_limits<float>::max(), 1e-40F};
        f = others[numbers.below(4)];
      }
    }
  }
  return inputs;
}

/// Rows [first, first + 1) of every tensor.
std::vector<Tensor> row(const std::vector<Tensor>& all, std::int64_t first) {
  std::vector<Tensor> one;
  for (const Tensor& t : all) {
    const std::size_t n = t.size() / static_cast<std::size_t>(batch);
    one.emplace_back(t.shape().with(0, t.shape()[0] / batch), t.span().subspan(static_cast<std::size_t>(first) * n, n));
  }
  return one;
}

void begin(Executor& executor, const std::vector<Tensor>& inputs) {
  const std::vector<weir::ConstView> views(inputs.begin(), inputs.end());
  executor.begin(views);
}

std::vector<Tensor> outputs_of(Executor& executor) {
  (void)executor.finish();
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < executor.network().state().outputs.size(); ++i) outputs.emplace_back(executor.output(i));
  return outputs;
}

/// To the last bit; which of its NaNs a machine gives is not looked at.
void must_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b, const char* what) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    bool equal = a[i].shape() == b[i].shape();
    for (std::size_t k = 0; equal && k < a[i].size(); ++k)
      equal = std::bit_cast<std::uint32_t>(a[i][k]) == std::bit_cast<std::uint32_t>(b[i][k]) ||
              (std::isnan(a[i][k]) && std::isnan(b[i][k]));
    if (equal) continue;
    std::fprintf(stderr, "output %zu: %s\n", i, what);
    std::abort();
  }
}

/// Whether the batch is the outermost dimension of all, and none mixes its examples.
bool all_rows(const Network& network, const std::vector<weir::detail::ValueId>& values) {
  return std::all_of(values.begin(), values.end(), [&](weir::detail::ValueId v) {
    return network.value(v).form.has_rows() && !network.value(v).examples.is_mixed();
  });
}

/// Both batch sizes, one after the other and again, and rows that leave.
void run_batches(const Network& network, Executor& executor, fuzz::Numbers& numbers) {
  const weir::detail::NetworkState& s = network.state();
  const auto names = network.tensor_names();
  const std::string stop = names.empty() ? "" : names[numbers.below(names.size())];
  if (!names.empty()) executor.show(stop);  // now: plans may differ in rounding
  const auto inputs = inputs_of(network, batch, numbers);
  begin(executor, inputs);
  const auto together = outputs_of(executor);
  if (!all_rows(network, s.inputs) || !all_rows(network, s.outputs)) return;
  const auto second = row(together, 1);
  begin(executor, row(inputs, 0));
  must_equal(outputs_of(executor), row(together, 0), "an example by itself differs from one in a batch");
  begin(executor, inputs);
  if (!names.empty()) (void)executor.advance_to(stop);
  try {
    const std::size_t keep = 1;
    executor.compact({&keep, 1});
  } catch (const weir::ArgumentError&) {  // its rows cannot leave
    return;
  }
  must_equal(outputs_of(executor), second, "a row that stayed differs");
}

/// Hooks that see, change and let go.
void run_hooked(const Network& network, const weir::ContextOptions& options, fuzz::Numbers& numbers) {
  const auto names = network.tensor_names();
  if (names.empty() || network.state().inputs.size() != 1) return;
  Executor executor{network, options};
  const std::size_t way = numbers.below(4);
  double sum = 0;
  executor.on(names[numbers.below(names.size())], [&](weir::Step& step) {
    for (const float f : step.output().span()) sum += std::isfinite(f) ? f : 0;
    if (way == 1 && step.rows() > 0) step.exit(step.rows() - 1, 3);
    if (way == 2) step.stop();
    if (way == 3)
      for (float& f : step.replace().span()) f = 0.5F;
  });
  const std::int64_t n = network.state().fixed_batch > 0 ? network.state().fixed_batch : batch;
  (void)executor.run(inputs_of(network, n, numbers)[0]);
}

void run(const Network& network, std::size_t seed) {
  fuzz::Numbers numbers(seed);
  const std::int64_t fixed = network.state().fixed_batch;
  const std::int64_t n = fixed > 0 ? fixed : batch;
  if (n > 16 || tensor_floats(network, n) > max_floats || work(network, n) > max_flops) return;
  weir::ContextOptions options;
  const std::size_t isa = numbers.below(weir::isa_names.size());
  if (weir::supported(static_cast<weir::Isa>(isa))) options.isa = weir::isa_names[isa];
  options.winograd = numbers.below(4) != 0;
  {
    Executor executor{network, options};
    if (fixed > 0) {
      begin(executor, inputs_of(network, n, numbers));
      (void)outputs_of(executor);
    } else {
      run_batches(network, executor, numbers);
    }
    for (const weir::detail::Node& node : network.state().nodes) operators_run().insert(node.op);
  }
  run_hooked(network, options, numbers);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)operators_run();  // made before the function is registered, so that it is destroyed after it ran
  if (std::getenv("WEIR_FUZZ_COVERED") != nullptr) std::atexit(report_operators);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Bounds bounds;
  try {
    const Network network =
        weir::build_network(weir::parse_onnx({reinterpret_cast<const char*>(data), size}, "fuzz.onnx"));
    bounds.check("reading and building", sizeof(float) * tensor_floats(network, batch));
    const fuzz::Bounds of_run;
    try {
      run(network, size);
    } catch (const weir::Error&) {
    }
    of_run.check("planning and running", sizeof(float) * max_floats);
    return 0;
  } catch (const weir::Error& e) {
    if (std::strlen(e.what()) < 10) std::abort();  // what is wrong, and where
  }
  bounds.check("refusing");
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  std::vector<fuzz::Field> model;
  if (seed % 16 != 0 && fuzz::parse_fields({reinterpret_cast<const char*>(data), size}, fuzz::Message::model, model)) {
    for (unsigned i = 0; i <= seed / 16 % 4; ++i) (void)fuzz::OnnxMutation(seed / 64 + i).apply(model);
    std::string out;
    fuzz::write_fields(model, out);
    if (out.size() <= max_size) {
      std::memcpy(data, out.data(), out.size());
      return out.size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* a, std::size_t a_size, const std::uint8_t* b,
                                                 std::size_t b_size, std::uint8_t* out, std::size_t max_size,
                                                 unsigned seed) {
  std::vector<fuzz::Field> model, other;
  if (!fuzz::parse_fields({reinterpret_cast<const char*>(a), a_size}, fuzz::Message::model, model) ||
      !fuzz::parse_fields({reinterpret_cast<const char*>(b), b_size}, fuzz::Message::model, other))
    return 0;
  if (!fuzz::OnnxMutation(seed).apply(model, &other)) return 0;
  std::string bytes;
  fuzz::write_fields(model, bytes);
  if (bytes.size() > max_size) return 0;
  std::memcpy(out, bytes.data(), bytes.size());
  return bytes.size();
}
