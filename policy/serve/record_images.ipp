// What record_images.hpp declares.
#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>
#include <weir/core/context.hpp>
#include <weir/io/datasets/image_set.hpp>
#include <weir/policy/measure/record_trace.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/record_images.hpp>
#include <weir/policy/serve/stored_cascade.hpp>
#include <weir/policy/serve/trace_shard.hpp>

namespace weir::detail {

WEIR_INLINE std::string recording_id(const PolicyFile& file, const ImageSet& set, const std::vector<std::size_t>& rows,
                                     const std::string& loss) {
  std::string all = to_text(file) + loss;
  for (const std::size_t r : rows) all += " " + std::to_string(set.label(r));
  for (const std::size_t r : {rows.front(), rows.back()}) all += " " + std::to_string(set.content_hash(r));
  return content_fnv1a(all);
}

WEIR_INLINE std::vector<std::string> network_names(const StoredCascade& stored) {
  std::vector<std::string> names, of;
  for (const StoredNetwork& n : stored.networks) {
    const std::string name = n.file.stem().string();
    const auto same = std::ranges::count_if(stored.networks, [&](const auto& o) { return o.file.stem() == name; });
    names.push_back(same > 1 ? name + "#" + std::to_string(names.size()) : name);
  }
  std::vector<bool> ended(names.size(), false);
  const auto& stages = stored.spec->stages;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    if (k > 0 && stages[k].network != stages[k - 1].network) ended[stages[k - 1].network] = true;
    if (ended[stages[k].network]) return {};
    of.push_back(names[stages[k].network]);
  }
  return of;
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE void record_images(const PolicyFile& file, const detail::StoredCascade& stored, const ImageSet& set,
                               const std::vector<std::size_t>& rows, const std::filesystem::path& path,
                               const RecordOptions& options) {
  if (!set.has_labels()) throw ArgumentError(detail::message({set.source(), ": labels are needed"}));
  const std::size_t first = options.shard.range(rows.size()).first, end = options.shard.range(rows.size()).second;
  if (first == end || options.block == 0)
    throw ArgumentError(detail::message(
        {"recording: ", rows.size(), " images, ", options.shard.count, " shards, blocks of ", options.block}));
  const Loss loss(options.loss);
  std::vector<StageCost> costs;
  for (const PolicyFile::Stage& s : file.stages) costs.push_back({s.cost, s.answer_cost});
  const auto networks = detail::network_names(stored);
  detail::TraceShardWriter writer(path, {detail::recording_id(file, set, rows, options.loss), options.shard,
                                         rows.size(), options.probabilities ? stored.spec->n_classes() : 0});
  const auto label = [&](std::size_t i) { return set.label(rows[first + i]); };
  for (std::size_t i = 0; i < writer.labels().size(); ++i)
    if (writer.labels()[i] != label(i))
      throw FormatError(detail::message({path.string(), ": row ", i + 1, " has another label than the image"}));
  CascadeExecutor executor(stored.spec, Context(options.context));
  detail::CascadeInputs inputs(stored.preprocessing());
  const auto maker = [&](std::size_t network, std::size_t row, View out) { inputs.fill(network, row, out); };
  const std::size_t total = end - first;
  for (std::size_t done = writer.labels().size(); done < total;) {
    const std::size_t n = std::min(options.block, total - done);
    std::vector<int> labels;
    std::vector<Image> images;
    std::vector<ImageView> views;
    std::vector<float> values;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = rows[first + done + i];
      labels.push_back(label(done + i));
      if (set.is_float())
        values.insert(values.end(), set.row(row).begin(), set.row(row).end());
      else if (set.is_decoded(row))
        views.push_back(set.image(row));
      else
        views.push_back(images.emplace_back(set.decode(row)));
    }
    if (set.is_float()) {
      const Shape one = set.row_shape();
      inputs.begin(ConstView{values.data(), Shape{static_cast<std::int64_t>(n), one[0], one[1], one[2]}});
    } else {
      inputs.begin(views);
    }
    Trace block;
    try {
      block = record_trace(executor, maker, std::move(labels), loss, costs, file.cost_unit, 16, options.probabilities);
    } catch (const NotFiniteError& e) {
      throw e.at("image '" + set.name(rows[first + done + e.row()]) + "'");
    }
    for (std::size_t k = 0; k < networks.size(); ++k) block.stages[k].network = networks[k];
    writer.append(block);
    done += n;
    if (options.progress) options.progress(done, total);
  }
}

}  // namespace weir
