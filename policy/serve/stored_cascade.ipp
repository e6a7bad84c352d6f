// What stored_cascade.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/layers/build_network.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir::detail {

WEIR_INLINE std::string content_fnv1a(std::span<const char> bytes) {
  std::array<char, 17> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), fnv1a(bytes), 16).ptr;
  const std::string text(digits.data(), end);
  return std::string(16 - text.size(), '0') + text;
}

WEIR_INLINE nlohmann::json network_to_json(const Network& network, const std::filesystem::path& file,
                                           const std::filesystem::path& folder, const nlohmann::json& preprocess) {
  return {{"file", std::filesystem::proximate(file, folder.empty() ? "." : folder).generic_string()},
          {"fnv1a", content_fnv1a(read_file(file, max_onnx_bytes))},
          {"rows_leave", rows_may_leave(network)},
          {"preprocess", preprocess}};
}

WEIR_INLINE Network load_network(const StoredNetwork& stored) {
  Bytes bytes = read_file(stored.file, max_onnx_bytes);
  if (const std::string found = content_fnv1a(bytes); found != stored.fnv1a)
    throw FormatError(
        detail::message({stored.file.string(), ": not the network that the policy was learned with ('fnv1a' is ", found,
                         ", the policy file has ", stored.fnv1a, ")"}));
  Network network = build_network(parse_onnx_file(std::move(bytes), stored.file));
  if (network.state().inputs.size() == 1 && stored.preprocess &&
      stored.preprocess->shape().numel() != network.input_shape().numel())
    throw FormatError(
        detail::message({stored.file.string(), ": reads ", network.input_shape().to_string(),
                         ", 'preprocess' of the policy file makes ", stored.preprocess->shape().to_string()}));
  return network;
}

inline bool bool_field(const nlohmann::json& json, const char* key) {
  const auto& value = model_json::field(json, key);
  if (!value.is_boolean()) throw FormatError(detail::message({"'", key, "' must be true or false"}));
  return value.get<bool>();
}

/// Where a network named by a policy file lies: by its last name inside `networks` where that is given; else as stated,
/// relative to the policy's folder; and where it is not there, or may not be read there, by its last name beside the
/// policy, as 8-bit copies lie that a run made. Throws FormatError where what is stated leads out of the policy's
/// folder and is not allowed.
inline std::filesystem::path locate_network(const std::string& file, const std::filesystem::path& folder,
                                            const NetworkFiles& networks) {
  const std::filesystem::path stated(file);
  if (file.empty() || file.find('\0') != std::string::npos || stated.is_absolute())
    throw FormatError(
        detail::message({"'file' must be a path relative to the policy file, not '", file.substr(0, 200), "'"}));
  std::error_code error;
  std::filesystem::path found;
  const std::filesystem::path beside = folder / stated.filename();
  const bool is_beside = std::filesystem::is_regular_file(beside, error) && !std::filesystem::is_symlink(beside, error);
  if (!networks.folder.empty()) {
    found = path_inside(networks.folder, stated.filename().string(), Links::follow);
  } else if (networks.allow_outside) {
    found = (folder / stated).lexically_normal();
  } else {
    try {
      found = path_inside(folder, stated.lexically_normal().string());
    } catch (const FormatError& e) {
      if (is_beside) return beside;
      throw FormatError(detail::message(
          {"'file': ", e.what(),
           ". A policy file may name networks outside its folder only where its user allows it: put the "
           "networks beside it, give their folder (--networks DIR, CascadeOptions::networks), or allow "
           "what the file says "
           "(--allow-outside, CascadeOptions::allow_outside)"}));
    }
  }
  if (!std::filesystem::is_regular_file(found, error) && is_beside) return beside;
  if (!std::filesystem::is_regular_file(found, error))
    throw IoError(
        detail::message({"'file': there is no ", found.string(),
                         (std::filesystem::is_symlink(found, error) ? " (a link that leads to no file)" : "")}));
  return found;
}

inline StoredNetwork read_stored_network(const nlohmann::json& json, const std::filesystem::path& folder,
                                         const NetworkFiles& networks, const std::vector<StoredNetwork>& before) {
  refuse_unknown_keys(json, {"file", "fnv1a", "rows_leave", "preprocess"});
  StoredNetwork network{locate_network(text_field(json, "file"), folder, networks), text_field(json, "fnv1a"),
                        bool_field(json, "rows_leave"), nullptr};
  const auto& preprocess = model_json::field(json, "preprocess");
  if (preprocess.is_null()) return network;
  try {
    network.preprocess = std::make_shared<const Preprocess>(Preprocess::from_json(preprocess));
  } catch (const FormatError& e) {
    throw FormatError(detail::message({"'preprocess': ", e.what()}));
  }
  for (const StoredNetwork& other : before)
    if (other.preprocess && other.preprocess->options() == network.preprocess->options())
      network.preprocess = other.preprocess;
  return network;
}

/// "join" and "score" of a stage's source, which are there only where they say something.
inline AnswerForm read_answer_form(const nlohmann::json& source) {
  AnswerForm form;
  if (source.contains("join")) form.join = parse_join(text_field(source, "join"));
  if (source.contains("score")) form.score = source.at("score").get<StageScore>();
  return form;
}

