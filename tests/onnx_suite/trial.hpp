/// One case of the suite, tried in every way in which weir may be given it.
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/execution_order.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>

#include "model_file.hpp"

namespace onnx_suite {

/// How inputs reach the network: as the case has them; only the floating-point ones at run time, the others constant;
/// only one of them at run time (as given, and with its first dimension free); none.
enum class Way { as_given, floats_at_run_time, one_at_run_time, one_of_free_batch, constant };
inline constexpr std::size_t way_count = 5;

enum class Outcome { pass, refused, wrong };

struct Trial {
  Way way;
  Outcome outcome;
  std::string text;  ///< why it is refused, or what is wrong
};

/// One folder test_data_set_*: the values of inputs and outputs in the order of the graph.
struct DataSet {
  std::vector<std::string> input_bytes;
  std::vector<weir::Constant> inputs, outputs;
};

inline weir::Tensor as_tensor(const weir::Constant& c) {
  if (!c.is_int) return weir::Tensor(c.shape, c.floats);
  const std::vector<float> values(c.ints.begin(), c.ints.end());
  return weir::Tensor(c.shape, values);
}

inline std::string file_text(const std::filesystem::path& path) {
  const weir::detail::Bytes bytes = weir::detail::read_file(path);
  return {bytes.begin(), bytes.end()};
}

/// ONNX 1.12 stores bfloat16 values as uint16: the type is what the graph says.
inline void set_type(std::string& tensor, std::int64_t type) {
  if (type == 16) protozero::pbf_writer(tensor).add_int64(2, type);
}

/// Empty where a file is missing or of a type that weir does not read.
inline std::optional<DataSet> read_data(const std::filesystem::path& folder, const ModelOutline& model) {
  DataSet data;
  std::map<std::string, std::string> by_name;
  std::vector<std::string> in_order;
  for (std::size_t i = 0; std::filesystem::exists(folder / ("input_" + std::to_string(i) + ".pb")); ++i) {
    in_order.push_back(file_text(folder / ("input_" + std::to_string(i) + ".pb")));
    by_name[text_field(weir::detail::ProtoMessage(in_order.back()), 8)] = in_order.back();
  }
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    const auto named = by_name.find(model.inputs[i].name);
    if (named == by_name.end() && i >= in_order.size()) return std::nullopt;
    data.input_bytes.push_back(named != by_name.end() ? named->second : in_order[i]);
    set_type(data.input_bytes.back(), model.inputs[i].type);
    auto value = read_tensor(data.input_bytes.back());
    if (!value) return std::nullopt;
    data.inputs.push_back(std::move(*value));
  }
  for (std::size_t i = 0; i < model.outputs.size(); ++i) {
    const auto path = folder / ("output_" + std::to_string(i) + ".pb");
    if (!std::filesystem::exists(path)) return std::nullopt;
    std::string bytes = file_text(path);
    set_type(bytes, model.outputs[i].type);
    auto value = read_tensor(bytes);
    if (!value) return std::nullopt;
    data.outputs.push_back(std::move(*value));
  }
  return data;
}

/// What is wrong with `got`, "" if it is right. Rounding is allowed for: a ten-thousandth of the value and 1e-5 of the
/// largest; for halves what their bits allow.
inline std::string compare(weir::ConstView got, const weir::Constant& right, std::int64_t type) {
  const weir::Tensor expected = as_tensor(right);
  if (!(got.shape == expected.shape()))
    return "shape " + got.shape.to_string() + " instead of " + expected.shape().to_string();
  const double bits = type == 10 ? 2e-3 : type == 16 ? 2e-2 : 1e-4;
  double largest = 0;
  for (const float v : expected.span())
    if (std::isfinite(v)) largest = std::max(largest, std::abs(static_cast<double>(v)));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double g = static_cast<double>(got.data[i]), e = static_cast<double>(expected[i]);
    const bool same = std::isnan(e)   ? std::isnan(g)
                      : std::isinf(e) ? g == e
                                      : std::abs(g - e) <= bits * std::abs(e) + 0.1 * bits * largest + 1e-7;
    if (!same) return "value " + std::to_string(i) + " is " + std::to_string(g) + " instead of " + std::to_string(e);
  }
  return {};
}

