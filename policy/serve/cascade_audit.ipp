// What cascade_audit.hpp declares.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/error.hpp>
#include <weir/core/isa.hpp>
#include <weir/core/known_names.hpp>
#include <weir/io/files/file.hpp>
#include <weir/policy/learners/models/model_json.hpp>
#include <weir/policy/run/policy_file.hpp>
#include <weir/policy/serve/cascade_audit.hpp>

namespace weir::detail {

WEIR_INLINE bool PolicyLadder::any_mixed() const {
  return std::ranges::any_of(policies_, [](const MixedPolicy& p) { return !(p.a == p.b); });
}

WEIR_INLINE bool PolicyLadder::step() {
  const std::size_t next = now() + 1;
  if (next >= size()) return false;
  set(next);
  return true;
}

/// One thread's way of running the full network.
struct CascadeAudit::Runner {
  std::shared_ptr<const CascadeSpec> spec;
  CascadeExecutor executor;
  CascadeInputs inputs;
  std::vector<std::size_t> rows;

  Runner(const StoredCascade& stored, const Context& c)
      : spec(stored.spec),
        executor(stored.spec, Context({.threads = 1,
                                       .isa = std::string(to_string(c.isa())),
                                       .gemm = c.openblas() ? "openblas" : "weir",
                                       .winograd = c.winograd()})),
        inputs(stored.preprocessing()) {
    executor.reserve(1);
  }

  int label(const Source& source) {
    const ImageView view = source.image;
    if (source.tensor.empty())
      inputs.begin(std::span(&view, 1));
    else
      inputs.begin(ConstView{source.tensor.data(), source.shape});
    const InputMaker maker = [this](std::size_t network, std::size_t row, View out) { inputs.fill(network, row, out); };
    const std::size_t full = spec->stages.size() - 1;
    int found = -1;
    if (spec->has_joins()) {  // the last answer is made of all
      executor.record(1, maker,
                      [&](std::size_t k, std::size_t, int prediction, std::span<const float>, std::span<const double>) {
                        if (k == full) found = prediction;
                      });
      return found;
    }
    rows.assign(1, 0);
    executor.run_network(
        full, rows, maker,
        [](std::size_t) { return [](std::size_t, std::span<const double>) { return std::size_t{0}; }; },
        [&](const CascadeAnswer& answer, std::size_t) { found = answer.label; }, [](std::size_t, std::size_t) {});
    return found;
  }
};

WEIR_INLINE CascadeAudit::CascadeAudit(const StoredCascade& stored, const Context& context, const AuditOptions& options,
                                       std::string policy_name, std::shared_ptr<PolicyLadder> ladder)
    : options_(options),
      policy_name_(std::move(policy_name)),
      ladder_(std::move(ladder)),
      full_(stored.spec->stages.size() - 1),
      audit_({options.share, options.budget, options.confidence, options.seed}),
      process_(::getpid()),
      runner_(std::make_unique<Runner>(stored, context)) {
  if (options.waiting < 1 || options.waiting > 1 << 20) throw ArgumentError("audit: waiting must be 1 to 1048576");
  std::error_code error;
  if (!options.state.empty() && std::filesystem::exists(options.state, error)) {
    const Bytes bytes = read_file(options.state, std::uint64_t{1} << 20U);
    restore({bytes.data(), bytes.size()});
  }
  if (options.background) thread_ = std::thread([this] { work(); });
}

WEIR_INLINE bool CascadeAudit::is_forked() const { return options_.background && ::getpid() != process_; }

WEIR_INLINE CascadeAudit::~CascadeAudit() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  came_.notify_all();
  thread_.join();
}

