/// A policy file over the networks of bench/networks, cheap to make: rules instead of a training.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include <weir/core/execution_order.hpp>
#include <weir/core/shape.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/gate_inputs.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/topology.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "../../io/io_test.hpp"

namespace stored_toys {

inline std::filesystem::path networks() { return std::filesystem::path(WEIR_TEST_DIR) / ".." / "bench" / "networks"; }

/// Policy files of tests lie in temporary folders, their networks here.
inline weir::CascadeOptions anywhere(int threads = 1) {
  return {.networks = {}, .context = {.threads = threads}, .allow_outside = true};
}

/// Goes on while max_probability is below cut.
inline weir::Gate gate(std::size_t n_features, double cut) {
  weir::detail::LinearModel m = weir::detail::LinearModel::constant(0, n_features);
  m.coef[0] = -1;
  m.intercept = cut;
  return {2, n_features, {{"logistic", m}}};
}

inline nlohmann::json preprocess(double mean) {
  return {{"input", {{"channels", 1}, {"height", 28}, {"width", 28}}},
          {"scale", 1.0 / 255},
          {"mean", {mean}},
          {"std", {0.353}}};
}

/// alexnet -> an exit inside googlenet -> googlenet, which shares alexnet's preprocessing if `same`; a mix of two cuts.
inline weir::PolicyFile file(const std::filesystem::path& folder, bool same = true) {
  weir::PolicyFile f;
  const std::vector<std::string> names{"alexnet", "inside", "googlenet"};
  f.policy.a.topology = weir::Topology::chain(names);
  const auto features = weir::detail::confidence_feature_names(10);
  const weir::Network alexnet = weir::build_network(weir::read_onnx(networks() / "fashion_alexnet.onnx")),
                      googlenet = weir::build_network(weir::read_onnx(networks() / "fashion_googlenet.onnx"));
  const auto points = weir::detail::spread_exit_points(googlenet, 1);
  const weir::Shape at = googlenet.shape_of(points.at(0).tensor);
  std::vector<float> w(10 * static_cast<std::size_t>(at[1]));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = 2 * std::sin(1.7F * static_cast<float>(i));
  const weir::ExitHead head({1}, 10, std::move(w), std::vector<float>(10, 0.1F));
  const nlohmann::json output = googlenet.output_names().front();
  f.stages = {{features, 1, {}, {{"network", 0}, {"tensor", alexnet.output_names().front()}, {"logits", true}}},
              {features, 1, head, {{"network", 1}, {"tensor", points[0].tensor}, {"logits", true}}},
              {features, 1, {}, {{"network", 1}, {"tensor", output}, {"logits", true}}}};
  f.cascade = {{"n_classes", 10},
               {"networks",
                {weir::detail::network_to_json(alexnet, networks() / "fashion_alexnet.onnx", folder, preprocess(0.286)),
                 weir::detail::network_to_json(googlenet, networks() / "fashion_googlenet.onnx", folder,
                                               preprocess(same ? 0.286 : 0.3))}}};
  const weir::detail::GateInputs inputs = f.inputs();
  f.policy.b = f.policy.a;
  f.policy.a.gates = {gate(inputs.size(0), 0.7), gate(inputs.size(1), 0.6), weir::Gate{}};
  f.policy.b.gates = {gate(inputs.size(0), 0.99), gate(inputs.size(1), 0.99), weir::Gate{}};
  f.policy.p = 0.5;
  f.policy.seed = 3;
  return f;
}

/// Images of several sizes, grey and RGB, smooth enough that networks are not all sure of the same.
inline std::vector<weir::Image> images(std::size_t n) {
  std::vector<weir::Image> all;
  for (std::size_t i = 0; i < n; ++i) {
    const int side = i % 5 == 4 ? 40 : 28, channels = i % 7 == 6 ? 3 : 1;
    weir::Image image{{}, side, side, channels};
    for (std::size_t p = 0; p < image.view().size_bytes(); ++p) {
      const auto x = static_cast<double>(p % static_cast<std::size_t>(side * channels)),
                 y = static_cast<double>(p / static_cast<std::size_t>(side * channels)), s = static_cast<double>(i);
      image.data.push_back(static_cast<std::uint8_t>(127 + 127 * std::sin(0.05 * s * x + s) * std::cos(0.1 * y - s)));
    }
    all.push_back(std::move(image));
  }
  return all;
}

inline std::vector<weir::ImageView> views(const std::vector<weir::Image>& images) {
  return {images.begin(), images.end()};
}

/// good with another value at this place; discarded: with nothing there.
inline nlohmann::json changed(nlohmann::json good, const std::string& pointer, const nlohmann::json& value) {
  const nlohmann::json::json_pointer at(pointer);
  if (value.is_discarded())
    good[at.parent_pointer()].erase(at.back());
  else
    good[at] = value;
  return good;
}

}  // namespace stored_toys
