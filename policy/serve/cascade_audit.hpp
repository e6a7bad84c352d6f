/// CascadeAudit: runs the full network on a few images, behind their answers, and keeps the account.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weir/core/compile.hpp>
#include <weir/core/context.hpp>
#include <weir/core/tensor.hpp>
#include <weir/io/images/image_view.hpp>
#include <weir/policy/run/cascade_executor.hpp>
#include <weir/policy/run/loss_audit.hpp>
#include <weir/policy/run/policy.hpp>
#include <weir/policy/serve/audit.hpp>
#include <weir/policy/serve/cascade_inputs.hpp>
#include <weir/policy/serve/stored_cascade.hpp>

namespace weir::detail {

/// The policy in force and the safer ones that may come after it. Nothing is removed, so references stay valid.
class PolicyLadder {
 public:
  explicit PolicyLadder(std::vector<MixedPolicy> policies) : policies_(std::move(policies)) {}

  std::size_t size() const { return policies_.size(); }
  std::size_t now() const { return at_.load(std::memory_order_acquire); }
  const MixedPolicy& operator[](std::size_t rung) const { return policies_[rung]; }
  bool any_mixed() const;

  /// False at the last one.
  bool step();
  void set(std::size_t rung) { at_.store(rung, std::memory_order_release); }

 private:
  const std::vector<MixedPolicy> policies_;
  std::atomic<std::size_t> at_{0};
};

/// All members may be called from any number of threads. Results are taken in the order in which images were chosen,
/// whatever the order in which they become known.
class CascadeAudit {
 public:
  /// An image of which somebody else's memory may end: pixels, or a network's input.
  struct Source {
    Image image;
    std::vector<float> tensor;
    Shape shape;  ///< [1, ...] of `tensor`
  };

  /// policy_name: tells policies apart in a stored state. options.budget is not 0. Throws ArgumentError for options out
  /// of range and a state of other options, FormatError for one that is damaged, IoError.
  CascadeAudit(const StoredCascade& stored, const Context& context, const AuditOptions& options,
               std::string policy_name, std::shared_ptr<PolicyLadder> ladder);
  CascadeAudit(const CascadeAudit&) = delete;
  CascadeAudit& operator=(const CascadeAudit&) = delete;

  /// Audits that wait are not run. Not to be called where is_forked(): it would wait for a thread that is not there.
  ~CascadeAudit();

  /// True in a child that fork() made of the process: threads do not follow, so nothing is audited there.
  bool is_forked() const;

  /// What this audit is a part of: it lives on while on_alarm is asked, which may drop the last other hold on it.
  void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

  /// An image was answered, by the ladder's policy `rung`. keep() is called where it is to be audited, and returns its
  /// Source.
  template <typename Keep>
  void decided(const CascadeAnswer& answer, double seconds, std::size_t rung, const Keep& keep) {
    const auto ticket = choose(answer.exit, seconds, rung);
    if (!ticket) return;
    try {
      audit({*ticket, answer.label, keep()});
    } catch (...) {  // out of memory
      settle(*ticket, std::nullopt, 0);
    }
  }

  /// The next safer policy comes into force, and the account begins again at 0. False where there is none.
  bool to_safer();

  AuditFigures figures() const;

  /// Waits until no audit is under way and on_alarm, if it was asked, has been answered; on_alarm itself does not wait
  /// for its own answer.
  void finish();

  /// Writes options.state. Throws IoError, and ArgumentError where there is no such file.
  void save() const;

 private:
  struct Job {
    std::uint64_t ticket;
    int label;
    Source source;
  };
  struct Result {
    std::size_t rung;
    bool known = false;
    std::optional<bool> differs;  ///< none where the full network could not answer
  };
  struct Runner;

  std::optional<std::uint64_t> choose(std::size_t exit, double seconds, std::size_t rung);
  void audit(Job job);
  void run(const Job& job);
  void settle(std::uint64_t ticket, std::optional<bool> differs, double seconds);
  void ask(const AuditFigures& figures);
  void take_results();
  AuditFigures figures_now() const;
  void restore(const std::string& text);
  std::string state_text() const;
  void work();

  const AuditOptions options_;
  const std::string policy_name_;
  const std::shared_ptr<PolicyLadder> ladder_;
  const std::size_t full_;
  mutable std::mutex mutex_;
  std::condition_variable came_, settled_;
  LossAudit audit_;
  std::deque<Result> results_;  // of tickets first_ticket_ + 0, 1, ...
  std::uint64_t first_ticket_ = 0, skipped_ = 0, failed_ = 0;
  double audit_seconds_ = 0, answer_seconds_ = 0;
  bool is_said_ = false, stops_ = false;
  std::vector<std::thread::id> asking_;  // threads in which on_alarm is being asked
  std::weak_ptr<void> owner_;
  const int process_;  // in which thread_ runs
  std::deque<Job> jobs_;
  std::mutex run_mutex_;  // of runner_
  std::unique_ptr<Runner> runner_;
  std::thread thread_;  // last
};

}  // namespace weir::detail

#if WEIR_DEFINITIONS
#include <weir/policy/serve/cascade_audit.ipp>
#endif