/// Loads and runs the model with the inputs that `at_run_time` marks, on every instruction set of this CPU.
inline Trial try_way(Way way, const std::string& name, const std::string& model, const ModelOutline& outline,
                     const DataSet& data, const std::vector<bool>& at_run_time) {
  try {
    std::vector<std::pair<std::string, std::string>> constants;
    for (std::size_t i = 0; i < data.inputs.size(); ++i)
      if (!at_run_time[i]) constants.emplace_back(outline.inputs[i].name, data.input_bytes[i]);
    const std::string bytes = with_initialisers(model, constants);
    weir::GraphDef def = weir::parse_onnx(bytes, name);
    weir::BuildOptions options;
    std::vector<weir::Tensor> tensors;
    std::vector<weir::ConstView> views;
    tensors.reserve(data.inputs.size());
    for (std::size_t i = 0; i < data.inputs.size(); ++i) {
      if (!at_run_time[i]) continue;
      tensors.push_back(as_tensor(data.inputs[i]));
      views.push_back(std::as_const(tensors.back()).view());
      const weir::Shape& s = tensors.back().shape();
      if (s.rank() > 0) options.input_shapes[outline.inputs[i].name] = {s.begin() + 1, s.end()};
    }
    for (weir::InputDef& input : def.inputs)
      if (way == Way::one_of_free_batch && !input.dims.empty()) input.dims[0] = -1;
    const weir::Network net = weir::build_network(def, options);
    for (const weir::Isa isa : {weir::Isa::portable, weir::Isa::avx2, weir::Isa::avx512}) {
      if (!weir::supported(isa)) continue;
      const std::string isa_name(weir::to_string(isa));
      weir::Executor run{net, weir::ContextOptions{.threads = isa == weir::Isa::portable ? 1 : 2, .isa = isa_name}};
      run.begin(views);
      (void)run.finish();
      for (std::size_t i = 0; i < data.outputs.size(); ++i)
        if (const std::string fault = compare(run.output(i), data.outputs[i], outline.outputs[i].type); !fault.empty())
          return {way, Outcome::wrong, outline.outputs[i].name + ": " + fault + " (" + isa_name + ")"};
    }
    return {way, Outcome::pass, {}};
  } catch (const weir::Error& e) {
    return {way, Outcome::refused, e.what()};
  }
}

/// All ways of one data set. Which inputs may be given at run time: floating-point ones (others are tried as the case
/// has them, and as constants).
inline std::vector<Trial> try_all(const std::string& name, const std::string& model, const ModelOutline& outline,
                                  const DataSet& data) {
  std::vector<Trial> trials;
  const std::size_t n = data.inputs.size();
  const auto go = [&](Way way, const std::vector<bool>& at_run_time) {
    trials.push_back(try_way(way, name, model, outline, data, at_run_time));
  };
  go(Way::as_given, std::vector<bool>(n, true));
  std::vector<bool> floats(n);
  for (std::size_t i = 0; i < n; ++i) floats[i] = is_floating(outline.inputs[i].type);
  const auto float_count = std::count(floats.begin(), floats.end(), true);
  if (float_count != 0 && float_count != static_cast<std::ptrdiff_t>(n)) go(Way::floats_at_run_time, floats);
  for (std::size_t i = 0; i < n; ++i) {
    if (!floats[i]) continue;
    std::vector<bool> one(n);
    one[i] = true;
    if (n > 1 && float_count > 1) go(Way::one_at_run_time, one);
    go(Way::one_of_free_batch, one);
  }
  if (n > 0) go(Way::constant, std::vector<bool>(n, false));
  return trials;
}

}  // namespace onnx_suite