inline CascadeStage read_stage_source(const PolicyFile& file, std::size_t k, std::size_t n_networks,
                                      std::size_t n_classes) {
  const PolicyFile::Stage& s = file.stages[k];
  CascadeStage stage;
  stage.name = file.policy.a.topology.stages[k].name;
  const auto& source = s.source;
  refuse_unknown_keys(source, {"network", "tensor", "logits", "join", "score", "pooled", "sees"});
  stage.network = model_json::index(source, "network", n_networks);
  stage.tensor = text_field(source, "tensor");
  stage.logits = bool_field(source, "logits");
  stage.form = read_answer_form(source);
  if (source.contains("sees")) stage.sees = text_field(source, "sees");
  if (source.contains("pooled")) {
    const auto& pooled = source.at("pooled");
    stage.projection = pooled.get<PooledProjection>();
    stage.pooled_tensor = text_field(pooled, "tensor");
  }
  if (!s.exit_head.is_null()) {
    stage.head = s.exit_head.get<ExitHead>();
    if (stage.head->n_classes() != n_classes)
      throw FormatError(
          detail::message({"'exit_head' tells ", stage.head->n_classes(), " classes apart, not ", n_classes}));
  }
  return stage;
}

WEIR_INLINE nlohmann::json source_to_json(const CascadeStage& stage, bool with_pooled) {
  nlohmann::json json = {{"network", stage.network}, {"tensor", stage.tensor}, {"logits", stage.logits}};
  if (with_pooled && stage.projection) {
    json["pooled"] = *stage.projection;
    json["pooled"]["tensor"] = stage.pooled_tensor;
  }
  if (stage.form.join != Join::own) json["join"] = join_names[static_cast<std::size_t>(stage.form.join)];
  if (stage.form.score) json["score"] = *stage.form.score;
  if (!stage.sees.empty()) json["sees"] = stage.sees;
  return json;
}

WEIR_INLINE StoredCascade read_cascade(const PolicyFile& file, const std::filesystem::path& path,
                                       const NetworkFiles& networks) {
  std::string where = path.string();
  try {
    if (file.cascade.is_null())
      throw FormatError(
          "'cascade' is missing: the file decides on traces, but does not say which networks to run (version 1, or "
          "a policy that was learned from traces alone); write it again with adapt, or from Python with "
          "ExitPolicy.save(path, stages)");
    StoredCascade stored;
    where = path.string() + ", 'cascade'";
    constexpr std::size_t max_classes = 1 << 17;
    refuse_unknown_keys(file.cascade, {"n_classes", "networks"});
    const std::size_t n_classes = model_json::index(file.cascade, "n_classes", max_classes);
    const auto& list = model_json::field(file.cascade, "networks");
    if (!list.is_array() || list.empty() || list.size() > max_policy_file_stages)
      throw FormatError(detail::message({"'networks' must be an array of 1 to ", max_policy_file_stages}));
    std::vector<NetworkSource> sources;
    for (std::size_t n = 0; n < list.size(); ++n) {
      where = path.string() + ", network " + std::to_string(n);
      stored.networks.push_back(read_stored_network(list[n], path.parent_path(), networks, stored.networks));
      sources.push_back(
          {[network = stored.networks[n]] { return load_network(network); }, stored.networks[n].rows_leave});
    }
    std::vector<CascadeStage> stages;
    std::vector<std::vector<std::string>> names;
    for (const PolicyFile::Stage& s : file.stages) names.push_back(s.feature_names);
    const FeatureOptions features = FeatureOptions::of_names(names);
    for (std::size_t k = 0; k < file.stages.size(); ++k) {
      where = path.string() + ", stage '" + file.policy.a.topology.stages[k].name + "'";
      stages.push_back(read_stage_source(file, k, list.size(), n_classes));
    }
    where = path.string();
    stored.spec = std::make_shared<CascadeSpec>(std::move(sources), n_classes, std::move(stages),
                                                file.policy.a.topology, features);
    for (std::size_t k = 0; k < names.size(); ++k)
      if (names[k] != stored.spec->feature_names(k))
        throw FormatError(
            detail::message({"stage '", file.policy.a.topology.stages[k].name,
                             "': 'features' are not those that the engine makes for ", n_classes, " classes"}));
    stored.spec->check(file.policy);
    return stored;
  } catch (const IoError& e) {
    throw IoError(detail::message({where, ": ", e.what()}));
  } catch (const Error& e) {
    throw FormatError(detail::message({where, ": ", e.what()}));
  } catch (const nlohmann::json::exception& e) {
    throw FormatError(detail::message({where, ": ", e.what()}));
  }
}

WEIR_INLINE PolicyFile read_policy_file(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{1} << 28);
  return policy_from_text({bytes.data(), bytes.size()}, path.string());
}

WEIR_INLINE std::vector<std::shared_ptr<const Preprocess>> StoredCascade::preprocessing() const {
  std::vector<std::shared_ptr<const Preprocess>> all;
  for (const StoredNetwork& n : networks) all.push_back(n.preprocess);
  return all;
}

}  // namespace weir::detail