/// A ticket for an image that is to be audited.
WEIR_INLINE std::optional<std::uint64_t> CascadeAudit::choose(std::size_t exit, double seconds, std::size_t rung) {
  if (is_forked()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (results_.size() >= options_.waiting || rung != ladder_->now()) {
    ++skipped_;
    return std::nullopt;
  }
  answer_seconds_ += seconds;
  if (!audit_.take()) return std::nullopt;
  results_.push_back({rung, exit == full_, exit == full_ ? std::optional<bool>(false) : std::nullopt});
  if (exit != full_) return first_ticket_ + results_.size() - 1;
  take_results();
  return std::nullopt;
}

WEIR_INLINE void CascadeAudit::audit(Job job) {
  if (!options_.background) return run(job);
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  came_.notify_one();
}

WEIR_INLINE void CascadeAudit::run(const Job& job) {
  using Clock = std::chrono::steady_clock;
  std::optional<bool> differs;
  double seconds = 0;
  {
    const std::lock_guard lock(run_mutex_);
    const auto start = Clock::now();
    try {
      differs = runner_->label(job.source) != job.label;
    } catch (...) {  // counted as failed: no answer was lost
    }
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  settle(job.ticket, differs, seconds);
}

WEIR_INLINE void CascadeAudit::settle(std::uint64_t ticket, std::optional<bool> differs, double seconds) {
  AuditFigures said;
  {
    const std::lock_guard lock(mutex_);
    audit_seconds_ += seconds;
    failed_ += differs ? 0 : 1;
    Result& r = results_[static_cast<std::size_t>(ticket - first_ticket_)];
    r.known = true;
    r.differs = differs;
    take_results();
    if (!audit_.alarm() || is_said_) return;
    is_said_ = true;
    said = figures_now();
    asking_.push_back(std::this_thread::get_id());
  }
  ask(said);
}

/// Asks on_alarm, and does what it says. This may be the last use of the owner, whose end waits for the audit's thread:
/// on that thread it is left to another one.
WEIR_INLINE void CascadeAudit::ask(const AuditFigures& figures) {
  std::shared_ptr<void> owner = owner_.lock();
  bool steps = false;
  try {
    steps = options_.on_alarm && options_.on_alarm(figures);
  } catch (...) {  // as it says
  }
  if (steps) to_safer();
  const bool is_own_thread = std::this_thread::get_id() == thread_.get_id();
  {
    const std::lock_guard lock(mutex_);
    std::erase(asking_, std::this_thread::get_id());
    settled_.notify_all();
  }
  if (!owner || !is_own_thread) return;
  auto* const last = new std::shared_ptr<void>(std::move(owner));
  try {
    std::thread([last] { delete last; }).detach();
  } catch (const std::system_error&) {  // no thread is to be had: the owner stays
  }
}

/// Those that are known, up to the first that is not.
WEIR_INLINE void CascadeAudit::take_results() {
  while (!results_.empty() && results_.front().known) {
    const Result& r = results_.front();
    if (r.differs) r.rung == ladder_->now() ? audit_.observe(*r.differs) : audit_.observe_past(*r.differs);
    results_.pop_front();
    ++first_ticket_;
  }
  settled_.notify_all();
}

WEIR_INLINE bool CascadeAudit::to_safer() {
  const std::lock_guard lock(mutex_);
  if (!ladder_->step()) return false;
  audit_.restart();
  is_said_ = false;
  return true;
}

WEIR_INLINE AuditFigures CascadeAudit::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_now();
}

WEIR_INLINE AuditFigures CascadeAudit::figures_now() const {
  const LossAudit::State& s = audit_.state();
  AuditFigures f;
  f.share = options_.share;
  f.budget = options_.budget;
  f.confidence = options_.confidence;
  f.policy = ladder_->now();
  f.safer = ladder_->size() - 1 - f.policy;
  f.images = s.images;
  f.audits = s.audits;
  f.disagreements = s.losses;
  f.upper_limit = audit_.upper_limit();
  f.certified = audit_.certified();
  f.alarm = s.alarm;
  f.total_images = s.past_images + s.images;
  f.total_audits = s.past_audits + s.audits;
  f.total_disagreements = s.past_losses + s.losses;
  f.total_upper_limit = audit_.total_upper_limit();
  f.skipped = skipped_;
  f.failed = failed_;
  f.waiting = results_.size();
  f.audit_seconds = audit_seconds_;
  f.answer_seconds = answer_seconds_;
  return f;
}

WEIR_INLINE void CascadeAudit::finish() {
  if (is_forked()) return;
  const auto is_mine = [](std::thread::id id) { return id == std::this_thread::get_id(); };
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return results_.empty() && std::ranges::all_of(asking_, is_mine); });
}

WEIR_INLINE void CascadeAudit::save() const {
  if (options_.state.empty()) throw ArgumentError("audit: AuditOptions::state names no file to save to");
  write_file_atomically(options_.state, state_text());
}

