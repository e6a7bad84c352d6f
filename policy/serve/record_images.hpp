/// record_images: the trace of many images, restartable and in shards.
#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/context.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/shard.hpp>
#include <weir/policy/serve/stored_cascade.hpp>
#include <weir/policy/trace/trace.hpp>

namespace weir {

struct RecordOptions {
  detail::Shard shard{};
  std::string loss = "top1";
  std::size_t block = 256;     ///< images between two checkpoints
  bool probabilities = false;  ///< keeps class probabilities too: 4 * stages * classes bytes an image
  ContextOptions context{};
  std::function<void(std::size_t done, std::size_t total)> progress{};
};

}  // namespace weir

namespace weir::detail {

/// What is recorded, as a hash: the policy file (networks, heads, seconds), the loss, the labels, the first and the
/// last image. Other images in between with the same labels are not noticed.
std::string recording_id(const PolicyFile& file, const ImageSet& set, const std::vector<std::size_t>& rows,
                         const std::string& loss);

/// [stages] what a trace calls their networks: the file's name without its extension, with a number where two have the
/// same. None at all where stages of a network do not follow each other, which traces do not know.
std::vector<std::string> network_names(const StoredCascade& stored);

}  // namespace weir::detail

namespace weir {

/// Runs every stage of a policy file's cascade on the shard's part of `rows` of a labelled set and writes the trace to
/// `path`, a shard for merge_trace_shards(); a file that is there is gone on with. What is written does not depend on
/// block, threads, or how often it was stopped. Image files are decoded block by block. Throws ArgumentError for sets
/// without labels or fewer images than shards, and what TraceShardWriter, decoding and running throw.
void record_images(const PolicyFile& file, const detail::StoredCascade& stored, const ImageSet& set,
                   const std::vector<std::size_t>& rows, const std::filesystem::path& path,
                   const RecordOptions& options);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/serve/record_images.ipp>
#endif
