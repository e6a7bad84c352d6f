#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/executor.hpp>
#include <weir/core/known_names.hpp>
#include <weir/core/plan_description.hpp>
#include <weir/core/shape.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/exits/exit_head.hpp>
#include <weir/policy/exits/exit_points.hpp>
#include <weir/policy/exits/probabilities.hpp>
#include <weir/policy/learners/models/linear_model.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/gate.hpp>
#include <weir/policy/run/joined_answer.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/run/stage_score.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

#include "stored_toys.hpp"

namespace WEIR_UNIT {

using io_test::contains, io_test::message_of, io_test::TempFolder;
using json = nlohmann::json;

namespace {

/// What loading (and, if it loads, running through all networks) says.
std::string refusal(const TempFolder& folder, const json& policy, const std::filesystem::path& networks = {}) {
  weir::write_file_atomically(folder / "p.json", policy.dump());
  return message_of<weir::FormatError>([&] {
    const auto cascade =
        weir::load_policy(folder / "p.json", {.networks = networks, .context = {}, .allow_outside = true});
    static_cast<void>(cascade.spec().networks());
  });
}

}  // namespace

TEST_CASE("policy file: what is missing or wrong about its networks is refused by file and field") {
  const TempFolder folder;
  const json good = json::parse(weir::to_text(stored_toys::file(folder.path())));
  CHECK(refusal(folder, good).empty());
  const auto check = [&](const std::string& pointer, const json& value, const std::string& part) {
    const std::string message = refusal(folder, stored_toys::changed(good, pointer, value));
    CHECK_MESSAGE(contains(message, part), pointer, ": ", message);
    CHECK_MESSAGE(contains(message, "p.json"), message);
  };
  const json missing(json::value_t::discarded);
  for (const std::string field : {"file", "fnv1a", "rows_leave", "preprocess"})
    check("/cascade/networks/1/" + field, missing, "'" + field + "'");
  for (const std::string field : {"network", "tensor", "logits"})
    check("/stages/1/source/" + field, missing, "'" + field + "'");
  for (const std::string field : {"n_classes", "networks"}) check("/cascade/" + field, missing, "'" + field + "'");
  for (const json& value : {json(1), json("x"), json::array(), json::array({1, {}}), json::object(), json(nullptr)})
    for (const std::string pointer :
         {"/cascade", "/cascade/networks", "/cascade/networks/0", "/cascade/n_classes", "/stages/0/source"}) {
      json bad = good;
      bad[json::json_pointer(pointer)] = value;
      CHECK_MESSAGE(!refusal(folder, bad).empty(), pointer, value.dump());
    }
  check("/cascade", missing, "'cascade' is missing");
  check("/weir_policy", 1, "version 1");
  check("/cascade/networks/0/file", "/etc/passwd", "relative");
  check("/cascade/networks/0/file", std::string("a\0b", 3), "relative");
  check("/cascade/networks/0/preprocess/mean", json::array(), "'preprocess'");
  check("/cascade/networks/0/rows_leave", "yes", "'rows_leave'");
  check("/stages/1/source/network", 2, "'network'");
  check("/stages/1/exit_head/classes", 7, "exit head");
  check("/stages/1/features/0", "other", "features");
  check("/cascade/n_classes", 1 << 30, "'n_classes'");
  json many = good;
  many["cascade"]["networks"] = json(65, good["cascade"]["networks"][0]);
  CHECK(contains(refusal(folder, many), "networks"));
}

TEST_CASE("policy file: networks are those that were stated, or are refused before they are parsed") {
  const TempFolder folder;
  const json good = json::parse(weir::to_text(stored_toys::file(folder.path())));
  // By name in another folder.
  std::filesystem::create_directories(folder / "other");
  const auto name = [](const char* n) { return std::string("fashion_") + n + ".onnx"; };
  for (const char* n : {"alexnet", "googlenet"})
    std::filesystem::copy_file(stored_toys::networks() / name(n), folder / "other" / name(n));
  CHECK(refusal(folder, good, folder / "other").empty());
  // Retrained, mixed up, damaged: another content.
  for (const std::string& content :
       {std::string("x"), std::string(), io_test::slurp(folder / "other" / name("googlenet"))}) {
    folder.write("other/" + name("alexnet"), content);
    const auto message = refusal(folder, good, folder / "other");
    CHECK_MESSAGE(contains(message, "fnv1a"), message);
    CHECK(contains(message, name("alexnet")));
  }
  json wrong = good;  // the hash of a network that does not fit the stage or its preprocessing
  wrong["cascade"]["networks"][0]["fnv1a"] = good["cascade"]["networks"][1]["fnv1a"];
  wrong["cascade"]["networks"][0]["preprocess"]["input"]["width"] = 29;
  CHECK(contains(refusal(folder, wrong, folder / "other"), "preprocess"));
  std::filesystem::remove(folder / "other" / name("alexnet"));
  CHECK_THROWS_AS(refusal(folder, good, folder / "other"), weir::IoError);
  std::filesystem::create_symlink(stored_toys::networks() / name("alexnet"), folder / "other" / name("alexnet"));
  folder.write("other/" + name("googlenet"), io_test::slurp(stored_toys::networks() / name("googlenet")));
  CHECK(refusal(folder, good, folder / "other").empty());  // the user's own folder may hold links
}

TEST_CASE("policy file: networks outside its folder are read where that is allowed, else the message says how") {
  const TempFolder folder;
  const json good = json::parse(weir::to_text(stored_toys::file(folder.path())));
  const auto load = [&](const json& policy) {
    weir::write_file_atomically(folder / "p.json", policy.dump());
    return message_of<weir::FormatError>([&] { static_cast<void>(weir::load_policy(folder / "p.json")); });
  };
  CHECK(contains(load(good), "network 0: 'file': path '../"));
  for (const char* way : {"leads out of", "--networks DIR", "CascadeOptions::networks", "--allow-outside"})
    CHECK(contains(load(good), way));
  json inside = good;
  for (std::size_t n = 0; n < 2; ++n) {
    const std::string file =
        std::filesystem::path(good["cascade"]["networks"][n]["file"].get<std::string>()).filename();
    inside["cascade"]["networks"][n]["file"] = "sub/../nets/" + file;
    folder.write("nets/" + file, io_test::slurp(stored_toys::networks() / file));
  }
  CHECK(load(inside).empty());
  // A link in the policy's own folder leads out of it too.
  const std::string file = "fashion_alexnet.onnx";
  std::filesystem::remove(folder / "nets" / file);
  std::filesystem::create_symlink(stored_toys::networks() / file, folder / "nets" / file);
  CHECK(contains(load(inside), file + " is a symbolic link that leads out of"));
  CHECK(contains(load(inside), "--allow-outside"));
  CHECK(refusal(folder, inside).empty());
  for (const auto& key :
       std::vector<std::pair<std::string, std::string>>{{"/cascade/n_clases", "n_classes"},
                                                        {"/cascade/networks/0/fil", "file"},
                                                        {"/cascade/networks/0/preprocess/scal", "scale"},
                                                        {"/stages/0/source/logit", "logits"},
                                                        {"/stages/1/exit_head/biass", "bias"}}) {
    json bad = good;
    bad[json::json_pointer(key.first)] = 1;
    const std::string message = refusal(folder, bad);
    CHECK_MESSAGE(contains(message, "the nearest is '" + key.second + "'"), key.first, ": ", message);
  }
}

TEST_CASE("policy file: every flipped bit around the networks is refused or harmless") {
  const TempFolder folder;
  const std::string text = weir::to_text(stored_toys::file(folder.path()));
  const std::size_t begin = text.find("\"cascade\""), end = text.find("\"lambda\"");
  REQUIRE(begin < end);
  std::size_t refused = 0;
  for (std::size_t at = begin; at < end; ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 7)));
    try {
      static_cast<void>(weir::detail::read_cascade(weir::policy_from_text(damaged), folder / "p.json", {{}, true}));
    } catch (const weir::Error&) {
      ++refused;
    }
  }
  CHECK(refused > (end - begin) / 4);
}

