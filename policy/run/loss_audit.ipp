// What loss_audit.hpp declares.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <weir/core/error.hpp>
#include <weir/policy/learners/random.hpp>
#include <weir/policy/run/loss_audit.hpp>

namespace weir::detail {

inline constexpr std::array<double, LossAudit::n_odds> fewer_losses{0, 0.25, 0.5, 0.75}, more_losses{1.5, 2, 4, 8};

/// Audits of a block, at whose beginning new gamblers start.
inline std::uint64_t audit_block(double theta) {
  return static_cast<std::uint64_t>(std::ceil(1 / (2 * std::max(theta, 1e-9))));
}

}  // namespace weir::detail

namespace weir {

WEIR_INLINE LossAudit::LossAudit(const LossAuditOptions& options, const State& state)
    : options_(options), state_(state) {
  if (!(options.share > 0 && options.share <= 1)) throw ArgumentError("audit: the share must be in (0, 1]");
  if (!(options.budget > 0 && options.budget < 1)) throw ArgumentError("audit: the budget must be in (0, 1)");
  if (!(options.confidence > 0 && options.confidence < 1))
    throw ArgumentError("audit: the confidence must be in (0, 1)");
  constexpr std::uint64_t most = std::uint64_t{1} << 53U;
  const State& s = state;
  const bool counts = s.losses <= s.audits && s.audits <= s.images && s.images < most &&
                      s.past_losses <= s.past_audits && s.past_audits <= s.past_images && s.past_images < most &&
                      s.restarts < (std::uint64_t{1} << 32U);
  if (!counts || !std::ranges::all_of(s.capital, [](double c) { return c >= 0 && c < 1e300; }))
    throw ArgumentError("audit: the state is not one that an audit leaves");
}

WEIR_INLINE bool LossAudit::take() {
  return detail::counter_uniform(options_.seed, state_.past_images + state_.images++) < options_.share;
}

WEIR_INLINE void LossAudit::observe(bool loss) {
  const std::uint64_t block = detail::audit_block(options_.budget), before = state_.audits / block;
  if (state_.audits % block == 0) {
    const double b = static_cast<double>(before) + 1;
    for (double& c : state_.capital) c += 1 / (b * (b + 1));
  }
  ++state_.audits;
  state_.losses += loss ? 1 : 0;
  double all = 1 / (static_cast<double>(before) + 2);  // of those who have not started
  for (std::size_t k = 0; k < n_odds; ++k) {
    const double r = detail::more_losses[k];
    double& c = state_.capital[k];
    c = std::min(c * (loss ? r : 1.0) / (1 + (r - 1) * options_.budget), 1e200);
    all += c / static_cast<double>(n_odds);
  }
  if (all * level() >= 1) state_.alarm = true;
}

WEIR_INLINE void LossAudit::observe_past(bool loss) {
  ++state_.past_audits;
  state_.past_losses += loss ? 1 : 0;
}

WEIR_INLINE void LossAudit::restart() {
  State next;
  next.past_images = state_.past_images + state_.images;
  next.past_audits = state_.past_audits + state_.audits;
  next.past_losses = state_.past_losses + state_.losses;
  next.restarts = state_.restarts + 1;
  state_ = next;
}

WEIR_INLINE double LossAudit::level() const {
  const double s = static_cast<double>(state_.restarts);
  return (1 - options_.confidence) / ((s + 1) * (s + 2));
}

WEIR_INLINE double LossAudit::log_capital(std::uint64_t audits, std::uint64_t losses, double theta) {
  const double m = static_cast<double>(audits), D = static_cast<double>(losses);
  std::array<double, n_odds> logs{};
  for (std::size_t k = 0; k < n_odds; ++k) {
    const double r = detail::fewer_losses[k];
    logs[k] = losses > 0 && r == 0 ? -HUGE_VAL : (losses > 0 ? D * std::log(r) : 0) - m * std::log1p((r - 1) * theta);
  }
  const double largest = *std::ranges::max_element(logs);
  double sum = 0;
  for (const double l : logs) sum += std::exp(l - largest);
  return largest + std::log(sum / static_cast<double>(n_odds));
}

WEIR_INLINE bool LossAudit::certified() const {
  return log_capital(state_.audits, state_.losses, options_.budget) >= -std::log(level());
}

WEIR_INLINE double LossAudit::upper_limit(std::uint64_t audits, std::uint64_t losses, double level) {
  double low = 0, high = 1;  // the capital rises with theta; at 1 nothing is claimed
  while (high - low > 1e-9) {
    const double middle = low + (high - low) / 2;
    (log_capital(audits, losses, middle) < -std::log(level) ? low : high) = middle;
  }
  return high;
}

WEIR_INLINE double LossAudit::upper_limit() const { return upper_limit(state_.audits, state_.losses, level()); }

WEIR_INLINE double LossAudit::total_upper_limit() const {
  return upper_limit(state_.past_audits + state_.audits, state_.past_losses + state_.losses, 1 - options_.confidence);
}

}  // namespace weir
