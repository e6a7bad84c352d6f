#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/exits/grid_pool.hpp>
#include <weir/policy/exits/penultimate.hpp>
#include <weir/policy/exits/pooled_projection.hpp>
#include <weir/policy/features/confidence_features.hpp>
#include <weir/policy/features/list.hpp>
#include <weir/policy/features/stage_features.hpp>
#include <weir/policy/learn/keep_groups.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/measure/cost_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/cascade_stream.hpp>
#include <weir/policy/serve/merge_trace_shards.hpp>
#include <weir/policy/serve/record_images.hpp>
#include <weir/policy/serve/stored_cascade.hpp>
#include <weir/policy/trace/trace.hpp>

#include "stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::TempFolder;
using json = nlohmann::json;

namespace {

weir::detail::PooledProjection projection(std::size_t n_pooled, std::size_t size) {
  std::vector<float> w(n_pooled * size);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sin(2.1F * static_cast<float>(i));
  return {{1}, n_pooled, std::move(w), std::vector<float>(size, 0.25F)};
}

/// Goes on where one input is above a cut.
weir::Gate gate(std::size_t n_features, std::size_t input, double cut) {
  weir::detail::LinearModel m = weir::detail::LinearModel::constant(0, n_features);
  m.coef[input] = 1;
  m.intercept = -cut;
  return {2, n_features, {{"logistic", m}}};
}

std::size_t place(const std::vector<std::string>& names, const std::string& name) {
  const auto it = std::ranges::find(names, name);
  REQUIRE_MESSAGE(it != names.end(), name);
  return static_cast<std::size_t>(it - names.begin());
}

/// stored_toys::file with other features, and gates at their medians: the first stops by `first`, the second by
/// `second`, inputs by name (GateInputs::names).
weir::PolicyFile file(const std::filesystem::path& folder, const std::vector<std::string>& groups,
                      const std::string& first, const std::string& second) {
  weir::PolicyFile f = stored_toys::file(folder);
  const auto old = weir::detail::read_cascade(f, folder / "p.json", {{}, true});
  const auto nets = old.spec->networks();
  auto stages = old.spec->stages;
  stages[0].pooled_tensor = weir::detail::penultimate_tensor(nets[0]);
  const auto size = [&](std::size_t k) {
    const weir::Shape s = nets[stages[k].network].shape_of(stages[k].tensor_to_pool());
    return weir::detail::GridPool{1}.size(weir::Shape(std::span(s.begin() + 1, s.end())));
  };
  stages[0].projection = projection(size(0), 3);
  stages[1].projection = projection(size(1), 2);
  const auto spec =
      std::make_shared<weir::CascadeSpec>(nets, stages, old.spec->topology, weir::FeatureOptions(true, groups, 6));
  std::vector<std::vector<std::string>> names;
  for (std::size_t k = 0; k < 3; ++k) {
    f.stages[k].feature_names = spec->feature_names(k);
    f.stages[k].source = weir::detail::source_to_json(stages[k], k < 2);
    names.push_back(spec->feature_names(k));
  }
  const auto images = stored_toys::images(30);
  weir::detail::CascadeInputs inputs(old.preprocessing());
  inputs.begin(stored_toys::views(images));
  weir::CascadeExecutor run(spec, weir::Context());
  std::vector<std::vector<double>> seen(2);
  const std::size_t at[2] = {place(spec->gate_inputs().names(0, spec->topology, names), first),
                             place(spec->gate_inputs().names(1, spec->topology, names), second)};
  for (std::size_t i = 0; i < images.size(); ++i)
    run.run_one_with([&](std::size_t net, std::size_t row, weir::View out) { inputs.fill(net, row, out); }, i,
                     [&](std::size_t k, std::span<const double> x) {
                       seen[k].push_back(x[at[k]]);
                       return std::size_t{1};
                     });
  f.policy.a.gates = {gate(spec->gate_inputs().size(0), at[0], weir::detail::median(seen[0])),
                      gate(spec->gate_inputs().size(1), at[1], weir::detail::median(seen[1])), weir::Gate{}};
  f.policy.b.gates = f.policy.a.gates;
  return f;
}

void check_equal(const weir::Decision& d, const weir::Decision& e) {
  CHECK(d.label == e.label);
  CHECK(d.exit == e.exit);
  CHECK(d.probabilities == e.probabilities);
}

}  // namespace

TEST_CASE("A policy file with features of every group: saved, loaded, alone, in batches and streams: the same bits") {
  const TempFolder folder;
  const auto images = stored_toys::images(40);
  for (const auto& pair : {std::pair<std::string, std::string>{"energy", "pool_1"},
                           {"pool_2", "alexnet.image_edge_energy"},
                           {"image_deviation_0", "max_logit"},
                           {"probability_6", "alexnet.pool_0"}}) {
    const std::string &first = pair.first, &second = pair.second;
    INFO(first);
    const auto f = file(folder.path(), weir::feature_group_names(), first, second);
    weir::write_file_atomically(folder / "p.json", weir::to_text(f));
    CHECK(weir::detail::read_policy_file(folder / "p.json") == f);
    const auto cascade = weir::load_policy(folder / "p.json", stored_toys::anywhere());
    CHECK(cascade.spec().feature_options.groups == weir::feature_group_names());
    const auto batch = cascade.run(stored_toys::views(images));
    std::set<std::string> exits;
    std::vector<std::future<weir::Decision>> futures;
    weir::CascadeStream stream(cascade, {.batch = 8, .in_flight = 16, .max_wait_s = 0.01});
    for (std::size_t i = 0; i < images.size(); ++i) {
      futures.push_back(stream.submit(images[i]));
      check_equal(cascade.run(images[i]), batch[i]);
      exits.insert(batch[i].exit);
    }
    stream.finish();
    for (std::size_t i = 0; i < images.size(); ++i) check_equal(futures[i].get(), batch[i]);
    CHECK(exits.size() >= 2);
  }
}

