/// What audits of a few images say, at any time, of the loss of all: a certificate, and an alarm.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <weir/core/compile.hpp>
#include <weir/core/error.hpp>

namespace weir {

struct LossAuditOptions {
  double share = 0.01;       ///< of the images that are audited, in (0, 1]
  double budget = 0.01;      ///< limit of the mean loss, theta, in (0, 1)
  double confidence = 0.95;  ///< 1 - delta, in (0, 1)
  std::uint64_t seed = 0;    ///< decides which images are audited
};

/// Two betting processes on the losses X in {0, 1} of audited images, each image audited with the same probability
/// whatever it is. p_i is the probability of a loss at image i given all that came before; it may drift as it likes.
///
/// Certificate. Gamblers with odds r < 1 bet that there are fewer losses; each audit multiplies the capital of one by
///
///     f_r(X) = r^X / (1 + (r - 1) theta),   so that   W = mean over r of  r^D / (1 + (r - 1) theta)^m
///
/// after m audits with D losses. As the bets are fixed, prod_i E[factor_i] <= 1 by the inequality of the means wherever
/// the mean of p_1 .. p_n is theta or more; so (Ville, 1939) with probability 1 - delta at every time at which
/// W >= 1 / delta the mean of p_1 .. p_n, over all images and not only the audited ones, is below theta: no horizon, no
/// number of looks, no stationarity.
///
/// Alarm. Gamblers with odds r > 1, of whom a share 1 / (b (b + 1)) of the capital starts at the b-th block of audits,
/// so that a change after a long good time is noticed too; a block is the 1 / (2 theta) audits in which a bet wins
/// little. While every p_i is at most theta, their capital reaches 1 / delta with probability at most delta, ever.
///
/// Betting: Waudby-Smith and Ramdas, JRSS-B 2024. With losses seen for a random share: Xu, Karampatziakis and Mineiro,
/// NeurIPS 2024. Alarms of a deployed model: Podkopaev and Ramdas, ICLR 2022. Sums over starts: Shin, Ramdas and
/// Rinaldo, NEJSDS 2024.
///
/// After another policy came into force (restart()) both begin again, at level delta / ((s + 1)(s + 2)) for the s-th
/// policy from 0: these add up to delta, for however many policies. total_upper_limit() goes over all policies, at
/// delta.
class LossAudit {
 public:
  static constexpr std::size_t n_odds = 4;

  /// What is kept between two runs of a program.
  struct State {
    std::uint64_t images = 0, audits = 0, losses = 0;                 ///< since the policy in force came
    std::uint64_t past_images = 0, past_audits = 0, past_losses = 0;  ///< of the policies before it
    std::uint64_t restarts = 0;
    std::array<double, n_odds> capital{};  ///< of the alarm's gamblers who have started
    bool alarm = false;
    bool operator==(const State&) const = default;
  };

  /// Throws ArgumentError for options out of range, and a state that no run could have left.
  explicit LossAudit(const LossAuditOptions& options) : LossAudit(options, State()) {}
  LossAudit(const LossAuditOptions& options, const State& state);

  const LossAuditOptions& options() const { return options_; }
  const State& state() const { return state_; }

  /// Counts the next image, and says whether it is to be audited: a coin that depends on the seed and on how many
  /// images came before, on nothing else.
  bool take();

  /// The loss of an audited image; in the order of take(). An image that take() chose but that cannot be audited is
  /// left out.
  void observe(bool loss);

  /// The same for an image that a policy before the one in force answered.
  void observe_past(bool loss);

  /// Another policy is in force from now on.
  void restart();

  /// The mean loss since the policy in force came is at most the budget.
  bool certified() const;

  /// The policy in force had, at some time, a loss above the budget. Stays until restart().
  bool alarm() const { return state_.alarm; }

  /// The mean loss since the policy in force came is at most this; 1 as long as nothing is known.
  double upper_limit() const;

  /// The mean loss of all images is at most this.
  double total_upper_limit() const;

  /// What the policy in force may err with: delta / ((s + 1)(s + 2)).
  double level() const;

  /// log W after m audits with D losses.
  static double log_capital(std::uint64_t audits, std::uint64_t losses, double theta);

 private:
  static double upper_limit(std::uint64_t audits, std::uint64_t losses, double level);

  LossAuditOptions options_;
  State state_;
};

}  // namespace weir

#if WEIR_DEFINITIONS
#include <weir/policy/run/loss_audit.ipp>
#endif
