// What audit.hpp declares.
#pragma once
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <weir/policy/serve/audit.hpp>

namespace weir {

WEIR_INLINE std::string to_json_text(const AuditFigures& f) {
  return nlohmann::json{{"share", f.share},
                        {"budget", f.budget},
                        {"confidence", f.confidence},
                        {"policy", f.policy},
                        {"safer", f.safer},
                        {"images", f.images},
                        {"audits", f.audits},
                        {"disagreements", f.disagreements},
                        {"disagreement", f.disagreement()},
                        {"upper_limit", f.upper_limit},
                        {"certified", f.certified},
                        {"alarm", f.alarm},
                        {"total_images", f.total_images},
                        {"total_audits", f.total_audits},
                        {"total_disagreements", f.total_disagreements},
                        {"total_upper_limit", f.total_upper_limit},
                        {"skipped", f.skipped},
                        {"failed", f.failed},
                        {"waiting", f.waiting},
                        {"audit_seconds", f.audit_seconds},
                        {"answer_seconds", f.answer_seconds},
                        {"seconds_per_image", f.seconds_per_image()},
                        {"audit_seconds_per_image", f.audit_seconds_per_image()}}
      .dump();
}

WEIR_INLINE std::string to_json_text(const ShiftFigures& f) {
  return nlohmann::json{{"images", f.images}, {"statistic", f.statistic}, {"run_length", f.run_length},
                        {"alarm", f.alarm},   {"first", f.first},         {"loudest", f.loudest}}
      .dump();
}

}  // namespace weir

namespace weir::detail {

/// One metric without labels.
inline std::string metric(const char* name, const char* type, const char* help, double value) {
  char number[32];
  std::snprintf(number, sizeof number, "%.9g", value);
  const std::string n(name);
  return "# HELP " + n + " " + help + "\n# TYPE " + n + " " + type + "\n" + n + " " + number + "\n";
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE std::string prometheus_text(const AuditFigures& f) {
  const auto count = [](const char* name, const char* help, std::uint64_t value) {
    return detail::metric(name, "counter", help, static_cast<double>(value));
  };
  const auto gauge = [](const char* name, const char* help, double value) {
    return detail::metric(name, "gauge", help, value);
  };
  return count("weir_audit_images_total", "Images of which a share is audited.", f.total_images) +
         count("weir_audit_audits_total", "Images whose answer was compared with the full network's.", f.total_audits) +
         count("weir_audit_disagreements_total", "Audited images whose answer differs.", f.total_disagreements) +
         count("weir_audit_skipped_total", "Images that came while too many audits were under way.", f.skipped) +
         count("weir_audit_failed_total", "Audits in which the full network could not answer.", f.failed) +
         detail::metric("weir_audit_seconds_total", "counter", "What audits took.", f.audit_seconds) +
         gauge("weir_audit_waiting", "Audits under way.", static_cast<double>(f.waiting)) +
         gauge("weir_audit_budget", "Limit of the mean disagreement: AuditOptions::budget.", f.budget) +
         gauge("weir_audit_disagreement", "Seen of the policy in force.", f.disagreement()) +
         gauge("weir_audit_upper_limit", "Of the mean disagreement of the policy in force.", f.upper_limit) +
         gauge("weir_audit_total_upper_limit", "Of the mean disagreement of all images.", f.total_upper_limit) +
         gauge("weir_audit_certified",
               "1 where the mean disagreement of the policy in force is shown to be at most weir_audit_budget.",
               f.certified ? 1 : 0) +
         gauge("weir_audit_alarm", "1 where the disagreement of the policy in force was above weir_audit_budget.",
               f.alarm ? 1 : 0) +
         gauge("weir_audit_policy", "Steps from the policy of the file to a safer one.", static_cast<double>(f.policy));
}

WEIR_INLINE std::string prometheus_text(const ShiftFigures& f) {
  return detail::metric("weir_shift_images_total", "counter", "Images watched for a shift.",
                        static_cast<double>(f.images)) +
         detail::metric("weir_shift_statistic", "gauge", "Evidence of a shift.", f.statistic) +
         detail::metric("weir_shift_limit", "gauge", "Evidence above this is an alarm.", f.run_length) +
         detail::metric("weir_shift_alarm", "gauge", "1 where the images are no longer those of the calibration.",
                        f.alarm ? 1 : 0) +
         detail::metric("weir_shift_first_alarm", "gauge", "Image of the first alarm; 0: none.",
                        static_cast<double>(f.first));
}

}  // namespace weir