TEST_CASE("A policy file without further features is as it was: no word of them, and no group is computed") {
  const TempFolder folder;
  const std::string text = weir::to_text(stored_toys::file(folder.path()));
  CHECK(!contains(text, "pooled"));
  CHECK(!contains(text, "energy"));
  const auto stored = weir::detail::read_cascade(weir::policy_from_text(text), folder / "p.json", {{}, true});
  CHECK(stored.spec->feature_options.groups == std::vector<std::string>{"confidence"});
  CHECK(stored.spec->feature_options.with_class);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(stored.spec->feature_names(k) == weir::detail::confidence_feature_names(10));
  CHECK(json::parse(weir::detail::source_to_json(stored.spec->stages[1]).dump()) ==
        stored_toys::file(folder.path()).stages[1].source);
}

TEST_CASE("Recording carries the features of every group, and plans what runs do") {
  const TempFolder folder;
  const auto f = file(folder.path(), {"energy", "pooled", "image"}, "energy", "alexnet.image_entropy");
  const auto stored = weir::detail::read_cascade(f, folder / "p.json", {{}, true});
  weir::detail::Bytes bytes(20 * 28 * 28);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] =
        static_cast<char>(static_cast<int>(127 + 127 * std::sin(0.003 * static_cast<double>(i % 28 * (i / 784) + i))));
  const auto set = weir::ImageSet::from_pixels(weir::Shape{20, 28, 28}, std::move(bytes), std::vector<int>(20, 1), "p");
  std::vector<std::size_t> rows(20);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  weir::record_images(f, stored, set, rows, folder / "part", {.block = 7});
  const weir::Trace trace = weir::detail::merge_trace_shards({folder / "part"}, folder / "t.csv");
  for (std::size_t k = 0; k < 3; ++k) CHECK(trace.stages[k].feature_names == f.stages[k].feature_names);
  CHECK(weir::detail::feature_groups_of(trace) == std::vector<std::string>{"confidence", "energy", "pooled", "image"});
  const auto planned = weir::evaluate(f.policy, trace);
  const weir::Cascade cascade(f, folder / "p.json", stored_toys::anywhere());
  for (std::size_t i = 0; i < 20; ++i) CHECK(cascade.run(set.image(i), i).exit == trace.stages[planned.exit[i]].name);
}

TEST_CASE("policy file: features that do not fit, damaged projections and hostile names are refused") {
  const TempFolder folder;
  const json good = json::parse(weir::to_text(file(folder.path(), weir::feature_group_names(), "energy", "pool_0")));
  const auto refusal = [&](const json& policy) {
    weir::write_file_atomically(folder / "p.json", policy.dump());
    return message_of<weir::FormatError>([&] {
      const auto cascade = weir::load_policy(folder / "p.json", stored_toys::anywhere());
      static_cast<void>(cascade.spec().networks());
    });
  };
  CHECK(refusal(good).empty());
  const auto check = [&](const std::string& pointer, const json& value, const std::string& part) {
    const std::string message = refusal(stored_toys::changed(good, pointer, value));
    CHECK_MESSAGE(contains(message, part), pointer, ": ", message);
    CHECK_MESSAGE(contains(message, "p.json"), message);
  };
  const json missing(json::value_t::discarded);
  check("/stages/0/source/pooled", missing, "'features'");
  for (const std::string field : {"grid", "pooled", "weights", "bias", "tensor"})
    check("/stages/0/source/pooled/" + field, missing, "'" + field + "'");
  check("/stages/0/source/pooled", 7, "'grid'");
  check("/stages/0/source/pooled/pooled", 1 << 20, "weights");
  check("/stages/0/source/pooled/weights/0", "x", "'weights'");
  check("/stages/0/source/pooled/weights/0", 1e39, "float");
  check("/stages/0/source/pooled/bias", json::array({1, 2}), "weights");
  const std::size_t energy = weir::detail::confidence_feature_names(10).size();
  check("/stages/0/features/" + std::to_string(energy), "energy2", "features");
  check("/stages/0/features/" + std::to_string(energy), "probability_99999999999999999999", "features");
  check("/stages/0/features/" + std::to_string(energy), "image_mean_3", "features");
  check("/stages/1/features/0", "image_mean_0", "features");
  // What only the network can refute is refused when it is loaded.
  const auto refuses_networks = [&](const std::string& pointer, const json& value) {
    json bad = good;
    bad[json::json_pointer(pointer)] = value;
    weir::write_file_atomically(folder / "p.json", bad.dump());
    const auto cascade = weir::load_policy(folder / "p.json", stored_toys::anywhere());
    CHECK_THROWS_AS(static_cast<void>(cascade.spec().networks()), weir::Error);
  };
  refuses_networks("/stages/0/source/pooled/tensor", "nowhere");
  refuses_networks("/stages/0/source/pooled/tensor", "");
  refuses_networks("/stages/1/source/pooled/grid", 1000);  // finer than the tensor
}

}  // namespace WEIR_UNIT