TEST_CASE("content_fnv1a: the published values") {
  CHECK(weir::detail::content_fnv1a({}) == "cbf29ce484222325");
  CHECK(weir::detail::content_fnv1a(std::string("foobar")) == "85944171f73967e8");  // RFC 9923
}

TEST_CASE("policy file: what stages make of their answers is stored, runs alike, and is version 3; lies are refused") {
  const TempFolder folder;
  auto file = stored_toys::file(folder.path());
  const std::string plain = weir::to_text(file);
  CHECK(json::parse(plain).at("weir_policy") == 2);
  // The second stage answers with the mean so far, the last with the geometric mean; the first two have scores.
  weir::detail::StageScore own{weir::detail::ScoreInputs::statistics, weir::detail::LinearModel::constant(1, 4)};
  own.model.coef = {2, -0.5, 0.3, 0.1};
  weir::detail::StageScore history{weir::detail::ScoreInputs::history, weir::detail::LinearModel::constant(0, 14)};
  for (std::size_t j = 0; j < 14; ++j) history.model.coef[j] = 0.2 * static_cast<double>(j) - 1;
  file.stages[0].source["score"] = own;
  file.stages[1].source["score"] = history;
  file.stages[1].source["join"] = "mean";
  file.stages[2].source["join"] = "geometric";
  for (auto& s : file.stages) s.feature_names.emplace_back(weir::detail::stage_score_feature);
  const auto inputs = file.inputs();
  file.policy.a.gates = {stored_toys::gate(inputs.size(0), 0.9), stored_toys::gate(inputs.size(1), 0.8), weir::Gate{}};
  file.policy.b = file.policy.a;
  const std::string text = weir::to_text(file);
  CHECK(json::parse(text).at("weir_policy") == 3);
  CHECK(weir::policy_from_text(text) == file);
  weir::write_file_atomically(folder / "p.json", text);
  const auto cascade = weir::load_policy(folder / "p.json", stored_toys::anywhere());
  const auto& stages = cascade.spec().stages;
  CHECK(stages[0].form == weir::detail::AnswerForm{weir::detail::Join::own, own});
  CHECK(stages[1].form == weir::detail::AnswerForm{weir::detail::Join::mean, history});
  CHECK(stages[2].form == weir::detail::AnswerForm{weir::detail::Join::geometric, {}});
  for (const auto& stage : stages)
    CHECK(weir::detail::source_to_json(stage).contains("join") == (stage.name != "alexnet"));

  // The same answers from the plain file, joined here.
  auto all_own = stored_toys::file(folder.path());
  weir::write_file_atomically(folder / "plain.json", plain);
  const auto apart = weir::detail::read_cascade(all_own, folder / "plain.json", {{}, true});
  weir::CascadeExecutor executor(apart.spec, weir::Context());
  weir::detail::CascadeInputs makes(apart.preprocessing());
  std::set<std::string> exits;
  const auto images = stored_toys::images(40);
  for (const auto& image : images) {
    const weir::ImageView view = image;
    makes.begin(std::span(&view, 1));
    std::vector<std::vector<float>> p;
    executor.record(
        1, [&](std::size_t net, std::size_t row, weir::View out) { makes.fill(net, row, out); },
        [&](std::size_t, std::size_t, int, std::span<const float> own_p, std::span<const double>) {
          p.emplace_back(own_p.begin(), own_p.end());
        });
    const weir::Decision d = cascade.run(image);
    exits.insert(d.exit);
    const std::size_t k = d.exit == "alexnet" ? 0 : d.exit == "inside" ? 1 : 2;
    weir::detail::JoinedAnswer answer(weir::detail::Join::own, 10);
    answer.start(stages[k].form.join);
    for (std::size_t j = 0; j <= k; ++j) answer.add(p[j]);
    std::vector<float> expected(10);
    answer.write(expected);
    CHECK(d.probabilities == expected);
    CHECK(d.label == weir::detail::argmax(expected));
  }
  CHECK(exits.size() >= 2);  // so an answer that is joined is among them

  const json good = json::parse(text);
  const auto check = [&](const std::string& pointer, const json& value, const std::string& part) {
    json bad = good;
    bad[json::json_pointer(pointer)] = value;
    const std::string message = refusal(folder, bad);
    CHECK_MESSAGE(contains(message, part), pointer, ": ", message);
  };
  check("/stages/1/source/join", "median", "'join'");
  check("/stages/1/source/join", 3, "'join'");
  check("/stages/0/source/score", json::object(), "'inputs'");
  check("/stages/0/source/score/inputs", "everything", "'inputs'");
  check("/stages/0/source/score/inputs", "history", "a score of 4 inputs, the stage has 13");
  check("/stages/1/source/score/model/coef", json::array({1}), "coef");
  check("/stages/0/features/16", "entropy", "'features'");
  check("/weir_policy", 6, "'weir_policy'");
}

