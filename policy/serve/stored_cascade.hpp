/// The networks of a policy file: what a program needs to run its policy on images.
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/images/preprocess.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/policy_file.hpp>

namespace weir::detail {

/// A network as a policy file states it: in "cascade", {"n_classes", "networks": [{"file", "fnv1a", "rows_leave",
/// "preprocess"}, ...]}, to which each stage's "source", {"network": index, "tensor", "logits"}, refers. A source has
/// "join" where the stage answers for those before it too, "score" where it has a StageScore, and "sees" where its head
/// sees the exit before it: that stage's name. Where the gates read pooled activations, it also holds "pooled":
/// PooledProjection's JSON and the "tensor" that is pooled (empty: the stage's own).
struct StoredNetwork {
  std::filesystem::path file;
  std::string fnv1a;                             ///< of the file's content
  bool rows_leave = true;                        ///< rows_may_leave() holds for it
  std::shared_ptr<const Preprocess> preprocess;  ///< one object for all networks that want the same; nullptr for none
};

/// FNV-1a of a file's content, 16 hexadecimal digits: finds networks that were mixed up or trained again. It is not
/// safe against an adversary, and does not cover weights that an ONNX file keeps in files beside it.
std::string content_fnv1a(std::span<const char> bytes);

/// The entry of "networks". file is written relative to folder, in which the policy file will lie; preprocess is the
/// network's entry of models.json, or null. Throws IoError where the file cannot be read.
nlohmann::json network_to_json(const Network& network, const std::filesystem::path& file,
                               const std::filesystem::path& folder, const nlohmann::json& preprocess);

/// The network itself. Throws FormatError if the file is another one than was stated, before anything of it is parsed,
/// or if preprocessing does not fit its input; IoError.
Network load_network(const StoredNetwork& stored);

/// What a policy file says of its networks, read and checked; the networks themselves are loaded when they first run.
struct StoredCascade {
  std::vector<StoredNetwork> networks;
  std::shared_ptr<const CascadeSpec> spec;

  /// [networks], for CascadeInputs.
  std::vector<std::shared_ptr<const Preprocess>> preprocessing() const;
};

/// Where the networks of a policy file are looked for: where the file says, relative to itself, and else beside it. The
/// file may come from others: by itself it names files in its own folder and below only.
struct NetworkFiles {
  std::filesystem::path
      folder;                  ///< they lie here, by their last names, or beside it; empty: where the policy file says
  bool allow_outside = false;  ///< the policy file may name files outside its folder
};

/// A stage's "source"; with_pooled: the gates read pooled activations.
nlohmann::json source_to_json(const CascadeStage& stage, bool with_pooled = false);

/// Reads `cascade` and the stages' sources and heads of a policy file that lies at `path`. networks: where
/// the network files are; by default where the file says, relative to itself, in its folder. Throws FormatError naming
/// path and field for anything that is missing, unknown, of another type or does not fit together, and for a network
/// outside the folder where that is not allowed; IoError for a network file that is not there.
StoredCascade read_cascade(const PolicyFile& file, const std::filesystem::path& path,
                           const NetworkFiles& networks = {});

/// A policy file of at most 256 MiB. Throws what policy_from_text() throws, and IoError.
PolicyFile read_policy_file(const std::filesystem::path& path);

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/serve/stored_cascade.ipp>
#endif
