/// Service: the policy that answers now, and how another takes its place without losing a request.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/io/datasets/class_names.hpp>
#include <weir/io/images/image.hpp>
#include <weir/policy/evaluate/evaluate.hpp>
#include <weir/policy/run/cascade_spec.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/audit.hpp>
#include <weir/policy/serve/cascade.hpp>
#include <weir/policy/serve/cascade_stream.hpp>
#include <weir/policy/serve/stored_cascade.hpp>
#include <weir/policy/trace/trace.hpp>

#include "../crop_warning.hpp"
#include "options.hpp"

namespace serve {

using Log = std::function<void(const std::string&)>;

/// Audits as the server's options ask for them; alarms go to the log.
inline weir::AuditOptions audit_options(const Options& o, const Log& log) {
  weir::AuditOptions audit;
  audit.share = o.audit;
  audit.budget = o.audit_budget;
  audit.confidence = o.audit_confidence;
  audit.state = o.audit_state;
  audit.on_alarm = [log, steps = o.audit_safer](const weir::AuditFigures& f) {
    char text[200];
    std::snprintf(text, sizeof text,
                  "alarm: of %llu audited images %llu were answered otherwise than by the full network; --audit-budget "
                  "is %.3g %%",
                  static_cast<unsigned long long>(f.audits), static_cast<unsigned long long>(f.disagreements),
                  100 * f.budget);
    log(std::string(text) + (!steps ? "" : f.safer > 0 ? "; a safer policy takes over" : "; there is no safer policy"));
    return steps;
  };
  return audit;
}

/// One loaded policy, with the names of its classes.
struct Version {
  weir::Cascade cascade;
  std::vector<std::string> stages;
  std::vector<double> cost_to;  ///< [stages] cost of the cheapest way to an answer there, as the policy file has it
  std::string cost_unit;
  weir::detail::ClassNames names;
  program::CropWarnings crops;
  weir::CascadeStream stream;  ///< last: it answers what is under way before the rest goes

  Version(const weir::PolicyFile& file, const Options& o, const Log& log)
      : cascade(file, o.policy,
                {.networks = o.networks,
                 .context = {.threads = o.threads, .isa = o.isa},
                 .allow_outside = o.allow_outside,
                 .audit = audit_options(o, log)}),
        cost_unit(file.cost_unit),
        names(o.class_names()),
        crops(cascade),
        stream(cascade,
               {.batch = o.batch, .in_flight = o.queue, .max_wait_s = 1e-3 * o.max_wait_ms, .workers = o.workers}) {
    weir::Trace costs;
    for (std::size_t k = 0; k < cascade.spec().stages.size(); ++k) {
      stages.push_back(cascade.spec().stages[k].name);
      weir::StageTrace stage;
      stage.name = stages.back();
      stage.cost = file.stages.at(k).cost;
      stage.answer_cost = file.stages.at(k).answer_cost;
      costs.stages.push_back(std::move(stage));
    }
    cost_to = weir::detail::cheapest_costs(file.policy.a.topology, costs);
    cascade.preload(o.batch);
  }
};

/// The server has no place for one more image.
struct Full : weir::Error {
  using weir::Error::Error;
};

/// An answer took longer than it may.
struct Late : weir::Error {
  using weir::Error::Error;
};

struct Answer {
  weir::Decision decision;
  std::shared_ptr<const Version> version;
};

/// All members may be called from several threads.
class Service {
 public:
  Service(Options options, Log log) : options_(std::move(options)), log_(std::move(log)) {}

  /// Loads the policy; images that came before it is ready are answered by the one in force then. Throws what
  /// load_policy() and preload() throw, and then nothing has changed.
  void load() {
    const auto seen = stamp();
    save();  // what the next one goes on from
    auto next = std::make_shared<Version>(weir::detail::read_policy_file(options_.policy), options_, log_);
    const std::lock_guard lock(mutex_);
    current_.swap(next);  // the old one goes with its last request
    seen_ = seen;
  }

  /// Whether the policy file, or that of the classes' names, is another one than was loaded, or was tried to be, last.
  bool changed() {
    const auto now = stamp();
    const std::lock_guard lock(mutex_);
    return now[0] && std::exchange(seen_, now) != now;
  }

  std::shared_ptr<Version> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  /// Writes what audits have found to --audit-state; what goes wrong is said in the log.
  void save() const {
    const std::shared_ptr<Version> version = current();
    if (!version || options_.audit == 0 || options_.audit_state.empty()) return;
    try {
      version->cascade.save_audit();
    } catch (const weir::Error& e) {
      log_("error: " + std::string(e.what()) + "; the server goes on");
    }
  }

  /// For Prometheus, where the policy watches itself.
  std::string watch_text() const {
    const std::shared_ptr<Version> version = current();
    std::string text;
    if (!version) return text;
    if (const auto shift = version->cascade.shift()) text += weir::prometheus_text(*shift);
    if (const auto audit = version->cascade.audit()) text += weir::prometheus_text(*audit);
    return text;
  }

  std::size_t waiting() const { return waiting_; }

  /// The answer for the bytes of an image file. Throws Full, Late, FormatError for what is no image, and what
  /// Cascade::run() throws.
  Answer answer(std::string bytes) {
    const std::shared_ptr<Version> version = current();
    if (!version) throw Full("the networks are being loaded");
    const Place place(waiting_, options_.queue);
    auto shared = std::make_shared<const std::string>(std::move(bytes));  // the stream's functions are copied
    std::future<weir::Decision> decision = version->stream.submit([this, version = version.get(), shared] {
      weir::Image image = weir::decode_image({shared->data(), shared->size()}, "the image that was sent");
      version->crops.look_at(image, log_);
      return image;
    });
    if (decision.wait_for(std::chrono::duration<double>(options_.time_limit_s)) != std::future_status::ready)
      throw Late("no answer within " + std::to_string(options_.time_limit_s) + " seconds");
    return {decision.get(), version};
  }

 private:
  using FileStamp = std::optional<std::pair<std::filesystem::file_time_type, std::uintmax_t>>;
  using Stamp = std::array<FileStamp, 2>;  ///< of policy and class names

  static FileStamp stamp_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto time = std::filesystem::last_write_time(file, error);
    const auto size = error ? 0 : std::filesystem::file_size(file, error);
    return error ? FileStamp() : FileStamp({time, size});
  }
  Stamp stamp() const { return {stamp_of(options_.policy), stamp_of(options_.class_file())}; }

  /// One of the places for images under way.
  class Place {
   public:
    Place(std::atomic<std::size_t>& taken, std::size_t all) : taken_(taken) {
      if (taken_.fetch_add(1) >= all) {
        --taken_;
        throw Full(std::to_string(all) + " images are under way already");
      }
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { --taken_; }

   private:
    std::atomic<std::size_t>& taken_;
  };

  const Options options_;
  const Log log_;
  std::atomic<std::size_t> waiting_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<Version> current_;
  Stamp seen_;
};

}  // namespace serve