TEST_CASE(
    "policy file: a head that sees the exit before it is stored, runs alike, and is version 5; lies are refused") {
  const TempFolder folder;
  auto file = stored_toys::file(folder.path());
  const weir::Network googlenet =
      weir::build_network(weir::read_onnx(stored_toys::networks() / "fashion_googlenet.onnx"));
  const auto points = weir::detail::spread_exit_points(googlenet, 2);
  const auto head = [&](std::size_t e, bool sees) {
    const weir::Shape at = googlenet.shape_of(points.at(e).tensor);
    std::vector<float> w(10 * (static_cast<std::size_t>(at[1]) + (sees ? 10 : 0)));
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sin(1.7F * static_cast<float>(i));
    const weir::ExitHead made({1}, 10, std::move(w), std::vector<float>(10, 0.1F));
    return sees ? made.seeing_earlier() : made;
  };
  const auto source = [&](std::size_t e) {
    return json{{"network", 1}, {"tensor", points.at(e).tensor}, {"logits", true}};
  };
  file.policy.a.topology = weir::Topology::chain({"alexnet", "first", "second", "googlenet"});
  file.stages[1] = {file.stages[0].feature_names, 1, head(0, false), source(0)};
  file.stages.insert(file.stages.begin() + 2, {file.stages[0].feature_names, 1, head(1, true), source(1)});
  file.stages[2].source["sees"] = "first";
  const auto inputs = file.inputs();
  file.policy.a.gates = {stored_toys::gate(inputs.size(0), 0.99), stored_toys::gate(inputs.size(1), 2),
                         stored_toys::gate(inputs.size(2), 0.5), weir::Gate{}};  // some leave at the second
  file.policy.b = file.policy.a;
  const std::string text = weir::to_text(file);
  const json good = json::parse(text);
  CHECK(good.at("weir_policy") == 5);
  CHECK(weir::policy_from_text(text) == file);
  weir::write_file_atomically(folder / "p.json", text);
  const auto cascade = weir::load_policy(folder / "p.json", stored_toys::anywhere());
  CHECK(cascade.spec().seen_by(2) == 1);
  CHECK(weir::detail::source_to_json(cascade.spec().stages[2]) == file.stages[2].source);

  // The same answers by hand.
  const auto stored = weir::detail::read_cascade(file, folder / "p.json", {{}, true});
  weir::detail::CascadeInputs makes(stored.preprocessing());
  weir::Executor run(stored.spec->network(1));
  for (const auto& point : points) run.show(point.tensor);
  std::set<std::string> exits;
  for (const auto& image : stored_toys::images(40)) {
    const weir::Decision d = cascade.run(image);
    exits.insert(d.exit);
    if (d.exit != "second") continue;
    const weir::ImageView view = image;
    makes.begin(std::span(&view, 1));
    weir::Tensor x(run.network().input_shape());
    makes.fill(1, 0, x.view());
    run.begin(x);
    std::vector<float> first(10), p(10), scratch(1000);
    const auto at = [&](std::size_t e) {
      const weir::ConstView y = run.advance_to(points[e].tensor);
      cascade.spec().stages[e + 1].head->pool()(y.data, weir::Shape(std::span(y.shape.begin() + 1, y.shape.end())),
                                                scratch.data());
    };
    at(0);
    head(0, false).logits_pooled(scratch.data(), first);
    at(1);
    std::copy(first.begin(), first.end(), scratch.begin() + static_cast<long>(head(1, true).n_pooled()));
    head(1, true).predict_pooled(scratch.data(), p);
    CHECK(d.probabilities == p);
  }
  CHECK(exits.count("second") == 1);

  const auto check = [&](const std::string& pointer, const json& value, const std::string& part) {
    json bad = good;
    bad[json::json_pointer(pointer)] = value;
    const std::string message = refusal(folder, bad);
    CHECK_MESSAGE(contains(message, part), pointer, ": ", message);
  };
  check("/stages/2/source/sees", "second", "not every path");
  check("/stages/2/source/sees", "alexnet", "another network");
  check("/stages/2/source/sees", 1, "'sees'");
  check("/stages/2/exit_head/earlier", false, "does not read the logits");
  check("/stages/1/exit_head/earlier", true, "none is named");
  check("/stages/2/exit_head/earlier", "yes", "'earlier'");
}

}  // namespace WEIR_UNIT
