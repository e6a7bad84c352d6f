// What bundle.hpp declares.
#pragma once
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/graph_def.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/files/file.hpp>
#include <weir/io/onnx/onnx.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/bundle.hpp>
#include <weir/policy/serve/bundle_program.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir::detail {

/// A folder beside the one that is asked for, which takes its name when it is complete, or disappears.
class UnfinishedFolder {
 public:
  explicit UnfinishedFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
    if (folder_.filename().empty()) folder_ = folder_.parent_path();  // "bundle/"
    std::error_code error;
    const std::filesystem::path parent = folder_.parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent, error);
    if (error) throw io_error(parent, "cannot be made", error.value());
    std::string name = folder_.string() + ".XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw io_error(folder_, "cannot be made", errno);
    unfinished_ = name;
    std::filesystem::permissions(unfinished_, std::filesystem::perms(0755), error);  // mkdtemp keeps others out
  }
  UnfinishedFolder(const UnfinishedFolder&) = delete;
  UnfinishedFolder& operator=(const UnfinishedFolder&) = delete;
  ~UnfinishedFolder() {
    std::error_code ignored;
    if (!unfinished_.empty()) std::filesystem::remove_all(unfinished_, ignored);
  }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return unfinished_ / name; }

  /// Takes the place of an empty folder, too. Throws IoError.
  void finish() {
    sync_folder(unfinished_);
    if (std::rename(unfinished_.c_str(), folder_.c_str()) != 0) throw io_error(folder_, "cannot be made", errno);
    unfinished_.clear();
    sync_folder(folder_.parent_path());
  }

 private:
  std::filesystem::path folder_, unfinished_;
};

/// The files of a bundle, by name: what they are copies of, so that nothing is copied twice and nothing overwritten.
class BundleFiles {
 public:
  explicit BundleFiles(const UnfinishedFolder& folder) : folder_(folder) {}

  void write(const std::string& name, std::string_view bytes) {
    if (!names_.insert(name).second)
      throw ArgumentError(detail::message({"bundle: two files are to be called '", name, "'; rename one of them"}));
    const std::filesystem::path file = folder_ / name;
    std::filesystem::create_directories(file.parent_path());
    write_file_atomically(file, bytes);
  }

  /// Copies a network, and what its weights lie in, and returns the name that it has in the bundle.
  std::string copy_network(const StoredNetwork& network) {
    if (const auto known = networks_.find(network.fnv1a); known != networks_.end()) return known->second;
    load_network(network);  // refuses a network that is not the one that was learned with
    std::string name = network.file.filename().string();
    for (int n = 2; names_.contains(name); ++n)
      name = network.file.stem().string() + "_" + std::to_string(n) + network.file.extension().string();
    const Bytes bytes = read_file(network.file, max_onnx_bytes);
    write(name, {bytes.data(), bytes.size()});
    for (const std::string& weights : parse_onnx_file(Bytes(bytes), network.file).weight_files)
      copy_weights(path_inside(network.file.parent_path(), weights), weights);
    return networks_[network.fnv1a] = name;
  }

 private:
  /// Networks name these files, so their names stay; two networks may share one.
  void copy_weights(const std::filesystem::path& from, const std::string& name) {
    const Bytes bytes = read_file(from);
    const std::string content = content_fnv1a({bytes.data(), bytes.size()});
    if (const auto known = weights_.find(name); known != weights_.end() && known->second == content) return;
    write(name, {bytes.data(), bytes.size()});
    weights_[name] = content;
  }

  const UnfinishedFolder& folder_;
  std::set<std::string> names_;
  std::map<std::string, std::string> networks_, weights_;  // content -> name; name -> content
};

WEIR_INLINE void check_bundle_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.empty()) throw ArgumentError("bundle: the folder has no name");
  if (std::filesystem::exists(folder, error) &&
      (!std::filesystem::is_directory(folder, error) || !std::filesystem::is_empty(folder, error)))
    throw ArgumentError(detail::message(
        {folder.string(), ": a bundle is written to a new or empty folder, and there is something here"}));
  const UnfinishedFolder proof(folder);  // made and removed
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void write_bundle(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& policies,
                              const detail::NetworkFiles& networks) {
  if (policies.empty()) throw ArgumentError("bundle: no policies were given");
  detail::check_bundle_folder(folder);
  detail::UnfinishedFolder unfinished(folder);
  detail::BundleFiles files(unfinished);
  for (const std::filesystem::path& path : policies) {
    PolicyFile policy = detail::read_policy_file(path);
    const detail::StoredCascade stored = read_cascade(policy, path, networks);
    for (std::size_t n = 0; n < stored.networks.size(); ++n)
      policy.cascade["networks"][n]["file"] = files.copy_network(stored.networks[n]);
    files.write(path.filename().string(), to_text(policy));
  }
  const std::filesystem::path names = policies.front().parent_path() / detail::class_names_file;
  if (std::error_code error; std::filesystem::is_regular_file(names, error)) {
    const detail::Bytes bytes = detail::read_file(names, std::uint64_t{16} << 20);
    files.write(detail::class_names_file, {bytes.data(), bytes.size()});
  }
  files.write("main.cpp", detail::bundle_program);
  files.write("CMakeLists.txt", detail::bundle_build);
  for (const std::filesystem::path& path : policies) {  // what was written is read as a stranger would read it
    const std::filesystem::path copy = unfinished / path.filename();
    const detail::StoredCascade stored = detail::read_cascade(detail::read_policy_file(copy), copy);
    for (std::size_t n = 0; n < stored.networks.size(); ++n) stored.spec->network(n);
  }
  unfinished.finish();
}

}  // namespace weir
