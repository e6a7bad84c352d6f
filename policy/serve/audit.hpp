/// What a cascade in service says of its own promise: audits of the full network, and a watch for shifts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <weir/core/compile.hpp>

namespace weir {

/// What the audits of a cascade have found (see LossAudit). A loss is an answer that differs from the full network's:
/// no label is needed, and the excess loss, which counts only what the full network gets right, is never more. What is
/// certified is that the mean of it is at most `budget`, and so that the excess loss is: the promise of a policy is
/// certified where `budget` is at most the policy's own.
struct AuditFigures {
  double share = 0, budget = 0, confidence = 0;  ///< as AuditOptions; budget as it is in force
  std::size_t policy = 0;                        ///< 0: the policy of the file; each step to a safer one adds 1
  std::size_t safer = 0;                         ///< how many safer ones are left
  std::uint64_t images = 0;                      ///< since the policy in force came
  std::uint64_t audits = 0;                      ///< of them, those whose full answer is known
  std::uint64_t disagreements = 0;               ///< of them, those where it differs
  double upper_limit = 1;                        ///< of the mean loss of these images
  bool certified = false;                        ///< it is at most the budget
  bool alarm = false;                            ///< the loss of the policy in force was above the budget at some time
  std::uint64_t total_images = 0, total_audits = 0, total_disagreements = 0;  ///< of all policies
  double total_upper_limit = 1;                                               ///< of the mean loss of all images
  std::uint64_t skipped = 0;  ///< images that no audit could take, because `waiting` audits were under way
  std::uint64_t failed = 0;   ///< audits in which the full network could not answer
  std::size_t waiting = 0;    ///< audits under way
  double audit_seconds = 0;   ///< that audits took, in all
  double answer_seconds = 0;  ///< Decision::seconds of all images

  /// Of those audited, the share that differs; 0 where none is.
  double disagreement() const {
    return audits > 0 ? static_cast<double>(disagreements) / static_cast<double>(audits) : 0;
  }
  /// Mean time of an image, its share of the audits included.
  double seconds_per_image() const {
    return total_images > 0 ? (answer_seconds + audit_seconds) / static_cast<double>(total_images) : 0;
  }
  /// What audits add to it.
  double audit_seconds_per_image() const {
    return total_images > 0 ? audit_seconds / static_cast<double>(total_images) : 0;
  }
};

/// How a cascade audits itself.
struct AuditOptions {
  double share = 0;  ///< of the images whose full answer is looked at, in [0, 1]; 0: no audit
  /// Limit of the mean disagreement with the full network. 0: what the policy file says that the policy had on its
  /// calibration images, as Clopper and Pearson's upper limit with this confidence: above it something has changed, but
  /// below it the excess loss is only known to be at most this limit, which is mostly larger than the policy's budget.
  /// The policy's budget itself (0.01): a certificate is then one of the promise. An alarm says that answers differ
  /// more often, not that the promise is broken: answers that the policy mends, and wrong ones that differ, count too.
  double budget = 0;
  double confidence = 0.95;  ///< of certificate and alarm; see LossAudit
  std::uint64_t seed = 0;    ///< decides, with the number of images before, which are audited
  /// In a thread of its own, with one thread's kernels, while the answer is on its way. Else within run(), behind the
  /// answer, which waits for it; in a CascadeStream the other images of the batch wait too.
  bool background = true;
  std::size_t waiting = 256;  ///< audits under way at once; while there are as many, no image is counted
  /// Where the state is read from, if the file is there, and where Cascade::save_audit() writes it.
  std::filesystem::path state{};
  /// Called once when the alarm is raised, from the thread that audits; true: the next safer policy comes into force.
  /// What it throws counts as false.
  std::function<bool(const AuditFigures&)> on_alarm{};
};

/// What the watch for shifts has seen (see ShiftMonitor); it reads exits and features, no label and no full network.
struct ShiftFigures {
  std::uint64_t images = 0;
  double statistic = 0;     ///< about the number of images seen where nothing has changed
  double run_length = 0;    ///< the alarm's limit, and the mean number of images between false alarms, at least
  bool alarm = false;       ///< the statistic is above it now
  std::uint64_t first = 0;  ///< the image at which it first was; 0: never
  std::string loudest;      ///< "exits", or the feature that changed most
};

/// One object, for programs: the fields by name.
std::string to_json_text(const AuditFigures& figures);
std::string to_json_text(const ShiftFigures& figures);

/// Text for Prometheus (format 0.0.4): metrics weir_audit_* and weir_shift_*.
std::string prometheus_text(const AuditFigures& figures);
std::string prometheus_text(const ShiftFigures& figures);

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/serve/audit.ipp>
#endif
