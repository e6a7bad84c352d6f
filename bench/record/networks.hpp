/// What `record` needs to know of plain networks: a policy file that was not learned yet.
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>
#include <weir/weir.hpp>

#include "../adapt/models.hpp"
#include "../adapt/preprocess_entry.hpp"

namespace record {

struct Networks {
  std::vector<std::string> files;  ///< cheapest first; the last is the full network
  std::string preprocess;          ///< models.json, or empty
  std::vector<double> seconds;     ///< [files] that an image costs; empty: they are measured
  std::string isa, loss = "top1";
};

/// "trace.csv" -> "trace.policy.json": where the networks of a trace are written down.
inline std::filesystem::path policy_beside(std::filesystem::path trace) {
  return trace.replace_extension(".policy.json");
}

/// Held by one process at a time, as long as it lives; the others wait.
class Turn {
 public:
  explicit Turn(std::filesystem::path path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_.get() < 0) throw weir::detail::io_error(path_, "cannot be written", errno);
    while (::flock(file_.get(), LOCK_EX) != 0)
      if (errno != EINTR) throw weir::detail::io_error(path_, "cannot be locked", errno);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  /// Nobody needs to wait any more, now or later.
  void remove() const { ::unlink(path_.c_str()); }

 private:
  std::filesystem::path path_;
  weir::detail::FileDescriptor file_;
};

/// Each network a stage, from which all later ones may follow; all images go to the last. Without seconds. Gates to
/// come see which class was predicted if half of the images have enough of each.
inline weir::PolicyFile unlearned(const Networks& n, const adapt::Models& models, const std::vector<int>& labels,
                                  const std::filesystem::path& folder) {
  const auto classes = static_cast<std::size_t>(models.all.back().network.output_shape().numel());
  const bool class_features = weir::detail::enough_examples(labels, classes, 20);
  const auto features = weir::detail::confidence_feature_names(static_cast<int>(classes), class_features);
  weir::PolicyFile file;
  file.cascade = {{"n_classes", classes}, {"networks", nlohmann::json::array()}};
  std::vector<std::string> names;
  for (const adapt::Model& m : models.all) {
    file.stages.push_back({features, 0, {}, {{"network", names.size()}, {"tensor", m.answer}, {"logits", m.logits}}});
    names.push_back(m.name);
    file.cascade["networks"].push_back(
        weir::detail::network_to_json(m.network, m.file, folder, adapt::preprocess_entry(n.preprocess, m.file)));
  }
  weir::Policy& policy = file.policy.a;
  policy.topology = weir::Topology::all_later(names);
  const weir::detail::GateInputs inputs = file.inputs();
  for (std::size_t k = 0; k < names.size(); ++k) {
    const std::size_t actions = policy.topology.n_actions(k);
    policy.gates.push_back(actions == 1 ? weir::Gate{} : weir::Gate::constant(actions - 1, actions, inputs.size(k)));
  }
  file.policy.b = policy;
  return file;
}

/// Medians over single images on one thread, the stages in turn.
inline std::vector<double> measured_seconds(const weir::PolicyFile& file, const std::filesystem::path& path,
                                            const adapt::Models& models, const adapt::Part& part,
                                            const std::string& isa) {
  std::vector<std::size_t> rows(std::min<std::size_t>(part.size(), 100));
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  for (const std::size_t r : rows) part.set->keep_decoded(part.rows[r]);
  std::vector<std::size_t> nets(models.all.size());
  std::iota(nets.begin(), nets.end(), std::size_t{0});
  weir::CascadeExecutor cascade(weir::detail::read_cascade(file, path, {{}, true}).spec,
                                weir::Context({.threads = 1, .isa = isa}));
  adapt::ProgressLine progress("measuring the networks");
  std::vector<double> seconds;
  for (const weir::StageCost& c : weir::detail::measure_costs(
           cascade, models.maker(part, nets), rows, rows.size() / 10, [](std::size_t, std::span<const double>) {},
           [&](std::size_t done, std::size_t total) { progress(done, total); }))
    seconds.push_back(c.cost);
  return seconds;
}

/// The policy file of these networks at `path`. Whoever comes first (shards come at once) measures what the networks
/// cost and writes it; all others, and a run that goes on, read it, so that they record the same. Throws FormatError if
/// it is of other networks, and what loading, measuring and enough_examples() throw.
inline weir::PolicyFile policy_of(const Networks& n, adapt::Part& part, const std::filesystem::path& path) {
  if (!n.seconds.empty() && n.seconds.size() != n.files.size())
    throw weir::ArgumentError("--seconds: " + std::to_string(n.seconds.size()) + " for " +
                              std::to_string(n.files.size()) + " networks");
  for (const double s : n.seconds)
    if (!(s > 0) || !std::isfinite(s)) throw weir::ArgumentError("--seconds must be above 0");
  adapt::Options options;
  options.networks = n.files;
  options.preprocess = n.preprocess;
  const adapt::Models read(options);
  adapt::check_loss(n.loss, read.n_classes());
  read.check_labels(part);
  read.try_first_image(part);
  program::say_warnings(read.crop_warnings({&part}));
  const adapt::Models models = adapt::with_logits(read, part);
  weir::PolicyFile file = unlearned(n, models, part.labels(), path.parent_path());
  const Turn turn(path.string() + ".lock");
  if (std::filesystem::exists(path)) {
    const weir::PolicyFile there = weir::detail::read_policy_file(path);
    file.provenance = there.provenance;
    for (std::size_t k = 0; k < std::min(file.stages.size(), there.stages.size()); ++k)
      file.stages[k].cost = n.seconds.empty() ? there.stages[k].cost : n.seconds[k];
    if (!(file == there))
      throw weir::FormatError(path.string() +
                              ": there already, and of other networks, preprocessing or seconds; remove it, or write "
                              "elsewhere");
    turn.remove();
    return there;
  }
  const std::vector<double> seconds = n.seconds.empty() ? measured_seconds(file, path, models, part, n.isa) : n.seconds;
  for (std::size_t k = 0; k < seconds.size(); ++k) file.stages[k].cost = seconds[k];
  file.provenance = {{"learned", false}, {"seconds", n.seconds.empty() ? "measured" : "given"}};
  weir::write_file_atomically(path, weir::to_text(file));
  turn.remove();
  return file;
}

}  // namespace record