WEIR_INLINE std::string CascadeAudit::state_text() const {
  const std::lock_guard lock(mutex_);
  const LossAudit::State& s = audit_.state();
  return nlohmann::json{{"weir_audit", 1},
                        {"policy", policy_name_},
                        {"rung", ladder_->now()},
                        {"share", options_.share},
                        {"budget", options_.budget},
                        {"confidence", options_.confidence},
                        {"seed", options_.seed},
                        {"images", s.images},
                        {"audits", s.audits},
                        {"losses", s.losses},
                        {"past_images", s.past_images},
                        {"past_audits", s.past_audits},
                        {"past_losses", s.past_losses},
                        {"restarts", s.restarts},
                        {"capital", s.capital},
                        {"alarm", s.alarm},
                        {"skipped", skipped_},
                        {"failed", failed_},
                        {"audit_seconds", audit_seconds_},
                        {"answer_seconds", answer_seconds_}}
             .dump(1) +
         "\n";
}

WEIR_INLINE void CascadeAudit::restore(const std::string& text) {
  const std::string where = options_.state.string();
  try {
    const nlohmann::json json = parse_bounded(text, 4);
    refuse_unknown_keys(json,
                        {"weir_audit", "policy", "rung",    "share",       "budget",        "confidence",    "seed",
                         "images",     "audits", "losses",  "past_images", "past_audits",   "past_losses",   "restarts",
                         "capital",    "alarm",  "skipped", "failed",      "audit_seconds", "answer_seconds"});
    if (model_json::index(json, "weir_audit", 1000) != 1) throw FormatError("'weir_audit' must be 1");
    const auto count = [&](const char* key) {
      return static_cast<std::uint64_t>(model_json::index(json, key, std::size_t{1} << 53U));
    };
    const auto& seed = model_json::field(json, "seed");
    if (!seed.is_number_unsigned()) throw FormatError("'seed' must be an integer >= 0");
    const LossAuditOptions stored{model_json::number(json, "share"), model_json::number(json, "budget"),
                                  model_json::number(json, "confidence"), seed.get<std::uint64_t>()};
    const bool same_policy = text_field(json, "policy") == policy_name_;
    if (stored.share != options_.share || (same_policy && stored.budget != options_.budget) ||
        stored.confidence != options_.confidence || stored.seed != options_.seed)
      throw ArgumentError(detail::message(
          {"the state is of an audit of a share of ", stored.share, " of the images, with a budget of ", stored.budget,
           ", confidence ", stored.confidence, " and seed ", stored.seed, ": give the same, or another file"}));
    LossAudit::State s;
    s.images = count("images");
    s.audits = count("audits");
    s.losses = count("losses");
    s.past_images = count("past_images");
    s.past_audits = count("past_audits");
    s.past_losses = count("past_losses");
    s.restarts = count("restarts");
    const auto capital = model_json::numbers(json, "capital");
    if (capital.size() != s.capital.size()) throw FormatError("'capital' has another size");
    std::ranges::copy(capital, s.capital.begin());
    const auto& alarm = model_json::field(json, "alarm");
    if (!alarm.is_boolean()) throw FormatError("'alarm' must be true or false");
    s.alarm = alarm.get<bool>();
    audit_ = LossAudit(audit_.options(), s);
    skipped_ = count("skipped");
    failed_ = count("failed");
    audit_seconds_ = model_json::number(json, "audit_seconds");
    answer_seconds_ = model_json::number(json, "answer_seconds");
    if (audit_seconds_ < 0 || answer_seconds_ < 0) throw FormatError("seconds must be >= 0");
    const std::size_t rung = model_json::index(json, "rung", std::size_t{1} << 20U);
    if (!same_policy || rung >= ladder_->size()) {
      audit_.restart();  // another policy than was audited; its budget may be another
    } else {
      ladder_->set(rung);
      is_said_ = s.alarm;
    }
  } catch (const ArgumentError& e) {
    throw ArgumentError(detail::message({where, ": ", e.what()}));
  } catch (const Error& e) {
    throw FormatError(detail::message({where, ": ", e.what()}));
  } catch (const nlohmann::json::exception& e) {
    throw FormatError(detail::message({where, ": ", e.what()}));
  }
}

WEIR_INLINE void CascadeAudit::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return stops_ || !jobs_.empty(); });
    if (stops_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    run(job);
  }
}

}  // namespace weir::detail
